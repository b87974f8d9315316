//! What moving records cannot cost less than, as child processes of this same
//! program, so that what they use is theirs alone.

pub(crate) mod consumer;
pub(crate) mod null_store;
pub(crate) mod put;

use std::io::{Write, stdout};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kafka2oss_tests::process::run;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What any floor may take.
const LIMIT: Duration = Duration::from_secs(300);

/// Prints what a child has measured: one line for [`measured`].
pub(crate) fn print(figures: &impl Serialize) -> Result<()> {
    let line = serde_json::to_string(figures)?;
    writeln!(stdout(), "{line}")?;
    Ok(())
}

/// This program with other arguments.
fn this_program(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments);
    Ok(command)
}

/// Runs this program with other arguments to its end, and reads what it prints.
async fn measured<T: DeserializeOwned>(arguments: &[&str]) -> Result<T> {
    let output = run(this_program(arguments)?, LIMIT).await?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{arguments:?} failed ({}): {errors}", output.status);
    let line = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&line).with_context(|| format!("{arguments:?} printed {line:?}"))
}
