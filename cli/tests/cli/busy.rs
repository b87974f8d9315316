//! A control plane that has no room for a call for now.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use kafka2oss_control_plane::{ControlPlane, Options};
use tokio::runtime::Runtime;

use super::program::{kafka2oss, texts};

fn watch(state: &Path, address: &str, timeout: &str) -> Command {
    let mut command = kafka2oss(state);
    command.args(["connectors", "watch", "--output", "json", "--timeout", timeout]);
    command.args(["--address", address]).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Returns when the watch has told all that is there.
fn synced(child: &mut Child) {
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut lines = lines.map(|line| line.expect("text"));
    assert!(lines.any(|line| line.contains("synced")), "it ended before");
}

fn end(mut child: Child) -> String {
    child.kill().expect("it runs");
    let mut stderr = String::new();
    child.stderr.take().expect("it is piped").read_to_string(&mut stderr).expect("text");
    child.wait().expect("it ends");
    stderr
}

#[test]
fn a_call_that_is_told_to_come_again_does_so_within_its_time() {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = Options::at(folder.path().join("data"));
    options.listen = "127.0.0.1:0".parse().expect("an address");
    (options.max_watches, options.max_watches_of_peer) = (1, 1);
    let control_plane = runtime.block_on(ControlPlane::start(options)).expect("it starts");
    let address = control_plane.address().to_string();
    let start = |timeout| watch(folder.path(), &address, timeout).spawn().expect("it starts");

    let mut first = start("30s");
    synced(&mut first);
    let mut second = start("60s");
    let mut said = BufReader::new(second.stderr.take().expect("it is piped"));
    let mut line = String::new();
    said.read_line(&mut line).expect("text");
    assert!(line.ends_with("; trying again in 5s\n"), "{line}");
    // One that has no time for that is refused at once.
    let output = start("2s").wait_with_output().expect("it ends");
    let (_, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(11), "{stderr}");
    assert!(stderr.contains("TOO_MANY_WATCHES"), "{stderr}");

    assert_eq!(end(first), "");
    synced(&mut second);
    second.stderr = Some(said.into_inner());
    assert_eq!(end(second), "");
}
