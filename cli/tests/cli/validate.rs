//! `validate`, against a running `dev`.

use serde_json::Value;

use super::connector::{create, produce};
use super::program::Dev;

#[test]
fn checks_are_shown_and_one_that_fails_is_the_exit_status() {
    let dev = Dev::start();
    produce(&dev, "checked", b"1");
    create(&dev, "dev/sink", "checked", &[]);

    let shown = dev.ask(&["connectors", "validate", "dev/sink"]);
    let line = |name: &str| {
        let mut lines = shown.lines().filter(|line| line.contains(&format!("  {name} ")));
        lines.next().unwrap_or_else(|| panic!("{name} in\n{shown}")).to_owned()
    };
    assert!(line("pool.agents").starts_with("PASS"), "{shown}");
    assert!(line("kafka.topic").starts_with("PASS"), "{shown}");
    assert!(line("store.put").starts_with("PASS"), "{shown}");
    assert!(shown.trim_end().ends_with("0 failed (agents/dev)"), "{shown}");

    let json = dev.ask(&["connectors", "validate", "dev/sink", "--output", "json"]);
    let answers: Vec<Value> =
        json.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert!(answers.iter().any(|answer| answer["check"]["name"] == "kafka.topic"), "{json}");
    let summary = &answers.last().expect("a summary")["summary"];
    assert_eq!(summary["agent"], "agents/dev");

    let planned = ["connectors", "validate", "dev/new", "--topic", "nowhere", "--bucket", "none"];
    let (status, stderr) = dev.ask_in_vain(&planned);
    assert_eq!(status, Some(6));
    assert!(stderr.contains("INVALID_ARGUMENT"), "{stderr}");

    dev.ask(&["connectors", "update", "dev/sink", "--bucket", "nobody-has-it"]);
    let (status, stderr) = dev.ask_in_vain(&["connectors", "validate", "dev/sink"]);
    assert_eq!(status, Some(1));
    assert!(stderr.starts_with("error: ") && stderr.ends_with(" failed\n"), "{stderr}");
}
