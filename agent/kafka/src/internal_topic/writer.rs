//! Writes to internal topics.

use std::fmt;

use kafka2oss_proto::error_code::Problem;
use kafka2oss_proto::spec::Instance;
use rdkafka::producer::FutureRecord;

use super::of_internal_topic;
use crate::per_instance::Connect;
use crate::producer::{DurableProducer, Written};
use crate::right::Right;

/// Settings of librdkafka's.
const SETTINGS: [(&str, &str); 3] = [
    // An object waits for its checkpoint.
    ("linger.ms", "0"),
    // As Kafka's own default: Java clients find a key in the same partition.
    ("partitioner", "murmur2_random"),
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
    /// A writer for an instance, with its secrets resolved anew. Brokers are
    /// connected to in the background.
    ///
    /// # Errors
    /// Secrets that cannot be read, settings that librdkafka does not take.
    pub async fn connect(instance: &Instance) -> Result<Self, Problem> {
        Ok(Self { producer: DurableProducer::connect(instance, &SETTINGS).await? })
    }

    /// Writes a value under a key, or a tombstone without one; it stands in
    /// the topic when this returns. Tried for 30 s; a time-out leaves open
    /// whether it stands there.
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
    ) -> Result<Written, Problem> {
        let mut record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(topic);
        record.key = Some(key);
        record.payload = value;
        self.producer.send(record).await.map_err(|error| {
            let context = format!("cannot write to internal topic `{topic}`");
            let problem = self.producer.memory().problem(&context, &error);
            of_internal_topic(Right::on_topic("WRITE", topic).named_in(problem))
        })
    }
}
