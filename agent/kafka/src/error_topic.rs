//! Writes bad records to their error topics.

use bytes::Bytes;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::Instance;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::FutureRecord;
use rdkafka::types::RDKafkaErrorCode;
use tokio::sync::OnceCell;

use crate::classify;
use crate::producer::{DELIVERY_TIMEOUT, DurableProducer, Written};
use crate::right::Right;

/// Settings of librdkafka's.
const SETTINGS: [(&str, &str); 3] = [
    // A record may have passed its own topic's limit by compression.
    ("compression.type", "lz4"),
    // Largest record that is tried; the topic's own limit is below.
    ("message.max.bytes", "100000000"),
    // Bound of the producer's queue, above the largest record.
    ("queue.buffering.max.kbytes", "131072"),
];

/// A topic's limit is one of batches: only a record that is alone in its batch
/// is told from its neighbours.
const ALONE: [(&str, &str); 1] = [("batch.num.messages", "1")];

/// Where Kafka Connect says that a record failed, in
/// `__connect.errors.stage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorStage {
    /// The key could not be converted.
    KeyConverter,
    /// The value could not be converted.
    ValueConverter,
    /// A header could not be converted.
    HeaderConverter,
    /// The store did not or would not take the record: abnormal data.
    TaskPut,
}

impl ErrorStage {
    fn as_str(self) -> &'static str {
        match self {
            Self::KeyConverter => "KEY_CONVERTER",
            Self::ValueConverter => "VALUE_CONVERTER",
            Self::HeaderConverter => "HEADER_CONVERTER",
            Self::TaskPut => "TASK_PUT",
        }
    }
}

/// A bad record and what is wrong with it.
#[derive(Debug, Clone)]
pub struct ErrorRecord {
    /// Topic that it goes to.
    pub error_topic: String,
    /// The record's key, byte for byte.
    pub key: Option<Vec<u8>>,
    /// The record's value, byte for byte.
    pub value: Option<Bytes>,
    /// Key of the object that holds the value instead: the value is left out
    /// then, and headers say where it is and how long. A null value stays one.
    pub detached_value: Option<String>,
    /// Bytes of the brokers' answer that would hold the record, where it was too large to
    /// be fetched: nothing of the record is known then.
    pub unfetched_bytes: Option<u64>,
    /// The record's headers: `BorrowedHeaders::detach` copies them byte for
    /// byte, while iterating over them panics on names that are not UTF-8.
    pub headers: Option<OwnedHeaders>,
    /// The record's timestamp, in milliseconds since 1970, if it has one.
    pub timestamp: Option<i64>,
    /// Source topic.
    pub source_topic: String,
    /// Partition of the source topic.
    pub source_partition: i32,
    /// Offset in that partition.
    pub source_offset: i64,
    /// The connector's ID.
    pub connector: String,
    /// Index of the task.
    pub task_index: u32,
    /// Where it failed.
    pub stage: ErrorStage,
    /// Error code of the catalogue.
    pub code: ErrorCode,
    /// What is wrong with it, for people.
    pub message: String,
}

/// Why a record is not in its error topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The topic's `max.message.bytes` or librdkafka's own limit is below the
    /// record, key and headers included: another try ends the same.
    #[error(transparent)]
    TooLarge(Problem),
    /// Anything else: another try may succeed.
    #[error(transparent)]
    Failed(Problem),
}

/// Writes bad records to error topics, with `acks=all` and idempotence. To be
/// shared by all tasks on an instance; its queue is bounded.
pub struct ErrorTopicProducer {
    producer: DurableProducer,
    /// Made when a batch is refused for its size.
    alone: OnceCell<DurableProducer>,
}

impl ErrorTopicProducer {
    /// A producer for an instance, with its secrets resolved anew. Brokers are
    /// connected to in the background.
    ///
    /// # Errors
    /// Secrets that cannot be read, settings that librdkafka does not take.
    pub async fn connect(instance: &Instance) -> Result<Self, Problem> {
        let producer = DurableProducer::connect(instance, &SETTINGS).await?;
        Ok(Self { producer, alone: OnceCell::new() })
    }

