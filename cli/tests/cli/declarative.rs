//! Instances and connectors by files: applied again and again, compared, exported, pruned.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;

use super::connector::produce;
use super::program::{Dev, eventually, texts};

/// A folder of manifests.
struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("it is written");
        path.to_str().expect("a path").to_owned()
    }

    fn path(&self) -> &str {
        self.folder.path().to_str().expect("a path")
    }
}

/// A connector of `dev` with the emulator's AccessKey, in YAML.
fn manifest(dev: &Dev, id: &str, more: &str) -> String {
    let state = dev.state();
    let text = |name: &str| state[name].as_str().expect("a text").to_owned();
    format!(
        "---
apiVersion: kafka2oss.v1
kind: Connector
name: instances/dev/connectors/{id}
labels:
  team: blue
{more}
spec:
  source:
    topic: {id}
    consumerOffset: CONSUMER_OFFSET_EARLIEST
  destination:
    endpoint: {}
    bucket: {}
    credentials:
      accessKey:
        id: {{plain: kafka2oss}}
        secret: {{plain: kafka2oss-dev}}
  output:
    rotation: {{maxAge: 1s, idle: 0.2s}}
",
        text("endpoint"),
        text("bucket")
    )
}

fn run(dev: &Dev, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output: Output = dev.client(arguments).output().expect("it runs");
    let (stdout, stderr) = texts(&output);
    assert!(!stdout.contains("plain") && !stderr.contains("plain"), "{stdout}{stderr}");
    (output.status.code(), stdout, stderr)
}

fn apply(dev: &Dev, files: &Files, more: &[&str]) -> (Option<i32>, String, String) {
    let command = ["apply", "-f", files.path(), "--detailed-exit-code"];
    run(dev, &[&command[..], more].concat())
}

/// Etag and generation.
fn version(dev: &Dev, name: &str) -> (Value, Value) {
    let connector = dev.ask_json(&["connectors", "get", name]);
    (connector["etag"].clone(), connector["generation"].clone())
}

#[test]
fn the_same_files_change_nothing_while_states_do_and_one_field_only_itself() {
    let dev = Dev::start();
    produce(&dev, "a", b"1");
    let files = Files::new();
    let a = |more: &str| manifest(&dev, "a", more);
    let running = "desiredState: RUNNING";
    files.write("a.yaml", &a(running));
    files.write("b.yaml", &manifest(&dev, "b", ""));

    let created = "dev/a created\ndev/b created\n";
    let would = created.replace("created", "would be created");
    assert_eq!(apply(&dev, &files, &["--dry-run"]), (Some(3), would, String::new()));
    assert_eq!(apply(&dev, &files, &[]), (Some(3), created.to_owned(), String::new()));
    let before = (version(&dev, "dev/a"), version(&dev, "dev/b"));
    let same = (Some(0), "dev/a unchanged\ndev/b unchanged\n".to_owned(), String::new());
    eventually("it runs, and is applied again and again meanwhile", || {
        assert_eq!(apply(&dev, &files, &[]), same);
        let connector = dev.ask_json(&["connectors", "get", "dev/a"]);
        (connector["status"]["state"] == "CONNECTOR_STATE_RUNNING").then_some(())
    });
    assert_eq!(run(&dev, &["diff", "-f", files.path()]), (Some(0), String::new(), String::new()));
    assert_eq!((version(&dev, "dev/a"), version(&dev, "dev/b")), before);
    // What is not said stays what it is.
    dev.ask(&["connectors", "deploy", "dev/b"]);
    let deployed = version(&dev, "dev/b");
    assert_eq!(apply(&dev, &files, &[]), same);
    assert_eq!(version(&dev, "dev/b"), deployed);

    let changed = a(running).replace("maxAge: 1s, ", "").replace("blue", "red");
    let path = files.write("a.yaml", &changed);
    let (status, diff, _) = run(&dev, &["diff", "-f", files.path()]);
    assert_eq!(status, Some(1));
    assert_eq!(
        diff,
        format!(
            "--- dev/a (stored)\n+++ dev/a ({path}, document 1, line 2)\n-labels.team: blue\n\
             +labels.team: red\n-spec.output.rotation.maxAge: 1s\n"
        )
    );
    let (status, told, _) = apply(&dev, &files, &[]);
    assert_eq!(status, Some(3));
    assert_eq!(told, "dev/a changed: labels.team, spec.output.rotation.maxAge\ndev/b unchanged\n");
    assert_ne!(version(&dev, "dev/a"), before.0);
    assert_eq!(version(&dev, "dev/b"), deployed);

    // Another secret is a change that shows no secret.
    files.write("a.yaml", &changed.replace("plain: kafka2oss-dev", "plain: hunter2"));
    let (status, diff, _) = run(&dev, &["diff", "-f", files.path()]);
    assert!(status == Some(1) && diff.contains("another value"), "{diff}");
    assert!(!diff.contains("hunter2"), "{diff}");
}

