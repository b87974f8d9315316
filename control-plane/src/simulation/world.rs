//! One simulated world: a host with a disk, the control plane that runs on it, life after
//! life, and what was seen of it.

use std::fmt::Display;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use kafka2oss_proto::agent::v1::command::Command;
use kafka2oss_proto::v1;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};
use tonic::Status;

use super::disk::Disk;
use super::ledger::Ledger;
use super::process::Process;
use crate::Options;
use crate::api::{Agents, Connectors, Instances};
use crate::budget::Seats;
use crate::catalog::Catalog;
use crate::permit::{self, Permit};
use crate::server::{Parts, loops};
use crate::supervision::words;
use crate::tasks;

/// Lease of the agents.
pub(super) const LEASE: Duration = Duration::from_secs(30);
/// While things go wrong agents refuse one assignment in so many.
const REFUSALS: u32 = 40;
/// How often agents beat.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(5);

/// One life of the control plane.
#[derive(Debug, Clone)]
pub(super) struct Life {
    pub(super) process: Process,
    pub(super) parts: Arc<Parts>,
    pub(super) connectors: Connectors,
    pub(super) instances: Instances,
    pub(super) agents: Agents,
}

/// What a call came to.
#[derive(Debug)]
pub(super) enum Outcome<T> {
    Answered(Result<T, Box<Status>>),
    /// The process was killed, or was not there: nobody knows whether it was carried out.
    Lost,
}

/// One simulated world.
#[derive(Debug)]
pub(super) struct World {
    pub(super) disk: Disk,
    pub(super) ledger: Arc<Ledger>,
    life: Mutex<Option<Life>>,
    /// Tells those who wait for the control plane, in their order: a watch would in any.
    started: Notify,
    /// No fault any more.
    calm: watch::Sender<bool>,
    refusals: AtomicU32,
    chance: Mutex<fastrand::Rng>,
    begun: Instant,
    /// Panics of the world's tasks.
    panics: mpsc::UnboundedSender<String>,
    trace: Mutex<Vec<String>>,
}

impl World {
    /// An empty one, and what is wrong in it.
    pub(super) fn new(seed: u64) -> (Arc<Self>, mpsc::UnboundedReceiver<String>) {
        let (panics, wrong) = mpsc::unbounded_channel();
        let mut chance = fastrand::Rng::with_seed(seed);
        let ledger = Arc::new(Ledger::default());
        let world = Arc::new(Self {
            disk: Disk::new(chance.u64(..), Arc::clone(&ledger)),
            ledger,
            life: Mutex::default(),
            started: Notify::new(),
            calm: watch::Sender::new(false),
            refusals: AtomicU32::new(REFUSALS),
            chance: Mutex::new(chance),
            begun: Instant::now(),
            panics,
            trace: Mutex::default(),
        });
        (world, wrong)
    }

    /// Runs a part of the world. A panic of it ends the world.
    pub(super) fn spawn(&self, part: impl Future<Output = ()> + Send + 'static) {
        let panics = self.panics.clone();
        tokio::spawn(async move {
            if let Err(panic) = AssertUnwindSafe(part).catch_unwind().await {
                // The world may have ended already.
                let _ = panics.send(words(&*panic).to_owned());
            }
        });
    }

    /// Runs the control plane for ever: when it ends, another one starts after a while.
    pub(super) async fn host(self: Arc<Self>) {
        loop {
            let life = self.start();
            self.note("process", "started");
            self.set_life(Some(life.clone()));
            self.started.notify_waiters();
            tokio::select! {
                biased;
                () = life.process.killed() => self.note("process", "killed"),
                failure = life.parts.supervision.failed() => {
                    self.note("process", format_args!("ends: {failure}"));
                    let expected = failure.exit_status() == 74;
                    assert!(expected, "a part of the control plane ended: {failure}");
                    // As main does: what was answered is on disk.
                    life.process.kill();
                }
            }
            self.set_life(None);
            sleep(self.within(100, 5_000)).await;
        }
    }

    fn start(&self) -> Life {
        let process = Process::new(self.chance().u64(..));
        let options = Options { lease: LEASE, ..Options::at("its-disk-is-simulated") };
        let parts = process.enter(|| {
            let store = self.disk.open(self, &process).expect("the disk keeps what it has");
            let catalog = Catalog::load(store).expect("the disk keeps what it has");
            let parts = Parts::new(&options, catalog).expect("random bytes");
            parts.observed.fill();
            loops::run(&parts, loops::all(&parts));
            Arc::new(parts)
        });
        let seats = Arc::new(Seats::new(100, 100));
        let connectors = Connectors::new(Arc::clone(&parts.api), Arc::clone(&seats));
        let instances = Instances::new(Arc::clone(&parts.api));
        let agents = Agents::new(Arc::clone(&parts.api), seats);
        Life { process, parts, connectors, instances, agents }
    }

