//! The load generator: simulated agents over real streams, and clients, against the
//! real control plane. `tests/bench control-plane` builds and starts it.
//!
//! - `scenario/`: one file a scenario, `run` carries them out one after the other.
//! - `world`, `plane`: a control plane process with instances, connectors and agents.
//! - `fleet/`: agents that say what real ones say.
//! - `wire`: messages of which only what is looked at is decoded.
//! - `watcher`, `pacing`, `ledger`: when what happened.
//! - `hostile/`: hostile peers beside good ones, `tests/bench hostile`.
//! - `figures`, `growth`: what came of it, and what should.

mod bound;
mod figures;
mod fleet;
mod growth;
mod hostile;
mod ledger;
mod meter;
mod names;
mod options;
mod pacing;
mod plane;
mod scenario;
mod watcher;
mod wire;
mod world;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::options::Options;

/// A control plane of many connectors and agents under load.
#[derive(Debug, Parser)]
#[command(name = "tests/bench control-plane", args_conflicts_with_subcommands = true)]
struct Command {
    #[command(subcommand)]
    other: Option<Other>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Other {
    /// Hostile peers beside good ones
    Hostile(hostile::Options),
    /// The hostile peers themselves
    #[command(hide = true)]
    Attack(hostile::attack::Options),
}

fn main() -> Result<ExitCode> {
    let Command { other, options } = Command::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match other {
            None => scenario::run(options).await,
            Some(Other::Hostile(options)) => hostile::run(options).await,
            Some(Other::Attack(options)) => hostile::attack::run(options).await,
        }
    })
}
