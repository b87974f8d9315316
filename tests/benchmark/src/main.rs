//! The benchmark suite: what moving records costs, measured side by side with
//! what it cannot cost less than. `tests/bench` builds and starts it.
//!
//! - `scenario/`: one file a scenario, `data_plane` runs them one after the other.
//! - `floor/`: what the two ends cost without us, as child processes of this same
//!   program: a bare consumer, a bare client of the store, and a store that keeps
//!   nothing.
//! - `world`, `authority`, `topics`, `values`: the servers, who signs their
//!   certificates, and what stands in the topics.
//! - `deployment`, `connector`, `destination`, `copy`, `verdict`: the product between them.
//! - `connect`: Kafka Connect's own runtime.
//! - `measure`, `machine`: numbers; how they are summed up and shown is in
//!   `kafka2oss_figures`, as for the control plane's suite.

mod authority;
mod connect;
mod connector;
mod copy;
mod deployment;
mod destination;
mod floor;
mod machine;
mod measure;
mod scenario;
mod topics;
mod values;
mod verdict;
mod world;

use anyhow::Result;
use clap::Parser;

use self::authority::TrustedAuthority;

/// What moving records costs, beside what it cannot cost less than.
#[derive(Debug, Parser)]
#[command(name = "tests/bench")]
enum Command {
    /// Records from Kafka into a bucket
    DataPlane(scenario::Options),
    /// A consumer that discards what it reads; prints what that took
    #[command(hide = true)]
    BareConsumer(floor::consumer::Options),
    /// A client that puts objects; prints what that took
    #[command(hide = true)]
    BarePut(floor::put::Options),
    /// A store that keeps nothing; ends when it is killed
    #[command(hide = true)]
    NullStore,
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::DataPlane(options) => {
            // SAFETY: there is no other thread yet.
            let trusted = unsafe { TrustedAuthority::new() }?;
            block_on(Box::pin(scenario::data_plane(options, trusted)))
        }
        Command::BareConsumer(options) => floor::print(&floor::consumer::run(&options)?),
        Command::BarePut(options) => {
            block_on(async { floor::print(&floor::put::run(options).await?) })
        }
        Command::NullStore => block_on(floor::null_store::serve()),
    }
}

fn block_on(work: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