    /// Writes a record; it stands in the topic when this returns. A time-out
    /// leaves open whether it does, so that another try may write it twice.
    ///
    /// # Errors
    /// `DEAD_LETTER_UNDELIVERABLE` when the topic does not take it, else what
    /// keeps the producer from the brokers. Trying again is the caller's.
    pub async fn send(&self, record: &ErrorRecord) -> Result<Written, SendError> {
        let mut outcome = write(&self.producer, record).await;
        if outcome.as_ref().is_err_and(is_too_large) {
            let alone = self.alone.get_or_try_init(|| self.producer.another(&ALONE)).await;
            outcome = write(alone.map_err(SendError::Failed)?, record).await;
        }
        outcome.map_err(|error| {
            let problem = self.problem(record, &error);
            if is_too_large(&error) {
                SendError::TooLarge(problem)
            } else {
                SendError::Failed(problem)
            }
        })
    }

    fn problem(&self, record: &ErrorRecord, error: &KafkaError) -> Problem {
        let context = format!(
            "cannot write offset {} of partition {} to error topic `{}`",
            record.source_offset, record.source_partition, record.error_topic
        );
        let problem = self.producer.memory().problem(&context, error);
        let mut problem = Right::on_topic("WRITE", &record.error_topic).named_in(problem);
        if !classify::is_cut_off(problem.code) {
            problem.code = ErrorCode::DeadLetterUndeliverable;
        }
        problem
    }
}

/// Whether the broker's answer, or librdkafka's, is about the size.
fn is_too_large(error: &KafkaError) -> bool {
    matches!(
        classify::native_code(error),
        Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::MessageBatchTooLarge)
    )
}

async fn write(producer: &DurableProducer, record: &ErrorRecord) -> Result<Written, KafkaError> {
    // librdkafka takes 0 for "now".
    let kept = record.timestamp.filter(|timestamp| *timestamp > 0);
    let outcome = producer.send(letter(record, kept), DELIVERY_TIMEOUT).await;
    if outcome == Err(KafkaError::MessageProduction(RDKafkaErrorCode::InvalidTimestamp)) {
        // The topic's message.timestamp.*.max.ms refuses it (by default more
        // than an hour in the future, since Kafka 4.0).
        return producer.send(letter(record, None), DELIVERY_TIMEOUT).await;
    }
    outcome
}

fn letter(record: &ErrorRecord, kept_timestamp: Option<i64>) -> FutureRecord<'_, [u8], [u8]> {
    let mut letter: FutureRecord<'_, [u8], [u8]> =
        FutureRecord::to(&record.error_topic).headers(headers(record, kept_timestamp));
    letter.key = record.key.as_deref();
    letter.payload = record.value.as_deref().filter(|_| record.detached_value.is_none());
    letter.timestamp = kept_timestamp;
    letter
}

/// The record's own headers, then Kafka Connect's (KIP-298) as its
/// `DeadLetterQueueReporter` writes them, then ours.
fn headers(record: &ErrorRecord, kept_timestamp: Option<i64>) -> OwnedHeaders {
    let code = record.code.as_str();
    let own = [
        ("__connect.errors.topic", record.source_topic.clone()),
        ("__connect.errors.partition", record.source_partition.to_string()),
        ("__connect.errors.offset", record.source_offset.to_string()),
        ("__connect.errors.connector.name", record.connector.clone()),
        ("__connect.errors.task.id", record.task_index.to_string()),
        ("__connect.errors.stage", record.stage.as_str().to_owned()),
        ("__connect.errors.class.name", "kafka2oss".to_owned()),
        ("__connect.errors.exception.class.name", code.to_owned()),
        ("__connect.errors.exception.message", record.message.clone()),
        ("__connect.errors.exception.stacktrace", format!("{code}: {}", record.message)),
        ("kafka2oss.error.code", code.to_owned()),
    ];
    // A timestamp that the topic or librdkafka does not take is not lost.
    let lost_timestamp = record
        .timestamp
        .filter(|_| kept_timestamp.is_none())
        .map(|timestamp| ("kafka2oss.timestamp", timestamp.to_string()));
    let detached = record.detached_value.as_ref().zip(record.value.as_ref());
    let detached = detached.into_iter().flat_map(|(object, value)| {
        let size = value.len().to_string();
        [("kafka2oss.value.object", object.clone()), ("kafka2oss.value.size", size)]
    });
    let unfetched =
        record.unfetched_bytes.map(|bytes| ("kafka2oss.unfetched.bytes", bytes.to_string()));
    let headers = record.headers.clone().unwrap_or_default();
    own.into_iter()
        .chain(lost_timestamp)
        .chain(unfetched)
        .chain(detached)
        .fold(headers, |headers, (key, value)| headers.insert(Header { key, value: Some(&value) }))
}
