//! The commits that are under way: at most one a partition, each with its
//! definitive answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka2oss_kafka::partition_list::offset_with_metadata;
use kafka2oss_proto::ErrorCode;
use kafka2oss_proto::error_code::Problem;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;

use super::consumer::TaskConsumer;
use super::native;
use crate::partition::{CommitError, CommitRequest};

/// A commit without an answer for this long has an unknown outcome; longer
/// than librdkafka's `socket.timeout.ms` (60 s), after which it answers itself.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(90);

/// The commits that are under way.
#[derive(Debug)]
pub(super) struct PendingCommits {
    topic: String,
    /// Whose the commits are, in the form in which they are committed.
    metadata: String,
    pending: HashMap<i32, Pending>,
}

#[derive(Debug)]
struct Pending {
    request: CommitRequest,
    since: Instant,
}

impl PendingCommits {
    pub(super) fn new(topic: String, metadata: String) -> Self {
        Self { topic, metadata, pending: HashMap::new() }
    }

    /// Sends a commit to the broker; its answer comes as an event.
    pub(super) fn send(&mut self, consumer: &Arc<TaskConsumer>, request: CommitRequest) {
        if self.pending.contains_key(&request.partition) {
            let message = format!("partition {} has a commit under way", request.partition);
            answer(request, Err(CommitError::Failed(Problem::new(ErrorCode::Internal, message))));
            return;
        }
        let sent =
            offset_with_metadata(&self.topic, request.partition, request.offset, &self.metadata)
                .and_then(|offsets| native::commit(consumer, &offsets));
        match sent {
            Ok(()) => {
                let since = Instant::now();
                self.pending.insert(request.partition, Pending { request, since });
            }
            Err(error) => {
                let problem = consumer.context().errors.problem("cannot commit", &error);
                answer(request, Err(CommitError::Failed(problem)));
            }
        }
    }

    /// Passes the broker's answer on. Returns whether a commit succeeded.
    pub(super) fn answered(
        &mut self,
        consumer: &TaskConsumer,
        partition: i32,
        offset: i64,
        outcome: KafkaResult<()>,
    ) -> bool {
        let Some(pending) = self.pending.remove(&partition) else { return false };
        if pending.request.offset != offset && outcome.is_ok() {
            // Cannot be: one commit a partition is under way.
            let message = format!(
                "the broker acknowledged offset {offset} of partition {partition}, not {}",
                pending.request.offset
            );
            answer(
                pending.request,
                Err(CommitError::Failed(Problem::new(ErrorCode::Internal, message))),
            );
            return false;
        }
        let committed = outcome.is_ok();
        let outcome = outcome.map_err(|error| {
            let what = format!("cannot commit offset {offset} of partition {partition}");
            CommitError::Failed(consumer.context().errors.problem(&what, &error))
        });
        answer(pending.request, outcome);
        committed
    }

    /// The first commit whose answer is overdue.
    pub(super) fn overdue(&self) -> Option<Problem> {
        self.pending.iter().find(|(_, pending)| pending.since.elapsed() > ANSWER_TIMEOUT).map(
            |(partition, _)| {
                let message = format!("no answer to a commit of partition {partition}");
                Problem::new(ErrorCode::KafkaRequestFailed, message)
            },
        )
    }

    /// Whether a commit of the partition is under way.
    pub(super) fn has(&self, partition: i32) -> bool {
        self.pending.contains_key(&partition)
    }
}

/// Whoever asked may be gone: then nobody waits for the answer.
pub(super) fn answer(request: CommitRequest, outcome: Result<(), CommitError>) {
    let _ = request.answer.send(outcome);
}
