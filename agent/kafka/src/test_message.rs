//! Writes one record to the source topic, on a user's demand.

use std::time::{Duration, SystemTime};

use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::Instance;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::FutureRecord;

use crate::async_producer::{AsyncProducer, Delivery, Undelivered};
use crate::config::client_config;
use crate::error_memory::ErrorMemory;
use crate::right::Right;

/// Header of each test message, without a value: whoever reads a record with it
/// within five minutes after its timestamp lets it become visible at once. It is looked
/// for where [`may_be_test_message`] says so.
pub const TEST_MESSAGE_HEADER: &str = "kafka2oss.test";

/// Test messages have a timestamp that is a multiple of this, in milliseconds, so that
/// one record of so many is looked at for the header. A prime: timestamps in whole
/// seconds are no more frequent among its multiples.
const TEST_MESSAGE_STEP: i64 = 997;

const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);

/// A record to write.
#[derive(Debug, Clone, Default)]
pub struct TestMessage {
    /// Without it the partitioner chooses.
    pub partition: Option<i32>,
    /// Null without it.
    pub key: Option<Vec<u8>>,
    /// Null without it.
    pub value: Option<Vec<u8>>,
}

/// Where a record stands, acknowledged by all in-sync replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// Partition of the topic.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
    /// Its timestamp, in milliseconds since 1970: the broker's where the topic
    /// has LogAppendTime.
    pub timestamp: Option<i64>,
}

/// Whether a record with this timestamp, in milliseconds since 1970, may be a test
/// message, if the timestamp is the one that its producer gave it.
#[must_use]
pub fn may_be_test_message(timestamp: i64) -> bool {
    timestamp % TEST_MESSAGE_STEP == 0
}

/// The timestamp of a test message that is written at this moment, both in milliseconds
/// since 1970.
#[must_use]
pub fn test_message_timestamp(now: i64) -> i64 {
    now - now % TEST_MESSAGE_STEP
}

/// This moment in milliseconds since 1970, as timestamps of records are.
#[must_use]
pub fn millis_since_1970() -> i64 {
    let elapsed = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

/// Writes test messages, with a producer of its own.
pub struct TestMessageWriter {
    producer: AsyncProducer,
    memory: ErrorMemory,
}

/// A test message that was not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct NotDelivered {
    /// What keeps the producer from the brokers, or the brokers' answer.
    pub problem: Problem,
    /// Whether it may stand in the topic all the same: it was sent, and no answer came.
    pub may_stand: bool,
}

impl TestMessageWriter {
    /// A writer for an instance, with its secrets resolved anew. Brokers are connected to
    /// in the background.
    ///
    /// # Errors
    /// Secrets that cannot be read, settings that librdkafka does not take.
    pub async fn connect(instance: &Instance) -> Result<Self, Problem> {
        let mut config = client_config(instance).await?;
        config
            .set("acks", "all")
            // So that librdkafka's own retries write no second one.
            .set("enable.idempotence", "true")
            .set("linger.ms", "0")
            .set("message.timeout.ms", DELIVERY_TIMEOUT.as_millis().to_string())
            .set("message.max.bytes", "100000000")
            .set("allow.auto.create.topics", "false")
            .set("topic.metadata.propagation.max.ms", "3000");
        let memory = ErrorMemory::of(&config);
        let producer =
            AsyncProducer::create(config, memory.clone(), "cannot make a producer").await?;
        Ok(Self { producer, memory })
    }

    /// Writes one record to a topic. Its timestamp is less than a second in the past.
    ///
    /// # Errors
    /// It was not acknowledged, within about 10 s.
    pub async fn write(
        &self,
        topic: &str,
        message: &TestMessage,
    ) -> Result<Delivered, NotDelivered> {
        let mut record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(topic);
        record.partition = message.partition;
        record.key = message.key.as_deref();
        record.payload = message.value.as_deref();
        record.timestamp = Some(test_message_timestamp(millis_since_1970()));
        let mark = Header { key: TEST_MESSAGE_HEADER, value: None::<&[u8]> };
        record.headers = Some(OwnedHeaders::new().insert(mark));
        let delivery = self.producer.deliver(record, Duration::ZERO).await;
        let Delivery { partition, offset, timestamp } = delivery.map_err(|undelivered| {
            let Undelivered { error, may_stand } = undelivered;
            let problem = self.memory.problem(&format!("cannot write to topic `{topic}`"), &error);
            NotDelivered { problem: Right::on_topic("WRITE", topic).named_in(problem), may_stand }
        })?;
        Ok(Delivered { partition, offset, timestamp })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_message_has_a_timestamp_of_the_last_second_that_few_others_have() {
        for now in [0, 996, 997, 1_603_779_578_478, 1_795_743_000_000] {
            let timestamp = test_message_timestamp(now);
            assert!(may_be_test_message(timestamp), "{now}");
            assert!((0..TEST_MESSAGE_STEP).contains(&(now - timestamp)), "{now}: {timestamp}");
        }
        let hour = 1_795_743_000_000..1_795_746_600_000;
        for step in [1, 10, 1_000] {
            let all = hour.clone().step_by(step);
            let (looked_at, of) =
                (all.clone().filter(|at| may_be_test_message(*at)).count(), all.count());
            assert!(looked_at * 900 <= of, "every {step} ms: {looked_at} of {of}");
        }
    }
}
