//! The partitions that a task owns, each with its loop or the reason why it
//! has none.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use kafka2oss_chain::{ChainId, Commit, Owner};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::FailureHandlingPolicy;
use kafka2oss_memory::FixedReservation;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::board::{Board, PartitionBoard};
use super::checkpoints::{CheckpointTopic, Checkpoints};
use super::consumer::{LogRange, identity};
use super::prefetch::Prefetch;
use super::task_consumer::TaskConsumer;
use super::{Incarnation, PartitionSnapshot, TaskEnvironment, TaskSpec, Unfetchable, settings};
use crate::partition::{
    Batches, CommitRequest, Commits, DeadLetters, Delivery, ErrorTopics, Exit, Following,
    PartitionLoop, Patience, RecordQueue, Shape, Signal, Stalls, ValueObjects,
};

/// Dead letters and values of a task that are on their way at once.
const ASIDE_AT_ONCE: usize = 64;

/// Where a loop starts.
#[derive(Debug, Clone)]
pub(super) struct Start {
    /// Where the chain stands.
    pub standing: Commit,
    /// A record that is left out.
    pub skip: Option<i64>,
    /// The first offset that is read.
    pub read_from: i64,
}

/// A loop that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// The partition.
    pub partition: i32,
    /// The assignment that the loop ran for.
    pub assignment: u64,
    /// Why it ended.
    pub exit: Exit,
}

enum Entry {
    Running {
        assignment: u64,
        signal: watch::Sender<Signal>,
        unfetchable: watch::Sender<Option<Unfetchable>>,
        read_from: i64,
        abort: AbortHandle,
        /// Of what librdkafka fetches ahead, where it was not expected.
        _prefetch: Option<FixedReservation>,
    },
    /// No loop; the partition stays the task's.
    Resting,
    /// No loop until its position is found out; the partition stays the task's.
    Recovering,
}

/// The partitions that a task owns.
pub(super) struct Partitions {
    spec: Arc<TaskSpec>,
    environment: TaskEnvironment,
    board: Arc<Board>,
    chain: ChainId,
    error_topics: Arc<ErrorTopics>,
    checkpoints: Arc<CheckpointTopic>,
    prefetch: Prefetch,
    drain_slots: Arc<Semaphore>,
    aside_slots: Arc<Semaphore>,
    stalls: Stalls,
    batches: Batches,
    commits: mpsc::Sender<CommitRequest>,
    incarnation: Arc<Incarnation>,
    next_assignment: u64,
    entries: BTreeMap<i32, Entry>,
    loops: JoinSet<Ended>,
}

impl Partitions {
    pub(super) fn new(
        spec: Arc<TaskSpec>,
        environment: TaskEnvironment,
        board: Arc<Board>,
        commits: mpsc::Sender<CommitRequest>,
        incarnation: Arc<Incarnation>,
        checkpoints: Arc<CheckpointTopic>,
        prefetch: Prefetch,
    ) -> Self {
        let error_topics = ErrorTopics::new(spec.clone(), environment.reporter.clone());
        Self {
            chain: identity(&spec).chain_id(),
            error_topics: Arc::new(error_topics),
            checkpoints,
            batches: Batches::new(prefetch.partition_bytes),
            prefetch,
            drain_slots: Arc::new(Semaphore::new(spec.threads as usize)),
            aside_slots: Arc::new(Semaphore::new(ASIDE_AT_ONCE)),
            stalls: Stalls::default(),
            commits,
            incarnation,
            next_assignment: 1,
            entries: BTreeMap::new(),
            loops: JoinSet::new(),
            spec,
            environment,
            board,
        }
    }

