//! Partitions that the group takes: a revocation is acknowledged once nothing of them
//! is under way.

use std::time::Instant;

use kafka2oss_domain::error_code::Problem;
use rdkafka::consumer::Consumer;

use super::Session;
use crate::task::consumer;
use crate::task::stopping::DELIVERY_DEADLINE;

/// Partitions that the group takes.
pub(super) struct Revocation {
    partitions: Vec<i32>,
    deadline: Instant,
}

impl Session {
    /// Whether the group is taking the partition.
    pub(super) fn is_revoked(&self, partition: i32) -> bool {
        self.revocation.as_ref().is_some_and(|of| of.partitions.contains(&partition))
    }

    /// The group takes partitions: their loops deliver what is open, or end at
    /// once when they are another's already.
    pub(super) fn begin_revocation(&mut self, partitions: Vec<i32>) {
        let lost = self.consumer.assignment_lost();
        // It joins anew, as one that the group does not know.
        self.joined &= !lost;
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
            self.abandoned.remove(partition);
        }
        consumer::unassign(&self.consumer, &self.spec.spec.source.topic, &partitions).await?;
        self.consumer.context().revoked();
        self.rejoins_group = true;
        for work in std::mem::take(&mut self.deferred) {
            self.carry_out(work).await?;
        }
        Ok(())
    }
}
