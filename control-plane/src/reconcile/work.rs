//! What agents are doing for connectors: at most one thing each, when to try
//! again, and how many at once.
//!
//! A work that is due waits for its instance's window, so that one Kafka is not
//! asked for thousands of topics at once, and for an agent of its pool with
//! room in its own window.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::lanes::{Lane, Lanes};
use super::means::Means;
use super::{backoff, prepare, remove};
use crate::store::connectors::ConnectorRecord;
use crate::{supervision, tasks};

/// Commands that one agent has under way when it gets another one at most.
const AGENT_WINDOW: usize = 16;
/// When every agent of a pool has as much to do as it may, it is looked again
/// after this time, if no work ended before.
const BUSY_PAUSE: Duration = Duration::from_millis(200);
/// Works of busy pools that are passed over at once, in one instance: as many
/// of its window.
const ASIDE: usize = 32;

/// Something that an agent has to do for a connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Make ready for its tasks.
    Prepare,
    /// Remove its topics and groups.
    Remove,
}

/// A try. Returns whether nothing is left to do.
pub(super) type Try = Pin<Box<dyn Future<Output = bool> + Send>>;

/// A work ended.
#[derive(Debug)]
pub(super) struct End {
    name: String,
    uid: String,
    lane: Lane,
    /// Nothing is left to do.
    complete: bool,
}

impl End {
    /// The connector's full name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its pause ends then.
    Later(Instant),
    /// It waits for a window.
    Ready,
    /// An agent does it.
    Running,
    /// No agent of the pool is there: one that comes has the connector looked
    /// at again.
    Parked,
}

#[derive(Debug)]
struct Work {
    uid: String,
    kind: Kind,
    generation: i64,
    tries: u32,
    stage: Stage,
}

/// The works of all connectors, by name.
#[derive(Debug)]
pub(super) struct Works {
    works: HashMap<String, Work>,
    /// Those whose pause ends, by when.
    later: BTreeSet<(Instant, String)>,
    /// Those that are due or under way, by instance.
    lanes: BTreeMap<String, Lanes>,
    /// The agents of some pool were busy.
    busy_until: Option<Instant>,
    ended: mpsc::Sender<End>,
}

impl Works {
    pub(super) fn new(ended: mpsc::Sender<End>) -> Self {
        Self {
            works: HashMap::new(),
            later: BTreeSet::new(),
            lanes: BTreeMap::new(),
            busy_until: None,
            ended,
        }
    }

    /// The connector needs something done. What was tried for the same intent
    /// waits out its pause.
    pub(super) fn want(&mut self, record: &ConnectorRecord, kind: Kind) {
        let (name, generation) = (record.name(), record.connector().generation);
        if let Some(known) = self.works.get_mut(name) {
            let same =
                known.kind == kind && known.generation == generation && known.uid == record.uid();
            match known.stage {
                Stage::Running => return,
                Stage::Ready => {
                    // It has its turn already, whatever it is by then.
                    if !same {
                        (known.kind, known.generation, known.tries) = (kind, generation, 0);
                        record.uid().clone_into(&mut known.uid);
                    }
                    return;
                }
                Stage::Later(_) if same => return,
                Stage::Later(_) => self.forget(name),
                Stage::Parked if same => {
                    known.stage = Stage::Ready;
                    self.make_ready(name);
                    return;
                }
                Stage::Parked => {}
            }
        }
        let uid = record.uid().to_owned();
        let work = Work { uid, kind, generation, tries: 0, stage: Stage::Ready };
        self.works.insert(name.to_owned(), work);
        self.make_ready(name);
    }

    /// The connector is gone or needs nothing any more. What is under way ends
    /// by itself.
    pub(super) fn forget(&mut self, name: &str) {
        match self.works.get(name).map(|work| work.stage) {
            None | Some(Stage::Running) => return,
            Some(Stage::Later(at)) => {
                self.later.remove(&(at, name.to_owned()));
            }
            // Its turn finds nothing.
            Some(Stage::Ready | Stage::Parked) => {}
        }
        self.works.remove(name);
    }

    /// Whether an agent is doing something for the connector.
    pub(super) fn is_running(&self, name: &str) -> bool {
        self.works.get(name).is_some_and(|work| work.stage == Stage::Running)
    }

