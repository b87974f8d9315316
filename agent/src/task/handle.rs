//! Starting, steering and stopping a task.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kafka2oss_chain::Keys;
use kafka2oss_domain::names::{AgentName, ConnectorName};
use kafka2oss_domain::spec::{ConnectorSpec, Instance};
use kafka2oss_kafka::{BrokerAdmin, InternalTopics, PerInstance};
use kafka2oss_memory::ConnectorMemory;
use kafka2oss_sink::ObjectStore;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::board::Board;
use super::confirmation::Confirmations;
use super::session::Steering;
use super::{Flushes, Snapshot, actor};
use crate::report::Reporter;

/// What a task runs, fixed for its life.
#[derive(Debug, Clone)]
pub struct TaskSpec {
    /// The connector.
    pub connector: ConnectorName,
    /// The connector's uid.
    pub uid: String,
    /// 0 to spread - 1.
    pub index: u32,
    /// Partitions that it drains at once.
    pub threads: u32,
    /// What the connector does. The destination's credentials in it are not
    /// used: they come with [`TaskEnvironment::store`].
    pub spec: Arc<ConnectorSpec>,
    /// The instance that it reads from.
    pub instance: Arc<Instance>,
    /// Number of the epoch.
    pub epoch: u64,
    /// Kafka's id of the topic; empty where brokers have none.
    pub topic_id: String,
    /// Where the chain of each partition starts; one that is not here was
    /// added later and starts at its beginning.
    pub start_offsets: BTreeMap<i32, i64>,
    /// Under which keys objects are put: [`Keys::Own`] unless the store is known to
    /// refuse a put whose key is taken.
    pub keys: Keys,
}

/// What a task needs of its agent.
#[derive(Clone)]
pub struct TaskEnvironment {
    /// The agent.
    pub agent: AgentName,
    /// The connector's store; replaced when its credentials change.
    pub store: watch::Receiver<ObjectStore>,
    /// Where log lines and dead-letter events go.
    pub reporter: Reporter,
    /// How the task is a member of its group.
    pub membership: Membership,
    /// Asks the control plane whether the task is still this agent's.
    pub confirmations: Confirmations,
    /// Clients of Kafka that tasks share.
    pub clients: Clients,
    /// Who waits until partitions are flushed.
    pub flushes: Flushes,
    /// The memory that the connector's tasks may use.
    pub memory: ConnectorMemory,
    /// Runtime of the partitions' loops, apart from the control runtime.
    pub data_runtime: tokio::runtime::Handle,
}

/// Clients of Kafka that tasks share: all but their consumers.
#[derive(Debug, Clone, Default)]
pub struct Clients {
    /// For internal topics.
    pub internal_topics: PerInstance<InternalTopics>,
    /// For what is asked of brokers.
    pub admins: PerInstance<BrokerAdmin>,
}

/// How tasks are members of their consumer groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// Static members (`group.instance.id`): one that is back within the
    /// session timeout keeps its partitions, and fences the one left behind.
    Static,
    /// Members by member id only, for the embedded Kafka, which does not know
    /// the others. Nothing fences a member that was left behind.
    Dynamic {
        /// In place of the connector's: the embedded Kafka's rebalances take
        /// nearly as long as it.
        session_timeout: Duration,
    },
}

/// What a task should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Take records.
    Run,
    /// Close and commit what is open, keep the partitions, take no record.
    /// Going from `Pause` to `Run` retries partitions that had stopped.
    Pause,
}

/// What a task is told while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guidance {
    /// What it should do.
    pub mode: Mode,
    /// Partitions of which the control plane has seen a commit in this epoch.
    pub commits_seen: CommitsSeen,
    /// Decisions about partitions that have stopped.
    pub resumes: BTreeMap<i32, Resume>,
}

impl Guidance {
    /// Nothing but a mode, for a task of an epoch of which no commit was seen.
    pub fn of_mode(mode: Mode) -> Self {
        let commits_seen = CommitsSeen::Of(BTreeSet::new());
        Self { mode, commits_seen, resumes: BTreeMap::new() }
    }
}

/// Partitions of which a commit in this epoch was seen: one of these that the
/// group holds no offset for has lost it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitsSeen {
    /// Nobody can tell: any may have been committed.
    Unknown,
    /// These, as the live stream says.
    Of(BTreeSet<i32>),
}

impl CommitsSeen {
    /// Whether a commit of the partition may have been made.
    pub fn may_have(&self, partition: i32) -> bool {
        match self {
            Self::Unknown => true,
            Self::Of(partitions) => partitions.contains(&partition),
        }
    }
}

/// A decision about a partition that has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resume {
    /// Rises with each decision: a task carries each out once.
    pub number: u64,
    /// The record to leave out; `None` is a retry.
    pub skip: Option<i64>,
}

/// What becomes of the group membership when a task stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// The static member stays in the group until its session times out, for
    /// a restart that moves nothing.
    KeepMembership,
    /// The member leaves, so that others take its partitions at once.
    Leave,
}

/// A running task. Dropping it ends the task at once, with nothing delivered.
pub struct TaskHandle {
    snapshot: watch::Receiver<Snapshot>,
    guidance: watch::Sender<Guidance>,
    stop: watch::Sender<Option<StopMode>>,
    /// Closed when the actor has ended.
    life: watch::Receiver<()>,
    actor: AbortOnDropHandle<()>,
}

/// Starts a task, on the runtime that this is called on. Never fails: what
/// goes wrong shows in the snapshot and is tried again.
pub fn spawn(spec: TaskSpec, environment: TaskEnvironment, guidance: Guidance) -> TaskHandle {
    let spec = Arc::new(spec);
    let (reporter, flushes) = (environment.reporter.clone(), environment.flushes.clone());
    let (board, snapshot) = Board::new(spec.clone(), reporter, flushes);
    let (guidance, guidance_receiver) = watch::channel(guidance);
    let (stop, stop_receiver) = watch::channel(None);
    let steering = Steering { guidance: guidance_receiver, stop: stop_receiver };
    let (lives, life) = watch::channel(());
    let actor = tokio::spawn(async move {
        // Dropped with it, whatever becomes of it and whoever else holds the board.
        let _lives = lives;
        actor::run(spec, environment, board, steering).await;
    });
    TaskHandle { snapshot, guidance, stop, life, actor: AbortOnDropHandle::new(actor) }
}

impl TaskHandle {
    /// What can be seen of the task, as it changes.
    pub fn snapshot(&self) -> watch::Receiver<Snapshot> {
        self.snapshot.clone()
    }

    /// Returns when the task has ended, whether it was told to or not.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut life = self.life.clone();
        async move { while life.changed().await.is_ok() {} }
    }

    /// Changes what the task is told; returns at once.
    pub fn guide(&self, guidance: Guidance) {
        self.guidance.send_if_modified(|current| {
            let news = *current != guidance;
            *current = guidance;
            news
        });
    }

    /// Closes and commits what is open, within a deadline of its own, and
    /// ends the task. When it returns nothing of the task runs any more.
    pub async fn stop(self, mode: StopMode) {
        self.stop.send_replace(Some(mode));
        if let Err(error) = self.actor.await {
            tracing::error!(%error, "a task ended without being stopped");
        }
    }
}
