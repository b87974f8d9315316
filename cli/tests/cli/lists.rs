//! Lists and watches that are filtered and ordered, against a running `dev`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::connector::create;
use super::program::Dev;

/// The first words of a table's rows.
fn names(table: &str) -> Vec<&str> {
    table.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect()
}

#[test]
fn lists_have_what_a_filter_means_in_the_order_that_was_asked_for() {
    let dev = Dev::start();
    for id in ["a", "b", "c"] {
        create(&dev, &format!("dev/{id}"), &format!("topic-{id}"), &[]);
    }
    let list = |arguments: &[&str]| dev.ask(&[&["connectors", "list"], arguments].concat());
    assert_eq!(names(&list(&["--sort", "id desc"])), ["dev/c", "dev/b", "dev/a"]);
    assert_eq!(names(&list(&["--filter", "topic = topic-b"])), ["dev/b"]);
    let both = ["--filter", "id = a OR id = b", "--state", "created", "--state", "PAUSED"];
    assert_eq!(names(&list(&both)), ["dev/a", "dev/b"]);
    assert!(names(&list(&["--state", "paused"])).is_empty());

    let instances = |arguments: &[&str]| dev.ask(&[&["instances", "list"], arguments].concat());
    assert_eq!(names(&instances(&["--filter", "id = d*", "--sort", "create_time"])), ["dev"]);
    assert!(names(&instances(&["--filter", "id = dev", "--region", "no \"*\""])).is_empty());
    let agents = dev.ask(&["agents", "list", "--filter", "state = CONNECTED", "--sort", "tasks"]);
    assert_eq!(names(&agents), ["dev"]);
}

#[test]
fn a_wrong_expression_is_shown_with_a_mark_under_the_place() {
    let dev = Dev::start();
    for (arguments, lines) in [
        (
            &["connectors", "list", "--filter", "state = ASLEEP"][..],
            ["    state = ASLEEP", "            ^"],
        ),
        (
            &["connectors", "list", "--filter", "size > 1", "--state", "RUNNING"],
            ["    (size > 1) AND (state = RUNNING)", "     ^"],
        ),
        (&["connectors", "watch", "--filter", "id ="], ["    id =", "        ^"]),
        (&["connectors", "list", "--sort", "id up"], ["    id up", "       ^"]),
        (&["instances", "list", "--filter", "tasks = 1"], ["    tasks = 1", "    ^"]),
        (&["agents", "list", "--sort", "name,"], ["    name,", "         ^"]),
    ] {
        let (status, stderr) = dev.ask_in_vain(arguments);
        assert_eq!(status, Some(6));
        let [expression, mark] = lines;
        let shown = format!("\n{expression}\n{mark}\n");
        assert!(stderr.contains(&shown), "{arguments:?}: {stderr}");
        assert!(stderr.contains("reason: EXPRESSION_INVALID"), "{stderr}");
    }
}

#[test]
fn a_watch_shows_what_leaves_its_filter() {
    let dev = Dev::start();
    create(&dev, "dev/a", "t", &[]);
    create(&dev, "dev/b", "t", &[]);
    let mut child = dev
        .client(&["connectors", "watch", "--filter", "state = CREATED id = a"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let stdout = child.stdout.take().expect("it is piped");
    let mut lines = BufReader::new(stdout).lines().map(|line| line.expect("text"));
    let mut next = || lines.next().expect("it goes on");
    assert!(next().contains("CONNECTOR"));
    let first = next();
    assert!(first.contains("dev/a") && first.contains("CREATED"), "{first}");
    dev.ask(&["connectors", "deploy", "dev/a"]);
    let left = next();
    assert!(left.contains("dev/a") && left.ends_with("LEFT"), "{left}");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}
