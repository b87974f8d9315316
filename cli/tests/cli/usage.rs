//! Wrong command lines, and nobody at the other end.

use std::path::Path;

use super::program::{kafka2oss, texts};

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let output = kafka2oss(Path::new("/nonexistent")).args(arguments).output().expect("it runs");
    let (_, stderr) = texts(&output);
    (output.status.code(), stderr)
}

#[test]
fn a_wrong_command_line_ends_with_status_2_and_says_what_is_wrong() {
    for (arguments, word) in [
        (&["connectors", "explode"][..], "explode"),
        (&["dev", "--keep", "d"], "--kafka"),
        (&["dev", "--exit"], "--demo"),
        (&["dev", "--endpoint", "http://127.0.0.1:1", "--bucket", "b"], "AWS_ACCESS_KEY_ID"),
        (&["connectors", "list", "--address", "https://a:1"], "only http"),
        (&["connectors", "list", "--address", "a b"], "a b"),
        (&["connectors", "create", "a/b", "--max-age", "soon"], "soon"),
        (
            &["connectors", "update", "a/b", "--address", "127.0.0.1:1", "--include-headers", "x"],
            "x",
        ),
        (&["connectors", "reset-offsets", "a/b", "--timestamp", "soon"], "soon"),
        (&["connectors", "resume-partition", "a/b", "--partition", "0"], "--retry"),
        (&["verify", "--connector-file", "c"], "--instance-file"),
        (&["verify", "a/b", "--until", "0"], "PARTITION=OFFSET"),
    ] {
        let (status, stderr) = run(arguments);
        assert_eq!(status, Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(word), "{arguments:?}: {stderr}");
    }
}

#[test]
fn nobody_at_the_address_has_a_status_of_its_own_and_says_where_and_what_to_do() {
    let (status, stderr) = run(&["connectors", "list", "--address", "127.0.0.1:1"]);
    assert_eq!(status, Some(8));
    assert!(stderr.contains("no control plane at http://127.0.0.1:1"), "{stderr}");
    assert!(stderr.contains("remedy: "), "{stderr}");

    let (status, stderr) = run(&["get", "agents", "--address", "127.0.0.1:1", "-o", "json"]);
    assert_eq!(status, Some(8));
    let told: serde_json::Value = serde_json::from_str(&stderr).expect("one object");
    assert_eq!(told["error"]["exitStatus"], 8);
}

#[test]
fn what_could_not_be_verified_ends_with_status_2() {
    let (status, stderr) = run(&["verify", "a/b", "--address", "127.0.0.1:1"]);
    assert_eq!(status, Some(2));
    assert!(stderr.contains("not verified: no control plane at http://127.0.0.1:1"), "{stderr}");
}

#[test]
fn help_is_there_for_every_command() {
    for command in [&["dev"][..], &["instances", "create"], &["connectors", "create"], &["verify"]]
    {
        let output = kafka2oss(Path::new("/nonexistent"))
            .args(command)
            .arg("--help")
            .output()
            .expect("it runs");
        let (stdout, _) = texts(&output);
        assert!(output.status.success() && stdout.contains("Usage: kafka2oss"), "{stdout}");
    }
}
