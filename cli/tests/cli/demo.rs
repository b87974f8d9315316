//! `dev --demo --exit`.

use std::process::{Child, Stdio};

use tempfile::TempDir;

use super::program::{kafka2oss, texts};

fn start() -> (Child, TempDir) {
    let state = tempfile::tempdir().expect("a folder");
    let child = kafka2oss(state.path())
        .args(["dev", "--demo", "--exit"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    (child, state)
}

#[test]
fn the_demo_shows_objects_and_finds_every_record_once_also_twice_at_a_time() {
    for (child, _state) in [start(), start()] {
        let output = child.wait_with_output().expect("it ends");
        let (stdout, stderr) = texts(&output);

        assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
        for words in [
            "first object, ",
            "RUNNING",
            "lag 0",
            "orders/0/orders+0+00000000000000000000-",
            "\"topic\":\"orders\"",
            "1,000 records produced, each exactly once in ",
            "stopped",
        ] {
            assert!(stdout.contains(words), "`{words}` is not in:\n{stdout}{stderr}");
        }
        assert_eq!(stderr, "", "a demo without warnings");
    }
}

#[test]
fn the_first_object_is_there_within_ten_seconds() {
    let (child, _state) = start();
    let output = child.wait_with_output().expect("it ends");
    let (stdout, _) = texts(&output);

    let (_, rest) = stdout.split_once("first object, ").expect("it is printed");
    let (seconds, _) = rest.split_once(" s after the start").expect("its time is printed");
    let seconds: f64 = seconds.parse().expect("a number");
    assert!(seconds < 10.0, "{seconds} s");
}
