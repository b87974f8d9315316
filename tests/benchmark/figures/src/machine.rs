//! What a run was made on, and of.

use std::fmt;
use std::fs;
use std::process::Command;

/// The machine, and the commit that is checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    processors: usize,
    model: String,
    memory: String,
    kernel: String,
    commit: String,
}

impl Machine {
    /// This one. What cannot be told is left open.
    pub fn this() -> Self {
        let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let value = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            let value = line.and_then(|line| line.split_once(':'));
            value.map_or_else(unknown, |(_, value)| value.trim().to_owned())
        };
        Self {
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            model: value(&file("/proc/cpuinfo"), "model name"),
            memory: value(&file("/proc/meminfo"), "MemTotal"),
            kernel: file("/proc/sys/kernel/osrelease").trim().to_owned(),
            commit: commit(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processors, model, memory, kernel, commit } = self;
        writeln!(f, "machine     {processors} x {model}, {memory}, Linux {kernel}")?;
        write!(f, "kafka2oss   {commit}")
    }
}

/// The commit that is checked out, and whether more than that was built.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        first_line(command.arg("-C").arg(env!("CARGO_MANIFEST_DIR")).args(arguments))
    };
    let commit = git(&["log", "-1", "--format=%h of %cs, %s"]);
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]);
    if changed == unknown() { commit } else { format!("{commit}; with changes") }
}

/// The first line that a program prints on either output, unless it fails.
pub fn first_line(command: &mut Command) -> String {
    let Some(output) = command.output().ok().filter(|output| output.status.success()) else {
        return unknown();
    };
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    printed.lines().next().map_or_else(unknown, str::to_owned)
}

fn unknown() -> String {
    "unknown".to_owned()
}
