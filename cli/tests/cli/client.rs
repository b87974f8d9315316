//! The client commands, against a running `dev`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use super::connector::{create, produce};
use super::program::Dev;

/// Partitions of a topic that a producer makes in the embedded Kafka.
const PARTITIONS: u64 = 4;

#[test]
fn a_connector_is_led_through_its_life() {
    let dev = Dev::start();
    produce(&dev, "wizard", b"1");
    create(&dev, "dev/sink", "wizard", &[]);

    let created = dev.ask_json(&["connectors", "get", "dev/sink"]);
    assert_eq!(created["name"], "instances/dev/connectors/sink");
    assert_eq!(created["status"]["state"], "CONNECTOR_STATE_CREATED");
    assert_eq!(
        created["effectiveSpec"]["source"]["threadConcurrency"], 6,
        "defaults are filled in"
    );
    let key = &created["spec"]["destination"]["credentials"]["accessKey"];
    assert_eq!(key["secret"], json!({"withheld": true}), "an inline secret is never shown");

    let deployed = dev.ask(&["connectors", "deploy", "dev/sink", "--wait"]);
    assert_eq!(deployed, "dev/sink is RUNNING\n");

    let test = ["connectors", "test", "dev/sink", "--partition", "0", "--key", "1", "--value", "1"];
    let sent = dev.ask_json(&[&test[..], &["--wait"]].concat());
    assert_eq!(sent["offset"], "1");
    let object = sent["objectKey"].as_str().expect("it waited for the object");
    assert!(object.starts_with("wizard/0/wizard+0+"), "{object}");

    let progress = dev.ask_json(&["connectors", "progress", "dev/sink"]);
    assert_eq!(progress["partitions"].as_array().map(Vec::len), Some(PARTITIONS as usize));

    let list = dev.ask(&["connectors", "list"]);
    assert!(list.lines().any(|line| line.starts_with("dev/sink") && line.contains("RUNNING")));
    let shown = dev.ask(&["connectors", "get", "dev/sink"]);
    assert!(shown.contains("State:") && shown.contains("Conditions"), "{shown}");

    let paused = dev.ask(&["connectors", "pause", "dev/sink", "--wait"]);
    assert_eq!(paused, "dev/sink is PAUSED\n");
    let resumed = dev.ask(&["connectors", "resume", "dev/sink", "--wait"]);
    assert_eq!(resumed, "dev/sink is RUNNING\n");

    let logs = dev.ask(&["connectors", "logs", "dev/sink"]);
    assert!(logs.contains("prepared by agents/dev"), "{logs}");
    assert!(!logs.contains("offsets.retention"), "the embedded Kafka forgets nothing:\n{logs}");

    let deleted = dev.ask(&["connectors", "delete", "dev/sink", "--wait"]);
    assert_eq!(deleted, "dev/sink is deleted\n");
    let (status, stderr) = dev.ask_in_vain(&["connectors", "get", "dev/sink"]);
    assert_eq!(status, Some(4));
    assert!(stderr.contains("NOT_FOUND") && stderr.contains("RESOURCE_NOT_FOUND"), "{stderr}");
    assert!(stderr.contains("remedy: Check the name"), "{stderr}");
}

#[test]
fn a_bad_request_is_answered_with_every_violation() {
    let dev = Dev::start();
    let (status, stderr) = dev.ask_in_vain(&[
        "connectors",
        "create",
        "dev/Bad_Name",
        "--topic",
        "no/topic",
        "--bucket",
        "bad_bucket",
        "--endpoint",
        "localhost",
        "--spread",
        "99",
        "--max-age",
        "0s",
    ]);

    assert_eq!(status, Some(6));
    assert!(stderr.starts_with("error: INVALID_ARGUMENT: "), "{stderr}");
    for field in [
        "connector_id",
        "connector.spec.source.topic",
        "connector.spec.source.spread",
        "connector.spec.destination.bucket",
        "connector.spec.destination.endpoint",
        "connector.spec.destination.credentials",
        "connector.spec.output.rotation.max_age",
    ] {
        let line = format!("\n  {field}");
        assert!(stderr.contains(&line), "{field} is not in:\n{stderr}");
    }
    assert!(stderr.contains("\n  reason: ") && stderr.contains("\n  remedy: "), "{stderr}");
}

