//! How partitions move: taken up and given up as the group says, taken up again
//! at another offset, left alone where they cannot go on.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime};

use kafka2oss_proto::ErrorCode;
use kafka2oss_proto::error_code::Problem;
use rdkafka::Offset;
use rdkafka::consumer::Consumer;

use super::Session;
use crate::partition::{Exit, Signal};
use crate::task::consumer::{self, TakeUp};
use crate::task::partitions::Ended;
use crate::task::stopping::DELIVERY_DEADLINE;
use crate::task::{Mode, PartitionSnapshot, PartitionState};

/// Partitions that the group takes.
pub(super) struct Revocation {
    pub(super) partitions: Vec<i32>,
    deadline: Instant,
}

/// What gives partitions up to take them up again. It waits for the end of a
/// revocation, since librdkafka would take its `incremental_unassign` for the
/// acknowledgement.
pub(super) enum Deferred {
    /// A partition goes on at another offset.
    Restart { partition: i32, offset: i64, committed: bool },
    /// The partitions that rest are tried again.
    Resume,
}

impl Session {
    /// Takes up partitions where the group's offsets or the epoch's start say.
    pub(super) async fn take_up(&mut self, partitions: Vec<i32>) -> Result<(), Problem> {
        let positions = if partitions.is_empty() {
            BTreeMap::new()
        } else {
            let positions = consumer::positions(&self.consumer, &self.spec, partitions).await?;
            self.incarnation.confirm(Instant::now()).await?;
            positions
        };
        let mut offsets = BTreeMap::new();
        for (partition, take_up) in positions {
            match take_up {
                TakeUp::At { offset, committed } => {
                    offsets.insert(partition, Offset::Offset(offset));
                    let seen = snapshot(offset, committed.then_some(offset));
                    self.partitions.start(
                        &self.consumer,
                        partition,
                        offset,
                        seen,
                        self.signal(),
                    )?;
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
        self.give_up(&[partition]).await?;
        let seen = snapshot(offset, committed.then_some(offset));
        self.partitions.start(&self.consumer, partition, offset, seen, self.signal())?;
        let offsets = BTreeMap::from([(partition, Offset::Offset(offset))]);
        consumer::assign(&self.consumer, &self.spec.spec.source.topic, &offsets).await
    }

    /// Tries the partitions that rest again.
    async fn resume(&mut self) -> Result<(), Problem> {
        let resting = self.partitions.resting();
        if resting.is_empty() {
            return Ok(());
        }
        self.give_up(&resting).await?;
        self.take_up(resting).await
    }

    /// Gives partitions up, to take them up again.
    async fn give_up(&mut self, partitions: &[i32]) -> Result<(), Problem> {
        consumer::unassign(&self.consumer, &self.spec.spec.source.topic, partitions).await?;
        self.hear()?;
        if self.consumer.context().has_revocation() {
            // It came between the last look and the call, which may have
            // acknowledged it without its loops having ended.
            let message = "the group rebalanced while a partition was taken up again";
            return Err(Problem::new(ErrorCode::KafkaRequestFailed, message));
        }
        Ok(())
    }

    async fn carry_out(&mut self, work: Deferred) -> Result<(), Problem> {
        if self.revocation.is_some() {
            self.deferred.push(work);
            return Ok(());
        }
        match work {
            // Whoever is stopping reads no further.
            _ if self.stopping.is_some() => Ok(()),
            // Given up, or taken up again, while it waited.
            Deferred::Restart { partition, .. } if !self.partitions.is_resting(partition) => Ok(()),
            Deferred::Restart { partition, offset, committed } => {
                self.restart(partition, offset, committed).await
            }
            Deferred::Resume => self.resume().await,
        }
    }

    /// A loop has ended.
    pub(super) async fn ended(&mut self, ended: Ended) -> Result<(), Problem> {
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
            Exit::Revoked if self.stopping.is_some() => Ok(()),
            Exit::Revoked => {
                let message = format!("the loop of partition {partition} ended by itself");
                Err(Problem::new(ErrorCode::Internal, message))
            }
            Exit::Broken(problem) => Err(problem),
            Exit::Rewind(offset) => {
                self.carry_out(Deferred::Restart { partition, offset, committed: true }).await
            }
            Exit::Stopped(problem) => {
                self.board.stopped(partition, problem);
                Ok(())
            }
            Exit::OutOfRange { position, log } => self.out_of_range(partition, position, log).await,
        }
    }

    /// The broker has no record at the chain's position: retention overtook
    /// it, or the log was truncated.
    async fn out_of_range(
        &mut self,
        partition: i32,
        position: i64,
        (beginning, end): (i64, i64),
    ) -> Result<(), Problem> {
        self.incarnation.confirm(Instant::now()).await?;
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
        let offset = position.max(beginning);
        self.carry_out(Deferred::Restart { partition, offset, committed: false }).await
    }

    pub(super) async fn change_mode(&mut self, mode: Mode) -> Result<(), Problem> {
        if mode == self.mode {
            return Ok(());
        }
        self.mode = mode;
        // Those that are being given up have been told to close.
        self.partitions.signal(|partition| !self.is_revoked(partition), self.signal());
        match mode {
            Mode::Pause => Ok(()),
            Mode::Run => self.carry_out(Deferred::Resume).await,
        }
    }

    fn is_revoked(&self, partition: i32) -> bool {
        self.revocation.as_ref().is_some_and(|of| of.partitions.contains(&partition))
    }

    /// The group takes partitions: their loops deliver what is open, or end at
    /// once when they are another's already.
    pub(super) fn begin_revocation(&mut self, partitions: Vec<i32>) {
        let lost = self.consumer.assignment_lost();
        for partition in &partitions {
            self.partitions.close(*partition, lost);
        }
        let mut all = self.revocation.take().map_or(Vec::new(), |first| first.partitions);
        all.extend(partitions);
        let deadline = Instant::now() + DELIVERY_DEADLINE;
        self.revocation = Some(Revocation { partitions: all, deadline });
    }

    /// Acknowledges a revocation once nothing of its partitions is under way.
    pub(super) async fn finish_revocation(&mut self) -> Result<(), Problem> {
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
        consumer::unassign(&self.consumer, &self.spec.spec.source.topic, &partitions).await?;
        for work in std::mem::take(&mut self.deferred) {
            self.carry_out(work).await?;
        }
        Ok(())
    }

    /// What a loop that starts now should do.
    fn signal(&self) -> Signal {
        match self.mode {
            _ if self.stopping.is_some() => Signal::Close,
            Mode::Pause => Signal::Pause,
            Mode::Run => Signal::Run,
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
