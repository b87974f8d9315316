//! One consumer's life: it joins the group, takes up and gives up partitions
//! as the group says, commits for their loops, and ends.
//!
//! The only place that handles rebalances and commits: a revocation is
//! acknowledged only when the loops of its partitions have ended and every
//! commit of them has its answer.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use kafka2oss_proto::ErrorCode;
use kafka2oss_proto::error_code::Problem;
use rdkafka::Offset;
use rdkafka::consumer::Consumer;
use tokio::sync::{Notify, mpsc, watch};

use super::board::Board;
use super::commits::{PendingCommits, answer};
use super::consumer::{self, ClosingGuard, TakeUp, TaskConsumer};
use super::context::Event;
use super::native;
use super::partitions::{Ended, Partitions};
use super::stopping::{DELIVERY_DEADLINE, Next, Seen, Stopping};
use super::{
    Mode, PartitionSnapshot, PartitionState, StopMode, TaskEnvironment, TaskSpec, TaskState,
};
use crate::partition::chain::CommitMetadata;
use crate::partition::{CommitError, CommitRequest, Exit, Signal};
use crate::report::Severity;

/// How often the consumer is looked after when nothing wakes its actor.
const TICK: Duration = Duration::from_secs(1);

/// A trouble that librdkafka does not repeat for this long is over.
const TROUBLE_PASSES: Duration = Duration::from_secs(30);

/// Commits that wait for the actor: one a partition at most.
const COMMIT_QUEUE: usize = 64;

/// Why a session ended.
pub(super) enum End {
    /// It was told to.
    Stopped,
    /// Another consumer is needed.
    Failed(Problem),
}

/// What steers a task.
#[derive(Clone)]
pub(super) struct Steering {
    /// Run or pause.
    pub mode: watch::Receiver<Mode>,
    /// Set once, to stop.
    pub stop: watch::Receiver<Option<StopMode>>,
}

/// Partitions that the group takes.
struct Revocation {
    partitions: Vec<i32>,
    deadline: Instant,
}

struct Session {
    spec: Arc<TaskSpec>,
    board: Arc<Board>,
    consumer: Arc<TaskConsumer>,
    partitions: Partitions,
    commits: PendingCommits,
    revocation: Option<Revocation>,
    mode: Mode,
    /// The group has given its first assignment.
    joined: bool,
    troubled: Option<Instant>,
    topic: CString,
}

/// Runs a consumer until it is told to stop or is of no more use.
pub(super) async fn run(
    spec: &Arc<TaskSpec>,
    environment: &TaskEnvironment,
    board: &Arc<Board>,
    steering: &mut Steering,
) -> End {
    board.state(TaskState::Starting);
    let topic = match CString::new(spec.spec.source.topic.clone()) {
        Ok(topic) => topic,
        Err(_) => {
            let message = "the topic's name has a zero byte";
            return End::Failed(Problem::new(ErrorCode::FieldInvalid, message));
        }
    };
    if let Err(problem) = super::incarnation::check(spec).await {
        return End::Failed(problem);
    }
    let wake = Arc::new(Notify::new());
    let joined = consumer::join_group(spec, environment.membership, wake.clone()).await;
    let consumer = match joined {
        Ok(consumer) => consumer,
        Err(problem) => return End::Failed(problem),
    };
    let guard = ClosingGuard(consumer.clone());
    let (commit_sender, commit_requests) = mpsc::channel(COMMIT_QUEUE);
    let metadata = CommitMetadata { identity: consumer::identity(spec) }.encode();
    let mut session = Session {
        partitions: Partitions::new(
            spec.clone(),
            environment.clone(),
            board.clone(),
            commit_sender,
        ),
        commits: PendingCommits::new(spec.spec.source.topic.clone(), metadata),
        spec: spec.clone(),
        board: board.clone(),
        consumer,
        revocation: None,
        mode: *steering.mode.borrow_and_update(),
        joined: false,
        troubled: None,
        topic,
    };
    let end = session.serve(&wake, commit_requests, steering).await;
    session.partitions.abort_all().await;
    drop(session);
    consumer::close(guard).await;
    match end {
        Ok(()) => End::Stopped,
        Err(problem) => End::Failed(problem),
    }
}

