//! The product's own binaries as processes.

use std::ops::{Deref, DerefMut};
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::time;

use crate::child::{ChildProcess, die_with_parent};
use crate::environment;
use crate::scratch::Scratch;

/// One of the workspace's binaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binary {
    /// `kafka2oss-control-plane`
    ControlPlane,
    /// `kafka2oss-agent`
    Agent,
    /// `kafka2oss`: the client, `dev` and `verify`
    Cli,
}

impl Binary {
    /// Its file name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ControlPlane => "kafka2oss-control-plane",
            Self::Agent => "kafka2oss-agent",
            Self::Cli => "kafka2oss",
        }
    }

    /// A command of it, to add arguments and environment to. The test's own
    /// settings of the product (`KAFKA2OSS_...`) are not handed on to it.
    pub fn command(self) -> Result<Command> {
        self.command_under(&[])
    }

    /// The same, started by a program with its arguments, if there is one.
    pub fn command_under(self, under: &[String]) -> Result<Command> {
        let path = environment::binaries()?.join(self.name());
        ensure!(
            path.exists(),
            "{} does not exist: run the tests by tests/run, or `cargo build --workspace --bins`",
            path.display()
        );
        let mut command = match under {
            [] => Command::new(path),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(path);
                command
            }
        };
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("KAFKA2OSS_") {
                command.env_remove(name);
            }
        }
        Ok(command)
    }
}

/// A running server of the product. Dereferences to its [`ChildProcess`]:
/// `pid`, `term`, `kill9`, `pause`, `resume`, `wait_exit`, `log`, `logged`.
/// When a test fails, the end of its log is printed.
#[derive(Debug)]
pub struct Product {
    // Before the folder: fields are dropped in order.
    child: ChildProcess,
    _scratch: Scratch,
}

impl Product {
    /// Starts a command of [`Binary::command`].
    pub fn spawn(command: Command) -> Result<Self> {
        let name = program_name(&command);
        let scratch = Scratch::new(&name)?;
        let log = scratch.join("log");
        Ok(Self { child: ChildProcess::spawn(name, command, log)?, _scratch: scratch })
    }
}

impl Deref for Product {
    type Target = ChildProcess;

    fn deref(&self) -> &ChildProcess {
        &self.child
    }
}

impl DerefMut for Product {
    fn deref_mut(&mut self) -> &mut ChildProcess {
        &mut self.child
    }
}

/// Runs a command to its end and returns status and outputs; it is killed at
/// the limit. For [`Binary::Cli`] and grpcurl.
pub async fn run(mut command: Command, limit: Duration) -> Result<Output> {
    let name = program_name(&command);
    die_with_parent(&mut command);
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true);
    command.stdin(std::process::Stdio::null());
    time::timeout(limit, command.output())
        .await
        .with_context(|| format!("{name} did not end within {limit:?}"))?
        .with_context(|| format!("cannot run {name}"))
}

fn program_name(command: &Command) -> String {
    let program = command.get_program();
    std::path::Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::run;

    #[tokio::test]
    async fn a_command_that_ends_gives_status_and_output() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; exit 4"]);

        let output = run(command, Duration::from_secs(10)).await.expect("it ends");

        assert_eq!(output.status.code(), Some(4));
        assert_eq!(output.stdout, b"out\n");
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_given_up() {
        let mut command = Command::new("sleep");
        command.arg("1000");

        let error = run(command, Duration::from_millis(50)).await;

        assert!(error.expect_err("it hangs").to_string().contains("sleep"));
    }
}
