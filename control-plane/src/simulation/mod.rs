//! The whole control plane in simulated worlds: its own code over its own protocol, on a
//! virtual clock, with a disk, a network, agents and users that a seed steers. Faults come
//! at any step: it is killed, frozen, cut off from agents, its disk is slow or full, its
//! clock jumps; agents crash, leave, refuse and are late.
//!
//! ```text
//! faults -> world (host, disk, process, outside) <- link <- agent, client, watcher
//! ```
//!
//! In every world
//! - what was answered stays, and what was not is carried out whole or not at all;
//! - nothing is shown or sent that is not durable, and nothing goes back;
//! - a task of a placement is one agent's;
//! - no part of the process ends by itself;
//! - once nothing goes wrong any more, everything is soon as it is wanted.
//!
//! The same seed is the same world, step by step.

mod agent;
mod client;
mod converged;
mod disk;
mod faults;
mod link;
pub(crate) mod outside;
pub(crate) mod process;
mod watcher;
mod world;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;

use crate::supervision::words;

use agent::{Handle, Ledger};
use client::Client;
use watcher::Watcher;
use world::World;

/// Worlds of one run, unless `KAFKA2OSS_TEST_SIMULATION_SEEDS` says how many.
const SEEDS: u64 = 2_000;
/// Worlds whose control plane is killed again and again, and nothing else.
const RESTARTED: u64 = 100;
/// Agents and connectors of a world at its start.
const AGENTS: usize = 3;
const CONNECTORS: usize = 4;
/// How long everything may take once nothing goes wrong any more.
const SOON: Duration = Duration::from_secs(300);
/// No world lives longer.
const END: Duration = Duration::from_secs(60 * 60);
/// Lines of what was seen that are printed of a world in which something is wrong.
const LAST: usize = 200;

/// Lives one world to its end. Returns what was seen of it.
///
/// # Panics
/// Something is wrong in it; what was seen last is printed.
fn live(seed: u64, story: Story) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let _outside = outside::begin(seed);
        let (world, mut wrong) = World::new(seed);
        let told = match story {
            Story::Storm => storm(&world).boxed(),
            Story::Restarts => restarts(&world).boxed(),
        };
        let told = AssertUnwindSafe(told).catch_unwind();
        let wrong = tokio::select! {
            biased;
            wrong = wrong.recv() => wrong,
            () = tokio::time::sleep(END) => Some("it does not come to its end".to_owned()),
            ended = told => ended.err().map(|panic| words(&*panic).to_owned()),
        };
        let trace = world.trace();
        if let Some(wrong) = wrong {
            let last = trace.len().saturating_sub(LAST);
            panic!("{}\nseed {seed}: {wrong}", trace[last..].join("\n"));
        }
        trace
    })
}

/// What happens in a world.
#[derive(Debug, Clone, Copy)]
enum Story {
    /// Everything goes wrong for a while.
    Storm,
    /// The control plane is killed again and again while its connectors run.
    Restarts,
}

async fn storm(world: &Arc<World>) {
    let (ledger, mut agents) = begin(world).await;
    let watchers = [
        Watcher::start(world, "watcher-0", "instances/-"),
        Watcher::start(world, "watcher-1", client::INSTANCE),
    ];
    let clients = clients(world).map(Client::run);
    let (known, ()) = tokio::join!(join_all(clients), faults::storm(world, &ledger, &mut agents));
    converged::wait(world, &known, &agents, &watchers).await;
}

async fn restarts(world: &Arc<World>) {
    world.calm();
    let (_, agents) = begin(world).await;
    let known = join_all(clients(world).map(Client::deploy)).await;
    converged::wait(world, &known, &agents, &[]).await;
    let placed = world.disk.placements();
    for _ in 0..5 {
        tokio::time::sleep(world.within(0, 20_000)).await;
        let life = world.running().await;
        life.process.kill_after(world.chance().u64(..400));
        life.process.killed().await;
    }
    assert!(world.lives() >= 5, "it was killed {} times", world.lives());
    converged::wait(world, &known, &agents, &[]).await;
    assert_eq!(world.disk.placements(), placed, "a restart has moved tasks");
}

async fn begin(world: &Arc<World>) -> (Arc<Ledger>, Vec<Handle>) {
    world.spawn(Arc::clone(world).host());
    let ledger = Arc::new(Ledger::default());
    let agents = (0..AGENTS).map(|number| agent::start(world, &ledger, &format!("agent-{number}")));
    let agents = agents.collect();
    converged::register(world).await;
    (ledger, agents)
}

fn clients(world: &Arc<World>) -> impl Iterator<Item = Client> {
    (0..CONNECTORS).map(|number| Client::new(world, &format!("c-{number}")))
}

/// Lives so many worlds, on every core.
fn live_all(seeds: u64, story: Story) {
    let next = AtomicU64::new(0);
    let live_some = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            live(seed, story);
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, |cores| cores.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(live_some);
        }
    });
}

#[test]
fn in_every_world_nothing_answered_is_lost_and_everything_is_soon_as_it_is_wanted() {
    let seeds = std::env::var("KAFKA2OSS_TEST_SIMULATION_SEEDS");
    live_all(seeds.map_or(SEEDS, |seeds| seeds.parse().expect("a number of seeds")), Story::Storm);
}

#[test]
fn a_control_plane_that_is_killed_again_and_again_moves_nothing() {
    live_all(RESTARTED, Story::Restarts);
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in 0..20 {
        let (first, second) = (live(seed, Story::Storm), live(seed, Story::Storm));
        let differ = first.iter().zip(&second).position(|(first, second)| first != second);
        if let Some(at) = differ {
            panic!("seed {seed}: {:?} and {:?}", first.get(at), second.get(at));
        }
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
}
