//! The program on a terminal: questions, widths, colours, and tables that are rewritten.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use nix::pty::{Winsize, openpty};

use super::connector::{create, produce};
use super::program::{Dev, eventually};

/// A program on a terminal of 100 columns, and all that it has printed there.
struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<String>>,
}

impl Terminal {
    fn start(mut command: Command) -> Self {
        let size = Winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        let ends = openpty(Some(&size), None).expect("a terminal");
        let slave = || Stdio::from(ends.slave.try_clone().expect("one more"));
        let child = command.stdin(slave()).stdout(slave()).stderr(slave()).spawn();
        let child = child.expect("it starts");
        // Its ends are the child's now: with them the terminal ends.
        drop(command);
        let keyboard = File::from(ends.master.try_clone().expect("one more"));
        let mut output = File::from(ends.master);
        let screen = Arc::new(Mutex::new(String::new()));
        let seen = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // An error is the end: nobody has the other side.
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..count]).replace("\r\n", "\n");
                seen.lock().expect("not poisoned").push_str(&text);
            }
        });
        Self { child, keyboard, screen }
    }

    fn screen(&self) -> String {
        self.screen.lock().expect("not poisoned").clone()
    }

    fn wait_for(&self, words: &str) -> String {
        eventually(words, || Some(self.screen()).filter(|screen| screen.contains(words)))
    }

    fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).expect("it is there");
    }

    fn end(mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Both fail when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn on_terminal(dev: &Dev, arguments: &[&str]) -> Command {
    let mut command = dev.client(arguments);
    command.env("TERM", "xterm");
    // Each has a say in the colours; a terminal of a CI has them whatever TERM is.
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
        command.env_remove(name);
    }
    command
}

#[test]
fn what_no_file_names_is_deleted_only_after_somebody_said_yes() {
    let dev = Dev::start();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("all.yaml");
    let all =
        dev.ask(&["export", "instances"]).replace("regionId:", "labels: {team: a}\nregionId:");
    assert!(all.contains("labels: {team: a}"), "{all}");
    std::fs::write(&file, all).expect("it is written");
    create(&dev, "dev/sink", "t", &["--label", "team=a"]);
    let file = file.to_str().expect("a path");
    let apply = ["apply", "-f", file, "--prune", "-l", "team=a"];
    let names = || dev.ask(&["get", "connectors", "-o", "name"]);

    let mut terminal = Terminal::start(on_terminal(&dev, &apply));
    terminal.wait_for("1 to be deleted: dev/sink\nDelete them? [y/N] ");
    terminal.types("n\n");
    terminal.wait_for("nothing was changed");
    assert_eq!(terminal.end(), Some(2));
    assert_eq!(names(), "instances/dev/connectors/sink\n");

    let mut terminal = Terminal::start(on_terminal(&dev, &apply));
    terminal.wait_for("Delete them? [y/N] ");
    terminal.types("y\n");
    terminal.wait_for("dev/sink is DELETING");
    assert_eq!(terminal.end(), Some(0));
    eventually("it is gone", || names().is_empty().then_some(()));
}

#[test]
fn a_table_fits_the_terminal_and_its_states_have_colours_where_these_are_wanted() {
    let dev = Dev::start();
    create(&dev, "dev/sink", "a-topic-that-has-quite-a-long-name-for-a-table", &[]);
    let show = |name: &str, value: &str| {
        let mut command = on_terminal(&dev, &["get", "agents"]);
        command.env(name, value);
        let terminal = Terminal::start(command);
        let screen = terminal.wait_for("0.1.0");
        assert_eq!(terminal.end(), Some(0));
        screen
    };
    let coloured = show("TERM", "xterm");
    assert!(coloured.contains("\x1b[38;5;10mCONNECTED"), "{coloured:?}");
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let plain = show(name, value);
        assert!(plain.contains("CONNECTED") && !plain.contains('\x1b'), "{plain:?}");
    }

    // A condition's message is longer than the terminal.
    let terminal = Terminal::start(on_terminal(&dev, &["get", "connector", "dev/sink"]));
    let screen = terminal.wait_for("\nEtag:");
    assert_eq!(terminal.end(), Some(0));
    let lines = dev.ask(&["get", "connector", "dev/sink"]);
    assert!(lines.lines().any(|line| line.chars().count() > 100), "{lines}");
    for line in screen.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    // Elsewhere a row is a line.
    let lines = dev.ask(&["get", "connectors", "-o", "wide"]);
    assert_eq!(lines.lines().count(), 2, "{lines}");
}

#[test]
fn a_watched_table_is_rewritten_in_place() {
    let dev = Dev::start();
    produce(&dev, "t", b"1");
    create(&dev, "dev/sink", "t", &[]);
    let terminal = Terminal::start(on_terminal(&dev, &["get", "connectors", "--watch"]));
    let progress = ["connectors", "progress", "dev/sink", "--watch"];
    terminal.wait_for("CREATED");
    dev.ask(&["connectors", "deploy", "dev/sink", "--wait"]);
    let screen = terminal.wait_for("\x1b[38;5;10mRUNNING");
    // Two lines up, to the header.
    assert!(screen.contains("\x1b[2A\r"), "{screen:?}");

    let partitions = Terminal::start(on_terminal(&dev, &progress));
    partitions.wait_for("dev/0");
    dev.ask(&["connectors", "delete", "dev/sink", "--wait"]);
    partitions.wait_for("dev/sink was deleted meanwhile");
    assert_eq!(partitions.end(), Some(4));
    eventually("its row goes", || {
        let screen = terminal.screen();
        let last = screen.rsplit("\x1b[?7l").next().unwrap_or_default();
        (last.contains("CONNECTOR") && !last.contains("dev/sink")).then_some(())
    });
}

#[test]
fn elsewhere_each_change_is_a_line() {
    let dev = Dev::start();
    produce(&dev, "t", b"1");
    create(&dev, "dev/sink", "t", &[]);
    for (arguments, expected) in [
        (&["get", "connector", "dev/sink", "-w"][..], "dev/sink"),
        (&["connectors", "list", "--state", "created", "--watch"], "dev/sink"),
        (&["agents", "list", "--watch"], "dev"),
        (&["get", "agent", "dev", "--watch"], "dev"),
    ] {
        let mut child = dev.client(arguments).stdout(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let lines: Vec<_> = lines.take(2).map(|line| line.expect("text")).collect();
        assert!(lines[0].starts_with("TIME "), "{lines:?}");
        assert_eq!(lines[1].split_whitespace().nth(1), Some(expected), "{lines:?}");
        child.kill().expect("it runs");
        child.wait().expect("it ends");
    }
    for arguments in
        [&["get", "instances", "--watch"][..], &["get", "connectors", "--watch", "--sort", "id"]]
    {
        assert_eq!(dev.ask_in_vain(arguments).0, Some(2), "{arguments:?}");
    }
}