#[test]
fn a_connector_is_created_from_what_get_printed() {
    let dev = Dev::start();
    create(&dev, "dev/one", "t", &[]);
    let mut connector = dev.ask_json(&["connectors", "get", "dev/one"]);
    let spec = &mut connector["spec"];
    spec["resources"] = Value::Null;
    spec["destination"]["credentials"] = json!({"accessKey": {
        "id": {"environment": "ID"}, "secret": {"environment": "SECRET"}}});
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("connector.json");
    let spec = json!({"spec": connector["spec"]});
    std::fs::write(&file, spec.to_string()).expect("it is written");
    let file = file.to_str().expect("a path");

    dev.ask(&["connectors", "create", "dev/two", "--file", file, "--topic", "u"]);

    let two = dev.ask_json(&["connectors", "get", "dev/two"]);
    assert_eq!(two["spec"]["source"]["topic"], "u", "the flag wins");
    assert_eq!(two["spec"]["output"], connector["spec"]["output"]);
}

#[test]
fn a_preview_lists_what_deploy_makes_and_creates_nothing() {
    let dev = Dev::start();
    let create = |command: &str, more: &[&str]| {
        let mut arguments =
            vec!["connectors", command, "dev/sink", "--topic", "t", "--bucket", "bkt"];
        arguments.extend(["--access-key-id-env", "ID", "--access-key-secret-env", "SECRET"]);
        arguments.extend(["--endpoint", "http://localhost:1"]);
        arguments.extend(more);
        dev.ask(&arguments)
    };

    let preview = create("preview", &["--status-topic", "odd"]);
    for words in ["connect-offset-sink", "connect-config-sink", "odd", "Warnings"] {
        assert!(preview.contains(words), "{words} is not in:\n{preview}");
    }
    let valid = create("create", &["--validate-only"]);
    assert_eq!(valid, "dev/sink is valid; nothing was created\n");

    assert_eq!(dev.ask_json(&["connectors", "list"]), json!({}));
}

#[test]
fn instances_are_registered_shown_and_removed() {
    let dev = Dev::start();
    assert!(dev.ask(&["instances", "list"]).contains("dev "));

    let made = dev.ask(&[
        "instances",
        "create",
        "alikafka_pre-1",
        "--region",
        "cn-hangzhou",
        "--bootstrap-servers",
        "a:9092,b:9092",
    ]);
    assert_eq!(made, "instances/alikafka_pre-1 registered\n");
    let shown = dev.ask_json(&["instances", "get", "alikafka_pre-1"]);
    assert_eq!(shown["bootstrapServers"], json!(["a:9092", "b:9092"]));
    let elsewhere = dev.ask(&["instances", "list", "--region", "cn-beijing"]);
    assert_eq!(elsewhere.lines().count(), 1, "the header alone: {elsewhere}");

    let gone = dev.ask(&["instances", "delete", "alikafka_pre-1"]);
    assert_eq!(gone, "instances/alikafka_pre-1 deleted\n");
    let (_, stderr) = dev.ask_in_vain(&["instances", "delete", "alikafka_pre-1"]);
    assert!(stderr.contains("NOT_FOUND"), "{stderr}");
}

#[test]
fn credentials_are_replaced_by_update() {
    let dev = Dev::start();
    create(&dev, "dev/sink", "t", &[]);
    let update = ["connectors", "update", "dev/sink", "--access-key-id-env", "ID"];

    dev.ask(&[&update[..], &["--access-key-secret-env", "SECRET"]].concat());

    let key =
        &dev.ask_json(&["connectors", "get", "dev/sink"])["spec"]["destination"]["credentials"];
    assert_eq!(key["accessKey"]["secret"], json!({"environment": "SECRET"}));
}

