//! Where the parts of a task write what is seen of them, and its snapshot is
//! put together.

mod pace;
mod partition;
mod reading;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use kafka2oss_chain::Keys;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use tokio::sync::watch;

use self::pace::Pace;
pub(crate) use self::partition::PartitionBoard;
pub(crate) use self::reading::Reading;
use super::{
    Flushes, GroupLook, Mode, PartitionSnapshot, PartitionState, Snapshot, TaskSpec, TaskState,
};
use crate::report::{LogLine, Reporter, Severity};

/// What is seen of a task.
#[derive(Debug)]
pub(crate) struct Board {
    snapshot: watch::Sender<Snapshot>,
    spec: Arc<TaskSpec>,
    reporter: Reporter,
    flushes: Flushes,
    /// Where the ranges end that were counted as lost.
    lost_to: Mutex<BTreeMap<i32, i64>>,
    pace: Pace,
}

impl Board {
    pub(super) fn new(
        spec: Arc<TaskSpec>,
        reporter: Reporter,
        flushes: Flushes,
    ) -> (Arc<Self>, watch::Receiver<Snapshot>) {
        let (snapshot, receiver) =
            watch::channel(Snapshot { epoch: spec.epoch, ..Snapshot::default() });
        let (lost_to, pace) = (Mutex::default(), Pace::default());
        (Arc::new(Self { snapshot, spec, reporter, flushes, lost_to, pace }), receiver)
    }

    /// Tells of positions that nobody was told of. To be called about once a second.
    pub(super) fn tell_positions(&self) {
        self.snapshot.send_if_modified(|_| self.pace.pay());
    }

    /// What the task does.
    pub(super) fn state(&self, state: TaskState) {
        self.snapshot
            .send_if_modified(|snapshot| std::mem::replace(&mut snapshot.state, state) != state);
    }

    /// Whether the task is shown as paused.
    pub(super) fn is_paused(&self) -> bool {
        self.snapshot.borrow().state == TaskState::Paused
    }

    /// The task has joined the group: why it had failed is over.
    pub(super) fn joined(&self) {
        self.untroubled();
    }

    /// Whether something of this code is wrong with the task.
    pub(super) fn has_trouble(&self, code: ErrorCode) -> bool {
        self.snapshot.borrow().problem.as_ref().is_some_and(|problem| problem.code == code)
    }

    /// The task's trouble is over.
    pub(super) fn untroubled(&self) {
        self.snapshot.send_if_modified(|snapshot| snapshot.problem.take().is_some());
    }

    /// A partition of the task waits for something outside.
    pub(super) fn retrying(self: &Arc<Self>, partition: i32, problem: &Problem) {
        PartitionBoard::new(self, partition).retrying(problem);
    }

    /// A partition of the task waits for a decision.
    pub(super) fn stopped(self: &Arc<Self>, partition: i32, problem: Problem) {
        PartitionBoard::new(self, partition).stopped(problem);
    }

    /// Something is wrong with the task, which goes on.
    pub(super) fn troubled(&self, problem: &Problem) {
        let news = self.snapshot.send_if_modified(|snapshot| {
            let news = snapshot.problem.as_ref() != Some(problem);
            snapshot.problem = Some(problem.clone());
            news
        });
        if news {
            self.log(Severity::Warn, None, None, Some(problem), problem.message.clone());
        }
    }

    /// The task starts a consumer. One that is to take no record, and has failed
    /// before, stays paused meanwhile.
    pub(super) fn starting(&self, mode: Mode) {
        if mode == Mode::Run || !self.is_paused() {
            self.state(TaskState::Starting);
        }
    }

    /// The task is about to have another consumer. In `Mode::Pause` nothing more is asked
    /// of it than to have none: nothing of it is open.
    pub(super) fn between_consumers(&self, mode: Mode) {
        if mode == Mode::Pause {
            self.state(TaskState::Paused);
        }
    }

