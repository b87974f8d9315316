//! What the parts share: the durable state, the fleet, and what is told to
//! those who watch.

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_proto::v1;
use tokio_util::sync::CancellationToken;

use crate::api::Repeats;
use crate::catalog::{Catalog, Change};
use crate::clock;
use crate::fleet::Fleet;
use crate::journal::{Journal, Line};
use crate::model::placement::Rebalance;
use crate::observe::{Board, Tapes};
use crate::reconcile::queue::Queue;
use crate::reconcile::rebalance::Requests;
use crate::reconcile::remove;
use crate::secrets::{Digests, InlineSecrets};
use crate::session::lessons::LessonQueue;
use crate::store::StoreError;
use crate::store::agents::AgentRecord;
use crate::store::connectors::ConnectorRecord;
use crate::supervision::Supervision;

/// Settings that more than one part needs.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// An agent that is not heard of for this long loses its tasks.
    pub(crate) lease: Duration,
    /// How often agents should be heard of.
    pub(crate) heartbeat: Duration,
    /// How pools are evened out.
    pub(crate) rebalance: Rebalance,
    /// Values that thread_concurrency may have.
    pub(crate) allowed_concurrency: Vec<u32>,
}

/// One control plane.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) settings: Settings,
    pub(crate) catalog: Catalog,
    pub(crate) fleet: Fleet,
    pub(crate) secrets: InlineSecrets,
    /// Of the secrets in requests that may be repeated.
    pub(crate) digests: Digests,
    /// What test messages were that may be repeated.
    pub(crate) test_messages: Repeats,
    pub(crate) statuses: Arc<Board>,
    pub(crate) logs: Tapes<Arc<v1::LogEntry>>,
    pub(crate) dead_letters: Tapes<Arc<v1::DeadLetter>>,
    /// Keeps these two on disk.
    pub(crate) journal: OnceLock<Journal>,
    /// Ends every stream and every loop.
    pub(crate) stop: CancellationToken,
    /// Watches every loop.
    pub(crate) supervision: Supervision,
    /// What the reconciler is to look at.
    pub(crate) queue: Queue,
    /// Pools that it is asked to even out.
    pub(crate) rebalances: Requests,
    /// What reports teach, and is to be stored.
    pub(crate) lessons: LessonQueue,
}