#[test]
fn a_watch_shows_connectors_as_they_are_and_every_change() {
    let dev = Dev::start();
    create(&dev, "dev/sink", "t", &[]);
    let mut watch = dev
        .client(&["connectors", "watch", "--output", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let stdout = BufReader::new(watch.stdout.take().expect("it is piped"));
    let mut events = stdout.lines().map(|line| -> Value {
        serde_json::from_str(&line.expect("it prints UTF-8")).expect("one JSON object a line")
    });
    let mut next = |wanted: &str| {
        events.find(|event| event.get(wanted).is_some()).expect("the stream goes on")
    };

    assert_eq!(next("upsert")["upsert"]["name"], "instances/dev/connectors/sink");
    assert!(next("synced")["resumeToken"].is_string());
    dev.ask(&["connectors", "delete", "dev/sink"]);
    assert_eq!(next("deleted")["deleted"]["name"], "instances/dev/connectors/sink");

    watch.kill().expect("it runs");
    watch.wait().expect("it ends");
}

#[test]
fn an_instance_is_updated_while_its_connectors_run() {
    let dev = Dev::start();
    let answer = dev.ask(&["instances", "update", "dev", "--label", "team=a"]);
    assert_eq!(answer, "instances/dev updated: labels\n");
    let instance = dev.ask_json(&["instances", "get", "dev"]);
    assert_eq!(instance["labels"]["team"], "a");
    let (status, stderr) =
        dev.ask_in_vain(&["instances", "update", "dev", "--default", "kafka_cluster_id"]);
    assert_eq!(status, Some(6));
    assert!(stderr.contains("FIELD_NOT_UPDATABLE"), "{stderr}");
}

#[test]
fn agents_are_evened_out_pool_by_pool() {
    let dev = Dev::start();
    // One agent has nothing to share with another.
    assert_eq!(dev.ask(&["agents", "rebalance", "--plan"]), "nothing to move\n");
    let answer = dev.ask_json(&["agents", "rebalance"]);
    assert!(answer["moveCount"].as_u64().unwrap_or(0) == 0, "{answer}");
    let (status, stderr) = dev.ask_in_vain(&["agents", "rebalance", "--vpc-id", "vpc-9"]);
    assert_eq!(status, Some(5));
    assert!(stderr.contains("AGENT_NONE_IN_POOL") && stderr.contains("vpc-9/"), "{stderr}");
}

#[test]
fn an_agent_drains_takes_tasks_again_and_is_not_forgotten_while_it_is_there() {
    let dev = Dev::start();
    assert_eq!(
        dev.ask(&["agents", "drain", "dev"]),
        "agents/dev DRAINED: it runs nothing and can be stopped\n"
    );
    assert!(dev.ask(&["agents", "list"]).contains("DRAINED"));
    let shown = dev.ask(&["agents", "get", "dev"]);
    assert!(shown.contains("DRAINED") && shown.contains("can be stopped"), "{shown}");
    let answer = dev.ask_json(&["agents", "drain", "agents/dev"]);
    assert_eq!(answer["drain"]["state"], "AGENT_DRAIN_STATE_DRAINED");
    assert_eq!(dev.ask(&["agents", "undrain", "dev"]), "agents/dev takes tasks\n");
    assert!(dev.ask(&["agents", "list"]).contains("CONNECTED"));
    let (status, stderr) = dev.ask_in_vain(&["agents", "forget", "dev"]);
    assert_eq!(status, Some(5));
    assert!(stderr.contains("AGENT_NOT_GONE") && stderr.contains("stop it"), "{stderr}");
    let (_, stderr) = dev.ask_in_vain(&["agents", "forget", "nobody"]);
    assert!(stderr.contains("agents/nobody does not exist"), "{stderr}");
}
