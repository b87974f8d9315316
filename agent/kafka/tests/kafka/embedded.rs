//! What `kafka2oss dev` asks of the embedded Kafka through the broker's client.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use kafka2oss_kafka::partition_list::offset_with_metadata;
use kafka2oss_kafka::{
    Committed, InternalTopics, KafkaAdmin, TestMessage, Watermarks, read_compacted,
};
use kafka2oss_sandbox::kafka::EmbeddedKafka;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use tokio::task::spawn_blocking;

use crate::committed::{NOT_TEXT, commit_bytes};
use crate::support::{connect, instance, write_test_message};

#[tokio::test]
async fn the_embedded_kafka_answers_what_dev_asks() -> Result<()> {
    let kafka = EmbeddedKafka::start()?;
    let bootstrap = kafka.bootstrap_servers();
    kafka.create_topic("t", 2)?;
    let message =
        TestMessage { partition: Some(1), value: Some(b"1".to_vec()), ..TestMessage::default() };
    let delivered = write_test_message(&instance(&bootstrap), "t", &message).await?;
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &bootstrap)
        .set("group.id", "connect-t")
        .create()?;
    spawn_blocking(move || -> Result<()> {
        commit_bytes(&consumer, "t", 0, 0, NOT_TEXT)?;
        Ok(consumer.commit(&offset_with_metadata("t", 1, 1, "k2o1;x")?, CommitMode::Sync)?)
    })
    .await??;
    let admin = connect(&bootstrap).await;

    let cluster_id = admin.cluster_id().await?;
    let found = admin.describe_topic("t").await?.unwrap();
    let marks = admin.watermarks("t", &[0, 1]).await?;
    let committed = admin.committed("connect-t", "t", &[0, 1]).await?;

    assert_eq!((delivered.partition, delivered.offset), (1, 0));
    assert!(cluster_id.is_some_and(|id| !id.is_empty()));
    assert_eq!(found.partitions, 2);
    assert!(found.id.is_some());
    assert_eq!(admin.describe_topic("absent").await?, None);
    assert_eq!(marks[&0], Watermarks { beginning: 0, end: 0 });
    assert_eq!(marks[&1], Watermarks { beginning: 0, end: 1 });
    let expected = [
        (0, Committed { offset: 0, metadata: NOT_TEXT.to_vec() }),
        (1, Committed { offset: 1, metadata: b"k2o1;x".to_vec() }),
    ];
    assert_eq!(committed, BTreeMap::from(expected));
    Ok(())
}

#[tokio::test]
async fn the_embedded_kafka_holds_internal_topics() -> Result<()> {
    let kafka = EmbeddedKafka::start()?;
    let instance = instance(&kafka.bootstrap_servers());
    kafka.create_topic("connect-offset-t", 12)?;
    let topics = InternalTopics::connect(&instance).await?;

    for (key, value) in [("a", Some("1")), ("b", Some("1")), ("a", Some("2")), ("b", None)] {
        topics
            .write(
                "connect-offset-t",
                key.as_bytes(),
                value.map(str::as_bytes),
                InternalTopics::WRITE_LIMIT,
            )
            .await?;
    }

    let limit = Duration::from_secs(20);
    let read = read_compacted(&instance, "connect-cluster-t", "connect-offset-t", limit).await?;
    assert_eq!(read, BTreeMap::from([(b"a".to_vec(), b"2".to_vec())]));
    Ok(())
}
