//! Committed offsets with their metadata, whatever bytes it has.

use std::time::Duration;

use anyhow::{Result, ensure};
use kafka2oss_kafka::partition_list::{committed_raw, offset_with_metadata};
use kafka2oss_kafka::{Committed, KafkaAdmin};
use kafka2oss_tests::kafka::shared_kafka;
use kafka2oss_tests::name::unique;
use rdkafka::bindings as c;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::task::spawn_blocking;

use crate::support::connect;

/// Not UTF-8, and with a zero byte.
pub(crate) const NOT_TEXT: &[u8] = b"\xff\x00sink\xc3";
/// What Apache Kafka makes of it, whose brokers hold metadata as text; the
/// embedded Kafka, as other brokers may, keeps the bytes.
const AS_TEXT: &[u8] = "\u{fffd}\0sink\u{fffd}".as_bytes();

pub(crate) fn consumer(bootstrap: &str, group: &str) -> Result<BaseConsumer> {
    Ok(ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .create()?)
}

/// Commits what rdkafka cannot: metadata that is not UTF-8.
pub(crate) fn commit_bytes(
    consumer: &BaseConsumer,
    topic: &str,
    partition: i32,
    offset: i64,
    metadata: &[u8],
) -> Result<()> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(offset))?;
    let client = consumer.client().native_ptr();
    // SAFETY: the list has one element; librdkafka frees its metadata with the
    // allocator that made it here; client and list outlive the call.
    let code = unsafe {
        let element = &mut *(*list.ptr()).elems;
        element.metadata = c::rd_kafka_mem_malloc(client, metadata.len());
        element.metadata_size = metadata.len();
        std::ptr::copy_nonoverlapping(
            metadata.as_ptr(),
            element.metadata.cast::<u8>(),
            metadata.len(),
        );
        c::rd_kafka_commit(client, list.ptr(), 0)
    };
    ensure!(code == c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR, "{code:?}");
    Ok(())
}

#[tokio::test]
async fn metadata_is_read_as_the_broker_has_it_by_admin_and_consumer() -> Result<()> {
    let kafka = shared_kafka().await?;
    let (topic, group) = (unique("committed"), unique("connect"));
    kafka.admin()?.create_topic(&topic, 4, &[]).await?;
    let admin = connect(&kafka.bootstrap()).await;
    assert!(admin.committed(&group, &topic, &[0, 1, 2, 3]).await?.is_empty());

    let consumer = consumer(&kafka.bootstrap(), &group)?;
    let name = topic.clone();
    let of_consumer = spawn_blocking(move || -> Result<_> {
        commit_bytes(&consumer, &name, 0, 7, NOT_TEXT)?;
        let ours = offset_with_metadata(&name, 1, 8, "k2o1;uid;topic;1;")?;
        consumer.commit(&ours, CommitMode::Sync)?;
        consumer.commit(&offset_with_metadata(&name, 3, 9, "")?, CommitMode::Sync)?;
        let mut asked = TopicPartitionList::new();
        asked.add_partition_range(&name, 0, 3);
        Ok(committed_raw(&consumer, &asked, Duration::from_secs(10))?)
    })
    .await??;

    let expected: [(i32, i64, &[u8]); 3] =
        [(0, 7, AS_TEXT), (1, 8, b"k2o1;uid;topic;1;"), (3, 9, b"")];
    let of_admin = admin.committed(&group, &topic, &[0, 1, 2, 3]).await?;
    assert_eq!(of_admin.len(), 3);
    for (partition, offset, metadata) in expected {
        assert_eq!(of_admin[&partition], Committed { offset, metadata: metadata.to_vec() });
    }
    let seen: Vec<_> = of_consumer
        .iter()
        .map(|one| (one.partition, one.offset, one.metadata.as_slice()))
        .collect();
    assert_eq!(
        seen,
        [(0, Some(7), AS_TEXT), (1, Some(8), expected[1].2), (2, None, &[]), (3, Some(9), &[])]
    );
    Ok(())
}
