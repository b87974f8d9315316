//! Intent and observation become actions: one loop over a queue of connectors
//! and agents about which something changed.
//!
//! A pass looks at those and at nothing else: the board of placement takes them
//! in and says which tasks are placed anew; the agents concerned get their
//! assignments; what a connector needs done by an agent (prepare before it
//! runs, remove resources after it is deleted) is started, at most one a
//! connector at a time, and repeated with back-off until nothing is wrong. What
//! is done depends on what is now, not on what happened: to look once too often
//! changes nothing.

mod assignment;
mod backoff;
pub(crate) mod cluster;
mod inbox;
mod lanes;
pub(crate) mod leases;
mod means;
mod place;
pub(crate) mod prepare;
mod publish;
mod queue;
pub(crate) mod rebalance;
mod remove;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use kafka2oss_proto::v1;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::known::Known;
use crate::known::deletion::{self, Next};
use crate::model::placement::Board;
use crate::store::StoreError;
use crate::store::connectors::ConnectorRecord;
pub(crate) use inbox::Inbox;
pub(crate) use means::Means;
use publish::Wholes;
use queue::Dirty;
pub(crate) use remove::finish_deletion;
use work::{End, Kind, Works};

/// How often what is too old is swept out.
const SWEEP: Duration = Duration::from_secs(60 * 60);
/// Of these, so many in one write: a write is as large as what it removes.
const SWEPT_AT_ONCE: usize = 64;
/// How often everything is looked at, whatever was said of it.
const SAFETY_NET: Duration = Duration::from_secs(10 * 60);
/// An agent that has been gone this long is forgotten.
const AGENT_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Pause after the store refused a write.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// Ends of works that wait for the loop.
const ENDED: usize = 256;

/// Reconciles until the process stops.
pub(crate) async fn run(means: Arc<Means>) {
    let (ended, mut ends) = mpsc::channel(ENDED);
    let mut reconciler = Reconciler::new(Arc::clone(&means), ended);
    let mut ended_works = Vec::new();
    loop {
        let wake_at = reconciler.turn().await;
        tokio::select! {
            biased;
            () = means.stop.cancelled() => return,
            () = means.inbox.queue.woken() => {}
            _ = ends.recv_many(&mut ended_works, ENDED) => {
                for end in ended_works.drain(..) {
                    reconciler.end(end);
                }
            }
            () = tokio::time::sleep_until(wake_at) => {}
        }
    }
}

/// The reconciler's loop, turn by turn.
#[derive(Debug)]
pub(crate) struct Reconciler {
    means: Arc<Means>,
    board: Board,
    works: Works,
    wholes: Wholes,
    /// When a lease may run out, paced moves go on, what is old is swept, and
    /// everything is looked at.
    leases_at: Instant,
    moves_at: Option<Instant>,
    sweep_at: Instant,
    look_at_all: Instant,
}

impl Reconciler {
    /// Over what an earlier process left: nothing of it moves.
    fn new(means: Arc<Means>, ended: mpsc::Sender<End>) -> Self {
        let board = place::restored(&means.known, means.rebalance);
        let now = Instant::now();
        Self {
            means,
            board,
            works: Works::new(ended),
            wholes: Wholes::default(),
            leases_at: now,
            moves_at: None,
            sweep_at: now,
            look_at_all: now,
        }
    }

    /// Does what can be done now. Returns when there may be more to do.
    pub(crate) async fn turn(&mut self) -> Instant {
        let now = Instant::now();
        if self.sweep_at <= now {
            self.sweep().await;
            self.sweep_at = now + SWEEP;
        }
        if self.look_at_all <= now {
            self.look_at_all = now + SAFETY_NET;
            let connectors = self.means.known.catalog.connectors();
            self.means.inbox.queue.connectors(connectors.iter().map(|one| one.name().to_owned()));
        }
        if self.leases_at <= now {
            if let Err(error) = leases::expire(&self.means.known, &self.means.inbox).await {
                return not_stored(&error);
            }
            self.leases_at =
                self.means.known.fleet.next_expiry().unwrap_or(now + self.means.known.lease);
        }
        let dirty = self.means.inbox.queue.take();
        if let Err(error) = self.pass(&dirty).await {
            // The board takes what it said for done.
            self.board = place::restored(&self.means.known, self.means.rebalance);
            self.means.inbox.queue.put_back(dirty);
            return not_stored(&error);
        }
        self.works.start_due(&self.means);
        [Some(self.leases_at), self.moves_at, Some(self.sweep_at), Some(self.look_at_all)]
            .into_iter()
            .chain([self.works.next_due()])
            .flatten()
            .min()
            .unwrap_or(self.sweep_at)
    }