    /// The task, which has no consumer for now, is told another mode.
    pub(super) fn waiting(&self, mode: Mode) {
        self.state(without_consumer(mode));
    }

    /// The task has no consumer; it will try again.
    pub(super) fn failed(&self, problem: Problem, mode: Mode) {
        self.log(Severity::Error, None, None, Some(&problem), problem.message.clone());
        self.snapshot.send_modify(|snapshot| {
            snapshot.state = without_consumer(mode);
            snapshot.problem = Some(problem);
            snapshot.partitions.clear();
        });
    }

    /// The task lives. To be called about once a second; nobody is told of it, who
    /// reports takes it along.
    pub(super) fn lives(&self) {
        self.snapshot.send_if_modified(|snapshot| {
            snapshot.pulse += 1;
            false
        });
    }

    /// The topic and its group were looked at.
    pub(super) fn looked(&self, look: GroupLook) {
        self.snapshot.send_if_modified(|snapshot| {
            let seen = |look: &GroupLook| (look.topic_partitions, look.unowned.clone());
            let news = snapshot.group.as_ref().map(seen) != Some(seen(&look));
            snapshot.group = Some(look);
            news
        });
    }

    /// The first offset that the partition's loop has not read, of one that takes
    /// records.
    pub(super) fn reads_from(&self, partition: i32) -> Option<i64> {
        let snapshot = self.snapshot.borrow();
        let seen = snapshot.partitions.get(&partition)?;
        Some(seen.reading.next(seen.position))
    }

    /// Whether the partition's loop asks for records.
    pub(super) fn asks(&self, partition: i32) -> bool {
        self.snapshot.borrow().partitions.get(&partition).is_some_and(|seen| seen.reading.asks)
    }

    /// An open transaction begins where the partition is read up to.
    pub(super) fn transaction_open(&self, partition: i32, begins: i64) {
        self.snapshot.send_if_modified(|snapshot| {
            let Some(seen) = snapshot.partitions.get_mut(&partition) else { return false };
            seen.reading.transaction = Some(begins);
            seen.end_offset.replace(seen.position) != Some(seen.position)
        });
    }

    /// The partition is the task's.
    pub(super) fn owned(
        self: &Arc<Self>,
        partition: i32,
        seen: PartitionSnapshot,
    ) -> Arc<PartitionBoard> {
        self.snapshot.send_modify(|snapshot| {
            snapshot.partitions.insert(partition, seen);
        });
        Arc::new(PartitionBoard::new(self, partition))
    }

    /// The partition is the task's no more.
    pub(super) fn disowned(&self, partition: i32) {
        self.snapshot.send_if_modified(|snapshot| snapshot.partitions.remove(&partition).is_some());
    }

    /// Position of a partition's chain, as far as it was seen to be committed.
    pub(super) fn committed(&self, partition: i32) -> Option<i64> {
        self.snapshot.borrow().partitions.get(&partition)?.committed_offset
    }

    /// What is wrong with a partition, if anything is.
    pub(super) fn problem(&self, partition: i32) -> Option<Problem> {
        self.snapshot.borrow().partitions.get(&partition)?.problem.clone()
    }

    /// Records that the partitions which take some have before them, as far as their
    /// ends are known.
    pub(super) fn backlog(&self) -> i64 {
        let of = |seen: &PartitionSnapshot| match (seen.state, seen.end_offset) {
            (PartitionState::Running | PartitionState::Retrying, Some(end)) => end - seen.position,
            _ => 0,
        };
        self.snapshot.borrow().partitions.values().map(|seen| of(seen).max(0)).sum()
    }

    /// The partitions that take records, and where they are, the one that has taken none
    /// for the longest time first.
    pub(super) fn taking(&self) -> Vec<(i32, i64)> {
        let snapshot = self.snapshot.borrow();
        let is_taking = |seen: &PartitionSnapshot| {
            matches!(seen.state, PartitionState::Running | PartitionState::Retrying)
        };
        let mut taking: Vec<_> = snapshot
            .partitions
            .iter()
            .filter(|(_, seen)| is_taking(seen))
            .map(|(partition, seen)| (seen.last_consumed, *partition, seen.position))
            .collect();
        taking.sort_unstable();
        taking.into_iter().map(|(_, partition, position)| (partition, position)).collect()
    }

