//! Tasks without Kafka, which tell a test what becomes of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::future::BoxFuture;
use kafka2oss_sink::ObjectStore;
use tokio::sync::{mpsc, watch};

use crate::supervisor::{Task, TaskFactory};
use crate::task::{Guidance, Snapshot, StopMode, TaskSpec};

/// What became of a task, named `{connector ID}/{index}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Started(String, Guidance),
    Guided(String, Guidance),
    Stopping(String, StopMode),
    Stopped(String),
}

/// Starts tasks that do nothing.
#[derive(Debug)]
pub(crate) struct FakeTasks {
    events: mpsc::UnboundedSender<Event>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Tasks end as long as this is true.
    may_end: watch::Sender<bool>,
    snapshots: Mutex<HashMap<String, watch::Sender<Snapshot>>>,
    stores: Mutex<HashMap<String, watch::Receiver<ObjectStore>>>,
}

/// What a test does to the tasks.
#[derive(Debug, Clone)]
pub(crate) struct Hand(Arc<Shared>);

struct FakeTask {
    name: String,
    snapshot: watch::Receiver<Snapshot>,
    events: mpsc::UnboundedSender<Event>,
    shared: Arc<Shared>,
}

impl FakeTasks {
    pub(crate) fn new() -> (Arc<Self>, Hand, mpsc::UnboundedReceiver<Event>) {
        let (events, told) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            may_end: watch::Sender::new(true),
            snapshots: Mutex::default(),
            stores: Mutex::default(),
        });
        (Arc::new(Self { events, shared: Arc::clone(&shared) }), Hand(shared), told)
    }
}

impl Hand {
    /// Tasks that are told to stop do not end until [`Hand::let_end`].
    pub(crate) fn hold(&self) {
        self.0.may_end.send_replace(false);
    }

    pub(crate) fn let_end(&self) {
        self.0.may_end.send_replace(true);
    }

    /// Changes what can be seen of a task.
    pub(crate) fn show(&self, name: &str, change: impl FnOnce(&mut Snapshot)) {
        let snapshots = self.0.snapshots.lock().expect("no test panics here");
        snapshots.get(name).expect("a task of that name").send_modify(change);
    }

    /// A task ends without being told to.
    pub(crate) fn kill(&self, name: &str) {
        let mut snapshots = self.0.snapshots.lock().expect("no test panics here");
        snapshots.remove(name).expect("a task of that name");
    }

    /// The store of the latest task of this name.
    pub(crate) fn store(&self, name: &str) -> watch::Receiver<ObjectStore> {
        let stores = self.0.stores.lock().expect("no test panics here");
        stores.get(name).expect("a task of that name").clone()
    }
}

impl TaskFactory for FakeTasks {
    fn spawn(
        &self,
        spec: TaskSpec,
        store: watch::Receiver<ObjectStore>,
        guidance: Guidance,
    ) -> Box<dyn Task> {
        let name = format!("{}/{}", spec.connector.id(), spec.index);
        let (sender, snapshot) = watch::channel(Snapshot::default());
        self.shared.snapshots.lock().expect("no test panics here").insert(name.clone(), sender);
        self.shared.stores.lock().expect("no test panics here").insert(name.clone(), store);
        let _ = self.events.send(Event::Started(name.clone(), guidance));
        let (events, shared) = (self.events.clone(), Arc::clone(&self.shared));
        Box::new(FakeTask { name, snapshot, events, shared })
    }
}

#[async_trait]
impl Task for FakeTask {
    fn snapshot(&self) -> watch::Receiver<Snapshot> {
        self.snapshot.clone()
    }

    fn ended(&self) -> BoxFuture<'static, ()> {
        let mut snapshot = self.snapshot.clone();
        Box::pin(async move { while snapshot.changed().await.is_ok() {} })
    }

    fn guide(&self, guidance: Guidance) {
        let _ = self.events.send(Event::Guided(self.name.clone(), guidance));
    }

    async fn stop(self: Box<Self>, mode: StopMode) {
        let _ = self.events.send(Event::Stopping(self.name.clone(), mode));
        let mut may_end = self.shared.may_end.subscribe();
        let _ = may_end.wait_for(|may_end| *may_end).await;
        let _ = self.events.send(Event::Stopped(self.name.clone()));
    }
}
