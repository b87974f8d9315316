//! Records that cannot stand in an object, on their way to an error topic.

use std::sync::Arc;
use std::time::SystemTime;

use kafka2oss_kafka::{ErrorRecord, ErrorStage, ErrorTopicProducer, Written};
use kafka2oss_proto::error_code::Problem;
use kafka2oss_proto::{ErrorCode, v1};
use rdkafka::Message;
use rdkafka::message::BorrowedMessage;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::backoff::Backoff;
use crate::report::{Reporter, Severity};
use crate::task::{PartitionBoard, TaskSpec};

/// Dead letters in one object's extent, after which it is closed.
const MAX_LETTERS: usize = 1_000;

/// Bytes of dead letters in one object's extent, after which it is closed.
const MAX_LETTER_BYTES: usize = 8 << 20;

/// Bytes of the value that an event shows.
const PREVIEW_BYTES: usize = 64;

/// A task's error topic; its producer is made when the first record needs it.
pub(crate) struct ErrorTopic {
    spec: Arc<TaskSpec>,
    topic: String,
    reporter: Reporter,
    producer: Mutex<Option<Arc<ErrorTopicProducer>>>,
}

impl ErrorTopic {
    pub(crate) fn new(spec: Arc<TaskSpec>, topic: String, reporter: Reporter) -> Self {
        Self { spec, topic, reporter, producer: Mutex::new(None) }
    }

    async fn send(&self, record: &ErrorRecord) -> Result<Written, Problem> {
        let producer = {
            let mut made = self.producer.lock().await;
            match &*made {
                Some(producer) => producer.clone(),
                None => {
                    let connected = ErrorTopicProducer::connect(&self.spec.instance).await?;
                    made.insert(Arc::new(connected)).clone()
                }
            }
        };
        let outcome = producer.send(record).await;
        if let Err(Problem { code: ErrorCode::KafkaAuthenticationFailed, .. }) = &outcome {
            // The next one reads the secrets anew.
            *self.producer.lock().await = None;
        }
        outcome
    }
}

/// One partition's way to the error topic.
#[derive(Clone)]
pub(crate) struct DeadLetters {
    error_topic: Arc<ErrorTopic>,
    partition: i32,
    board: Arc<PartitionBoard>,
}

impl DeadLetters {
    pub(crate) fn new(
        error_topic: Arc<ErrorTopic>,
        partition: i32,
        board: Arc<PartitionBoard>,
    ) -> Self {
        Self { error_topic, partition, board }
    }

    /// A copy of the record with what is wrong with it.
    fn copy(
        &self,
        message: &BorrowedMessage<'_>,
        stage: ErrorStage,
        problem: Problem,
    ) -> ErrorRecord {
        let TaskSpec { connector, index, .. } = &*self.error_topic.spec;
        ErrorRecord {
            error_topic: self.error_topic.topic.clone(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: message.headers().map(rdkafka::message::BorrowedHeaders::detach),
            timestamp: message.timestamp().to_millis(),
            source_topic: message.topic().to_owned(),
            source_partition: self.partition,
            source_offset: message.offset(),
            connector: connector.id().to_owned(),
            task_index: *index,
            stage,
            code: problem.code,
            message: problem.message,
        }
    }

    /// Sends the record until the error topic has acknowledged it.
    async fn deliver(self, record: ErrorRecord) {
        let mut backoff = Backoff::new();
        let written = loop {
            match self.error_topic.send(&record).await {
                Ok(written) => break written,
                Err(problem) => {
                    self.board.retrying(&problem);
                    tokio::time::sleep(backoff.next_delay()).await;
                }
            }
        };
        self.board.recovered();
        self.board.dead_lettered();
        let problem = Problem::new(record.code, record.message.clone());
        let gone = format!("{} (now in `{}`)", record.message, record.error_topic);
        self.board.log(Severity::Warn, Some(record.source_offset), Some(&problem), gone);
        self.error_topic.reporter.dead_letter(event(&self.error_topic.spec, record, written));
    }
}

/// Dead letters of one extent that are not acknowledged yet.
#[derive(Default)]
pub(crate) struct PendingLetters {
    pending: JoinSet<()>,
    bytes: usize,
}

impl PendingLetters {
    /// Sends a copy of the record on its way.
    pub(crate) fn send(
        &mut self,
        to: &DeadLetters,
        message: &BorrowedMessage<'_>,
        stage: ErrorStage,
        problem: Problem,
    ) {
        let record = to.copy(message, stage, problem);
        self.bytes += message.key_len() + message.payload_len();
        self.pending.spawn(to.clone().deliver(record));
    }

    /// Whether no more should join: they are copies of their records, held
    /// until their object is put.
    pub(crate) fn is_full(&self) -> bool {
        self.pending.len() >= MAX_LETTERS || self.bytes >= MAX_LETTER_BYTES
    }

    /// Waits until every one is acknowledged.
    ///
    /// # Errors
    /// When one ended without being acknowledged: a bug, and the extent must
    /// not be committed.
    pub(crate) async fn acknowledged(mut self) -> Result<(), tokio::task::JoinError> {
        while let Some(ended) = self.pending.join_next().await {
            ended?;
        }
        Ok(())
    }
}

fn event(spec: &TaskSpec, record: ErrorRecord, written: Written) -> v1::DeadLetter {
    let timestamp = record.timestamp.map(|milliseconds| prost_types::Timestamp {
        seconds: milliseconds.div_euclid(1_000),
        nanos: (milliseconds.rem_euclid(1_000) * 1_000_000) as i32,
    });
    let value = record.value.as_deref();
    v1::DeadLetter {
        time: Some(SystemTime::now().into()),
        connector: spec.connector.to_string(),
        topic: record.source_topic,
        partition: record.source_partition,
        offset: record.source_offset,
        timestamp,
        error_code: record.code.as_str().to_owned(),
        error_message: record.message,
        error_topic: record.error_topic,
        error_partition: written.partition,
        error_offset: written.offset,
        key_size: record.key.as_ref().map(|key| key.len() as u64),
        value_size: value.map(|value| value.len() as u64),
        value_preview: value
            .map_or(&[][..], |value| &value[..value.len().min(PREVIEW_BYTES)])
            .to_vec(),
    }
}
