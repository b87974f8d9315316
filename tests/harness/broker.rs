//! The broker.

use std::time::Duration;

use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer, shared_kafka};
use kafka2oss_tests::name::unique;
use kafka2oss_tests::produce::{Record, numbered};
use kafka2oss_tests::wait::eventually;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::time::timeout;

#[tokio::test]
async fn a_topic_has_the_partitions_and_settings_that_it_was_created_with() {
    let kafka = shared_kafka().await.unwrap();
    let admin = kafka.admin().unwrap();
    let topic = unique("topic");

    admin.create_topic(&topic, 12, &[("cleanup.policy", "compact")]).await.unwrap();

    assert_eq!(admin.partitions(&topic).await.unwrap(), Some(12));
    let policy = admin.topic_config(&topic, "cleanup.policy").await.unwrap();
    assert_eq!(policy, "compact");
    let limit = admin.topic_config(&topic, "max.message.bytes").await;
    assert_eq!(limit.unwrap(), "1048588");

    admin.delete_topic(&topic).await.unwrap();
    assert_eq!(admin.partitions(&topic).await.unwrap(), None);
}

#[tokio::test]
async fn a_topic_that_nobody_created_does_not_appear() {
    let kafka = shared_kafka().await.unwrap();
    let topic = unique("absent");

    let sent = kafka.producer().unwrap().send(&topic, Record::new("1")).await;

    let error = format!("{:#}", sent.unwrap_err());
    assert!(error.contains("UnknownTopic"), "{error}");
    assert_eq!(kafka.admin().unwrap().partitions(&topic).await.unwrap(), None);
}

#[tokio::test]
async fn a_record_is_read_back_as_it_was_produced() {
    let kafka = shared_kafka().await.unwrap();
    let admin = kafka.admin().unwrap();
    let topic = unique("topic");
    admin.create_topic(&topic, 2, &[]).await.unwrap();
    let record = Record::new([0xff, 0x00])
        .key("key")
        .partition(1)
        .timestamp(1_603_779_578_478)
        .header("__connect.errors.topic", "Test")
        .header("bytes", [0xfe]);
    let producer = kafka.producer().unwrap();

    let produced = producer.send(&topic, record.clone()).await.unwrap();
    let tombstone = Record::tombstone().partition(0);
    producer.send(&topic, tombstone).await.unwrap();

    assert_eq!((produced.partition, produced.offset), (1, 0));
    assert_eq!(produced.timestamp, 1_603_779_578_478);
    let read = kafka.read(&topic).await.unwrap();
    assert_eq!(read.len(), 2);
    assert_eq!((read[0].partition, read[0].offset), (0, 0));
    assert_eq!((&read[0].key, &read[0].value), (&None, &None));
    assert_eq!((&read[1].key, &read[1].value), (&record.key, &record.value));
    assert_eq!(read[1].timestamp, record.timestamp);
    assert_eq!(read[1].headers, record.headers);
    assert_eq!(read[1].header_text("__connect.errors.topic"), Some("Test"));
    assert_eq!(read[1].header_text("bytes"), None);
}

#[tokio::test]
async fn many_records_are_acknowledged_with_their_offsets() {
    let kafka = shared_kafka().await.unwrap();
    let admin = kafka.admin().unwrap();
    let topic = unique("topic");
    admin.create_topic(&topic, 4, &[]).await.unwrap();

    let records = numbered("value ", 0..50_000, 4);
    let produced = kafka.producer().unwrap().send_all(&topic, records).await.unwrap();

    let ends = admin.end_offsets(&topic).await.unwrap();
    assert!(ends.values().eq(&[12_500; 4]), "{ends:?}");
    let mut expected: Vec<_> = produced
        .into_iter()
        .map(|record| (record.partition, record.offset, record.key, record.value))
        .collect();
    expected.sort();
    let read = kafka.read(&topic).await.unwrap().into_iter();
    let read: Vec<_> =
        read.map(|record| (record.partition, record.offset, record.key, record.value)).collect();
    assert!(read == expected, "{} read, {} produced", read.len(), expected.len());
}

