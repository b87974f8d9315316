//! `kafka2oss`: the client of a control plane, and `dev`, which runs everything
//! in one process.

mod args;
mod client;
mod dev;
mod exit_status;
mod output;

use std::process::ExitCode;

use args::{Cli, Command, CompletionArgs};
use clap::{CommandFactory, Parser};
use clap_complete::env::{CompleteEnv, Shells};
use client::Failure;

/// The variable by which a shell's script asks for completion.
const COMPLETION: &str = "KAFKA2OSS_COMPLETE";

fn main() -> ExitCode {
    // Where a shell asks for completion this answers and ends.
    CompleteEnv::with_factory(Cli::command).var(COMPLETION).complete();
    run()
}

#[tokio::main]
async fn run() -> ExitCode {
    let cli = Cli::parse();
    let is_json = cli.command.is_json();
    let result = match cli.command {
        Command::Dev(args) => dev::run(args).await.map(done),
        Command::Instances(args) => client::run_instances(args).await.map(done),
        Command::Agents(args) => client::run_agents(args).await.map(done),
        Command::Connectors(args) => client::run_connectors(args).await.map(done),
        Command::Server(args) => client::run_server(args).await.map(done),
        Command::Get(args) => client::get(args).await.map(done),
        Command::Describe(args) => client::describe(args).await.map(done),
        Command::Wait(args) => client::wait(args).await.map(done),
        Command::Completion(args) => completion(&args).map(done),
        Command::Apply(args) => client::apply(*args).await,
        Command::Diff(args) => client::diff(*args).await,
        Command::Delete(args) => client::delete(*args).await,
        Command::Edit(args) => client::edit(args).await,
        Command::Export(args) => client::export(*args).await,
        Command::Verify(args) => client::run_verify(*args).await.map(done),
    };
    match result {
        Ok(status) => ExitCode::from(status),
        Err(Failure::Closed(closed)) if closed.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            match is_json {
                true => output::note(failure.to_json()),
                false => output::note(format_args!("{}: {failure}", failure.severity())),
            }
            ExitCode::from(failure.exit_status())
        }
    }
}

/// Prints the script of a shell, which asks this program for what can stand at a place.
fn completion(args: &CompletionArgs) -> Result<(), Failure> {
    let failed = |words: &str| Failure::Failed(format!("no script for {}: {words}", args.shell));
    let name = "kafka2oss";
    let mut script = Vec::new();
    Shells::builtins()
        .completer(&args.shell.to_string())
        .ok_or_else(|| failed("the shell is not known"))?
        .write_registration(COMPLETION, name, name, name, &mut script)
        .map_err(|error| failed(&error.to_string()))?;
    Ok(output::Output::default().line(String::from_utf8_lossy(&script).trim_end())?)
}

/// The exit status of a command that says all by its output.
fn done((): ()) -> u8 {
    0
}
