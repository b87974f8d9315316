//! Many watch the connectors of one instance, which are not deployed: what is measured is
//! how a change comes to all, not how often statuses change.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use kafka2oss_figures::statistics::percentile;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::transport::Channel;

use super::{Suite, outcome};
use crate::bound::until;
use crate::figures::Value;
use crate::meter::Meter;
use crate::names;
use crate::pacing::{milliseconds, open_loop};
use crate::watcher::Watcher;
use crate::wire::Event;
use crate::world::World;

/// Changes a second.
const CHANGES: u32 = 10;
/// The label that says which change it is.
const LABEL: &str = "change";
/// Streams of one connection.
const STREAMS: u32 = 50;

/// What watchers share.
#[derive(Debug)]
struct Shared {
    /// When each change was asked for.
    changes: Vec<OnceLock<Instant>>,
    synced: AtomicUsize,
    /// Changes that came to watchers.
    arrived: AtomicUsize,
    resets: AtomicUsize,
    ended: AtomicUsize,
}

pub(super) async fn run(suite: &mut Suite) -> Result<()> {
    let (watchers, watched) = (suite.options.watchers(), suite.options.watched());
    let bound = suite.options.bound();
    let world = World::start(&suite.options, watched, 0).await?;
    let steady = u32::try_from(suite.options.steady().as_secs())?;
    let shared = Arc::new(Shared::new((steady * CHANGES) as usize));
    let (stop, stopped) = watch::channel(false);

    let meter = Meter::start(world.plane.pid()?)?;
    let channels = connect(&world, watchers).await?;
    let all = watchers as usize;
    let began = Instant::now();
    let mut open = JoinSet::new();
    for channel in channels.iter().cycle().take(all) {
        open.spawn(follow(channel.clone(), Arc::clone(&shared), stopped.clone()));
    }
    let is_synced = || shared.synced.load(Ordering::Relaxed) >= all || shared.has_ended();
    let synced = until(bound, is_synced).await.map_err(anyhow::Error::from);
    if shared.has_ended() {
        while let Some(one) = open.join_next().await {
            one?.context("a watch")?;
        }
    }
    suite.figures.cost("watch: snapshots", meter.read()?);
    let value = outcome(synced.map(|at| (at - began).as_secs_f64()))?;
    suite.figure("watch_sync_s", value)?;

    let value = match value {
        Value::Number(_) => {
            let meter = Meter::start(world.plane.pid()?)?;
            let came = changes(&world, &shared, watched, all, bound).await;
            suite.figures.cost("watch: changes", meter.read()?);
            let _ = stop.send(true);
            let mut times = Vec::new();
            while let Some(one) = open.join_next().await {
                times.extend(one?.context("a watch")?);
            }
            outcome(came.map(|()| percentile(times, 0.99)))?
        }
        not => not,
    };
    suite.figure("watch_event_p99_ms", value)?;
    suite.figure("watch_resets", shared.resets.load(Ordering::Relaxed) as f64)
}

/// As many connections as the watches need.
async fn connect(world: &World, watchers: u32) -> Result<Vec<Channel>> {
    let mut channels = Vec::new();
    for _ in 0..watchers.div_ceil(STREAMS) {
        channels.push(world.plane.endpoint()?.connect().await?);
    }
    Ok(channels)
}

/// Changes connectors at a steady rate, and waits until each change came to everyone.
async fn changes(
    world: &World,
    shared: &Shared,
    watched: u32,
    watchers: usize,
    bound: Duration,
) -> Result<()> {
    let count = u32::try_from(shared.changes.len())?;
    open_loop(CHANGES, 0..count, bound, |change| {
        let asked = shared.changes[change as usize].set(Instant::now());
        debug_assert!(asked.is_ok(), "each change is made once");
        world.label(change % watched, LABEL, change.to_string())
    })
    .await?;
    let all = shared.changes.len() * watchers;
    let arrived = || shared.arrived.load(Ordering::Relaxed) >= all || shared.has_ended();
    until(bound, arrived).await?;
    Ok(())
}

/// Watches until it is stopped. Returns what each change took, in milliseconds.
async fn follow(
    channel: Channel,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    let ended = tokio::select! {
        ended = note(channel, &shared, &mut times) => ended,
        // Its sender is gone, too, when all is over.
        _ = stopped.wait_for(|stop| *stop) => Ok(()),
    };
    shared.ended.fetch_add(1, Ordering::Relaxed);
    ended.map(|()| times)
}

async fn note(channel: Channel, shared: &Shared, times: &mut Vec<f64>) -> Result<()> {
    let mut seen = vec![false; shared.changes.len()];
    let mut watcher = Watcher::open(channel, &names::instance(0)).await?;
    loop {
        match watcher.next().await? {
            Event::Upsert(connector) => {
                let Some(change) = connector.labels.get(LABEL) else { continue };
                let change: usize = change.parse()?;
                let asked = shared.changes.get(change).and_then(OnceLock::get);
                if let Some(asked) = asked.filter(|_| !seen[change]) {
                    seen[change] = true;
                    times.push(milliseconds(asked.elapsed()));
                    shared.arrived.fetch_add(1, Ordering::Relaxed);
                }
            }
            Event::Synced(()) => {
                shared.synced.fetch_add(1, Ordering::Relaxed);
            }
            Event::Reset(()) => {
                shared.resets.fetch_add(1, Ordering::Relaxed);
            }
            Event::Deleted(()) | Event::Heartbeat(()) => {}
        }
    }
}

impl Shared {
    fn new(changes: usize) -> Self {
        Self {
            changes: std::iter::repeat_with(OnceLock::new).take(changes).collect(),
            synced: AtomicUsize::new(0),
            arrived: AtomicUsize::new(0),
            resets: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
        }
    }

    /// Whether a watch has ended before it was stopped: nothing more is to be waited for.
    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed) > 0
    }
}
