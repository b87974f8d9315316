//! What is found out beside the loops, by requests that may take long.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use tokio::task::JoinError;

use super::Session;
use super::moves::Deferred;
use super::unfetchable::Examined;
use crate::task::consumer::{self, TakeUp};
use crate::task::group_look::GroupLook;

/// From one look at whether librdkafka's own thread serves a consumer to the next: half
/// the default session timeout, which it sends heartbeats within.
const ASK_AFTER: Duration = Duration::from_secs(5);

/// What was found out beside the loops.
pub(super) enum Found {
    /// Where partitions go on.
    Positions(BTreeMap<i32, TakeUp>),
    /// The group does not keep what commits carry besides their offset.
    MetadataLost(Problem),
    /// Who has the partitions of the topic.
    Group(Result<GroupLook, Problem>),
    /// Where a partition begins, and what can be read of it ends.
    End(i32, Result<(i64, i64), Problem>),
    /// Whether partitions can be fetched.
    Examined(Examined),
    /// The consumer's own thread serves it.
    Lives,
    /// It does not.
    Hangs(Problem),
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

    /// Asks librdkafka's own thread for something. It sends heartbeats and joins the
    /// group, and may wait for long by the time of day where that is set back: being
    /// asked wakes it.
    pub(super) fn see_whether_it_lives(&mut self) {
        if self.ask_at.is_none_or(|at| at > Instant::now()) {
            return;
        }
        self.ask_at = None;
        let consumer = self.consumer.clone();
        self.searches.spawn(async move {
            match consumer::is_member(&consumer).await {
                Ok(_) => Found::Lives,
                Err(problem) => Found::Hangs(problem),
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
            Found::Group(look) => {
                self.looked_at_group(look);
                Ok(())
            }
            Found::End(partition, range) => self.found_end(partition, range),
            Found::Examined(examined) => {
                self.examined(examined);
                Ok(())
            }
            Found::Lives => {
                self.ask_at = Some(Instant::now() + ASK_AFTER);
                Ok(())
            }
            Found::Hangs(problem) => Err(problem),
            Found::Nothing => Ok(()),
        }
    }
}
