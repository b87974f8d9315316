//! A partition's loop has ended: it goes on elsewhere, waits for a decision, or takes
//! the consumer with it.

use std::time::Instant;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;

use super::Session;
use super::moves::{Deferred, Restart};
use crate::partition::{Exit, OutOfRange, read_from};
use crate::task::partitions::Ended;

impl Session {
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
            Exit::Rewind(standing) => {
                let read_from = read_from(standing.position, None);
                let committed = self.board.committed(partition).is_some();
                let restart = Restart { partition, standing, read_from, committed };
                self.carry_out(Deferred::Restart(restart)).await
            }
            Exit::WithoutWitness(standing) => {
                let committed = self.board.committed(partition).is_some();
                let read_from = standing.position.offset;
                let restart = Restart { partition, standing, read_from, committed };
                self.carry_out(Deferred::Restart(restart)).await
            }
            Exit::Abandoned(abandoned) => {
                self.abandoned(partition, abandoned);
                Ok(())
            }
            Exit::Stopped(problem) => self.stopped(partition, problem).await,
            Exit::Truncated(problem) => {
                self.incarnation.confirm(Instant::now()).await?;
                self.stopped(partition, problem).await
            }
            Exit::OutOfRange(found) => self.out_of_range(partition, found).await,
        }
    }

    /// The partition waits for a decision.
    async fn stopped(&mut self, partition: i32, problem: Problem) -> Result<(), Problem> {
        self.board.stopped(partition, problem);
        // One that came before the partition had stopped again.
        let decided = self.is_decided(partition).then_some(partition);
        self.carry_out(Deferred::Resume(decided.into_iter().collect())).await
    }

    /// The broker has nothing at the offset that it was asked for: retention
    /// overtook it, or the log was truncated.
    async fn out_of_range(
        &mut self,
        partition: i32,
        OutOfRange { offset: asked_for, log: (beginning, end), standing }: OutOfRange,
    ) -> Result<(), Problem> {
        self.incarnation.confirm(Instant::now()).await?;
        let offset = standing.position.offset;
        if asked_for >= beginning {
            // Within the log librdkafka says so where the records at the position
            // are others by now (KIP-320): what is there was never read.
            let message = if offset > end {
                format!(
                    "the position is {offset}, but the partition's log ends at {end}: the \
                     brokers have lost records"
                )
            } else {
                format!(
                    "the brokers do not have the records up to the position {offset} any more, \
                     and have others: the log was truncated"
                )
            };
            let problem = Problem::new(ErrorCode::KafkaLogTruncated, message);
            return self.stopped(partition, problem).await;
        }
        if offset < beginning {
            // The next link stands for the lost range, too.
            self.board.lost(partition, offset, beginning);
        }
        let committed = self.board.committed(partition).is_some();
        let read_from = offset.max(beginning);
        let restart = Restart { partition, standing, read_from, committed };
        self.carry_out(Deferred::Restart(restart)).await
    }
}
