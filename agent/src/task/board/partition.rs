//! Where the loop of one partition writes what is seen of it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use kafka2oss_chain::{ObjectMetadata, Tally};
use kafka2oss_domain::error_code::Problem;

use super::Board;
use crate::report::Severity;
use crate::task::{PartitionSnapshot, PartitionState, TakenIn, TaskSpec};

/// Test messages of a partition that are told of, and that are looked for, at a time.
const TEST_MESSAGES: usize = 16;

/// What is seen of one partition, and what all partitions add up to.
#[derive(Debug)]
pub(crate) struct PartitionBoard {
    task: Arc<Board>,
    partition: i32,
    /// Test messages that were read and stand in no object yet.
    awaited: Mutex<BTreeSet<i64>>,
}

impl PartitionBoard {
    pub(super) fn new(task: &Arc<Board>, partition: i32) -> Self {
        Self { task: task.clone(), partition, awaited: Mutex::default() }
    }

    /// Changes what is seen of the partition, if it is still the task's.
    fn update(&self, change: impl FnOnce(&mut PartitionSnapshot) -> bool) {
        self.task.snapshot.send_if_modified(|snapshot| {
            let Some(seen) = snapshot.partitions.get_mut(&self.partition) else { return false };
            let changed = change(seen);
            if changed {
                seen.observed = SystemTime::now();
            }
            changed
        });
    }

    /// The partition takes records.
    pub(crate) fn running(&self) {
        self.state(PartitionState::Running);
    }

    /// The partition takes none; what was taken is committed or given up.
    pub(crate) fn paused(&self) {
        self.state(PartitionState::Paused);
    }

    fn state(&self, state: PartitionState) {
        self.update(|seen| {
            let changed = seen.state != state || seen.problem.is_some();
            (seen.state, seen.problem) = (state, None);
            changed
        });
    }

    /// Records were taken in up to `position`, and so many since the last call. This
    /// happens hundreds of times a second: it is there to be read at once, and told at the
    /// board's pace.
    pub(crate) fn consumed(&self, position: i64, taken: TakenIn) {
        self.task.snapshot.send_if_modified(|snapshot| {
            snapshot.taken += taken;
            let Some(seen) = snapshot.partitions.get_mut(&self.partition) else { return false };
            let now = SystemTime::now();
            seen.position = position;
            (seen.observed, seen.last_consumed) = (now, Some(now));
            // The end as the last fetch showed it may lie behind by now.
            seen.end_offset = seen.end_offset.map(|end| end.max(position));
            self.task.pace.changed(Instant::now())
        });
    }

    /// Somebody may wait until the record at this offset stands in an object.
    pub(crate) fn awaits(&self, offset: i64) {
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        awaited.insert(offset);
        if awaited.len() > TEST_MESSAGES {
            awaited.pop_first();
        }
    }

    /// Those that were awaited below `end`: nobody needs to look for them any more.
    fn come_below(&self, end: i64) -> BTreeSet<i64> {
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        let later = awaited.split_off(&end);
        std::mem::replace(&mut awaited, later)
    }

    /// The record at this offset is the first one of an object, and has this timestamp.
    /// That is told with the next change.
    pub(crate) fn begun(&self, offset: i64, millis: i64) {
        self.update(|seen| {
            seen.unwritten.push_back((offset, millis));
            false
        });
    }

