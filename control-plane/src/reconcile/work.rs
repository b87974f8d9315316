//! What agents are doing for connectors: at most one thing each, and when to
//! try again.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::backoff;
use crate::store::connectors::ConnectorRecord;
use crate::supervision;

/// Something that an agent has to do for a connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Make ready for its tasks.
    Prepare,
    /// Remove its topics and groups.
    Remove,
}

/// A work ended.
#[derive(Debug)]
pub(super) struct End {
    name: String,
    uid: String,
    /// Nothing is left to do.
    complete: bool,
}

#[derive(Debug)]
struct Work {
    uid: String,
    kind: Kind,
    generation: u64,
    tries: u32,
    running: bool,
    due: Instant,
}

/// The works of all connectors, by name.
#[derive(Debug)]
pub(super) struct Works {
    works: HashMap<String, Work>,
    ended: mpsc::Sender<End>,
}

impl Works {
    pub(super) fn new(ended: mpsc::Sender<End>) -> Self {
        Self { works: HashMap::new(), ended }
    }

    /// Forgets those of connectors that are gone or need nothing any more.
    pub(super) fn keep(&mut self, connectors: &[Arc<ConnectorRecord>]) {
        self.works.retain(|name, work| {
            work.running
                || connectors.iter().any(|record| {
                    record.name() == name
                        && record.uid() == work.uid
                        && super::needed(record).is_some()
                })
        });
    }

    /// Whether an agent is doing something for the connector.
    pub(super) fn is_running(&self, name: &str) -> bool {
        self.works.get(name).is_some_and(|work| work.running)
    }

    /// Starts what `work` makes of the number of earlier tries, if it is due:
    /// nothing runs for the connector, and its pause is over or its intent
    /// has changed.
    pub(super) fn start<F>(
        &mut self,
        record: &ConnectorRecord,
        kind: Kind,
        work: impl FnOnce(u32) -> F,
    ) where
        F: Future<Output = bool> + Send + 'static,
    {
        let now = Instant::now();
        let generation = record.connector().generation;
        let fresh = || Work {
            uid: record.uid().to_owned(),
            kind,
            generation,
            tries: 0,
            running: false,
            due: now,
        };
        let entry = self.works.entry(record.name().to_owned()).or_insert_with(fresh);
        if entry.running {
            return;
        }
        if (entry.kind, entry.generation) != (kind, generation) || entry.uid != record.uid() {
            *entry = fresh();
        }
        if entry.due > now {
            return;
        }
        entry.running = true;
        let future = work(entry.tries);
        entry.tries = entry.tries.saturating_add(1);
        let (name, uid) = (record.name().to_owned(), record.uid().to_owned());
        let ended = self.ended.clone();
        tokio::spawn(async move {
            // A panic in it must not leave the connector with a work for ever.
            let work = supervision::contained("what an agent is to do", future);
            let complete = work.await.unwrap_or(false);
            // The loop is gone only when the process stops.
            let _ = ended.send(End { name, uid, complete }).await;
        });
    }

    /// Takes in that a work ended.
    pub(super) fn end(&mut self, end: End) {
        let End { name, uid, complete } = end;
        if let Some(work) = self.works.get_mut(&name)
            && work.uid == uid
        {
            work.running = false;
            work.due = Instant::now() + backoff::pause(work.tries);
            if complete {
                self.works.remove(&name);
            }
        }
    }

    /// When the next pause is over.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let now = Instant::now();
        // One that is due and was not started waits for an agent to come.
        self.works
            .values()
            .filter(|work| !work.running)
            .map(|work| work.due)
            .filter(|due| *due > now)
            .min()
    }
}