#[test]
fn what_is_exported_changes_nothing_when_it_is_applied() {
    let dev = Dev::start();
    let files = Files::new();
    let odd = manifest(&dev, "a", "desiredState: PAUSED").replace("blue", "'no'\n  empty: ''");
    files.write("a.yaml", &odd);
    files.write("b.yaml", &manifest(&dev, "b", ""));
    apply(&dev, &files, &[]);

    for output in [&["-o", "table"][..], &["-o", "json"]] {
        let exported = dev.ask(&[&["export"], output].concat());
        assert!(!exported.contains("etag") && !exported.contains("status:"), "{exported}");
        let again = Files::new();
        again.write("all.yaml", &exported);
        let (status, told, stderr) = apply(&dev, &again, &[]);
        assert_eq!(told, "instances/dev unchanged\ndev/a unchanged\ndev/b unchanged\n", "{stderr}");
        assert_eq!(status, Some(0));
    }
    let one = dev.ask(&["export", "connectors", "-l", "team=blue", "--filter", "topic = b"]);
    assert!(one.contains("connectors/b") && !one.contains("connectors/a"), "{one}");
    let (status, _) = dev.ask_in_vain(&["export", "--filter", "topic = b"]);
    assert_eq!(status, Some(2));
}

#[test]
fn nothing_is_changed_where_any_document_is_wrong() {
    let dev = Dev::start();
    let files = Files::new();
    files.write("a.yaml", &manifest(&dev, "a", ""));
    files.write("b.yaml", &manifest(&dev, "b", "").replace("topic: b", "topic: no/topic"));
    let (status, told, stderr) = apply(&dev, &files, &[]);
    assert_eq!((status, told), (Some(1), String::new()));
    assert!(stderr.contains("nothing was changed") && stderr.contains("b.yaml, document 1"));
    assert!(stderr.contains("connector.spec.source.topic: "), "{stderr}");
    let (status, _, stderr) = run(&dev, &["diff", "-f", files.path()]);
    assert!(status == Some(2) && stderr.contains("not compared: "), "{stderr}");

    files.write("b.yaml", &manifest(&dev, "b", "").replace("topic:", "topik:"));
    let (status, _, stderr) = apply(&dev, &files, &[]);
    assert_eq!(status, Some(2));
    assert!(stderr.contains("line 10: spec.source.topik: there is no such field"), "{stderr}");
    assert_eq!(dev.ask_json(&["connectors", "list"]), serde_json::json!({}));
}

#[test]
fn what_somebody_else_changed_is_not_overwritten() {
    let dev = Dev::start();
    let files = Files::new();
    files.write("a.yaml", &manifest(&dev, "a", ""));
    apply(&dev, &files, &[]);
    let (etag, _) = version(&dev, "dev/a");
    let etag = etag.as_str().expect("a text");
    dev.ask(&["connectors", "update", "dev/a", "--spread", "3"]);
    let theirs = version(&dev, "dev/a");

    files.write("a.yaml", &manifest(&dev, "a", &format!("etag: {etag}")));
    let (status, _, stderr) = apply(&dev, &files, &[]);
    assert!(status == Some(1) && stderr.contains("ETAG_MISMATCH"), "{stderr}");
    assert_eq!(version(&dev, "dev/a"), theirs);

    // One that is on its way out is told as that, and one made anew is another one.
    dev.ask(&["connectors", "delete", "dev/a", "--wait"]);
    let (status, _, stderr) = apply(&dev, &files, &[]);
    assert!(status == Some(1) && stderr.contains("is not there"), "{stderr}");
    files.write("a.yaml", &manifest(&dev, "a", ""));
    assert_eq!(apply(&dev, &files, &[]).1, "dev/a created\n");
}

