//! The tasks of this agent: carries out what `plan` decides.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::names::ConnectorName;
use kafka2oss_proto::v1;
use kafka2oss_sink::ObjectStore;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

use super::board::{Board, ConnectorView, View};
use super::factory::{Task, TaskFactory};
use super::plan::{Action, Current, Running, TaskKey, plan};
use crate::assignment::{Assignment, Assignments, Fixed};
use crate::task::{Snapshot, StopMode, TaskState};

/// From the death of a task to its next start.
const AFTER_DEATH: Duration = Duration::from_secs(5);

/// The tasks of this agent.
pub(super) struct Tasks {
    factory: Arc<dyn TaskFactory>,
    board: Board,
    slots: BTreeMap<TaskKey, Slot>,
    stores: BTreeMap<ConnectorName, StoreChannel>,
    stops: JoinSet<()>,
    stopping: HashMap<Id, TaskKey>,
    /// One for each task: ends with it.
    lives: JoinSet<(TaskKey, u64)>,
    started: u64,
}

/// Where one task is.
enum Slot {
    Running(Live),
    /// It ends; the next of its key has to wait for that.
    Stopping {
        ran: Identity,
        snapshot: watch::Receiver<Snapshot>,
        /// It ended without being told to.
        died: bool,
        _store: StoreSender,
    },
}

/// What happens to tasks.
pub(super) enum Event {
    /// One that was told to stop has ended.
    Stopped(TaskKey),
    /// One has ended without being told to: it starts again after a while.
    Died,
}

struct Live {
    /// Tells it from others of the same key.
    number: u64,
    task: Box<dyn Task>,
    running: Running,
    store: StoreSender,
}

/// Held as long as a task that reads from it.
type StoreSender = Arc<watch::Sender<ObjectStore>>;

/// The store of one connector's tasks that run the same.
struct StoreChannel {
    fixed: Arc<Fixed>,
    credentials: Option<v1::StoreCredentials>,
    sender: StoreSender,
}

/// What a task ran last, for reports on it until it has ended.
#[derive(Debug, Clone)]
struct Identity {
    uid: String,
    generation: u64,
    placement_version: u64,
}

impl Tasks {
    pub(super) fn new(factory: Arc<dyn TaskFactory>, board: Board) -> Self {
        Self {
            factory,
            board,
            slots: BTreeMap::new(),
            stores: BTreeMap::new(),
            stops: JoinSet::new(),
            stopping: HashMap::new(),
            lives: JoinSet::new(),
            started: 0,
        }
    }

    /// Whether there is none, not even one that ends.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Goes from `before`, which was applied last, to `wanted`.
    pub(super) fn apply(&mut self, before: &Assignments, wanted: &Assignments) {
        let current = self.slots.iter().map(|(key, slot)| (key.clone(), slot.current())).collect();
        for action in plan(&current, wanted) {
            tracing::debug!(?action, "task");
            match action {
                Action::Start(key) => self.start(&key, wanted),
                Action::Restart(key, mode) => self.stop(&key, mode, before),
                Action::Stop(key) => self.stop(&key, StopMode::Leave, before),
                Action::Guide(key, guidance) => {
                    if let Some(Slot::Running(live)) = self.slots.get_mut(&key) {
                        live.running.guidance.clone_from(&guidance);
                        live.task.guide(guidance);
                    }
                }
                Action::ReplaceStore(connector) => self.replace_store(&connector, wanted),
            }
        }
        self.stores.retain(|connector, _| wanted.contains_key(connector));
    }

    /// Stops every task that runs.
    pub(super) fn stop_all(&mut self, mode: StopMode, before: &Assignments) {
        let keys: Vec<_> = self.slots.keys().cloned().collect();
        for key in keys {
            self.stop(&key, mode, before);
        }
    }

    /// Waits for what happens next; for ever when nothing does. Safe to cancel.
    pub(super) async fn event(&mut self, before: &Assignments) -> Event {
        loop {
            tokio::select! {
                Some(stopped) = self.stops.join_next_with_id() => {
                    let id = match stopped {
                        Ok((id, ())) => id,
                        Err(error) => {
                            tracing::error!(%error, "stopping a task failed");
                            error.id()
                        }
                    };
                    if let Some(key) = self.stopping.remove(&id) {
                        self.slots.remove(&key);
                        return Event::Stopped(key);
                    }
                }
                Some(Ok((key, number))) = self.lives.join_next() => {
                    if self.mourn(&key, number, before) {
                        return Event::Died;
                    }
                }
                else => return std::future::pending().await,
            }
        }
    }

    /// A task that ended without being told to is a fault of this program: it
    /// starts again after a while, and shows until then that it does not run.
    /// Returns whether it is one.
    fn mourn(&mut self, key: &TaskKey, number: u64, before: &Assignments) -> bool {
        let Some(Slot::Running(live)) = self.slots.get(key) else { return false };
        if live.number != number {
            return false;
        }
        let last = live.task.snapshot().borrow().clone();
        let code = ErrorCode::TaskDied;
        tracing::error!(connector = %key.connector, index = key.index, %code, "a task died");
        self.stop_after(AFTER_DEATH, key, StopMode::KeepMembership, before);
        if let Some(Slot::Stopping { snapshot, died, .. }) = self.slots.get_mut(key) {
            (*snapshot, *died) = (dead(last), true);
        }
        true
    }

