//! Writes bad records to their error topics.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kafka2oss_proto::ErrorCode;
use kafka2oss_proto::error_code::Problem;
use kafka2oss_proto::spec::Instance;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::classify;
use crate::config::client_config;
use crate::drop_in_background::DropInBackground;
use crate::error_memory::ErrorMemory;

/// How long one record is tried.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(20);
/// Largest record that is tried; the topic's own limit is below.
const MAX_RECORD_BYTES: &str = "100000000";
/// Bound of the producer's queue, above the largest record.
const QUEUE_KIB: &str = "131072";

/// Where Kafka Connect says that a record failed, in
/// `__connect.errors.stage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorStage {
    /// The key could not be converted.
    KeyConverter,
    /// The value could not be converted.
    ValueConverter,
    /// The store did not take the record.
    TaskPut,
}

impl ErrorStage {
    fn as_str(self) -> &'static str {
        match self {
            Self::KeyConverter => "KEY_CONVERTER",
            Self::ValueConverter => "VALUE_CONVERTER",
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
    pub value: Option<Vec<u8>>,
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

/// A record that stands in a topic, acknowledged by all in-sync replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Partition of the topic.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
}

/// Writes bad records to error topics, with `acks=all` and idempotence. To be
/// shared by all tasks on an instance; its queue is bounded.
pub struct ErrorTopicProducer {
    config: ClientConfig,
    memory: ErrorMemory,
    producer: Mutex<SharedProducer>,
}

type SharedProducer = Arc<DropInBackground<FutureProducer<ErrorMemory>>>;

impl ErrorTopicProducer {
    /// A producer for an instance, with its secrets resolved anew. Brokers are
    /// connected to in the background.
    ///
    /// # Errors
    /// Secrets that cannot be read, settings that librdkafka does not take.
    pub async fn connect(instance: &Instance) -> Result<Self, Problem> {
        let mut config = client_config(instance).await?;
        config
            .set("acks", "all")
            // A record may have passed its own topic's limit by compression.
            .set("compression.type", "lz4")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", DELIVERY_TIMEOUT.as_millis().to_string())
            .set("message.max.bytes", MAX_RECORD_BYTES)
            .set("queue.buffering.max.kbytes", QUEUE_KIB)
            // An error topic that is gone is to be reported, and not to be
            // made anew by the broker with settings of its own.
            .set("allow.auto.create.topics", "false")
            .set("topic.metadata.propagation.max.ms", "5000");
        let memory = ErrorMemory::new();
        let producer = Mutex::new(create(config.clone(), memory.clone()).await?);
        Ok(Self { config, memory, producer })
    }

    /// Writes a record; it stands in the topic when this returns. A time-out
    /// leaves open whether it does, so that another try may write it twice.
    ///
    /// # Errors
    /// `DEAD_LETTER_UNDELIVERABLE` when the topic does not take it, else what
    /// keeps the producer from the brokers. Trying again is the caller's.
    pub async fn send(&self, record: &ErrorRecord) -> Result<Written, Problem> {
        let mut outcome = self.attempt(record, record.timestamp).await;
        if outcome == Err(KafkaError::MessageProduction(RDKafkaErrorCode::InvalidTimestamp)) {
            // The topic's message.timestamp.*.max.ms refuses it (by default
            // more than an hour in the future, since Kafka 4.0).
            outcome = self.attempt(record, None).await;
        }
        match outcome {
            Ok(written) => Ok(written),
            Err(error) => {
                self.replace_when_fatal().await;
                Err(self.problem(record, &error))
            }
        }
    }

    async fn attempt(
        &self,
        record: &ErrorRecord,
        timestamp: Option<i64>,
    ) -> Result<Written, KafkaError> {
        let producer = self.current();
        let deadline = Instant::now() + DELIVERY_TIMEOUT;
        // librdkafka takes 0 for "now".
        let kept = timestamp.filter(|timestamp| *timestamp > 0);
        let headers = headers(record, kept);
        loop {
            let mut letter: FutureRecord<'_, [u8], [u8]> =
                FutureRecord::to(&record.error_topic).headers(headers.clone());
            letter.key = record.key.as_deref();
            letter.payload = record.value.as_deref();
            letter.timestamp = kept;
            // Not `send`, which expects that the producer outlives it.
            match producer.send_result(letter) {
                Ok(delivery) => {
                    let delivery = delivery.await.map_err(|_| KafkaError::Canceled)?;
                    let delivery = delivery.map_err(|(error, _)| error)?;
                    let (partition, offset) = (delivery.partition, delivery.offset);
                    return Ok(Written { partition, offset });
                }
                Err((error, _))
                    if classify::native_code(&error) == Some(RDKafkaErrorCode::QueueFull)
                        && Instant::now() < deadline =>
                {
                    sleep(QUEUE_FULL_PAUSE).await;
                }
                Err((error, _)) => return Err(error),
            }
        }
    }

    fn current(&self) -> SharedProducer {
        Arc::clone(&self.producer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// After a fatal error an idempotent producer refuses everything.
    async fn replace_when_fatal(&self) {
        let Some((code, words)) = self.current().client().fatal_error() else { return };
        tracing::warn!(%code, "error topic producer is replaced after a fatal error: {words}");
        match create(self.config.clone(), self.memory.clone()).await {
            Ok(fresh) => *self.producer.lock().unwrap_or_else(PoisonError::into_inner) = fresh,
            Err(problem) => tracing::warn!(%problem, "error topic producer is not replaced"),
        }
    }

    fn problem(&self, record: &ErrorRecord, error: &KafkaError) -> Problem {
        let context = format!(
            "cannot write offset {} of partition {} to error topic `{}`",
            record.source_offset, record.source_partition, record.error_topic
        );
        let mut problem = self.memory.problem(&context, error);
        if !classify::is_cut_off(problem.code) {
            problem.code = ErrorCode::DeadLetterUndeliverable;
        }
        problem
    }
}

async fn create(config: ClientConfig, memory: ErrorMemory) -> Result<SharedProducer, Problem> {
    let context = memory.clone();
    let producer = spawn_blocking(move || config.create_with_context(context))
        .await
        .map_err(|error| {
            Problem::new(ErrorCode::KafkaRequestFailed, format!("cannot make a producer: {error}"))
        })?
        .map_err(|error| memory.problem("cannot make a producer", &error))?;
    Ok(Arc::new(DropInBackground::new(producer)))
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
    let headers = record.headers.clone().unwrap_or_default();
    own.into_iter()
        .chain(lost_timestamp)
        .fold(headers, |headers, (key, value)| headers.insert(Header { key, value: Some(&value) }))
}