#[tokio::test]
async fn a_group_shows_its_members_and_its_committed_offsets() {
    let kafka = shared_kafka().await.unwrap();
    let admin = kafka.admin().unwrap();
    let (topic, group) = (unique("topic"), unique("group"));
    admin.create_topic(&topic, 2, &[]).await.unwrap();
    assert_eq!(admin.group(&group).await.unwrap(), None);
    let none = admin.committed_offsets(&group, &topic).await.unwrap();
    assert!(none.is_empty(), "{none:?}");

    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .set("group.id", &group)
        .set("client.id", "member")
        // The broker's own lower bound would be 6 s.
        .set("session.timeout.ms", "1000")
        .set("heartbeat.interval.ms", "300")
        .create()
        .unwrap();
    consumer.subscribe(&[&topic]).unwrap();
    eventually("both partitions are assigned", Duration::from_secs(20), async || {
        // Serves the rebalance; the topic holds no record.
        assert!(consumer.poll(Duration::from_millis(10)).is_none());
        Ok((consumer.assignment()?.count() == 2).then_some(()))
    })
    .await
    .unwrap();
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(&topic, 1, Offset::Offset(0)).unwrap();
    consumer.commit(&offsets, CommitMode::Sync).unwrap();

    let described = admin.group(&group).await.unwrap().unwrap();
    assert_eq!(described.state, "Stable");
    assert_eq!(described.members, ["member"]);
    let committed = admin.committed_offsets(&group, &topic).await.unwrap();
    assert_eq!(committed.into_iter().collect::<Vec<_>>(), [(1, 0)]);
}

#[tokio::test]
async fn a_broker_of_ones_own_keeps_its_data_over_stop_kill_and_freeze() {
    let options = KafkaOptions::default()
        .with("message.max.bytes", "2000000")
        .with("broker.session.timeout.ms", "2000");
    let mut kafka = KafkaServer::start(options).await.unwrap();
    let admin = kafka.admin().unwrap();
    let producer = kafka.producer().unwrap();
    admin.create_topic("kept", 1, &[]).await.unwrap();
    let (bootstrap, cluster) = (kafka.bootstrap(), admin.cluster_id().await.unwrap());
    producer.send("kept", Record::new(vec![b'1'; 1_500_000])).await.unwrap();

    kafka.stop().await.unwrap();
    kafka.start_again().await.unwrap();
    producer.send("kept", Record::new("2")).await.unwrap();

    kafka.kill9().unwrap();
    kafka.start_again().await.unwrap();
    producer.send("kept", Record::new("3")).await.unwrap();

    kafka.pause().unwrap();
    let mut send = Box::pin(producer.send("kept", Record::new("4")));
    let answer = timeout(Duration::from_millis(300), &mut send).await;
    assert!(answer.is_err(), "a frozen broker answered: {answer:?}");
    kafka.resume().unwrap();
    send.await.unwrap();

    assert_eq!(kafka.bootstrap(), bootstrap);
    assert_eq!(admin.cluster_id().await.unwrap(), cluster);
    let read = kafka.read("kept").await.unwrap();
    let sizes: Vec<_> = read.iter().map(|r| r.value.as_ref().unwrap().len()).collect();
    assert_eq!(sizes, [1_500_000, 1, 1, 1]);
}

#[tokio::test]
async fn the_ends_of_all_partitions_are_told_right_after_a_start() {
    const PARTITIONS: i32 = 200;

    let mut kafka = KafkaServer::start(KafkaOptions::default()).await.unwrap();
    kafka.admin().unwrap().create_topic("many", PARTITIONS, &[]).await.unwrap();
    for _ in 0..3 {
        kafka.stop().await.unwrap();
        kafka.start_again().await.unwrap();
        let ends = kafka.admin().unwrap().end_offsets("many").await.unwrap();
        assert_eq!(ends, (0..PARTITIONS).map(|partition| (partition, 0)).collect());
    }
}
