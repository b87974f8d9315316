//! The end of a session: because the task is told to stop, or because another consumer
//! suits it better.

use std::time::Instant;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use rdkafka::consumer::Consumer;

use super::Session;
use crate::partition::Signal;
use crate::report::Severity;
use crate::task::consumer;
use crate::task::fetch_wait::FetchWait;
use crate::task::stopping::{Next, Seen, Stopping};
use crate::task::{Membership, StopMode};

impl Session {
    /// Whether it can be told to stop: it may be about to join the group again.
    pub(super) fn may_be_stopped(&self) -> bool {
        self.stopping.is_none() || self.rejoins.is_some()
    }

    /// Loops deliver what is open and end; then the consumer does, and is not made anew.
    pub(super) fn stop(&mut self, mode: StopMode) {
        self.rejoins = None;
        self.partitions.signal(|_| true, Signal::Close);
        self.stopping = Some(Stopping::begin(mode, Instant::now()));
    }

    /// The same, to join the group again and to fetch with this wait.
    pub(super) fn rejoin(&mut self, mode: StopMode, wait: FetchWait) {
        self.stop(mode);
        self.rejoins = Some(wait);
    }

    /// Ends a consumer that has been without its group for too long.
    pub(super) fn look_for_the_group(&mut self) -> Result<(), Problem> {
        let has_group = self.joined && !self.rejoins_group;
        let Some(absent) = self.absence.look(has_group, Instant::now()) else { return Ok(()) };
        if self.stopping.is_some() {
            return Ok(());
        }
        let seconds = absent.as_secs();
        let cause = self.consumer.context().errors.cause();
        let words = cause.as_ref().map_or(String::new(), |cause| format!(": {}", cause.message));
        let message = format!(
            "the task has been without its group for {seconds} s{words}; its consumer is made anew"
        );
        self.board.log(Severity::Warn, None, None, cause.as_ref(), message.clone());
        self.is_lost = true;
        let code = cause.map_or(ErrorCode::KafkaRequestFailed, |cause| cause.code);
        Err(Problem::new(code, message))
    }

    /// Makes the consumer anew where another wait suits its partitions better. One that
    /// is no static member would have its group rebalance; a partition that waits for a
    /// decision or for its position would begin anew.
    pub(super) fn look_at_wait(&mut self) {
        let is_free = self.stopping.is_none()
            && self.revocation.is_none()
            && !self.group_looks.is_settling()
            && self.partitions.all().into_iter().all(|one| self.partitions.is_running(one));
        if !self.joined || !is_free || self.membership != Membership::Static {
            return;
        }
        let (stalls, backlog) = (self.partitions.stalls(), self.board.backlog());
        let Some(wait) = self.wait_choice.look(Instant::now(), stalls, backlog) else { return };
        let why = match wait {
            FetchWait::Short => "a partition with a backlog waits for fetches of others",
            FetchWait::Long => "there is no backlog any more",
        };
        let message = format!("{why}; the consumer is made anew, to fetch accordingly");
        self.board.log(Severity::Info, None, None, None, message);
        self.rejoin(StopMode::KeepMembership, wait);
    }

    /// Whether the group is being left. librdkafka tells it when the last partition has
    /// come to rest, some time after that was given up; a consumer that is told to end
    /// before keeps a static membership (2.12.1, `rd_kafka_cgrp_incr_unassign_done`),
    /// and its partitions are nobody's for a session timeout.
    pub(super) fn leaves(&self) -> bool {
        self.stopping.as_ref().is_some_and(Stopping::leaves)
    }

    /// Carries the stop on; whether the consumer is to be closed.
    pub(super) async fn has_stopped(&mut self) -> Result<bool, Problem> {
        let Some(stopping) = &mut self.stopping else { return Ok(false) };
        let is_member = stopping.leaves() && consumer::is_member(&self.consumer).await?;
        let partitions = self.partitions.all();
        let seen = Seen {
            joins: !self.joined && self.troubled.is_none(),
            is_member,
            loops_run: partitions.iter().any(|partition| self.partitions.is_running(*partition)),
            owns_partitions: !partitions.is_empty() || self.revocation.is_some(),
        };
        Ok(match stopping.next(seen, Instant::now()) {
            Next::Wait => false,
            Next::Leave => {
                for partition in partitions {
                    self.partitions.close(partition, true);
                }
                consumer::leave(&self.consumer).await?;
                false
            }
            Next::Close => {
                if seen.is_member {
                    tracing::warn!(
                        task = self.spec.index,
                        "the group was not left in time: the member's session has to expire"
                    );
                }
                true
            }
        })
    }
}