    /// A partition of the task takes no record.
    pub(super) fn paused(self: &Arc<Self>, partition: i32) {
        PartitionBoard::new(self, partition).paused();
    }

    /// Offsets that retention removed before they were read. How many records they
    /// held is not known.
    pub(super) fn lost(&self, partition: i32, from: i64, to: i64) {
        // A consumer that was made anew finds the same range again, and
        // perhaps more of it.
        let from = {
            let mut lost_to = self.lost_to.lock().unwrap_or_else(PoisonError::into_inner);
            let counted = lost_to.entry(partition).or_insert(from);
            let from = from.max(*counted);
            *counted = to.max(*counted);
            from
        };
        if from >= to {
            return;
        }
        self.snapshot.send_modify(|snapshot| snapshot.totals.lost_offsets += to.abs_diff(from));
        let code = ErrorCode::KafkaOffsetOutOfRange;
        self.log(
            Severity::Error,
            Some(partition),
            Some(from),
            Some(&Problem::new(code, String::new())),
            format!(
                "lost range: retention removed offsets {from} to {to} (excluded) before they were \
                 read; how many records they held is not known"
            ),
        );
    }

    /// The broker has shown where a partition ends.
    pub(super) fn end_offset(&self, partition: i32, end: i64) {
        self.snapshot.send_if_modified(|snapshot| {
            let Some(seen) = snapshot.partitions.get_mut(&partition) else { return false };
            seen.observed = SystemTime::now();
            let is_at_end = seen.reading.is_at_end(seen.position, end);
            let end = if is_at_end { seen.position } else { end };
            seen.end_offset.replace(end) != Some(end)
        });
    }

    /// Whether every partition has come to rest.
    pub(super) fn all_paused(&self) -> bool {
        use PartitionState::{Paused, Stopped};
        let snapshot = self.snapshot.borrow();
        snapshot.partitions.values().all(|seen| matches!(seen.state, Paused | Stopped))
    }

    /// A reply shows that records may stand in two objects.
    pub(super) fn downgrade(&self, partition: Option<i32>, problem: &Problem) {
        let news = self.snapshot.send_if_modified(|snapshot| {
            let news = snapshot.downgrade.is_none();
            if news {
                snapshot.downgrade = Some(problem.clone());
            }
            news
        });
        if news {
            self.log(Severity::Warn, partition, None, Some(problem), problem.message.clone());
        }
    }

    /// A reply shows that the store overwrites.
    pub(super) fn overwrites(&self, partition: i32, problem: &Problem) {
        self.snapshot
            .send_if_modified(|snapshot| !std::mem::replace(&mut snapshot.store_overwrites, true));
        self.downgrade(Some(partition), problem);
    }

    /// Under which keys objects are put from now on.
    pub(super) fn keys(&self) -> Keys {
        match self.snapshot.borrow().store_overwrites {
            true => Keys::Own,
            false => self.spec.keys,
        }
    }

    pub(super) fn log(
        &self,
        severity: Severity,
        partition: Option<i32>,
        offset: Option<i64>,
        problem: Option<&Problem>,
        message: String,
    ) {
        self.reporter.log(LogLine {
            severity,
            connector: self.spec.connector.clone(),
            task_index: Some(self.spec.index),
            partition,
            offset,
            code: problem.map(|problem| problem.code),
            message,
        });
    }
}

/// What a task is that has no consumer. In `Mode::Pause` that is all that is asked of it:
/// nothing of it is open.
fn without_consumer(mode: Mode) -> TaskState {
    match mode {
        Mode::Run => TaskState::Failed,
        Mode::Pause => TaskState::Paused,
    }
}