    /// Splits the partition's queue off and starts a loop on it, before the
    /// partition is assigned: records that come earlier would end up in the
    /// main queue.
    pub(super) fn start(
        &mut self,
        consumer: &TaskConsumer,
        partition: i32,
        from: Start,
        seen: PartitionSnapshot,
        to: Signal,
    ) -> Result<(), Problem> {
        let wake = Arc::new(Notify::new());
        let topic = &self.spec.spec.source.topic;
        let queue = {
            let (wake, batches) = (wake.clone(), self.batches.clone());
            RecordQueue::split(consumer, topic, partition, batches, move || wake.notify_one())
        };
        let log_range = LogRange::new(consumer, topic, partition);
        let (Some(queue), Some(log_range)) = (queue, log_range) else {
            let message = format!("partition {partition} has no queue of its own");
            return Err(Problem::new(ErrorCode::Internal, message));
        };
        let assignment = self.next_assignment;
        self.next_assignment += 1;
        let (signal, receiver) = watch::channel(to);
        let (unfetchable, told) = watch::channel(None);
        let Start { standing, skip, read_from } = from;
        let window = settings::session_timeout(&self.spec, self.environment.membership);
        // A chain that has had an owner has had an offset.
        let is_lost = seen.committed_offset.is_none() && standing.owners > 0;
        let take_over = if is_lost { Owner::restoring } else { Owner::new };
        let (position, unsettled) = (standing.position.offset, standing.pin.is_some());
        let board = self.board.owned(partition, PartitionSnapshot { unsettled, ..seen });
        let keys = self.board.keys();
        let owner = take_over(standing, window, self.checkpoints.is_usable(), keys);
        let memory = self.environment.memory.partition();
        let sums = self.environment.store.borrow().sums();
        let shape = Shape::new(&self.spec.spec, partition, self.chain, keys, sums);
        let lost = position..read_from.max(position);
        let delivery = self.delivery(partition, assignment, lost, board.clone());
        let values = ValueObjects {
            uid: self.spec.uid.clone(),
            chain: self.chain,
            partition,
            layout: shape.layout.clone(),
            store: self.environment.store.clone(),
            patience: delivery.patience,
            board: board.clone(),
        };
        let running = PartitionLoop {
            wake,
            signal: receiver,
            unfetchable: told,
            flush: self.environment.flushes.point(&self.spec.uid, self.spec.epoch, partition),
            fetch_limit: self.prefetch.limit,
            drain_slots: self.drain_slots.clone(),
            aside_slots: self.aside_slots.clone(),
            shape,
            policy: self.spec.spec.runtime.failure_handling_policy,
            skip,
            read_from,
            delivery,
            stalls: self.stalls.clone(),
            log_range,
            dead_letters: DeadLetters::new(
                self.error_topics.clone(),
                partition,
                values.clone(),
                board.clone(),
            ),
            values,
            board,
        };
        let run = Box::pin(running.run(queue, owner, memory));
        let abort = self.loops.spawn_on(
            async move { Ended { partition, assignment, exit: run.await } },
            &self.environment.data_runtime,
        );
        let others = self.entries.keys().filter(|other| self.is_running(**other)).count();
        let _prefetch = self.prefetch.another(&self.environment.memory, others);
        let running =
            Entry::Running { assignment, signal, unfetchable, read_from, abort, _prefetch };
        self.entries.insert(partition, running);
        Ok(())
    }

    fn delivery(
        &self,
        partition: i32,
        assignment: u64,
        lost: Range<i64>,
        board: Arc<PartitionBoard>,
    ) -> Delivery {
        let runtime = &self.spec.spec.runtime;
        let patience = match runtime.failure_handling_policy {
            FailureHandlingPolicy::Log => Patience(None),
            FailureHandlingPolicy::Fail => Patience(Some(runtime.store_retry_time)),
        };
        Delivery {
            uid: self.spec.uid.clone(),
            chain: self.chain,
            partition,
            store: self.environment.store.clone(),
            commits: Commits { partition, assignment, requests: self.commits.clone() },
            checkpoints: Checkpoints::new(self.checkpoints.clone(), partition),
            incarnation: self.incarnation.clone(),
            lost,
            patience,
            board,
            following: Following::default(),
        }
    }

    /// Keeps the partition without a loop.
    pub(super) fn rest(&mut self, partition: i32, seen: PartitionSnapshot, problem: Problem) {
        self.board.owned(partition, seen).stopped(problem);
        self.entries.insert(partition, Entry::Resting);
    }

    /// Keeps the partition without a loop until its position is found out.
    pub(super) fn recover(&mut self, partition: i32, seen: PartitionSnapshot) {
        self.board.owned(partition, seen);
        self.entries.insert(partition, Entry::Recovering);
    }

    /// A loop has ended and nobody told it to: the partition rests.
    pub(super) fn stopped(&mut self, partition: i32) {
        self.entries.insert(partition, Entry::Resting);
    }

