//! `kafka2oss`: the client of a control plane, and `dev`, which runs everything
//! in one process.

mod args;
mod client;
mod dev;
mod output;

use std::process::ExitCode;

use args::{Cli, Command};
use clap::Parser;
use client::Failure;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Dev(args) => dev::run(args).await,
        Command::Instances(args) => client::run_instances(args).await,
        Command::Agents(args) => client::run_agents(args).await,
        Command::Connectors(args) => client::run_connectors(args).await,
        Command::Verify(args) => client::run_verify(*args).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Closed(closed)) if closed.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            output::note(format_args!("{}: {failure}", failure.severity()));
            ExitCode::from(failure.exit_status())
        }
    }
}