impl Session {
    async fn serve(
        &mut self,
        wake: &Notify,
        mut requests: mpsc::Receiver<CommitRequest>,
        steering: &mut Steering,
    ) -> Result<(), Problem> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut stopping: Option<Stopping> = None;
        loop {
            tokio::select! {
                () = wake.notified() => {}
                _ = tick.tick() => self.look_after()?,
                Some(request) = requests.recv() => self.commit(request),
                ended = self.partitions.ended() => self.ended(ended).await?,
                Ok(()) = steering.mode.changed(), if stopping.is_none() => {
                    let mode = *steering.mode.borrow_and_update();
                    self.change_mode(mode).await?;
                }
                Ok(()) = steering.stop.changed(), if stopping.is_none() => {
                    if let Some(mode) = *steering.stop.borrow_and_update() {
                        self.partitions.signal_all(Signal::Close);
                        stopping = Some(Stopping::begin(mode, Instant::now()));
                    }
                }
            }
            self.poll().await?;
            self.finish_revocation().await?;
            self.publish_state();
            if let Some(stopping) = &mut stopping
                && self.has_stopped(stopping)
            {
                return Ok(());
            }
        }
    }

    /// Serves everything that the consumer has to say.
    async fn poll(&mut self) -> Result<(), Problem> {
        loop {
            let context = self.consumer.context();
            let before = context.callbacks();
            match self.consumer.poll(Duration::ZERO) {
                None if context.callbacks() == before => break,
                None => {}
                Some(Ok(message)) => {
                    // Every partition has a queue of its own before it is
                    // assigned.
                    let message = format!(
                        "a record of partition {} came by the main queue",
                        rdkafka::Message::partition(&message)
                    );
                    return Err(Problem::new(ErrorCode::Internal, message));
                }
                Some(Err(error)) => {
                    let problem = context.errors.problem("the consumer", &error);
                    if consumer::is_fatal(&error) {
                        return Err(problem);
                    }
                    self.troubled = Some(Instant::now());
                    self.board.troubled(&problem);
                }
            }
        }
        while let Some(event) = self.consumer.context().next_event() {
            self.handle(event).await?;
        }
        Ok(())
    }

    async fn handle(&mut self, event: Event) -> Result<(), Problem> {
        tracing::debug!(task = self.spec.index, ?event, "consumer event");
        match event {
            Event::Assigned(partitions) => {
                self.take_up(partitions).await?;
                self.joined = true;
                self.untroubled();
                self.send_refused_again();
                Ok(())
            }
            Event::Revoked(partitions) => {
                let lost = self.consumer.assignment_lost();
                for partition in &partitions {
                    self.partitions.close(*partition, lost);
                }
                let mut all = self.revocation.take().map_or(Vec::new(), |first| first.partitions);
                all.extend(partitions);
                let deadline = Instant::now() + DELIVERY_DEADLINE;
                self.revocation = Some(Revocation { partitions: all, deadline });
                Ok(())
            }
            Event::Committed { partition, offset, outcome } => {
                if self.commits.answered(&self.consumer, partition, offset, outcome) {
                    self.untroubled();
                }
                Ok(())
            }
            Event::Failed(error) => {
                Err(self.consumer.context().errors.problem("the group's rebalance failed", &error))
            }
        }
    }

    /// Takes up partitions where the group's offsets or the epoch's start say.
    async fn take_up(&mut self, partitions: Vec<i32>) -> Result<(), Problem> {
        let positions = if partitions.is_empty() {
            BTreeMap::new()
        } else {
            consumer::positions(&self.consumer, &self.spec, partitions).await?
        };
        let mut offsets = BTreeMap::new();
        for (partition, take_up) in positions {
            match take_up {
                TakeUp::At { offset, committed } => {
                    offsets.insert(partition, Offset::Offset(offset));
                    let seen = snapshot(offset, committed.then_some(offset));
                    self.partitions.start(&self.consumer, partition, offset, seen, self.mode)?;
                }
                TakeUp::Stopped(problem) => {
                    // Assigned all the same, so that the group sees it taken;
                    // its queue is left alone.
                    offsets.insert(partition, Offset::End);
                    self.partitions.rest(&self.consumer, partition, snapshot(0, None), problem);
                }
            }
        }
        consumer::assign(&self.consumer, &self.spec.spec.source.topic, &offsets).await
    }

    /// Takes a partition up again at another offset, with nothing left of
    /// what was read before.
    async fn restart(
        &mut self,
        partition: i32,
        offset: i64,
        committed: bool,
    ) -> Result<(), Problem> {
        let topic = &self.spec.spec.source.topic;
        consumer::unassign(&self.consumer, topic, &[partition]).await?;
        let seen = snapshot(offset, committed.then_some(offset));
        self.partitions.start(&self.consumer, partition, offset, seen, self.mode)?;
        consumer::assign(
            &self.consumer,
            topic,
            &BTreeMap::from([(partition, Offset::Offset(offset))]),
        )
        .await
    }

    fn commit(&mut self, request: CommitRequest) {
        let CommitRequest { partition, offset, .. } = request;
        tracing::debug!(task = self.spec.index, partition, offset, "commit");
        if self.partitions.is_current(request.partition, request.assignment) {
            self.commits.send(&self.consumer, request);
        } else {
            answer(request, Err(CommitError::Revoked));
        }
    }

    fn send_refused_again(&mut self) {
        let Self { commits, consumer, partitions, .. } = self;
        commits.send_refused_again(consumer, |partition, assignment| {
            partitions.is_current(partition, assignment)
        });
    }

    /// A loop has ended.
    async fn ended(&mut self, ended: Ended) -> Result<(), Problem> {
        tracing::debug!(task = self.spec.index, ?ended, "loop ended");
        let Ended { partition, assignment, exit } = ended;
        if !self.partitions.is_current(partition, assignment) {
            return Ok(());
        }
        self.partitions.stopped(partition);
        if self.is_revoked(partition) {
            return Ok(());
        }
        match exit {
            Exit::Closed => Ok(()),
            Exit::Revoked => {
                let message = format!("the loop of partition {partition} ended by itself");
                Err(Problem::new(ErrorCode::Internal, message))
            }
            Exit::Broken(problem) => Err(problem),
            Exit::Rewind(offset) => self.restart(partition, offset, true).await,
            Exit::Stopped(problem) => {
                self.board.stopped(partition, problem);
                Ok(())
            }
            Exit::OutOfRange(position) => self.out_of_range(partition, position).await,
        }
    }

    /// The broker has no record at the chain's position: retention overtook
    /// it, or the log was truncated.
    async fn out_of_range(&mut self, partition: i32, position: i64) -> Result<(), Problem> {
        let topic = &self.spec.spec.source.topic;
        let (beginning, end) = consumer::log_range(&self.consumer, topic, partition).await?;
        if position > end {
            let message = format!(
                "the position is {position}, but the partition's log ends at {end}: the brokers have lost records"
            );
            let problem = Problem::new(ErrorCode::KafkaLogTruncated, message);
            self.board.stopped(partition, problem);
            return Ok(());
        }
        if position < beginning {
            self.board.lost(partition, position, beginning);
        }
        self.restart(partition, position.max(beginning), false).await
    }

    async fn change_mode(&mut self, mode: Mode) -> Result<(), Problem> {
        if mode == self.mode {
            return Ok(());
        }
        self.mode = mode;
        match mode {
            Mode::Pause => self.partitions.signal_all(Signal::Pause),
            Mode::Run => {
                self.partitions.signal_all(Signal::Run);
                let resting: Vec<i32> = self
                    .partitions
                    .resting()
                    .into_iter()
                    .filter(|p| !self.is_revoked(*p))
                    .collect();
                if !resting.is_empty() {
                    let topic = &self.spec.spec.source.topic;
                    consumer::unassign(&self.consumer, topic, &resting).await?;
                    self.take_up(resting).await?;
                }
            }
        }
        Ok(())
    }

    fn is_revoked(&self, partition: i32) -> bool {
        self.revocation.as_ref().is_some_and(|of| of.partitions.contains(&partition))
    }

    /// Acknowledges a revocation once nothing of its partitions is under way.
    async fn finish_revocation(&mut self) -> Result<(), Problem> {
        let Some(revocation) = &self.revocation else { return Ok(()) };
        if Instant::now() >= revocation.deadline {
            for partition in &revocation.partitions {
                self.partitions.close(*partition, true);
            }
        }
        let busy = |partition: &i32| {
            self.partitions.is_running(*partition) || self.commits.is_unanswered(*partition)
        };
        if revocation.partitions.iter().any(busy) {
            return Ok(());
        }
        let partitions = std::mem::take(&mut self.revocation).map_or(Vec::new(), |r| r.partitions);
        for partition in &partitions {
            self.partitions.remove(*partition);
        }
        consumer::unassign(&self.consumer, &self.spec.spec.source.topic, &partitions).await
    }

    /// What is due from time to time.
    fn look_after(&mut self) -> Result<(), Problem> {
        if let Some(problem) = self.commits.overdue() {
            return Err(problem);
        }
        self.send_refused_again();
        if self.troubled.is_some_and(|since| since.elapsed() > TROUBLE_PASSES) {
            self.untroubled();
        }
        for partition in self.partitions.all() {
            if let Some(end) = native::known_end(&self.consumer, &self.topic, partition) {
                self.board.end_offset(partition, end);
            }
        }
        Ok(())
    }

    fn untroubled(&mut self) {
        if self.troubled.take().is_some() {
            self.board.log(Severity::Info, None, None, None, "recovered".to_owned());
            self.board.untroubled();
        }
    }

    fn publish_state(&self) {
        let state = match self.mode {
            _ if !self.joined => TaskState::Starting,
            Mode::Pause if self.board.all_paused() => TaskState::Paused,
            _ => TaskState::Running,
        };
        self.board.state(state);
    }

    /// Carries the stop on; whether the consumer is to be closed.
    fn has_stopped(&self, stopping: &mut Stopping) -> bool {
        let partitions = self.partitions.all();
        let seen = Seen {
            loops_run: partitions.iter().any(|partition| self.partitions.is_running(*partition)),
            owns_partitions: !partitions.is_empty() || self.revocation.is_some(),
        };
        match stopping.next(seen, Instant::now()) {
            Next::Wait => false,
            Next::Leave => {
                for partition in partitions {
                    self.partitions.close(partition, true);
                }
                self.consumer.unsubscribe();
                false
            }
            Next::Close => true,
        }
    }
}

fn snapshot(position: i64, committed: Option<i64>) -> PartitionSnapshot {
    PartitionSnapshot {
        state: PartitionState::Running,
        problem: None,
        end_offset: None,
        committed_offset: committed,
        position,
        last_object: None,
        last_consumed: None,
        observed: SystemTime::now(),
    }
}