    /// Starts the task of this key, if it is wanted.
    pub(super) fn start(&mut self, key: &TaskKey, wanted: &Assignments) {
        let Some(assignment) = wanted.get(&key.connector) else { return };
        let Some(spec) = assignment.task(key.index) else { return };
        let running = Running {
            fixed: Arc::clone(&assignment.fixed),
            threads: spec.threads,
            guidance: assignment.guidance.clone(),
            credentials: assignment.credentials.clone(),
        };
        let store = self.store(assignment);
        let task = self.factory.spawn(spec, store.subscribe(), assignment.guidance.clone());
        self.started += 1;
        let number = self.started;
        let (follow, ended) = (self.board.clone().follow(task.snapshot()), task.ended());
        let key = key.clone();
        self.lives.spawn({
            let key = key.clone();
            async move {
                tokio::select! {
                    () = follow => {}
                    () = ended => {}
                }
                (key, number)
            }
        });
        self.slots.insert(key, Slot::Running(Live { number, task, running, store }));
    }

    fn stop(&mut self, key: &TaskKey, mode: StopMode, before: &Assignments) {
        self.stop_after(Duration::ZERO, key, mode, before);
    }

    fn stop_after(&mut self, pause: Duration, key: &TaskKey, mode: StopMode, before: &Assignments) {
        let Some(slot) = self.slots.remove(key) else { return };
        let Slot::Running(Live { task, running, store, .. }) = slot else {
            self.slots.insert(key.clone(), slot);
            return;
        };
        let ran = before.get(&key.connector).map_or_else(
            || Identity { uid: running.fixed.uid.clone(), generation: 0, placement_version: 0 },
            Identity::of,
        );
        let snapshot = task.snapshot();
        let stop = self.stops.spawn(async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            task.stop(mode).await;
        });
        self.stopping.insert(stop.id(), key.clone());
        self.slots
            .insert(key.clone(), Slot::Stopping { ran, snapshot, died: false, _store: store });
    }

    fn replace_store(&mut self, connector: &ConnectorName, wanted: &Assignments) {
        let Some(assignment) = wanted.get(connector) else { return };
        self.store(assignment);
        for (key, slot) in &mut self.slots {
            if let Slot::Running(live) = slot
                && key.connector == *connector
            {
                live.running.credentials.clone_from(&assignment.credentials);
            }
        }
    }

    /// The channel of the connector's store, with the store as it is wanted.
    fn store(&mut self, assignment: &Assignment) -> StoreSender {
        let destination = &assignment.spec.destination;
        match self.stores.get_mut(&assignment.connector) {
            Some(channel) if channel.fixed == assignment.fixed => {
                if channel.credentials != assignment.credentials {
                    channel.sender.send_replace(ObjectStore::new(destination));
                    channel.credentials.clone_from(&assignment.credentials);
                }
                Arc::clone(&channel.sender)
            }
            // Tasks that still end keep the store that they wrote to.
            _ => {
                let sender = Arc::new(watch::Sender::new(ObjectStore::new(destination)));
                let channel = StoreChannel {
                    fixed: Arc::clone(&assignment.fixed),
                    credentials: assignment.credentials.clone(),
                    sender: Arc::clone(&sender),
                };
                self.stores.insert(assignment.connector.clone(), channel);
                sender
            }
        }
    }

    /// Shows what there is.
    pub(super) fn publish(&self, store_id: &str, wanted: &Assignments) {
        let mut connectors: BTreeMap<ConnectorName, ConnectorView> = BTreeMap::new();
        for assignment in wanted.values() {
            let tasks = assignment.tasks.keys().map(|&index| {
                let key = TaskKey { connector: assignment.connector.clone(), index };
                (index, self.slots.get(&key).and_then(Slot::snapshot))
            });
            let view = Identity::of(assignment).view(tasks.collect());
            connectors.insert(assignment.connector.clone(), view);
        }
        // Of a connector that is to stop, what has not ended yet.
        for (key, slot) in &self.slots {
            if let Slot::Stopping { ran, snapshot, .. } = slot
                && !wanted.contains_key(&key.connector)
            {
                let view = connectors
                    .entry(key.connector.clone())
                    .or_insert_with(|| ran.view(BTreeMap::new()));
                view.tasks.insert(key.index, Some(snapshot.clone()));
            }
        }
        let store_id = if connectors.is_empty() { String::new() } else { store_id.to_owned() };
        self.board.publish(View { store_id, connectors });
    }
}

impl Slot {
    fn current(&self) -> Current {
        match self {
            Slot::Running(live) => Current::Running(live.running.clone()),
            Slot::Stopping { .. } => Current::Stopping,
        }
    }

    /// What is seen of a task that is wanted; none while it waits for the one before.
    fn snapshot(&self) -> Option<watch::Receiver<Snapshot>> {
        match self {
            Slot::Running(live) => Some(live.task.snapshot()),
            Slot::Stopping { snapshot, died, .. } => died.then(|| snapshot.clone()),
        }
    }
}

/// What is seen of a task that has died, until the next one starts: it has no partition.
fn dead(last: Snapshot) -> watch::Receiver<Snapshot> {
    let code = ErrorCode::TaskDied;
    let problem = Problem::new(code, "the task has ended by a fault and starts again");
    let snapshot = Snapshot {
        state: TaskState::Failed,
        problem: Some(problem),
        partitions: BTreeMap::new(),
        ..last
    };
    // What was sent last stays, without a sender.
    watch::channel(snapshot).1
}

impl Identity {
    fn of(assignment: &Assignment) -> Self {
        Self {
            uid: assignment.fixed.uid.clone(),
            generation: assignment.generation,
            placement_version: assignment.placement_version,
        }
    }

    fn view(&self, tasks: BTreeMap<u32, Option<watch::Receiver<Snapshot>>>) -> ConnectorView {
        ConnectorView {
            uid: self.uid.clone(),
            generation: self.generation,
            placement_version: self.placement_version,
            tasks,
        }
    }
}
