//! Topics full of records.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use kafka2oss_tests::kafka::KafkaServer;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use tokio::task::spawn_blocking;

use crate::values::Values;

/// Partitions of topics, unless a scenario is about their number.
pub(crate) const PARTITIONS: i32 = 6;

const FLUSH_LIMIT: Duration = Duration::from_secs(120);
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(20);

/// How producers compress their batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    None,
    Lz4,
    Zstd,
}

impl Codec {
    /// As Kafka's settings name it.
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

/// What stands in a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content {
    /// Bytes of each value.
    pub(crate) value_bytes: usize,
    /// Records in all; each partition that has some has the same number.
    pub(crate) records: u64,
    /// How its batches are compressed.
    pub(crate) codec: Codec,
    /// How many partitions have records.
    pub(crate) partitions: i32,
    /// How many more there are.
    pub(crate) empty_partitions: i32,
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { value_bytes, records, codec, partitions, .. } = self;
        let codec = codec.name();
        write!(f, "{records} values of {value_bytes} B, {partitions} partitions, batches: {codec}")
    }
}

/// A topic that is full and grows no more.
#[derive(Debug, Clone)]
pub(crate) struct Topic {
    /// Its name.
    pub(crate) name: String,
    /// Records in all.
    pub(crate) records: u64,
    /// How many partitions they are spread over evenly, the first ones.
    pub(crate) partitions: i32,
}

impl Topic {
    /// The offset after the last record of each partition.
    pub(crate) fn end(&self) -> i64 {
        // As many as records, which were produced one by one.
        (self.records / self.partitions.unsigned_abs() as u64) as i64
    }
}

/// Makes a topic of this content.
pub(crate) async fn fill(kafka: &KafkaServer, name: &str, content: Content) -> Result<Topic> {
    let Content { records, partitions, empty_partitions, .. } = content;
    ensure!(records % partitions.unsigned_abs() as u64 == 0, "{records} on {partitions}");
    let admin = kafka.admin()?;
    admin.create_topic(name, partitions + empty_partitions, &[]).await?;
    let (bootstrap, topic) = (kafka.bootstrap(), name.to_owned());
    spawn_blocking(move || produce(&bootstrap, &topic, content)).await??;
    let topic = Topic { name: name.to_owned(), records, partitions };
    for (partition, end) in admin.end_offsets(name).await? {
        let expected = if partition < partitions { topic.end() } else { 0 };
        ensure!(end == expected, "partition {partition} of {name} ends at {end}");
    }
    Ok(topic)
}

fn produce(bootstrap: &str, topic: &str, content: Content) -> Result<()> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("enable.idempotence", "true")
        .set("compression.codec", content.codec.name())
        // Batches are full, as those of a busy producer are.
        .set("linger.ms", "100")
        .set("queue.buffering.max.messages", "1000000")
        .set("queue.buffering.max.kbytes", "262144")
        .create()?;
    let mut values = Values::new(content.value_bytes as u64, content.value_bytes);
    let partitions = (0..content.partitions).cycle();
    for (number, partition) in (0..content.records).zip(partitions) {
        let key = format!("key-{}", number % 1_000);
        let value = values.next(number);
        send(
            &producer,
            BaseRecord::to(topic).partition(partition).key(key.as_str()).payload(value),
        )
        .with_context(|| format!("cannot produce to {topic}"))?;
    }
    producer.flush(FLUSH_LIMIT).with_context(|| format!("not all stands in {topic}"))
}

fn send(
    producer: &BaseProducer<DefaultProducerContext>,
    record: BaseRecord<'_, str, [u8]>,
) -> Result<()> {
    let mut record = record;
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                record = refused;
                producer.poll(QUEUE_FULL_PAUSE);
            }
            Err((error, _)) => bail!("{error}"),
        }
    }
}
