//! The load generator: simulated agents over real streams, and clients, against the
//! real control plane. `tests/bench control-plane` builds and starts it.
//!
//! - `scenario/`: one file a scenario, `run` carries them out one after the other.
//! - `world`, `plane`: a control plane process with instances, connectors and agents.
//! - `fleet/`: agents that say what real ones say.
//! - `wire`: messages of which only what is looked at is decoded.
//! - `watcher`, `pacing`, `ledger`: when what happened.
//! - `figures`, `growth`: what came of it, and what should.

mod bound;
mod figures;
mod fleet;
mod growth;
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
use clap::Parser;

use crate::options::Options;

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(scenario::run(options))
}
