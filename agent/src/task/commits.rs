//! The commits that are under way: at most one a partition, each with its
//! definitive answer.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use kafka2oss_chain::{CommitMetadata, Identity};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_kafka::classify;
use kafka2oss_kafka::partition_list::offset_with_metadata;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaErrorCode;

use super::native;
use super::settings::RETRY_BACKOFF;
use super::task_consumer::TaskConsumer;
use crate::partition::{CommitError, CommitRequest};

/// A commit without an answer for this long has an unknown outcome; longer
/// than librdkafka's `socket.timeout.ms` (30 s), after which it answers itself.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(45);

/// The commits that are under way.
#[derive(Debug)]
pub(super) struct PendingCommits {
    topic: String,
    /// Whose the commits are.
    identity: Identity,
    pending: HashMap<i32, Pending>,
    /// Why the outcome of a commit is not known that nobody waits for any more.
    unheard: Option<Problem>,
}

#[derive(Debug)]
struct Pending {
    request: CommitRequest,
    /// When it was first sent.
    since: Instant,
    /// When it was last sent.
    sent: Instant,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The broker has not answered.
    Sent,
    /// The broker has refused it, as of a generation of the group that has
    /// passed: it was definitely not carried out, and is sent again.
    Refused,
}

impl PendingCommits {
    pub(super) fn new(topic: String, identity: Identity) -> Self {
        Self { topic, identity, pending: HashMap::new(), unheard: None }
    }

    /// Sends a commit to the broker; its answer comes as an event.
    pub(super) fn send(&mut self, consumer: &TaskConsumer, request: CommitRequest) {
        if self.pending.contains_key(&request.partition) {
            let message = format!("partition {} has a commit under way", request.partition);
            self.answer(
                request,
                Err(CommitError::Failed(Problem::new(ErrorCode::Internal, message))),
            );
            return;
        }
        self.send_since(consumer, request, Instant::now());
    }

    fn send_since(&mut self, consumer: &TaskConsumer, request: CommitRequest, since: Instant) {
        let metadata = CommitMetadata::new(self.identity.clone(), &request.commit).encode();
        let offset = request.commit.position.offset;
        let sent = offset_with_metadata(&self.topic, request.partition, offset, &metadata)
            .and_then(|offsets| native::commit(consumer, &offsets));
        match sent {
            Ok(()) => {
                let sent = Instant::now();
                let pending = Pending { since, sent, stage: Stage::Sent, request };
                self.pending.insert(pending.request.partition, pending);
            }
            Err(error) => {
                let problem = consumer.context().errors.problem("cannot commit", &error);
                self.answer(request, Err(CommitError::Failed(problem)));
            }
        }
    }

    /// Takes the broker's answer. Returns whether a commit succeeded.
    pub(super) fn answered(
        &mut self,
        consumer: &TaskConsumer,
        partition: i32,
        offset: i64,
        outcome: KafkaResult<()>,
    ) -> bool {
        let Some(mut pending) = self.pending.remove(&partition) else { return false };
        match outcome {
            outcome
                if outcome.as_ref().err().is_none_or(is_of_a_passed_generation)
                    && may_have_been_sent_twice(consumer, pending.sent) =>
            {
                let message = format!(
                    "the commit of offset {offset} of partition {partition} was answered after \
                     trouble with the connection: an earlier attempt of it may still be on its way"
                );
                let problem = Problem::new(ErrorCode::KafkaRequestFailed, message);
                self.answer(pending.request, Err(CommitError::Failed(problem)));
                false
            }
            Ok(()) if pending.request.commit.position.offset == offset => {
                self.answer(pending.request, Ok(()));
                true
            }
            Ok(()) => {
                // Cannot be: one commit a partition is under way.
                let message = format!(
                    "the broker acknowledged offset {offset} of partition {partition}, not {}",
                    pending.request.commit.position.offset
                );
                let problem = Problem::new(ErrorCode::Internal, message);
                self.answer(pending.request, Err(CommitError::Failed(problem)));
                false
            }
            Err(error) if is_of_a_passed_generation(&error) => {
                tracing::debug!(partition, offset, %error, "commit refused; sent again");
                pending.stage = Stage::Refused;
                self.pending.insert(partition, pending);
                false
            }
            Err(error) => {
                let what = format!("cannot commit offset {offset} of partition {partition}");
                let mut problem = consumer.context().errors.problem(&what, &error);
                if classify::native_code(&error) == Some(RDKafkaErrorCode::OffsetMetadataTooLarge) {
                    problem.code = ErrorCode::KafkaMetadataLost;
                }
                self.answer(pending.request, Err(CommitError::Failed(problem)));
                false
            }
        }
    }

    /// Sends refused commits again, unless their partition was given up
    /// meanwhile (`is_current` takes partition and assignment).
    pub(super) fn send_refused_again(
        &mut self,
        consumer: &TaskConsumer,
        is_current: impl Fn(i32, u64) -> bool,
    ) {
        let refused: Vec<i32> = self
            .pending
            .iter()
            .filter(|(_, pending)| pending.stage == Stage::Refused)
            .map(|(partition, _)| *partition)
            .collect();
        for partition in refused {
            let Some(Pending { request, since, .. }) = self.pending.remove(&partition) else {
                continue;
            };
            if is_current(partition, request.assignment) {
                self.send_since(consumer, request, since);
            } else {
                self.answer(request, Err(CommitError::Revoked));
            }
        }
    }

    /// Tells whoever has asked, who may be gone: then somebody else has to act on an
    /// outcome that is not known.
    pub(super) fn answer(&mut self, request: CommitRequest, outcome: Result<(), CommitError>) {
        if let Err(Err(CommitError::Failed(problem))) = request.answer.send(outcome) {
            self.unheard.get_or_insert(problem);
        }
    }

    /// Why the outcome of a commit is not known that nobody waits for any more: it may
    /// still be carried out.
    pub(super) fn unheard(&mut self) -> Option<Problem> {
        self.unheard.take()
    }

    /// The first commit that has had no answer for longer than `limit`.
    pub(super) fn overdue(&self, limit: Duration) -> Option<Problem> {
        self.pending.iter().find(|(_, pending)| pending.since.elapsed() > limit).map(
            |(partition, _)| {
                let message = format!("no answer to a commit of partition {partition}");
                Problem::new(ErrorCode::KafkaRequestFailed, message)
            },
        )
    }

    /// Whether a commit of the partition is under way, also one that was refused and is
    /// to be sent again.
    pub(super) fn is_under_way(&self, partition: i32) -> bool {
        self.pending.contains_key(&partition)
    }

    /// Whether a commit of the partition has no answer yet.
    pub(super) fn is_unanswered(&self, partition: i32) -> bool {
        self.pending.get(&partition).is_some_and(|pending| pending.stage == Stage::Sent)
    }
}

/// Whether librdkafka may have sent a commit again: it does so after a
/// connection was lost, and then the answer to the second attempt says nothing
/// about when the first one reaches the broker.
fn may_have_been_sent_twice(consumer: &TaskConsumer, sent: Instant) -> bool {
    sent.elapsed() >= RETRY_BACKOFF * 7 / 10
        && consumer.context().errors.may_have_failed_since(sent)
}

/// Whether the broker has refused a commit because the group has rebalanced
/// since: the member learns of the new generation by its next heartbeat.
fn is_of_a_passed_generation(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{IllegalGeneration, RebalanceInProgress};
    matches!(classify::native_code(error), Some(IllegalGeneration | RebalanceInProgress))
}
