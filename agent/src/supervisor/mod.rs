//! Assignments in, tasks out: runs what the control plane placed on this agent
//! and nothing else.

mod admission;
mod board;
mod factory;
mod plan;
mod tasks;

use std::sync::Arc;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_proto::agent;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::assignment::{Assignment, AssignmentCache, Assignments, Cached, Keyring, StoreIdentity};
use crate::supervision::Supervision;
use crate::task::StopMode;
use tasks::{Event, Tasks};

pub(crate) use board::{Board, ConnectorView, View};
#[cfg(test)]
pub(crate) use factory::Task;
pub(crate) use factory::{KafkaTasks, TaskFactory};

/// Steers the supervisor.
#[derive(Debug, Clone)]
pub(crate) struct Supervisor {
    messages: mpsc::Sender<Message>,
    held: watch::Receiver<Arc<Assignments>>,
}

enum Message {
    Apply {
        store: StoreIdentity,
        connectors: Vec<agent::v1::ConnectorAssignment>,
        reply: oneshot::Sender<Outcome>,
    },
    StopAll {
        mode: StopMode,
        reply: oneshot::Sender<()>,
    },
    Forget {
        reply: oneshot::Sender<()>,
    },
}

/// What became of a list of assignments.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    /// It is what runs now, but for these.
    Applied(Vec<agent::v1::AssignmentNack>),
    /// It changes nothing: it is of another store. All of it is here.
    Refused(Vec<agent::v1::AssignmentNack>),
}

/// What a supervisor is made of.
pub(crate) struct Parts {
    pub(crate) tasks: Arc<dyn TaskFactory>,
    pub(crate) cache: AssignmentCache,
    pub(crate) keyring: Keyring,
    pub(crate) board: Board,
    /// Whether assignments of another store than the tasks' are taken.
    pub(crate) adopt_store: bool,
    pub(crate) supervision: Supervision,
}

impl Supervisor {
    /// Starts a supervisor, and with it what the cache holds.
    pub(crate) async fn start(parts: Parts) -> Self {
        let Parts { tasks, mut cache, keyring, board, adopt_store, supervision } = parts;
        let Cached { store, assignments } = cache.load().await;
        let (held, sees) = watch::channel(Arc::default());
        let mut actor = Actor {
            tasks: Tasks::new(tasks, board),
            cache,
            keyring,
            adopt_store,
            store,
            assignments: Arc::default(),
            held,
            stopping: None,
        };
        if !assignments.is_empty() {
            tracing::info!(connectors = assignments.len(), "going on with the cached assignments");
        }
        actor.run(assignments);
        // Each sender waits for its answer: there are as many messages under
        // way as there are senders.
        let (messages, inbox) = mpsc::channel(4);
        supervision.spawn("the supervisor of the tasks", actor.serve(inbox));
        Self { messages, held: sees }
    }

    /// What is to run, as it changes.
    pub(crate) fn held(&self) -> watch::Receiver<Arc<Assignments>> {
        self.held.clone()
    }

    /// Makes a whole list of assignments the one that runs; returns when
    /// everything has been set going and the cache is written. `None` when this
    /// agent is stopping.
    pub(crate) async fn apply(
        &self,
        store: StoreIdentity,
        connectors: Vec<agent::v1::ConnectorAssignment>,
    ) -> Option<Outcome> {
        self.ask(|reply| Message::Apply { store, connectors, reply }).await
    }

    /// Stops every task for good and returns when all have ended.
    pub(crate) async fn stop_all(&self, mode: StopMode) {
        self.ask(|reply| Message::StopAll { mode, reply }).await;
    }

    /// Empties the cache: the tasks have been given back.
    pub(crate) async fn forget(&self) {
        self.ask(|reply| Message::Forget { reply }).await;
    }

    async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<T>) -> Message) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.messages.send(message(reply)).await.ok()?;
        answer.await.ok()
    }
}

struct Actor {
    tasks: Tasks,
    cache: AssignmentCache,
    keyring: Keyring,
    adopt_store: bool,
    /// Where the assignments come from.
    store: StoreIdentity,
    /// What runs, or is to run as soon as its predecessor has ended.
    assignments: Arc<Assignments>,
    /// Shows it to others.
    held: watch::Sender<Arc<Assignments>>,
    /// Who waits for the end, once everything stops.
    stopping: Option<Vec<oneshot::Sender<()>>>,
}

