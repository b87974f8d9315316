//! `verify`.

use std::path::PathBuf;
use std::process::Command;

use kafka2oss_tests::bucket::{Addressing, Bucket, S3Access};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::connector::{create, produce, with_secret};
use super::program::{Dev, kafka2oss, texts};

const NOBODY: &str = "127.0.0.1:1";

/// A deployed connector with some objects.
fn connector() -> Dev {
    let dev = Dev::start();
    produce(&dev, "t", b"1");
    create(&dev, "dev/sink", "t", &["--prefix", "p/", "--compression", "zstd"]);
    dev.ask(&["connectors", "deploy", "dev/sink", "--wait"]);
    for _ in 0..2 {
        dev.ask(&["connectors", "test", "dev/sink", "--partition", "0", "--value", "v", "--wait"]);
    }
    dev
}

/// Runs a verification with the AccessKey that the connector holds inline.
fn verify(command: &mut Command) -> (Option<i32>, String, String) {
    let output =
        with_secret(command.args(["--access-key-id", "kafka2oss", "--access-key-secret-stdin"]));
    let (stdout, stderr) = texts(&output);
    (output.status.code(), stdout, stderr)
}

/// The bucket of `dev`, as somebody else sees it.
fn bucket(dev: &Dev) -> Bucket {
    let state = dev.state();
    let access = S3Access {
        endpoint: state["endpoint"].as_str().expect("a URL").to_owned(),
        region: "local".to_owned(),
        access_key: "kafka2oss".to_owned(),
        secret_key: "kafka2oss-dev".to_owned(),
        addressing: Addressing::VirtualHosted,
        authority: None,
    };
    access.bucket(state["bucket"].as_str().expect("a name"))
}

fn remove_first_object(dev: &Dev) {
    let bucket = bucket(dev);
    Runtime::new().expect("a runtime").block_on(async {
        let keys = bucket.keys("p/").await.expect("a listing");
        let request = bucket.client().delete_object().bucket(bucket.name());
        request.key(&keys[0]).send().await.expect("it is removed");
    });
}

#[test]
fn status_0_is_for_objects_that_hold_every_record_once_and_1_for_a_lost_one() {
    let dev = connector();

    let (status, stdout, stderr) = verify(&mut dev.client(&["verify", "dev/sink"]));
    assert_eq!(status, Some(0), "{stdout}{stderr}");
    assert!(stdout.contains("topic t: ") && stdout.contains("nothing is wrong"), "{stdout}");
    assert_eq!(stderr, "", "progress is for terminals");

    remove_first_object(&dev);
    let json = ["verify", "dev/sink", "--output", "json"];
    let (status, stdout, stderr) = verify(&mut dev.client(&json));
    assert_eq!(status, Some(1), "{stdout}{stderr}");
    let report: Value = serde_json::from_str(&stdout).expect("it is JSON");
    assert_eq!(report["findings"]["missing"]["examples"][0]["offsets"]["first"], 0);
    assert!(stderr.contains("topic and objects do not match"), "{stderr}");

    // What is behind the bound is not looked for; the object that is there is.
    let (status, stdout, _) = verify(&mut dev.client(&["verify", "dev/sink", "--until", "0=0"]));
    assert_eq!(status, Some(1), "{stdout}");
    assert!(stdout.contains("hole: 1"), "{stdout}");
}

#[test]
fn what_get_printed_is_enough_without_a_control_plane() {
    let dev = connector();
    let folder = tempfile::tempdir().expect("a folder");
    let connector = saved(&folder, "c.json", &dev.ask_json(&["connectors", "get", "dev/sink"]));
    let instance = saved(&folder, "i.json", &dev.ask_json(&["instances", "get", "dev"]));

    let mut command = kafka2oss(folder.path());
    command.args(["verify", "--address", NOBODY]);
    command.arg("--connector-file").arg(&connector).arg("--instance-file").arg(&instance);
    let (status, stdout, stderr) = verify(&mut command);

    assert_eq!(status, Some(0), "{stdout}{stderr}");
}

#[test]
fn a_connector_that_stands_still_is_status_3_and_1_for_those_who_insist() {
    // given a connector that has moved everything, and is paused then
    let dev = connector();
    let (status, stdout, stderr) = verify(&mut dev.client(&["verify", "dev/sink", "--complete"]));
    assert_eq!(status, Some(0), "{stdout}{stderr}");
    dev.ask(&["connectors", "pause", "dev/sink", "--wait"]);

    // when a record comes
    produce(&dev, "t", b"late");

    // then it agrees so far, and is not complete
    let (status, stdout, stderr) = verify(&mut dev.client(&["verify", "dev/sink"]));
    assert_eq!(status, Some(3), "{stdout}{stderr}");
    assert!(stdout.contains("up to 1 record of 1 partition"), "{stdout}");
    assert!(stderr.starts_with("note: not complete: no object stands yet"), "{stderr}");

    let (status, _, stderr) = verify(&mut dev.client(&["verify", "dev/sink", "--complete"]));
    assert_eq!(status, Some(1));
    assert!(stderr.starts_with("error: not complete: no object stands yet"), "{stderr}");
    assert!(stderr.contains("connectors get dev/sink"), "{stderr}");

    let json = ["verify", "dev/sink", "--output", "json"];
    let (status, stdout, _) = verify(&mut dev.client(&json));
    assert_eq!(status, Some(3), "{stdout}");
    let report: Value = serde_json::from_str(&stdout).expect("it is JSON");
    assert_eq!(
        (&report["verdict"], &report["outstanding_offsets"]),
        (&json!("incomplete"), &json!(1))
    );
}

fn saved(folder: &TempDir, name: &str, json: &Value) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, json.to_string()).expect("it is written");
    path
}

#[test]
fn what_is_lacking_is_named_with_status_2() {
    let dev = connector();
    create(&dev, "dev/idle", "t", &[]);
    for (name, words) in [
        ("dev/idle", "has not been deployed"),
        ("dev/sink", "--access-key-id"),
        ("dev/no", "NOT_FOUND"),
    ] {
        let (status, stderr) = dev.ask_in_vain(&["verify", name]);
        assert_eq!(status, Some(2), "{stderr}");
        assert!(stderr.contains("not verified: ") && stderr.contains(words), "{stderr}");
    }

    let unreachable = ["verify", "dev/sink", "--endpoint", "http://localhost:1"];
    let (status, stdout, stderr) = verify(&mut dev.client(&unreachable));
    assert_eq!((status, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("STORE_UNREACHABLE"), "{stderr}");
}
