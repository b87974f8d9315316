//! Finds out where partitions go on for which the group holds no offset.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka2oss_chain::{Commit, Recovery, Tally, recover};
use kafka2oss_domain::ErrorCode;

use super::checkpoints::{CheckpointTopic, Found};
use super::consumer::{self, TakeUp, identity};
use super::task_consumer::TaskConsumer;
use super::{CommitsSeen, TaskSpec};
use crate::backoff::Backoff;

/// What is needed to find it out.
pub(super) struct Search {
    pub(super) spec: Arc<TaskSpec>,
    pub(super) consumer: TaskConsumer,
    pub(super) checkpoints: Arc<CheckpointTopic>,
    pub(super) commits_seen: CommitsSeen,
    /// How long a checkpoint of an owner that was left behind may still arrive: it is
    /// sent within the put window, and given up a limit later.
    pub(super) last_words: Duration,
}

impl Search {
    /// Whether a commit of the partition may have been made.
    pub(super) fn may_be_lost(&self, partition: i32) -> bool {
        self.commits_seen.may_have(partition)
    }

    /// Where each of the partitions goes on, which comes with what the connector's chains
    /// before have come to; where a commit may have been lost, after the last checkpoint of an owner that was
    /// left behind has arrived.
    pub(super) async fn run(self, partitions: BTreeMap<i32, Tally>) -> BTreeMap<i32, TakeUp> {
        let lost = partitions.keys().any(|partition| self.may_be_lost(*partition));
        if lost {
            tokio::time::sleep(self.last_words).await;
        }
        let found = self.checkpoints(lost).await;
        let identity = identity(&self.spec);
        let chain = identity.chain_id();
        let mut positions = BTreeMap::new();
        for (partition, tally) in partitions {
            let start = self.spec.start_offsets.get(&partition).copied();
            let own = found.iter().filter(|(key, _)| key.is_of(partition, &chain));
            let own = own.map(|(_, checkpoint)| checkpoint);
            let seen = self.may_be_lost(partition);
            let take_up = match recover(&identity, partition, start, seen, own) {
                Recovery::Checkpoint(standing) => at(standing),
                Recovery::Start(offset) => at(Commit { tally, ..Commit::start(offset) }),
                Recovery::Beginning => {
                    at(Commit { tally, ..Commit::start(self.beginning(partition).await) })
                }
                Recovery::Stop(problem) => TakeUp::Stopped(problem),
            };
            positions.insert(partition, take_up);
        }
        positions
    }

    /// Reads the checkpoints, also where no commit was seen: one may have been
    /// made and lost before anybody heard of it. Without an offset topic there
    /// is none; one that this user may not read holds up only what may be lost.
    async fn checkpoints(&self, lost: bool) -> Found {
        let mut backoff = Backoff::of_requests();
        loop {
            let problem = match self.checkpoints.read().await {
                Ok(found) => return found,
                Err(problem) => problem,
            };
            match problem.code {
                ErrorCode::KafkaResourceMissing => return Found::new(),
                ErrorCode::KafkaTopicAuthorizationFailed
                | ErrorCode::KafkaGroupAuthorizationFailed
                    if !lost =>
                {
                    return Found::new();
                }
                _ => {
                    tracing::warn!(%problem, "checkpoints not read; tried again");
                    tokio::time::sleep(backoff.next_delay()).await;
                }
            }
        }
    }

    async fn beginning(&self, partition: i32) -> i64 {
        let mut backoff = Backoff::of_requests();
        loop {
            match consumer::log_range(&self.consumer, &self.spec.spec.source.topic, partition).await
            {
                Ok((beginning, _)) => return beginning,
                Err(problem) => {
                    tracing::debug!(%problem, partition, "beginning not read; tried again");
                    tokio::time::sleep(backoff.next_delay()).await;
                }
            }
        }
    }
}

fn at(standing: Commit) -> TakeUp {
    TakeUp::At { standing, committed: false }
}
