//! Where an epoch starts when a user has said so.

use std::collections::BTreeMap;

use anyhow::Result;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::spec::ConsumerOffset;
use kafka2oss_kafka::partition_list::offset_with_metadata;
use kafka2oss_kafka::{KafkaAdmin, StartAt};
use kafka2oss_proto::v1::StartOrigin;
use kafka2oss_tests::kafka::shared_kafka;
use kafka2oss_tests::name::unique;
use kafka2oss_tests::produce::Record;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use tokio::task::spawn_blocking;

use crate::prepare::{Connector, codes, own_metadata, source, start};
use crate::support::connect;

/// Commits offsets as members of this group have.
async fn commit(
    bootstrap: String,
    group: String,
    topic: String,
    offsets: &[(i32, i64, &str)],
) -> Result<()> {
    let offsets: Vec<_> = offsets
        .iter()
        .map(|&(partition, offset, metadata)| (partition, offset, metadata.to_owned()))
        .collect();
    spawn_blocking(move || -> Result<()> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("group.id", group)
            .create()?;
        for (partition, offset, metadata) in offsets {
            let list = offset_with_metadata(&topic, partition, offset, &metadata)?;
            consumer.commit(&list, CommitMode::Sync)?;
        }
        Ok(())
    })
    .await?
}

#[tokio::test]
async fn a_time_is_the_first_record_at_or_after_it_or_the_end() -> Result<()> {
    let kafka = shared_kafka().await?;
    let admin = connect(&kafka.bootstrap()).await;
    let topic = unique("times");
    kafka.admin()?.create_topic(&topic, 3, &[]).await?;
    let record = |partition, timestamp| Record::new("v").partition(partition).timestamp(timestamp);
    // In partition 1 a late record stands behind a later one.
    let records = [(0, 1_000), (0, 2_000), (0, 3_000), (1, 3_000), (1, 2_000)];
    let records = records.map(|(partition, timestamp)| record(partition, timestamp));
    kafka.producer()?.send_all(&topic, records).await?;
    let at = async |time| admin.offsets_for_times(&topic, &[0, 1, 2], time).await;

    assert_eq!(at(2_000).await?, BTreeMap::from([(0, 1), (1, 0), (2, 0)]));
    assert_eq!(at(2_001).await?, BTreeMap::from([(0, 2), (1, 0), (2, 0)]));
    assert_eq!(at(3_001).await?, BTreeMap::from([(0, 3), (1, 2), (2, 0)]));
    for before_all in [0, -1, -2, i64::MIN] {
        assert_eq!(at(before_all).await?, BTreeMap::from([(0, 0), (1, 0), (2, 0)]));
    }
    assert!(admin.offsets_for_times(&topic, &[3], 0).await.is_err(), "there is no partition 3");
    Ok(())
}

#[tokio::test]
async fn an_edge_or_a_time_is_taken_whatever_the_group_holds() -> Result<()> {
    let kafka = shared_kafka().await?;
    let topic = source(kafka).await?;
    let id = connect(&kafka.bootstrap()).await.describe_topic(&topic).await?.unwrap().id.unwrap();
    let mut connector = Connector::new(&topic, ConsumerOffset::Latest);
    let own = own_metadata(&id);
    let offsets = [(0, 2, ""), (1, 1, own.as_str())];
    commit(kafka.bootstrap(), connector.group(), topic.clone(), &offsets).await?;

    for (at, offsets, origin) in [
        (StartAt::Earliest, [0, 0], StartOrigin::Earliest),
        (StartAt::Latest, [3, 3], StartOrigin::Latest),
        (StartAt::Timestamp(0), [0, 0], StartOrigin::Unspecified),
        (StartAt::Timestamp(i64::MAX), [3, 3], StartOrigin::Unspecified),
    ] {
        connector.start = at;
        let prepared = connector.prepare(&kafka.bootstrap()).await;

        let at = &connector.start;
        assert_eq!(prepared.problems, [], "{at:?}");
        let expected = BTreeMap::from([(0, offsets[0]), (1, offsets[1])]);
        assert_eq!(start(&prepared), expected, "{at:?}");
        assert_eq!(prepared.epoch.unwrap().origin(), origin, "{at:?}");
    }
    Ok(())
}

#[tokio::test]
async fn partitions_that_are_not_named_go_on_at_the_connectors_own_offset() -> Result<()> {
    let kafka = shared_kafka().await?;
    let topic = source(kafka).await?;
    let id = connect(&kafka.bootstrap()).await.describe_topic(&topic).await?.unwrap().id.unwrap();
    let mut connector = Connector::new(&topic, ConsumerOffset::Latest);
    connector.start = StartAt::Explicit([(0, 1)].into());
    let of_another_topic = own_metadata("AAAAAAAAAAAAAAAAAAAAAQ");

    for (metadata, expected) in
        [("", 3), (of_another_topic.as_str(), 3), (own_metadata(&id).as_str(), 2)]
    {
        let offsets = [(0, 3, metadata), (1, 2, metadata)];
        commit(kafka.bootstrap(), connector.group(), topic.clone(), &offsets).await?;

        let prepared = connector.prepare(&kafka.bootstrap()).await;

        assert_eq!(start(&prepared), BTreeMap::from([(0, 1), (1, expected)]), "{metadata}");
    }
    Ok(())
}

#[tokio::test]
async fn named_offsets_outside_of_the_log_are_problems_and_nothing_is_fixed() -> Result<()> {
    let kafka = shared_kafka().await?;
    let topic = source(kafka).await?;
    let mut connector = Connector::new(&topic, ConsumerOffset::Latest);
    connector.start = StartAt::Explicit([(0, 4), (1, -1), (2, 0)].into());

    let prepared = connector.prepare(&kafka.bootstrap()).await;

    assert_eq!(codes(&prepared.problems), [ErrorCode::FieldInvalid; 3]);
    assert!(prepared.problems[0].message.contains("0 to 3"), "{}", prepared.problems[0]);
    assert!(prepared.epoch.is_none());
    Ok(())
}
