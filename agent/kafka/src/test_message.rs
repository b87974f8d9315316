//! Writes one record to the source topic, on a user's demand.

use std::time::Duration;

use kafka2oss_proto::error_code::Problem;
use kafka2oss_proto::spec::Instance;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::FutureRecord;

use crate::async_producer::AsyncProducer;
use crate::config::client_config;
use crate::error_memory::ErrorMemory;

/// Header of each test message, without a value: whoever reads a record with it
/// within five minutes after its timestamp lets it become visible at once.
pub const TEST_MESSAGE_HEADER: &str = "kafka2oss.test";

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

/// Writes one record to a topic, with a producer of its own.
///
/// # Errors
/// What keeps the producer from the brokers, or the brokers' answer, within
/// about 10 s. After a time-out the record may stand there all the same.
pub async fn produce_test_message(
    instance: &Instance,
    topic: &str,
    message: &TestMessage,
) -> Result<Delivered, Problem> {
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
    let memory = ErrorMemory::new();
    let producer = AsyncProducer::create(config, memory.clone(), "cannot make a producer").await?;

    let mut record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(topic);
    record.partition = message.partition;
    record.key = message.key.as_deref();
    record.payload = message.value.as_deref();
    let mark = Header { key: TEST_MESSAGE_HEADER, value: None::<&[u8]> };
    record.headers = Some(OwnedHeaders::new().insert(mark));
    let delivery = producer
        .send(record, Duration::ZERO)
        .await
        .map_err(|error| memory.problem(&format!("cannot write to topic `{topic}`"), &error))?;
    Ok(Delivered {
        partition: delivery.partition,
        offset: delivery.offset,
        timestamp: delivery.timestamp,
    })
}