    /// An object of `bytes` became a link and its end is committed, with what the
    /// partition's chains have come to.
    pub(crate) fn linked(&self, key: &str, metadata: &ObjectMetadata, bytes: u64, tally: Tally) {
        let extent = metadata.first_offset..metadata.next_offset;
        let TaskSpec { uid, epoch, .. } = &*self.task.spec;
        let flushes = &self.task.flushes;
        flushes.linked((uid, *epoch, self.partition), key, extent.clone(), metadata.records);
        let mut visible = self.come_below(extent.end);
        visible.retain(|offset| extent.contains(offset));
        self.task.snapshot.send_modify(|snapshot| {
            snapshot.totals.records += metadata.records;
            snapshot.totals.objects += 1;
            snapshot.totals.bytes += bytes;
            if let Some(seen) = snapshot.partitions.get_mut(&self.partition) {
                seen.committed_offset = Some(metadata.next_offset);
                seen.tally = tally;
                while seen.unwritten.front().is_some_and(|first| first.0 < metadata.next_offset) {
                    seen.unwritten.pop_front();
                }
                seen.unsettled = false;
                seen.last_object = Some(key.to_owned());
                seen.last_extent = Some(extent);
                let visible = visible.into_iter().map(|offset| (offset, key.to_owned()));
                seen.test_messages.extend(visible);
                let too_many = seen.test_messages.len().saturating_sub(TEST_MESSAGES);
                seen.test_messages.drain(..too_many);
                seen.observed = SystemTime::now();
            }
        });
    }

    /// An object is put: until its end is committed it may stand or not. That is told
    /// with the next change, which there is when the partition comes to rest.
    pub(crate) fn unsettled(&self) {
        self.update(|seen| {
            seen.unsettled = true;
            false
        });
    }

    /// The store has told that nothing stands at the chain's position.
    pub(crate) fn settled(&self) {
        self.update(|seen| std::mem::take(&mut seen.unsettled));
    }

    /// A record went to an error topic.
    pub(crate) fn dead_lettered(&self) {
        self.task.snapshot.send_modify(|snapshot| snapshot.totals.dead_letters += 1);
    }

    /// The group holds this offset now, without a new link.
    pub(crate) fn committed(&self, offset: i64) {
        self.update(|seen| seen.committed_offset.replace(offset) != Some(offset));
    }

    /// Something outside fails; it is tried again.
    pub(crate) fn retrying(&self, problem: &Problem) {
        let mut news = false;
        self.update(|seen| {
            news = seen.problem.as_ref().map(|problem| problem.code) != Some(problem.code);
            // One that is paused stays so: nothing of it is open.
            if seen.state != PartitionState::Paused {
                seen.state = PartitionState::Retrying;
            }
            seen.problem = Some(problem.clone());
            true
        });
        if news {
            self.log(Severity::Warn, None, Some(problem), problem.message.clone());
        }
    }

    /// What was tried again has worked.
    pub(crate) fn recovered(&self) {
        let mut news = false;
        self.update(|seen| {
            news = seen.state == PartitionState::Retrying;
            if news {
                (seen.state, seen.problem) = (PartitionState::Running, None);
            }
            news
        });
        if news {
            self.log(Severity::Info, None, None, "recovered".to_owned());
        }
    }

    /// The partition waits for a decision.
    pub(crate) fn stopped(&self, problem: Problem) {
        self.log(Severity::Error, None, Some(&problem), problem.message.clone());
        self.update(|seen| {
            (seen.state, seen.problem) = (PartitionState::Stopped, Some(problem));
            true
        });
    }

    /// A reply shows that records may stand in two objects.
    pub(crate) fn downgrade(&self, problem: &Problem) {
        self.task.downgrade(Some(self.partition), problem);
    }

    /// A reply shows that the store overwrites.
    pub(crate) fn overwrites(&self, problem: &Problem) {
        self.task.overwrites(self.partition, problem);
    }

    /// The loop takes records and has room for them, or not.
    pub(crate) fn asks(&self, asks: bool) {
        self.update(|seen| {
            seen.reading.asks = asks;
            false
        });
    }

    /// The loop was told that it has read everything up to `offset`; by then the log was
    /// known to end at `end`.
    pub(crate) fn caught_up(&self, offset: i64, end: Option<i64>) {
        let Some(end) = end else { return };
        self.update(|seen| {
            seen.reading.told = Some((offset, end));
            seen.end_offset.replace(seen.position) != Some(seen.position)
        });
    }

    /// Adds a line about this partition to the connector's log.
    pub(crate) fn log(
        &self,
        severity: Severity,
        offset: Option<i64>,
        problem: Option<&Problem>,
        message: String,
    ) {
        self.task.log(severity, Some(self.partition), offset, problem, message);
    }
}