    /// Takes in that a work ended.
    pub(super) fn end(&mut self, end: End) {
        let End { name, uid, lane, complete } = end;
        self.busy_until = None;
        self.leave(instance_of(&name), lane);
        let Some(work) = self.works.get_mut(&name) else { return };
        if complete || work.uid != uid {
            self.works.remove(&name);
            return;
        }
        let due = Instant::now() + backoff::pause(work.tries);
        work.stage = Stage::Later(due);
        self.later.insert((due, name));
    }

    /// Starts what is due and has room.
    pub(super) fn start_due(&mut self, means: &Arc<Means>) {
        let now = Instant::now();
        while let Some((at, _)) = self.later.first()
            && *at <= now
        {
            let Some((_, name)) = self.later.pop_first() else { break };
            if let Some(work) = self.works.get_mut(&name) {
                work.stage = Stage::Ready;
                self.make_ready(&name);
            }
        }
        self.busy_until = None;
        let instances: Vec<_> = self.lanes.keys().cloned().collect();
        for instance in instances {
            self.start_of(means, &instance, now);
        }
    }

    /// When there is something to start.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let later = self.later.first().map(|(at, _)| *at);
        later.into_iter().chain(self.busy_until).min()
    }

    fn start_of(&mut self, means: &Arc<Means>, instance: &str, now: Instant) {
        let mut busy = HashSet::new();
        let mut aside = Vec::new();
        while aside.len() < ASIDE
            && let Some((name, lane)) = self.lanes.get_mut(instance).and_then(Lanes::start)
        {
            let Some(work) = self.works.get_mut(&name).filter(|work| work.stage == Stage::Ready)
            else {
                self.leave(instance, lane);
                continue;
            };
            let record = means.known.catalog.connector(&name);
            let record = record.filter(|record| {
                record.uid() == work.uid && super::needed(record) == Some(work.kind)
            });
            let Some(record) = record else {
                self.works.remove(&name);
                self.leave(instance, lane);
                // It may need something else by now.
                means.inbox.connector(&name);
                continue;
            };
            let pool = record.pool();
            if means.known.fleet.connected(&pool) == 0 {
                work.stage = Stage::Parked;
                self.leave(instance, lane);
                continue;
            }
            let agent = match busy.contains(&pool) {
                true => None,
                false => means.known.fleet.least_busy(&pool, AGENT_WINDOW),
            };
            let Some(agent) = agent else {
                // Others behind it may be of a pool that has room.
                busy.insert(pool);
                aside.push((name, lane));
                self.busy_until = Some(now + BUSY_PAUSE);
                continue;
            };
            work.stage = Stage::Running;
            work.tries = work.tries.saturating_add(1);
            let (kind, uid) = (work.kind, work.uid.clone());
            let one: Try = match kind {
                Kind::Prepare => Box::pin(prepare::prepare(Arc::clone(means), record, agent)),
                Kind::Remove => Box::pin(remove::remove(Arc::clone(means), record, agent)),
            };
            let ended = self.ended.clone();
            tasks::spawn(async move {
                // A panic in it must not leave the connector with a work for ever.
                let work = supervision::contained("what an agent is to do", one);
                let complete = work.await.unwrap_or(false);
                // The loop is gone only when the process stops.
                let _ = ended.send(End { name, uid, lane, complete }).await;
            });
        }
        // In front, in their order.
        for (name, lane) in aside.into_iter().rev() {
            if let Some(lanes) = self.lanes.get_mut(instance) {
                lanes.give_back(name, lane);
            }
        }
    }

    fn make_ready(&mut self, name: &str) {
        let tries = self.works.get(name).map_or(0, |work| work.tries);
        let lane = if tries == 0 { Lane::First } else { Lane::Further };
        self.lanes.entry(instance_of(name).to_owned()).or_default().push(name.to_owned(), lane);
    }

    /// What was started is not under way any more.
    fn leave(&mut self, instance: &str, lane: Lane) {
        if let Some(lanes) = self.lanes.get_mut(instance) {
            lanes.end(lane);
            if lanes.is_empty() {
                self.lanes.remove(instance);
            }
        }
    }
}

/// `instances/{instance_id}` of a connector's name.
fn instance_of(connector: &str) -> &str {
    connector.split_once("/connectors/").map_or(connector, |(instance, _)| instance)
}
