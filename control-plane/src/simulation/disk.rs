//! A simulated disk: slow, full or failing as the seed has it. What was durable when a
//! process was killed is what the next one finds; of the batches under way then, a part in
//! their order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use prost::Message;
use tokio::sync::{mpsc, oneshot, watch};

use super::durable::Durable;
use super::ledger::Ledger;
use super::process::Process;
use super::world::World;
use crate::store::medium::{Held, Medium, Publish, Row, RowChange};
use crate::store::meta::{self, Meta, MetaRecord};
use crate::store::placements::PlacementRecord;
use crate::store::progress::Progress;
use crate::store::{Failure, FailureKind, Family, Store, StoreError};

/// Batches that share a sync at most.
const GROUP: usize = 16;

/// The disk of a host, which outlives its processes.
#[derive(Debug, Clone)]
pub(super) struct Disk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    chance: fastrand::Rng,
    /// No write takes longer, in milliseconds.
    slowest: u64,
    full: bool,
    durable: Durable,
}

impl Disk {
    /// An empty one with a store that nobody has used.
    pub(super) fn new(seed: u64, ledger: Arc<Ledger>) -> Self {
        let disk = Self(Arc::new(Mutex::new(State {
            rows: BTreeMap::new(),
            chance: fastrand::Rng::with_seed(seed),
            slowest: 5,
            full: false,
            durable: Durable::new(ledger),
        })));
        let mut meta = MetaRecord::draw();
        Meta::set_form(&mut meta, Meta::FORM);
        let key = [&[Meta::ORDINAL], meta::NAME.as_bytes()].concat();
        disk.lock().rows.insert(key, meta.encode_to_vec());
        disk
    }

    /// The store on it, as `process` opens it.
    pub(super) fn open(&self, world: &World, process: &Process) -> Result<Store, StoreError> {
        let (orders, received) = mpsc::unbounded_channel();
        let progress = Arc::new(Progress::default());
        let failure = Arc::new(watch::Sender::new(None));
        let writer = Writer {
            disk: self.clone(),
            progress: Arc::clone(&progress),
            failure: Arc::clone(&failure),
        };
        let process = process.clone();
        world.spawn(async move {
            tokio::select! {
                biased;
                () = process.killed() => {}
                () = writer.run(received) => {}
            }
        });
        Store::over(Arc::new(Open { disk: self.clone(), orders, progress, failure }))
    }

    /// Has writes take up to so many milliseconds.
    pub(super) fn slow(&self, slowest: u64) {
        self.lock().slowest = slowest;
    }

    /// Has no room any more, or has some again.
    pub(super) fn set_full(&self, full: bool) {
        self.lock().full = full;
    }

    /// Looks at what is durable.
    pub(super) fn durable<T>(&self, look: impl FnOnce(&Durable) -> T) -> T {
        look(&self.lock().durable)
    }

    /// The placements that are durable, by connector.
    pub(super) fn placements(&self) -> BTreeMap<String, PlacementRecord> {
        self.durable(Durable::placements)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn apply(&mut self, changes: Vec<RowChange>) {
        self.durable.take(&changes);
        for (key, value) in changes {
            match value {
                Some(value) => self.rows.insert(key, value),
                None => self.rows.remove(&key),
            };
        }
    }
}

struct Order {
    changes: Vec<RowChange>,
    publish: Publish,
    done: oneshot::Sender<Result<(), StoreError>>,
}

/// The disk as one process has it open.
struct Open {
    disk: Disk,
    orders: mpsc::UnboundedSender<Order>,
    progress: Arc<Progress>,
    failure: Arc<watch::Sender<Option<Failure>>>,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Open")
    }
}

struct Writer {
    disk: Disk,
    progress: Arc<Progress>,
    failure: Arc<watch::Sender<Option<Failure>>>,
}

impl Writer {
    async fn run(self, mut received: mpsc::UnboundedReceiver<Order>) {
        let mut group = Vec::new();
        while received.recv_many(&mut group, GROUP).await > 0 {
            let mut answers = Vec::new();
            for Order { changes, publish, done } in group.drain(..) {
                let outcome = self.write(changes).await;
                answers.push((outcome, publish, done));
            }
            // Durable, and nobody knows it yet.
            self.pause().await;
            let count = answers.len() as u64;
            let mut told = Vec::new();
            for (outcome, publish, done) in answers {
                if outcome.is_ok() {
                    publish();
                }
                told.push((outcome, done));
            }
            self.progress.settle(count);
            for (outcome, done) in told {
                // A caller that went away needs no answer.
                let _ = done.send(outcome.map_err(StoreError::from));
            }
        }
    }

    async fn write(&self, changes: Vec<RowChange>) -> Result<(), Failure> {
        let failed = self.failure.borrow().clone();
        if let Some(failed) = failed {
            return Err(failed);
        }
        self.pause().await;
        let mut state = self.disk.lock();
        if state.full {
            let failure = Failure::new(FailureKind::Full, "no room");
            self.failure.send_replace(Some(failure.clone()));
            return Err(failure);
        }
        state.apply(changes);
        Ok(())
    }

    async fn pause(&self) {
        let pause = {
            let mut state = self.disk.lock();
            let slowest = state.slowest;
            state.chance.u64(0..=slowest)
        };
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

impl Medium for Open {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.disk.lock().rows.get(key).cloned())
    }

    fn scan(&self, prefix: &[u8]) -> Result<Vec<Row>, StoreError> {
        let state = self.disk.lock();
        let rows = state.rows.range(prefix.to_vec()..);
        let rows = rows.take_while(|(key, _)| key.starts_with(prefix));
        Ok(rows.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn apply(
        &self,
        changes: Vec<RowChange>,
        publish: Publish,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let failed = self.failure.borrow().clone();
            if let Some(failed) = failed {
                return Err(failed.into());
            }
            let (done, answer) = oneshot::channel();
            self.progress.queue();
            let order = Order { changes, publish, done };
            self.orders.send(order).map_err(|_| StoreError::Closed)?;
            answer.await.map_err(|_| StoreError::Closed)?
        }
        .boxed()
    }

    fn release(&self, held: Held) {
        self.progress.release(held);
    }

    fn failed(&self) -> BoxFuture<'_, Failure> {
        async {
            let mut failure = self.failure.subscribe();
            let failed = failure.wait_for(Option::is_some).await.ok().and_then(|it| it.clone());
            match failed {
                Some(failed) => failed,
                None => std::future::pending().await,
            }
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }
}
