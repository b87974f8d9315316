//! Where tasks come from: an interface, so that the supervisor and the stream
//! are tested without Kafka.

use async_trait::async_trait;
use futures::future::BoxFuture;
use kafka2oss_domain::names::AgentName;
use kafka2oss_memory::MemoryBudget;
use kafka2oss_sink::ObjectStore;
use tokio::sync::watch;

use crate::internal_topics;
use crate::report::Reporter;
use crate::supervision;
use crate::task::{
    self, Clients, Confirmations, Flushes, Guidance, Membership, Snapshot, StopMode,
    TaskEnvironment, TaskHandle, TaskSpec,
};

/// Starts tasks.
pub(crate) trait TaskFactory: Send + Sync + 'static {
    /// Starts a task; what goes wrong shows in its snapshot.
    fn spawn(
        &self,
        spec: TaskSpec,
        store: watch::Receiver<ObjectStore>,
        guidance: Guidance,
    ) -> Box<dyn Task>;
}

/// A running task.
#[async_trait]
pub(crate) trait Task: Send + 'static {
    /// What can be seen of it, as it changes.
    fn snapshot(&self) -> watch::Receiver<Snapshot>;
    /// Returns when nothing of it runs any more, whether it was told to stop or not.
    fn ended(&self) -> BoxFuture<'static, ()>;
    /// Changes what it is told.
    fn guide(&self, guidance: Guidance);
    /// Ends it; when this returns nothing of it runs any more.
    async fn stop(self: Box<Self>, mode: StopMode);
}

/// Starts the tasks of this crate.
#[derive(Debug)]
pub(crate) struct KafkaTasks {
    pub(crate) agent: AgentName,
    pub(crate) reporter: Reporter,
    pub(crate) membership: Membership,
    pub(crate) confirmations: Confirmations,
    pub(crate) clients: Clients,
    pub(crate) flushes: Flushes,
    pub(crate) memory: MemoryBudget,
    pub(crate) data_runtime: tokio::runtime::Handle,
}

impl TaskFactory for KafkaTasks {
    fn spawn(
        &self,
        spec: TaskSpec,
        store: watch::Receiver<ObjectStore>,
        guidance: Guidance,
    ) -> Box<dyn Task> {
        let environment = TaskEnvironment {
            agent: self.agent.clone(),
            store,
            reporter: self.reporter.clone(),
            membership: self.membership,
            confirmations: self.confirmations.clone(),
            clients: self.clients.clone(),
            flushes: self.flushes.clone(),
            memory: self.memory.connector(&spec.connector.to_string()),
            data_runtime: self.data_runtime.clone(),
        };
        let task = task::spawn(spec.clone(), environment, guidance);
        // By itself, so that it never holds up the task: it ends soon after it.
        let topics = self.clients.internal_topics.of(&spec.instance);
        let follow = internal_topics::follow(spec, topics, self.agent.clone(), task.snapshot());
        tokio::spawn(supervision::contained("the writer of internal topics", follow));
        Box::new(task)
    }
}

#[async_trait]
impl Task for TaskHandle {
    fn snapshot(&self) -> watch::Receiver<Snapshot> {
        TaskHandle::snapshot(self)
    }

    fn ended(&self) -> BoxFuture<'static, ()> {
        Box::pin(TaskHandle::ended(self))
    }

    fn guide(&self, guidance: Guidance) {
        TaskHandle::guide(self, guidance);
    }

    async fn stop(self: Box<Self>, mode: StopMode) {
        TaskHandle::stop(*self, mode).await;
    }
}
