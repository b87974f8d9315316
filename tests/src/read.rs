//! Reading a topic back, such as an error topic.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use tokio::task::spawn_blocking;

use crate::kafka::client_config;
use crate::produce::RecordHeader;
use crate::topic::KafkaAdmin;

const READ_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(200);

/// A record as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumed {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its timestamp in milliseconds since 1970.
    pub timestamp: Option<i64>,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Option<Vec<u8>>,
    /// Its headers in order.
    pub headers: Vec<RecordHeader>,
}

impl Consumed {
    /// The bytes of the last header of this name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let header = self.headers.iter().rev().find(|(key, _)| key == name)?;
        header.1.as_deref()
    }

    /// The text of the last header of this name, if it is UTF-8.
    pub fn header_text(&self, name: &str) -> Option<&str> {
        str::from_utf8(self.header(name)?).ok()
    }
}

/// All records that stand in a topic at the time of the call, ordered by
/// partition and offset. In no group, and without committing anything.
pub async fn read_topic(bootstrap: &str, topic: &str) -> Result<Vec<Consumed>> {
    let ends = KafkaAdmin::new(bootstrap)?.end_offsets(topic).await?;
    let mut config = client_config(bootstrap);
    config
        // librdkafka asks for a group's name even where none is joined.
        .set("group.id", "kafka2oss-tests-reader")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_uncommitted");
    let topic = topic.to_owned();
    spawn_blocking(move || {
        let consumer: BaseConsumer = config.create()?;
        let mut assignment = TopicPartitionList::new();
        for partition in ends.keys() {
            assignment.add_partition_offset(&topic, *partition, Offset::Beginning)?;
        }
        consumer.assign(&assignment)?;

        let mut records = Vec::new();
        let mut unfinished = ends.clone();
        let started = Instant::now();
        while !unfinished.is_empty() {
            ensure!(
                started.elapsed() < READ_LIMIT,
                "reading {topic} took over {READ_LIMIT:?}; partitions and ends not reached: {unfinished:?}"
            );
            match consumer.poll(POLL) {
                None => {}
                Some(Ok(message)) => {
                    let (partition, offset) = (message.partition(), message.offset());
                    let end = ends[&partition];
                    if offset < end {
                        records.push(consumed(&message));
                    }
                    if offset + 1 >= end {
                        unfinished.remove(&partition);
                    }
                }
                // The last offsets may hold nothing (compacted away, markers of
                // transactions).
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    unfinished.remove(&partition);
                }
                Some(Err(error)) => bail!("cannot read {topic}: {error}"),
            }
        }
        records.sort_by_key(|record| (record.partition, record.offset));
        Ok(records)
    })
    .await?
}

fn consumed(message: &impl Message) -> Consumed {
    Consumed {
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: message
            .headers()
            .map(|headers| {
                headers
                    .iter()
                    .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
                    .collect()
            })
            .unwrap_or_default(),
    }
}