const INSTANCE: &str = "
apiVersion: kafka2oss.v1
kind: Instance
name: instances/other
labels: {team: blue}
regionId: local
bootstrapServers: [\"127.0.0.1:1\"]
allowSharedCluster: true
";

#[test]
fn an_instance_and_its_connectors_come_together_and_go_together() {
    let dev = Dev::start();
    let files = Files::new();
    let of_other = |id: &str| manifest(&dev, id, "").replace("instances/dev", "instances/other");
    // The connector stands first in the files, and depends on what comes after it.
    files.write("a.yaml", &of_other("a"));
    files.write("b.yaml", INSTANCE);
    let (status, diff, stderr) = run(&dev, &["diff", "-f", files.path()]);
    assert!(status == Some(1) && diff.contains("+++ instances/other ("), "{diff}{stderr}");
    assert!(diff.contains("+++ other/a (") && diff.contains("+spec.source.topic: a"), "{diff}");
    let told = apply(&dev, &files, &[]).1;
    assert_eq!(told, "instances/other created\nother/a created\n");
    assert_eq!(apply(&dev, &files, &[]).0, Some(0));

    let delete = ["delete", "-f", files.path()];
    let (status, told, _) = run(&dev, &[&delete[..], &["--dry-run"]].concat());
    assert_eq!(status, Some(0));
    assert_eq!(told, "other/a would be deleted\ninstances/other would be deleted\n");
    assert_eq!(apply(&dev, &files, &[]).0, Some(0));
    let (status, told, stderr) = run(&dev, &delete);
    assert_eq!(
        (status, &*told),
        (Some(0), "other/a deleted\ninstances/other deleted\n"),
        "{stderr}"
    );
    let again = run(&dev, &delete).1;
    assert_eq!(again, "other/a is not there\ninstances/other is not there\n");
}

#[test]
fn what_carries_the_label_and_is_in_no_file_is_pruned_after_it_was_confirmed() {
    let dev = Dev::start();
    let files = Files::new();
    let (a, b) = (manifest(&dev, "a", ""), manifest(&dev, "b", ""));
    files.write("a.yaml", &a);
    let b = files.write("b.yaml", &b);
    files.write("c.yaml", &manifest(&dev, "c", "").replace("blue", "red"));
    apply(&dev, &files, &[]);
    std::fs::remove_file(Path::new(&b)).expect("removed");

    let prune = ["--prune", "-l", "team=blue"];
    let (status, _, stderr) = apply(&dev, &files, &prune);
    assert_eq!(status, Some(2));
    assert!(stderr.contains("dev/connectors/c does not carry the label team=blue"), "{stderr}");
    std::fs::remove_file(files.folder.path().join("c.yaml")).expect("removed");
    let (status, _, stderr) = apply(&dev, &files, &prune);
    assert!(status == Some(2) && stderr.contains("1 to be deleted: dev/b"), "{stderr}");
    let (_, diff, _) = run(&dev, &[&["diff", "-f", files.path()], &prune[..]].concat());
    assert!(diff.starts_with("--- dev/b (stored)\n+++ /dev/null\n-desiredState: "), "{diff}");

    let (status, told, _) = apply(&dev, &files, &[&prune[..], &["--yes"]].concat());
    assert_eq!(status, Some(3));
    assert_eq!(told, "dev/a unchanged\ndev/b is DELETING; its objects stay\n");
    eventually("only the ones of others and of files are left", || {
        let list = dev.ask_json(&["connectors", "list", "--sort", "id"]);
        let list = list["connectors"].as_array().expect("a list");
        let names: Vec<_> = list.iter().map(|one| one["name"].clone()).collect();
        (names == ["instances/dev/connectors/a", "instances/dev/connectors/c"]).then_some(())
    });
}

/// Passes bytes on between clients and a server, up to its end.
struct Cable {
    port: u16,
    ends: Arc<Mutex<Option<Vec<TcpStream>>>>,
}

impl Cable {
    fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let ends = Arc::new(Mutex::new(Some(Vec::new())));
        let all = Arc::clone(&ends);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.expect("a client");
                let server = TcpStream::connect(&server).expect("it is there");
                let mut ends = all.lock().expect("not poisoned");
                // Cut: whoever comes is sent away.
                let Some(ends) = &mut *ends else { continue };
                for (mut from, mut to) in
                    [(&client, &server), (&server, &client)].map(|(from, to)| {
                        (from.try_clone().expect("one"), to.try_clone().expect("one"))
                    })
                {
                    std::thread::spawn(move || {
                        let mut buffer = [0; 8192];
                        while let Ok(count @ 1..) = from.read(&mut buffer) {
                            if to.write_all(&buffer[..count]).is_err() {
                                break;
                            }
                        }
                    });
                }
                ends.extend([client, server]);
            }
        });
        Self { port, ends }
    }

    fn cut(&self) {
        for end in self.ends.lock().expect("not poisoned").take().expect("not cut before") {
            // It may be at its end already.
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

#[test]
fn what_was_done_is_told_when_the_server_is_lost_and_the_next_apply_completes_it() {
    let dev = Dev::start();
    let files = Files::new();
    let count = 200;
    let all: String = (0..count).map(|id| manifest(&dev, &format!("c{id:03}"), "")).collect();
    files.write("all.yaml", &all);
    let cable = Cable::to(dev.state()["address"].as_str().expect("an address").to_owned());
    let address = format!("127.0.0.1:{}", cable.port);
    let mut child = dev
        .client(&["apply", "-f", files.path(), "--address", &address])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut told: Vec<String> = lines.by_ref().take(3).map(|line| line.expect("text")).collect();
    cable.cut();
    told.extend(lines.map(|line| line.expect("text")));
    let output = child.wait_with_output().expect("it ends");
    let (_, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("the same command goes on from there"), "{stderr}");
    assert_eq!(
        told.iter().filter(|line| line.contains("connectors/") || line.starts_with("dev/")).count(),
        count
    );
    let ending = |words: &str| told.iter().filter(|line| line.ends_with(words)).count();
    let (done, not_reached) = (ending(" created"), ending(" was not reached"));
    assert!(done >= 3 && not_reached > 0, "{told:?}");

    let (status, rest, _) = apply(&dev, &files, &[]);
    assert_eq!(status, Some(3));
    let unchanged = rest.lines().filter(|line| line.ends_with(" unchanged")).count();
    // Of the one that was under way the answer may have been lost.
    assert!((done..=done + 1).contains(&unchanged), "{done} {rest}");
    assert_eq!(rest.lines().filter(|line| line.ends_with(" created")).count(), count - unchanged);
    assert_eq!(apply(&dev, &files, &[]).0, Some(0));
}
