//! One page about a connector, an instance and an agent.

use super::connector::{create, produce};
use super::program::{Dev, eventually};

#[test]
fn each_kind_has_its_page() {
    let dev = Dev::start();
    produce(&dev, "t", b"a\xff");
    create(&dev, "dev/sink", "t", &[]);
    dev.ask(&["connectors", "deploy", "dev/sink", "--wait"]);

    let page = eventually("the dead letter is told", || {
        let page = dev.ask(&["describe", "connector", "dev/sink"]);
        page.contains("Last dead letters").then_some(page)
    });
    for words in [
        "\nState:        RUNNING\n",
        "\nConditions\nTYPE ",
        "\nTasks\nTASK ",
        "\nPartitions\nPARTITION ",
        "\nLast lines of its log\n",
        "prepared by agents/dev",
        "RECORD_NOT_UTF8",
        "\nMore\nkafka2oss connectors progress dev/sink\n",
    ] {
        assert!(page.contains(words), "{words} is not in\n{page}");
    }
    let whole = dev.ask_json(&["describe", "connector", "sink", "-i", "dev"]);
    assert_eq!(whole["connector"]["name"], "instances/dev/connectors/sink");
    assert!(whole["progress"]["partitions"].is_array(), "{whole}");
    assert!(whole["log"].is_array() && whole["deadLetters"].is_array(), "{whole}");

    let page = dev.ask(&["describe", "instance", "dev"]);
    assert!(page.contains("\nConnectors there:   1, of which 0 want somebody\n"), "{page}");
    assert!(page.contains("\nAgents of its VPC\nAGENT ") && page.contains("CONNECTED"), "{page}");
    let page = dev.ask(&["describe", "agent", "dev"]);
    assert!(
        page.contains("\nIts connectors\nCONNECTOR ") && page.contains("\ndev/sink   RUNNING"),
        "{page}"
    );
    let name = dev.ask(&["describe", "agent", "agents/dev", "-o", "name"]);
    assert_eq!(name, "agents/dev\n");

    let (status, stderr) = dev.ask_in_vain(&["describe", "connector", "dev/nobody"]);
    assert_eq!(status, Some(4));
    assert!(stderr.ends_with("next: kafka2oss get connectors --instance dev\n"), "{stderr}");
    assert_eq!(dev.ask_in_vain(&["describe", "agent", "a", "-i", "dev"]).0, Some(2));
}
