//! Updates, resets and decisions about partitions that have stopped.

use super::connector::{create, produce};
use super::program::{Dev, eventually};

/// Not UTF-8, which JSON cannot hold.
const BROKEN: &[u8] = b"a\xff";

fn deployed(dev: &Dev, more: &[&str]) {
    create(dev, "dev/sink", "t", more);
    dev.ask(&["connectors", "deploy", "dev/sink", "--wait"]);
}

/// Writes a record to partition 0; returns the key of its object.
fn test_message(dev: &Dev) -> String {
    let test = ["connectors", "test", "dev/sink", "--partition", "0", "--value", "1", "--wait"];
    dev.ask_json(&test)["objectKey"].as_str().expect("it waited for the object").to_owned()
}

#[test]
fn a_running_connector_takes_up_what_an_update_names() {
    let dev = Dev::start();
    produce(&dev, "t", b"1");
    deployed(&dev, &["--time-buckets", "hive", "--prefix", "old/"]);
    let before = test_message(&dev);
    assert!(before.starts_with("old/t/year="), "{before}");
    let etag = dev.ask_json(&["connectors", "get", "dev/sink"])["etag"].clone();
    let etag = etag.as_str().expect("a text");

    let updated = dev.ask(&[
        "connectors",
        "update",
        "dev/sink",
        "--etag",
        etag,
        "--format=json-lines",
        "--compression=gzip",
        "--time-buckets=none",
        "--default=spec.output.layout.prefix",
    ]);

    assert_eq!(
        updated,
        "dev/sink updated: spec.output.format, spec.output.compression, \
         spec.output.layout.time_buckets, spec.output.layout.prefix\n"
    );
    let after = dev.ask_json(&["connectors", "get", "dev/sink"]);
    assert_eq!(after["spec"]["output"]["rotation"]["maxAge"], "1s", "what was not named stays");
    eventually("objects have the new form", || {
        let key = test_message(&dev);
        (key.starts_with("t/0/t+0+") && key.ends_with(".jsonl.gz")).then_some(())
    });
    let stale = ["connectors", "update", "dev/sink", "--etag", etag, "--spread=1"];
    let (status, stderr) = dev.ask_in_vain(&stale);
    assert_eq!(status, Some(7));
    assert!(stderr.contains("next: kafka2oss get connector dev/sink"), "{stderr}");
    assert!(stderr.contains("ABORTED"), "{stderr}");
}

#[test]
fn offsets_are_reset_while_paused_and_read_again_under_other_keys() {
    let dev = Dev::start();
    produce(&dev, "t", b"1");
    deployed(&dev, &[]);
    let before = test_message(&dev);
    let reset = ["connectors", "reset-offsets", "dev/sink", "--offset", "0=1"];
    let (status, stderr) = dev.ask_in_vain(&reset);
    assert_eq!(status, Some(5));
    assert!(stderr.contains("next: kafka2oss connectors pause dev/sink --wait"), "{stderr}");
    assert!(stderr.contains("PAUSED"), "{stderr}");

    dev.ask(&["connectors", "pause", "dev/sink", "--wait"]);
    let answer = dev.ask(&reset);

    assert!(answer.contains("kafka2oss connectors resume dev/sink"), "{answer}");
    dev.ask(&["connectors", "resume", "dev/sink", "--wait"]);
    let status = dev.ask_json(&["connectors", "get", "dev/sink"])["status"].clone();
    assert_eq!(status["epoch"]["number"], "2");
    assert_eq!(status["epoch"]["startOffsets"]["0"], "1");
    assert_ne!(test_message(&dev), before);
}

#[test]
fn a_stopped_partition_is_shown_with_the_command_that_lets_it_go_on() {
    let dev = Dev::start();
    produce(&dev, "t", b"1");
    deployed(&dev, &["--failure-policy", "fail"]);
    // Not before: it would be DEGRADED at once, and never seen to be RUNNING.
    produce(&dev, "t", BROKEN);

    let shown = eventually("the partition stops", || {
        let shown = dev.ask(&["connectors", "get", "dev/sink"]);
        shown.contains("Stopped partitions").then_some(shown)
    });

    let skip = "kafka2oss connectors resume-partition dev/sink --partition 0 --skip --offset 1";
    assert!(shown.contains("RECORD_NOT_UTF8") && shown.contains(skip), "{shown}");
    let command: Vec<_> = skip.split(' ').skip(1).collect();
    assert_eq!(dev.ask(&command), "partition 0 of dev/sink goes on without offset 1\n");
    eventually("the partition goes on behind the record", || {
        let progress = dev.ask_json(&["connectors", "progress", "dev/sink"]);
        (progress["partitions"][0]["committedOffset"] == "2").then_some(())
    });
    assert!(test_message(&dev).starts_with("t/0/t+0+"));
}

#[test]
fn dead_letters_are_listed_and_printed() {
    let dev = Dev::start();
    produce(&dev, "t", BROKEN);
    deployed(&dev, &[]);

    let list = eventually("the dead letter is told", || {
        let list = dev.ask_json(&["connectors", "dead-letters", "list", "dev/sink"]);
        list["deadLetters"].is_array().then_some(list)
    });

    assert_eq!(list["deadLetters"][0]["errorCode"], "RECORD_NOT_UTF8");
    for command in ["list", "tail"] {
        let printed = dev.ask(&["connectors", "dead-letters", command, "dev/sink"]);
        assert!(printed.contains("RECORD_NOT_UTF8") && printed.contains("\"a\\xff\""), "{printed}");
    }
}
