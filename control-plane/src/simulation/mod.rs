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
//!
//! Storms have all faults at once; each other story ([`stories`]) has few, and much of what they
//! need. With one of these rules taken away, some world of theirs goes wrong:
//! - a change is visible once it is durable;
//! - generations, placement versions and epochs rise; a reset begins an epoch without the
//!   commits of the one before; a preparation of another epoch says nothing;
//! - a request ID is remembered with what it made; what has a name is not made again;
//! - creates, updates, actions, resets, lessons, preparations, the stop of tasks, Hello,
//!   Goodbye and the end of a lease hold the lock of what they change;
//! - a deletion waits for agents that have its tasks, had some, or were sent a removal, until
//!   they have shown that they stopped, and for no longer than a lease with
//!   `orphan_resources`; its end is told;
//! - the end of a lease is durable, told, and of those alone that were not heard of; an agent
//!   that leaves gives its tasks back;
//! - an agent that is to drain is until it is said otherwise; its tasks move, and none comes
//!   to it;
//! - of two processes with one ID the newer one is the agent; a stream's end is that stream's;
//! - what an agent refused is sent again, what it is to drop is sent, and what it says counts
//!   for what it answered and has authority over; a work that failed is tried again;
//! - a token of another process resumes nothing.

mod agent;
mod answers;
mod client;
mod converged;
mod disk;
mod drains;
mod durable;
mod faults;
mod known;
mod ledger;
mod liar;
mod link;
pub(crate) mod outside;
pub(crate) mod process;
mod stories;
mod tasks;
mod told;
mod watcher;
mod wish;
mod world;

use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt;

use crate::supervision::words;

use stories::Story;
use world::World;

/// Worlds of one run, unless `KAFKA2OSS_TEST_SIMULATION_SEEDS` says how many.
const SEEDS: u64 = 2_000;
/// Worlds of each of the other stories.
const OTHERS: u64 = 100;
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
        let told = AssertUnwindSafe(story.tell(&world)).catch_unwind();
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

/// Lives worlds of these seeds, or those that `KAFKA2OSS_TEST_SIMULATION_SEEDS` names: so many
/// storms, or of each story `from..to`; on every core.
fn live_all(story: Story, seeds: u64) {
    let asked = std::env::var("KAFKA2OSS_TEST_SIMULATION_SEEDS").ok();
    let number = |text: &str| text.parse().expect("a number of a seed");
    let Range { start, end } = match asked.as_deref().map(|asked| asked.split_once("..")) {
        Some(Some((from, to))) => number(from)..number(to),
        Some(None) if story == Story::Storm => 0..number(asked.as_deref().unwrap_or_default()),
        Some(None) | None => 0..seeds,
    };
    let next = AtomicU64::new(start);
    let live_some = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return;
            }
            let lived = std::panic::catch_unwind(|| live(seed, story));
            if let Err(wrong) = lived {
                // One in which something is wrong is enough.
                next.store(end, Ordering::Relaxed);
                std::panic::resume_unwind(wrong);
            }
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
    live_all(Story::Storm, SEEDS);
}

#[test]
fn a_control_plane_that_is_killed_and_frozen_again_and_again_moves_nothing() {
    live_all(Story::Restarts, OTHERS);
}

#[test]
fn what_agents_refuse_is_sent_again_until_they_take_it() {
    live_all(Story::Refusals, OTHERS);
}

#[test]
fn what_an_agent_had_is_elsewhere_soon_after_it_left_or_its_lease_ended() {
    live_all(Story::Loss, OTHERS);
}

#[test]
fn of_two_processes_with_one_id_the_newer_one_is_the_agent() {
    live_all(Story::Twins, OTHERS);
}

#[test]
fn what_an_agent_takes_too_late_does_no_harm() {
    live_all(Story::Deafness, OTHERS);
}

#[test]
fn an_agent_that_comes_back_at_the_last_moment_is_there_or_is_gone() {
    live_all(Story::Returns, OTHERS);
}

#[test]
fn whoever_watches_while_connectors_come_and_go_sees_in_the_end_what_there_is() {
    live_all(Story::Churn, OTHERS);
}

#[test]
fn an_agent_that_drains_runs_nothing_soon_whatever_ends_meanwhile() {
    live_all(Story::Drains, OTHERS);
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
