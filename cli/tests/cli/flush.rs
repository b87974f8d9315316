//! `connectors flush`, over a connector that would keep its records open for an hour.

use super::connector::{create, produce};
use super::program::Dev;

#[test]
fn a_flush_ends_when_all_is_written_and_prints_the_objects() {
    let dev = Dev::start();
    produce(&dev, "calls", b"{\"n\":1}");
    create(&dev, "dev/calls", "calls", &[]);
    dev.ask(&["connectors", "update", "dev/calls", "--max-age", "1h", "--idle", "1h"]);
    let early = dev.ask_in_vain(&["connectors", "flush", "dev/calls"]);
    assert_eq!(early.0, Some(5), "{}", early.1);
    dev.ask(&["connectors", "deploy", "dev/calls", "--wait"]);

    let text = dev.ask(&["connectors", "flush", "dev/calls"]);
    assert!(text.contains("flushed: all of "), "{text}");

    produce(&dev, "calls", b"{\"n\":2}");
    let lines = dev.ask(&["connectors", "flush", "dev/calls", "-o", "json"]);
    let told: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let summary = &told.last().expect("a summary")["summary"];
    assert_eq!(summary["complete"], true, "{lines}");
    let objects = told.iter().filter_map(|one| one["objects"]["partitions"].as_array());
    let keys: Vec<_> =
        objects.flatten().filter_map(|one| one["objects"][0]["objectKey"].as_str()).collect();
    assert!(keys.len() == 1 && keys[0].starts_with("calls"), "{lines}");
}