impl Actor {
    async fn serve(mut self, mut inbox: mpsc::Receiver<Message>) {
        loop {
            tokio::select! {
                message = inbox.recv() => match message {
                    Some(message) => self.handle(message).await,
                    None => return,
                },
                event = self.tasks.event(&self.assignments) => {
                    if let Event::Stopped(key) = event
                        && self.stopping.is_none()
                    {
                        self.tasks.start(&key, &self.assignments);
                    }
                    self.publish();
                }
            }
            self.answer_when_stopped();
        }
    }

    async fn handle(&mut self, message: Message) {
        match message {
            // Without an answer: the sender sees that there is none.
            Message::Apply { .. } if self.stopping.is_some() => {}
            Message::Apply { store, connectors, reply } => {
                let outcome = self.apply(store, connectors).await;
                let _ = reply.send(outcome);
            }
            Message::StopAll { mode, reply } => {
                self.stopping.get_or_insert_default().push(reply);
                self.tasks.stop_all(mode, &self.assignments);
                self.publish();
            }
            Message::Forget { reply } => {
                self.cache.save(&StoreIdentity::default(), &Assignments::new()).await;
                let _ = reply.send(());
            }
        }
    }

    async fn apply(
        &mut self,
        store: StoreIdentity,
        connectors: Vec<agent::v1::ConnectorAssignment>,
    ) -> Outcome {
        let held = (!self.assignments.is_empty()).then_some(&self.store);
        if let Err(problem) = admission::admit(held, &store, self.adopt_store) {
            let orphans: Vec<_> = self.assignments.keys().map(ToString::to_string).collect();
            tracing::error!(%problem, orphans = orphans.join(", "), "assignments refused");
            let nacks = connectors.iter().map(|refused| nack(refused, problem.clone())).collect();
            return Outcome::Refused(nacks);
        }
        self.store = store;

        let mut wanted = Assignments::new();
        let mut nacks = Vec::new();
        for wire in connectors {
            match self.check(&wire, &wanted) {
                Ok(assignment) => {
                    wanted.insert(assignment.connector.clone(), assignment);
                }
                Err(problem) => {
                    tracing::warn!(connector = wire.connector, %problem, "assignment refused");
                    if let Some(last_good) = self.last_good(&wire) {
                        wanted.entry(last_good.connector.clone()).or_insert(last_good);
                    }
                    nacks.push(nack(&wire, problem));
                }
            }
        }
        self.run(wanted);
        self.cache.save(&self.store, &self.assignments).await;
        Outcome::Applied(nacks)
    }

    fn check(
        &self,
        wire: &agent::v1::ConnectorAssignment,
        wanted: &Assignments,
    ) -> Result<Assignment, Problem> {
        let mut wire = wire.clone();
        if let Some(spec) = &mut wire.spec {
            self.keyring.complete(&wire.uid, &wire.secrets_id, spec)?;
        }
        let assignment = Assignment::try_from(wire)?;
        if wanted.contains_key(&assignment.connector) {
            return Err(Problem::new(ErrorCode::RequestInvalid, "the connector stands twice"));
        }
        Ok(assignment)
    }

    /// What goes on in the place of an assignment that was refused: as before,
    /// but for tasks that are no longer this agent's, and at rest where they are to be.
    fn last_good(&self, refused: &agent::v1::ConnectorAssignment) -> Option<Assignment> {
        let connector = refused.connector.parse().ok()?;
        let mut last_good = self
            .assignments
            .get(&connector)
            .filter(|assignment| assignment.fixed.uid == refused.uid)
            .cloned()?;
        last_good.retain_tasks(&refused.tasks);
        if refused.run_mode() == agent::v1::RunMode::Pause {
            last_good.pause();
        }
        Some(last_good)
    }

    fn run(&mut self, wanted: Assignments) {
        self.tasks.apply(&self.assignments, &wanted);
        self.keyring.hold(&wanted, Instant::now());
        self.assignments = Arc::new(wanted);
        self.held.send_replace(Arc::clone(&self.assignments));
        self.publish();
    }

    fn publish(&self) {
        let none = Assignments::new();
        let wanted = if self.stopping.is_some() { &none } else { &*self.assignments };
        self.tasks.publish(&self.store.id, wanted);
    }

    fn answer_when_stopped(&mut self) {
        if self.tasks.is_empty()
            && let Some(waiting) = &mut self.stopping
        {
            for reply in waiting.drain(..) {
                let _ = reply.send(());
            }
        }
    }
}

fn nack(refused: &agent::v1::ConnectorAssignment, problem: Problem) -> agent::v1::AssignmentNack {
    agent::v1::AssignmentNack {
        connector: refused.connector.clone(),
        placement_version: refused.placement_version,
        generation: refused.generation,
        problem: Some(problem.into()),
    }
}

#[cfg(test)]
mod tests;