impl Core {
    /// Over what an earlier process left in `catalog`.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(crate) fn new(settings: Settings, catalog: Catalog) -> anyhow::Result<Self> {
        let known = catalog.agents().into_iter();
        let known = known.map(|(id, record)| (id, AgentRecord::clone(&record))).collect();
        let fleet = Fleet::new(settings.lease, known);
        let stop = CancellationToken::new();
        Ok(Self {
            settings,
            fleet,
            catalog,
            secrets: InlineSecrets::default(),
            digests: Digests::draw()?,
            test_messages: Repeats::default(),
            statuses: Arc::default(),
            logs: Tapes::default(),
            dead_letters: Tapes::default(),
            journal: OnceLock::new(),
            supervision: Supervision::new(stop.clone()),
            stop,
            queue: Queue::default(),
            rebalances: Requests::default(),
            lessons: LessonQueue::default(),
        })
    }

    /// Takes back the lines of connectors that are still there, and has new ones kept, in
    /// `folder` up to `most` bytes. Without it they are in memory only. Blocks.
    pub(crate) fn keep_logs(&self, folder: &Path, most: u64) -> io::Result<()> {
        let journal = Journal::open(folder, most, |line| {
            let Line { uid, lost, log, dead_letter } = line;
            if self.catalog.connector_of_uid(&uid).is_none() {
                return;
            }
            if let Some(entry) = log {
                self.logs.of(&uid).push(Arc::new(entry), lost);
            }
            if let Some(letter) = dead_letter {
                self.dead_letters.of(&uid).push(Arc::new(letter), lost);
            }
        })?;
        self.logs.keep_by(Arc::new(journal.clone()));
        self.dead_letters.keep_by(Arc::new(journal.clone()));
        // It is called once.
        let _ = self.journal.set(journal);
        Ok(())
    }

    /// Has deletions looked at that wait for what an agent just said.
    pub(crate) fn reconcile_deletions(&self, agent: &str) {
        let waiting = self.catalog.deletions_on(agent);
        if !waiting.is_empty() {
            self.queue.connectors(waiting);
        }
    }

    /// Has those of them looked at that go on, or are late, by what an agent has just said.
    pub(crate) fn reconcile_deletions_after(&self, agent: &str) {
        let mut waiting = self.catalog.deletions_on(agent);
        waiting.retain(|name| {
            let record = self.catalog.connector(name);
            record.is_some_and(|record| remove::may_go_on(self, &record, agent))
        });
        if !waiting.is_empty() {
            self.queue.connectors(waiting);
        }
    }

    /// Something about the status of these connectors may have changed.
    pub(crate) fn touch_all(&self, names: &[String]) {
        for name in names {
            self.statuses.touch(name);
        }
    }

    /// An agent came, went or changed: so may what its connectors show, and
    /// where tasks belong.
    pub(crate) fn agent_changed(&self, id: &str) {
        let here = self.catalog.connectors_on(id);
        self.touch_all(&here);
        self.queue.agent(id);
        // All connectors of a pool wait for its first agent, and for its last.
        for pool in self.fleet.take_changed_pools() {
            let all = self.catalog.connectors_of_pool(&pool);
            self.touch_all(&all);
            self.queue.connectors(all);
        }
        // Deletions that wait for it.
        self.reconcile_deletions(id);
    }

    /// Stores what is to be known of an agent after a restart.
    pub(crate) async fn remember_agent(
        &self,
        id: &str,
        record: AgentRecord,
    ) -> Result<(), StoreError> {
        self.catalog.apply(vec![Change::Agent(id.to_owned(), Some(Arc::new(record)))]).await
    }

    /// A connector was written: shows it as it is now to those who watch.
    pub(crate) fn changed(&self, record: &ConnectorRecord) {
        self.statuses.refresh(self, record);
        self.queue.connector(record.name());
    }

    /// The connector as the API shows it, with its status as it is now.
    pub(crate) fn shown(&self, record: &ConnectorRecord, partitions: bool) -> v1::Connector {
        let mut connector = record.connector().clone();
        let mut status = self.statuses.current(self, record);
        if !partitions {
            status.partitions.clear();
        }
        connector.status = Some(status);
        kafka2oss_proto::spec::redact(&mut connector);
        connector
    }

    /// Removes a connector for good and tells those who watch. The caller
    /// holds its lock.
    pub(crate) async fn finish_deletion(&self, record: &ConnectorRecord) -> Result<(), StoreError> {
        let (name, uid) = (record.name().to_owned(), record.uid().to_owned());
        if self.catalog.connector(&name).is_none_or(|current| current.uid() != uid) {
            return Ok(());
        }
        let gone =
            vec![Change::Connector(name.clone(), None), Change::Placement(name.clone(), None)];
        self.catalog.apply(gone).await?;
        self.secrets.forget(&uid);
        self.fleet.forget_removals(&uid);
        self.logs.forget(&uid);
        self.dead_letters.forget(&uid);
        self.statuses.remove(&name, &uid);
        tracing::info!(connector = name, uid, "connector is gone");
        Ok(())
    }

    /// Adds a line to a connector's log, by the control plane.
    pub(crate) fn log(
        &self,
        record: &ConnectorRecord,
        severity: v1::LogSeverity,
        code: Option<ErrorCode>,
        message: impl Into<String>,
    ) {
        let entry = v1::LogEntry {
            time: Some(clock::now()),
            severity: severity.into(),
            connector: record.name().to_owned(),
            error_code: code.map(|code| code.as_str().to_owned()).unwrap_or_default(),
            message: message.into(),
            ..v1::LogEntry::default()
        };
        self.logs.of(record.uid()).push(Arc::new(entry), 0);
    }
}