    /// Tells the loops of these partitions what to do.
    pub(super) fn signal(&self, of: impl Fn(i32) -> bool, to: Signal) {
        for (partition, entry) in &self.entries {
            if let Entry::Running { signal, .. } = entry
                && of(*partition)
            {
                signal.send_replace(to);
            }
        }
    }

    /// Where the partition's loop has begun to read; `None` where none runs.
    pub(super) fn read_from(&self, partition: i32) -> Option<i64> {
        match self.entries.get(&partition) {
            Some(Entry::Running { read_from, .. }) => Some(*read_from),
            _ => None,
        }
    }

    /// Tells a loop what of its partition cannot be fetched.
    pub(super) fn tell(&self, partition: i32, found: Unfetchable) {
        if let Some(Entry::Running { unfetchable, .. }) = self.entries.get(&partition) {
            unfetchable.send_replace(Some(found));
        }
    }

    /// Tells a loop to deliver what is open and end, or, when `lost`, to end
    /// at once.
    pub(super) fn close(&self, partition: i32, lost: bool) {
        if let Some(Entry::Running { signal, abort, .. }) = self.entries.get(&partition) {
            if lost {
                abort.abort();
            } else {
                signal.send_replace(Signal::Close);
            }
        }
    }

    /// The partition is the task's no more.
    pub(super) fn remove(&mut self, partition: i32) {
        self.entries.remove(&partition);
        self.board.disowned(partition);
    }

    /// Whether a loop runs for the partition.
    pub(super) fn is_running(&self, partition: i32) -> bool {
        matches!(self.entries.get(&partition), Some(Entry::Running { .. }))
    }

    /// Whether the partition is owned and has no loop.
    pub(super) fn is_resting(&self, partition: i32) -> bool {
        matches!(self.entries.get(&partition), Some(Entry::Resting))
    }

    /// Whether the partition is owned and its position is being found out.
    pub(super) fn is_recovering(&self, partition: i32) -> bool {
        matches!(self.entries.get(&partition), Some(Entry::Recovering))
    }

    /// Whether the partition is owned by this very assignment.
    pub(super) fn is_current(&self, partition: i32, of: u64) -> bool {
        matches!(self.entries.get(&partition), Some(Entry::Running { assignment, .. }) if *assignment == of)
    }

    /// The partitions that rest.
    pub(super) fn resting(&self) -> Vec<i32> {
        let resting = |(partition, entry): (&i32, &Entry)| {
            matches!(entry, Entry::Resting).then_some(*partition)
        };
        self.entries.iter().filter_map(resting).collect()
    }

    /// The partitions whose positions are being found out.
    pub(super) fn recovering(&self) -> Vec<i32> {
        let all = self.entries.keys().copied();
        all.filter(|partition| self.is_recovering(*partition)).collect()
    }

    /// Every partition.
    pub(super) fn all(&self) -> Vec<i32> {
        self.entries.keys().copied().collect()
    }

    /// Waits for the next loop to end. Never returns while none runs.
    pub(super) async fn ended(&mut self) -> Ended {
        loop {
            match self.loops.join_next_with_id().await {
                Some(Ok((_, ended))) => return ended,
                Some(Err(error)) => {
                    // Aborted, or a bug: either way nothing of it was
                    // delivered after this moment.
                    let id = error.id();
                    let of_it = |(partition, entry): (&i32, &Entry)| match entry {
                        Entry::Running { abort, assignment, .. } if abort.id() == id => {
                            Some((*partition, *assignment))
                        }
                        _ => None,
                    };
                    let Some((partition, assignment)) = self.entries.iter().find_map(of_it) else {
                        continue;
                    };
                    let exit = if error.is_cancelled() {
                        Exit::Revoked
                    } else {
                        let message = format!("the loop of partition {partition} failed: {error}");
                        Exit::Broken(Problem::new(ErrorCode::Internal, message))
                    };
                    return Ended { partition, assignment, exit };
                }
                None => std::future::pending().await,
            }
        }
    }

    /// Long waits of the partitions so far, for records that are there.
    pub(super) fn stalls(&self) -> u64 {
        self.stalls.count()
    }

    /// Ends every loop at once and waits until none holds the consumer.
    pub(super) async fn abort_all(&mut self) {
        self.loops.shutdown().await;
        for partition in self.all() {
            self.remove(partition);
        }
    }
}
