//! Starting the program, and `dev` as a running process.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use kafka2oss_tests::wait;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Longest time that something may take to be seen.
const LIMIT: Duration = Duration::from_secs(30);

/// What the program finds in its environment is the test's own.
pub(crate) fn kafka2oss(state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kafka2oss"));
    // A killed one leaves its temporary folder there.
    command
        .env("XDG_STATE_HOME", state)
        .env("TMPDIR", state)
        .env_remove("KAFKA2OSS_ADDRESS")
        .env_remove("RUST_LOG");
    command
}

/// A running `kafka2oss dev`; killed when dropped.
pub(crate) struct Dev {
    child: Child,
    rest: Option<JoinHandle<String>>,
    state: TempDir,
}

impl Dev {
    /// Starts it and returns when it has said how to reach it.
    pub(crate) fn start() -> Self {
        let state = tempfile::tempdir().expect("a folder");
        let mut child = kafka2oss(state.path())
            .arg("dev")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        read_until(&mut stdout, "connectors deploy");
        // Else it would wait for room in the pipe.
        let rest = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).expect("it prints UTF-8");
            text
        });
        Self { child, rest: Some(rest), state }
    }

    /// What it wrote for the client commands.
    pub(crate) fn state(&self) -> Value {
        let file = self.state_file();
        let text = std::fs::read_to_string(&file).expect("the file is there while it runs");
        serde_json::from_str(&text).expect("it is JSON")
    }

    pub(crate) fn state_file(&self) -> std::path::PathBuf {
        self.state.path().join("kafka2oss").join("dev.json")
    }

    /// A client command that finds it.
    pub(crate) fn client(&self, arguments: &[&str]) -> Command {
        let mut command = kafka2oss(self.state.path());
        command.args(arguments);
        command
    }

    /// Runs a client command that is expected to succeed; returns its stdout.
    pub(crate) fn ask(&self, arguments: &[&str]) -> String {
        let output = self.client(arguments).output().expect("it runs");
        let (stdout, stderr) = texts(&output);
        assert!(output.status.success(), "{arguments:?}: {stdout}{stderr}");
        stdout
    }

    /// The same, with `--output json`.
    pub(crate) fn ask_json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<_> = arguments.iter().copied().chain(["--output", "json"]).collect();
        serde_json::from_str(&self.ask(&arguments)).expect("it is JSON")
    }

    /// Runs a client command that is expected to fail; returns exit status and
    /// stderr.
    pub(crate) fn ask_in_vain(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.client(arguments).output().expect("it runs");
        let (stdout, stderr) = texts(&output);
        assert!(!output.status.success(), "{arguments:?}: {stdout}{stderr}");
        (output.status.code(), stderr)
    }

    /// Sends a signal; returns how it ended and what it had still printed.
    pub(crate) fn end_by(mut self, signal: Signal) -> (ExitStatus, String) {
        let pid = Pid::from_raw(self.child.id().try_into().expect("a process id"));
        kill(pid, signal).expect("it is sent");
        let status = self.child.wait().expect("it ends");
        let rest = self.rest.take().expect("not taken before").join().expect("it was read");
        (status, rest)
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // Both fail when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads lines up to one that contains `word`.
fn read_until(stdout: &mut BufReader<ChildStdout>, word: &str) {
    let mut seen = String::new();
    loop {
        let start = seen.len();
        let read = stdout.read_line(&mut seen).expect("it prints UTF-8");
        assert!(read > 0, "it ended before it said `{word}`:\n{seen}");
        if seen[start..].contains(word) {
            return;
        }
    }
}

/// What `probe` returns when it returns something.
pub(crate) fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let probe = async || Ok(probe());
    Runtime::new()
        .expect("a runtime")
        .block_on(wait::eventually(what, LIMIT, probe))
        .expect("it comes in time")
}

/// Stdout and stderr.
pub(crate) fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it prints UTF-8");
    (text(&output.stdout), text(&output.stderr))
}
