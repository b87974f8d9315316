//! What people and scripts do most: get, wait, edit.

use super::connector::{create, produce};
use super::program::{Dev, texts};

#[test]
fn lists_and_resources_are_printed_as_yaml_and_as_names() {
    let dev = Dev::start();
    create(&dev, "dev/a", "t", &[]);
    assert_eq!(dev.ask(&["get", "connectors", "-o", "name"]), "instances/dev/connectors/a\n");
    assert_eq!(dev.ask(&["get", "instances", "-o", "name"]), "instances/dev\n");
    assert_eq!(dev.ask(&["get", "agent", "dev", "-o", "name"]), "agents/dev\n");
    let list = dev.ask(&["get", "connectors", "--filter", "id = a", "--sort", "id"]);
    assert!(list.lines().nth(1).is_some_and(|row| row.starts_with("dev/a  ")), "{list}");
    let bare = dev.ask(&["get", "connectors", "--no-headers", "--order-by", "id"]);
    assert_eq!(bare.lines().count(), 1, "{bare}");
    for kind in ["connectors", "instances", "agents"] {
        let [narrow, wide] = ["table", "wide"].map(|form| dev.ask(&["get", kind, "-o", form]));
        let [narrow, wide] = [&narrow, &wide].map(|text| text.lines().next().expect("a header"));
        assert!(wide.starts_with(narrow) && wide.len() > narrow.len(), "{narrow}\n{wide}");
    }
    let yaml = dev.ask(&["get", "connectors", "dev/a", "-o", "yaml"]);
    assert!(yaml.contains("\nspec:\n") && yaml.contains("\n    topic: t\n"), "{yaml}");
    assert_eq!(dev.ask_in_vain(&["get", "agents", "-i", "dev"]).0, Some(2));
}

#[test]
fn a_wait_ends_when_the_connector_is_there() {
    let dev = Dev::start();
    produce(&dev, "t", b"1");
    create(&dev, "dev/a", "t", &[]);
    let wait = ["wait", "dev/a", "--for", "state=RUNNING"];
    let (status, stderr) = dev.ask_in_vain(&[&wait[..], &["--timeout", "100ms"]].concat());
    assert_eq!(status, Some(9));
    assert!(stderr.contains("dev/a is still CREATED after 100ms"), "{stderr}");

    let waiting = dev.client(&wait).stdout(std::process::Stdio::piped()).spawn();
    let waiting = waiting.expect("it starts");
    dev.ask(&["connectors", "deploy", "dev/a"]);
    let output = waiting.wait_with_output().expect("it ends");
    assert_eq!(texts(&output).0, "dev/a is RUNNING\n");
    // It is so already.
    assert_eq!(dev.ask(&wait), "dev/a is RUNNING\n");

    dev.ask(&["connectors", "delete", "dev/a"]);
    assert_eq!(dev.ask(&["wait", "dev/a", "--for=delete"]), "dev/a is gone\n");
    assert_eq!(dev.ask(&["wait", "dev/a", "--for=delete"]), "dev/a is gone\n");
    assert_eq!(dev.ask_in_vain(&wait).0, Some(4));
}

#[test]
fn an_edit_is_sent_and_what_is_refused_is_shown_again_with_the_reason() {
    let dev = Dev::start();
    create(&dev, "dev/a", "t", &[]);
    let edit = |name: &str, script: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("editor");
        std::fs::write(&path, script).expect("written");
        let editor = format!("sh '{}'", path.display());
        let output = dev.client(&["edit", name]).env("KAFKA2OSS_EDITOR", editor).output();
        let output = output.expect("it runs");
        let (stdout, stderr) = texts(&output);
        (output.status.code(), stdout, stderr)
    };
    let same = edit("dev/a", "exit 0");
    assert_eq!(same, (Some(0), "dev/a unchanged\n".to_owned(), String::new()));
    let changed = edit("dev/a", "sed -i 's/^spec:/labels: {team: no}\\nspec:/' \"$1\"");
    assert_eq!(changed.1, "dev/a changed: labels.team\n", "{}", changed.2);
    let labels = &dev.ask_json(&["get", "connectors", "dev/a"])["labels"];
    assert_eq!(labels["team"], "no");

    // The first time a field is wrong; the second time, with the reason above, it is put right.
    let script = "if grep -q '^# document 1, line .* did you mean' \"$1\"
        then sed -i 's/topik:/topic:/' \"$1\"
        else sed -i 's/topic: t$/topik: u/' \"$1\"; fi";
    assert_eq!(edit("dev/a", script).1, "dev/a changed: spec.source.topic\n");
    // One that stays wrong is given up.
    let wrong = edit("dev/a", "sed -i 's/topic: u$/topic: a\\/b/' \"$1\"");
    assert_eq!(wrong.0, Some(1));
    assert!(wrong.2.contains("nothing was changed: INVALID_ARGUMENT"), "{}", wrong.2);
    assert_eq!(edit("dev/a", "exit 3").0, Some(1));
    let instance =
        edit("instances/dev", "sed -i 's/^regionId:/labels: {a: b}\\nregionId:/' \"$1\"");
    assert_eq!(instance.1, "instances/dev changed: labels.a\n", "{}", instance.2);
}

#[test]
fn the_control_plane_says_what_it_is() {
    let dev = Dev::start();
    let info = dev.ask_json(&["server", "info"]);
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(info["limits"]["maxPageSize"], 1_000);
    let yaml = dev.ask(&["server", "info", "-o", "yaml"]);
    assert!(yaml.contains("\nlimits:\n"), "{yaml}");
    let table = dev.ask(&["server", "info"]);
    let store = info["storeId"].as_str().expect("a text");
    assert!(table.contains(store) && table.contains("Page size"), "{table}");
}
