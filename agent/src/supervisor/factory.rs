//! Where tasks come from: an interface, so that the supervisor and the stream
//! are tested without Kafka.

use async_trait::async_trait;
use kafka2oss_proto::names::AgentName;
use kafka2oss_sink::ObjectStore;
use tokio::sync::watch;

use crate::report::Reporter;
use crate::task::{
    self, Membership, Mode, Snapshot, StopMode, TaskEnvironment, TaskHandle, TaskSpec,
};

/// Starts tasks.
pub(crate) trait TaskFactory: Send + Sync + 'static {
    /// Starts a task; what goes wrong shows in its snapshot.
    fn spawn(
        &self,
        spec: TaskSpec,
        store: watch::Receiver<ObjectStore>,
        mode: Mode,
    ) -> Box<dyn Task>;
}

/// A running task.
#[async_trait]
pub(crate) trait Task: Send + 'static {
    /// What can be seen of it, as it changes.
    fn snapshot(&self) -> watch::Receiver<Snapshot>;
    /// Changes what it should do.
    fn set_mode(&self, mode: Mode);
    /// Ends it; when this returns nothing of it runs any more.
    async fn stop(self: Box<Self>, mode: StopMode);
}

/// Starts the tasks of this crate.
#[derive(Debug)]
pub(crate) struct KafkaTasks {
    pub(crate) agent: AgentName,
    pub(crate) reporter: Reporter,
    pub(crate) membership: Membership,
    pub(crate) data_runtime: tokio::runtime::Handle,
}

impl TaskFactory for KafkaTasks {
    fn spawn(
        &self,
        spec: TaskSpec,
        store: watch::Receiver<ObjectStore>,
        mode: Mode,
    ) -> Box<dyn Task> {
        let environment = TaskEnvironment {
            agent: self.agent.clone(),
            store,
            reporter: self.reporter.clone(),
            membership: self.membership,
            data_runtime: self.data_runtime.clone(),
        };
        Box::new(task::spawn(spec, environment, mode))
    }
}

#[async_trait]
impl Task for TaskHandle {
    fn snapshot(&self) -> watch::Receiver<Snapshot> {
        TaskHandle::snapshot(self)
    }

    fn set_mode(&self, mode: Mode) {
        TaskHandle::set_mode(self, mode);
    }

    async fn stop(self: Box<Self>, mode: StopMode) {
        TaskHandle::stop(*self, mode).await;
    }
}
