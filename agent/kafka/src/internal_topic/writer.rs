//! Writes to internal topics.

use std::fmt;
use std::time::Duration;

use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::Instance;
use rdkafka::error::KafkaError;
use rdkafka::producer::FutureRecord;

use super::of_internal_topic;
use crate::per_instance::Connect;
use crate::producer::{DurableProducer, Written};
use crate::right::Right;

/// Settings of librdkafka's.
const SETTINGS: [(&str, &str); 4] = [
    // An object waits for its checkpoint.
    ("linger.ms", "0"),
    // As Kafka's own default: Java clients find a key in the same partition.
    ("partitioner", "murmur2_random"),
    // As `WRITE_LIMIT`.
    ("message.timeout.ms", "15000"),
    // Bound of the producer's queue.
    ("queue.buffering.max.kbytes", "16384"),
];

/// Writes to an instance's internal topics, with `acks=all` and idempotence. Its
/// queue is bounded.
pub struct InternalTopics {
    producer: DurableProducer,
}

impl fmt::Debug for InternalTopics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InternalTopics").finish_non_exhaustive()
    }
}

impl Connect for InternalTopics {
    async fn connect(instance: &Instance) -> Result<Self, Problem> {
        InternalTopics::connect(instance).await
    }
}

impl InternalTopics {
    /// How long one record is tried.
    pub const WRITE_LIMIT: Duration = Duration::from_secs(15);

    /// A writer for an instance, with its secrets resolved anew. Brokers are
    /// connected to in the background.
    ///
    /// # Errors
    /// Secrets that cannot be read, settings that librdkafka does not take.
    pub async fn connect(instance: &Instance) -> Result<Self, Problem> {
        Ok(Self { producer: DurableProducer::connect(instance, &SETTINGS).await? })
    }

    /// Writes a value under a key, or a tombstone without one; it stands in the topic
    /// when this returns. `patience` is for room in the queue: without any, the record is
    /// on its way when this is first awaited, or not at all. From then on it is tried for
    /// [`Self::WRITE_LIMIT`]; a time-out leaves open whether it stands there.
    ///
    /// # Errors
    /// `KAFKA_RESOURCE_MISSING` when there is no such topic (it is never
    /// made), the brokers' answer, or what keeps the writer from them. Trying
    /// again is the caller's.
    pub async fn write(
        &self,
        topic: &str,
        key: &[u8],
        value: Option<&[u8]>,
        patience: Duration,
    ) -> Result<Written, Problem> {
        let mut record = FutureRecord::to(topic);
        record.key = Some(key);
        record.payload = value;
        let outcome = self.producer.send(record, patience).await;
        outcome.map_err(|error| self.problem(topic, &error))
    }

    fn problem(&self, topic: &str, error: &KafkaError) -> Problem {
        let context = format!("cannot write to internal topic `{topic}`");
        let problem = self.producer.memory().problem(&context, error);
        of_internal_topic(Right::on_topic("WRITE", topic).named_in(problem))
    }
}
