//! Starting, steering and stopping a task.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka2oss_proto::names::{AgentName, ConnectorName};
use kafka2oss_proto::spec::{ConnectorSpec, Instance};
use kafka2oss_sink::ObjectStore;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::board::Board;
use super::session::Steering;
use super::{Snapshot, actor};
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
    /// Runtime of the partitions' loops, apart from the control runtime.
    pub data_runtime: tokio::runtime::Handle,
}

/// How a task is a member of its consumer group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// Whether it is a static member (`group.instance.id`); off on the
    /// embedded Kafka, which does not know them.
    pub is_static: bool,
    /// Kafka's `session.timeout.ms`: a member that is not heard of for this
    /// long is out of the group; a static one that is back within it keeps its
    /// partitions.
    pub session_timeout: Duration,
}

impl Default for Membership {
    fn default() -> Self {
        Self { is_static: true, session_timeout: Duration::from_secs(10) }
    }
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
    mode: watch::Sender<Mode>,
    stop: watch::Sender<Option<StopMode>>,
    actor: AbortOnDropHandle<()>,
}

/// Starts a task, on the runtime that this is called on. Never fails: what
/// goes wrong shows in the snapshot and is tried again.
pub fn spawn(spec: TaskSpec, environment: TaskEnvironment, mode: Mode) -> TaskHandle {
    let spec = Arc::new(spec);
    let (board, snapshot) = Board::new(spec.clone(), environment.reporter.clone());
    let (mode, mode_receiver) = watch::channel(mode);
    let (stop, stop_receiver) = watch::channel(None);
    let steering = Steering { mode: mode_receiver, stop: stop_receiver };
    let actor = tokio::spawn(actor::run(spec, environment, board, steering));
    TaskHandle { snapshot, mode, stop, actor: AbortOnDropHandle::new(actor) }
}

impl TaskHandle {
    /// What can be seen of the task, as it changes.
    pub fn snapshot(&self) -> watch::Receiver<Snapshot> {
        self.snapshot.clone()
    }

    /// Changes what the task should do; returns at once.
    pub fn set_mode(&self, mode: Mode) {
        self.mode.send_replace(mode);
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
