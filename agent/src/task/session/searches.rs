//! What is found out beside the loops, by requests that may take long.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use kafka2oss_proto::ErrorCode;
use kafka2oss_proto::error_code::Problem;
use tokio::task::JoinError;

use super::Session;
use super::moves::Deferred;
use crate::report::Severity;
use crate::task::StopMode;
use crate::task::consumer::{self, TakeUp};
use crate::task::orphans::{LOOK_AFTER, orphans};

/// What was found out beside the loops.
pub(super) enum Found {
    /// Where partitions go on.
    Positions(BTreeMap<i32, TakeUp>),
    /// The group does not keep what commits carry besides their offset.
    MetadataLost(Problem),
    /// Partitions that the group has given to nobody.
    Orphans(BTreeSet<i32>),
    /// Nothing to be said.
    Nothing,
}

impl Session {
    /// Sees once whether the group keeps what commits carry besides their
    /// offset.
    pub(super) fn check_metadata(&mut self, partition: i32) {
        if std::mem::replace(&mut self.metadata_checked, true) {
            return;
        }
        let (consumer, topic) = (self.consumer.clone(), self.spec.spec.source.topic.clone());
        self.searches.spawn(async move {
            match consumer::keeps_metadata(&consumer, &topic, partition).await {
                Ok(true) | Err(_) => Found::Nothing,
                Ok(false) => {
                    let message = "the brokers do not give back what a commit carries";
                    Found::MetadataLost(Problem::new(ErrorCode::KafkaMetadataLost, message))
                }
            }
        });
    }

    pub(super) async fn found(&mut self, found: Result<Found, JoinError>) -> Result<(), Problem> {
        let found = found.map_err(|error| {
            let message = format!("a search ended without a result: {error}");
            Problem::new(ErrorCode::Internal, message)
        })?;
        match found {
            Found::Positions(positions) => self.carry_out(Deferred::Recovered(positions)).await,
            Found::MetadataLost(problem) => {
                self.board.downgrade(None, &problem);
                Ok(())
            }
            Found::Orphans(orphans) => {
                self.found_orphans(orphans);
                Ok(())
            }
            Found::Nothing => Ok(()),
        }
    }

    /// Partitions that belong to nobody twice in a row stay so until a member
    /// leaves: this one does, and joins again.
    fn found_orphans(&mut self, orphans: BTreeSet<i32>) {
        let (next, before) = &mut self.orphans;
        if orphans.is_empty() || self.stopping.is_some() {
            return;
        }
        if *before != orphans {
            (*next, *before) = (Some(Instant::now() + LOOK_AFTER), orphans);
            return;
        }
        let message = format!("the group has given partitions {orphans:?} to nobody; joining anew");
        self.board.log(Severity::Warn, None, None, None, message);
        self.rejoin(StopMode::Leave, self.wait_choice.wait());
    }

    pub(super) fn look_for_orphans(&mut self) {
        let (consumer, spec) = (self.consumer.clone(), self.spec.clone());
        self.searches.spawn(async move {
            let group = &spec.spec.resources.task_consumer_group;
            match orphans(&consumer, group, &spec.spec.source.topic).await {
                Ok(orphans) => Found::Orphans(orphans),
                Err(problem) => {
                    tracing::debug!(%problem, "the group was not described");
                    Found::Nothing
                }
            }
        });
    }
}