    /// The control plane, while it runs.
    pub(super) fn life(&self) -> Option<Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the control plane runs.
    pub(super) async fn running(&self) -> Life {
        loop {
            let started = self.started.notified();
            if let Some(life) = self.life() {
                return life;
            }
            started.await;
        }
    }

    fn set_life(&self, life: Option<Life>) {
        *self.life.lock().unwrap_or_else(PoisonError::into_inner) = life;
    }

    /// Calls the control plane, or gives up before it answers. Whoever calls waits until the
    /// outcome is settled.
    pub(super) async fn call<T, W>(&self, work: impl FnOnce(Life) -> W) -> Outcome<T>
    where
        T: Send + 'static,
        W: Future<Output = Result<tonic::Response<T>, Status>> + Send + 'static,
    {
        let Some(life) = self.life() else {
            sleep(self.within(50, 500)).await;
            return Outcome::Lost;
        };
        sleep(self.within(0, 20)).await;
        let patience = (!self.is_calm() && self.once_in(12)).then(|| self.within(0, 60));
        let working = Arc::new(Semaphore::new(1));
        let permit = Arc::clone(&working).try_acquire_owned().expect("nobody else has it");
        let (done, answer) = oneshot::channel();
        let work = permit::with(Permit::new(permit), work(life.clone()));
        life.process.enter(|| {
            tasks::spawn(async move {
                let answered = match patience {
                    Some(patience) => timeout(patience, work).await.ok(),
                    None => Some(work.await),
                };
                // Whoever asked may be gone.
                let _ = done.send(answered);
            })
        });
        let answered = tokio::select! {
            biased;
            () = life.process.killed() => None,
            answered = answer => answered.ok().flatten(),
        };
        let Some(answer) = answered else {
            // What was begun may go on.
            tokio::select! {
                biased;
                () = life.process.killed() => {}
                _ = working.acquire() => {}
            }
            return Outcome::Lost;
        };
        sleep(self.within(0, 20)).await;
        Outcome::Answered(answer.map(tonic::Response::into_inner).map_err(Box::new))
    }

    /// Whether faults are over.
    pub(super) fn is_calm(&self) -> bool {
        *self.calm.borrow()
    }

    /// Ends the faults.
    pub(super) fn calm(&self) {
        self.calm.send_replace(true);
    }

    /// The world's own chance.
    pub(super) fn chance(&self) -> MutexGuard<'_, fastrand::Rng> {
        self.chance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A random time of so many milliseconds.
    pub(super) fn within(&self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.chance().u64(least..=most))
    }

    /// Whether something happens that does once in `of` times.
    pub(super) fn once_in(&self, of: u32) -> bool {
        self.chance().u32(..of) == 0
    }

    /// Notes what was seen.
    pub(super) fn note(&self, who: impl Display, what: impl Display) {
        let line = format!("{:>7} {who}: {what}", self.begun.elapsed().as_millis());
        self.trace.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// All that was seen.
    pub(super) fn trace(&self) -> Vec<String> {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is shown of a connector is durable, and was before it was shown.
    pub(super) fn check_shown(&self, who: &str, connector: &v1::Connector) {
        self.disk.durable(|durable| durable.check_shown(who, connector));
    }

    /// An agent carries out a command: what is removed is nobody else's, and nothing is made
    /// anew that was removed.
    pub(super) fn carry_out(&self, command: &Command, willing: bool) {
        match command {
            Command::RemoveResources(removal) => {
                self.disk.durable(|durable| durable.check_removal(removal));
                let whole = willing && removal.topics.iter().all(|topic| !topic.only_if_empty);
                self.ledger.remove(&removal.uid, whole);
            }
            Command::PrepareConnector(asked) => {
                let is_removed = self.ledger.removed(&asked.uid).is_some();
                assert!(!is_removed, "resources of {} are made anew", asked.connector);
            }
            Command::WriteTestMessage(_)
            | Command::ValidateConnector(_)
            | Command::FlushConnector(_)
            | Command::ReadEndOffsets(_) => {}
        }
    }

    /// Has agents refuse one assignment in so many while things go wrong.
    pub(super) fn set_refusals(&self, of: u32) {
        self.refusals.store(of, Ordering::Relaxed);
    }

    /// Whether an agent refuses an assignment.
    pub(super) fn refuses(&self) -> bool {
        !self.is_calm() && self.once_in(self.refusals.load(Ordering::Relaxed))
    }
}