    /// One that is not told how works end: none is to be started.
    #[cfg(feature = "pieces")]
    pub(crate) fn without_works(means: Arc<Means>) -> Self {
        Self::new(means, mpsc::channel(1).0)
    }

    /// Takes turns until it was told of nothing more.
    #[cfg(feature = "pieces")]
    pub(crate) async fn run_dry(&mut self) {
        self.turn().await;
        while !self.means.inbox.queue.is_empty() {
            self.turn().await;
        }
    }

    async fn pass(&mut self, dirty: &Dirty) -> Result<(), StoreError> {
        for id in &dirty.agents {
            place::take_agent(&self.means.known, &mut self.board, id);
        }
        let names = dirty.connectors.iter().cloned();
        let mut touched: BTreeMap<String, Vec<String>> =
            names.map(|name| (name, Vec::new())).collect();
        let mut deleted = Vec::new();
        for name in &dirty.connectors {
            let record = self.means.known.catalog.connector(name);
            place::take_connector(&mut self.board, name, record.as_deref());
            deleted.extend(record.filter(|record| is_deleted(record)));
        }
        // At once: they share syncs of the disk.
        try_join_all(deleted.iter().map(|record| remove::stop_tasks(&self.means, record))).await?;
        let settled = self.board.settle(Instant::now().into_std());
        self.moves_at = settled.next.map(Instant::from_std);
        touched.extend(place::store(&self.means, settled.changed).await?);
        if self.means.inbox.rebalances.answer(&mut self.board) {
            self.moves_at = Some(Instant::now());
        }

        for (name, had) in &touched {
            publish::connector(&self.means.known, &mut self.wholes, name, had);
        }
        for id in &dirty.agents {
            publish::agent(&self.means.known, &mut self.wholes, id);
        }
        let finished: Vec<_> =
            dirty.connectors.iter().filter_map(|name| self.look_after(name)).collect();
        try_join_all(finished.iter().map(|record| remove::finish(&self.means, record))).await?;
        finished.iter().for_each(|record| self.works.forget(record.name()));
        Ok(())
    }

    /// Has done what a connector needs. Returns one of which nothing is left.
    fn look_after(&mut self, name: &str) -> Option<Arc<ConnectorRecord>> {
        let Some(record) = self.means.known.catalog.connector(name) else {
            self.works.forget(name);
            return None;
        };
        match needed(&record) {
            Some(Kind::Prepare) => self.works.want(&record, Kind::Prepare),
            // A preparation under way may still make topics.
            Some(Kind::Remove) if self.works.is_running(name) => {}
            Some(Kind::Remove) => match deletion::next(&self.means.known, &record) {
                // Whom it waits for may have changed.
                Next::Wait => self.means.observed.board.touch(name),
                Next::Finish => return Some(record),
                Next::Remove(_) => {
                    self.means.observed.board.touch(name);
                    self.works.want(&record, Kind::Remove);
                }
            },
            None => self.works.forget(name),
        }
        None
    }

    /// Takes in that a work ended.
    fn end(&mut self, end: End) {
        self.means.inbox.connector(end.name());
        self.works.end(end);
    }

    async fn sweep(&self) {
        if let Err(error) = leases::forget(&self.means.known, &self.means.inbox, AGENT_KEPT).await {
            tracing::error!(%error, "could not forget agents that are long gone");
        }
        let changes = self.means.known.catalog.expired_request_ids();
        for some in changes.chunks(SWEPT_AT_ONCE) {
            if let Err(error) = self.means.known.catalog.apply(some.to_vec()).await {
                tracing::error!(%error, "could not remove what is too old");
                return;
            }
        }
    }
}

fn not_stored(error: &StoreError) -> Instant {
    tracing::error!(%error, "could not store what was decided");
    Instant::now() + STORE_PAUSE
}

fn is_deleted(record: &ConnectorRecord) -> bool {
    record.connector().desired_state() == v1::DesiredState::Deleted
}

/// What an agent has to do for a connector, if anything.
fn needed(record: &ConnectorRecord) -> Option<Kind> {
    match record.connector().desired_state() {
        // Also while paused: its start is to be fixed as soon as it can be.
        v1::DesiredState::Running | v1::DesiredState::Paused => {
            (!record.is_prepared()).then_some(Kind::Prepare)
        }
        v1::DesiredState::Deleted => Some(Kind::Remove),
        v1::DesiredState::Created | v1::DesiredState::Unspecified => None,
    }
}

/// The connector's spec as one agent may see it.
pub(crate) fn spec_for(known: &Known, record: &ConnectorRecord, agent: &str) -> v1::ConnectorSpec {
    let mut spec = record.spec().clone();
    if known.fleet.takes_plain_secrets(agent) {
        known.secrets.restore(record.uid(), record.connector().generation, &mut spec);
    }
    spec
}
