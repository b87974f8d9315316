//! Topics, groups and watermarks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use kafka2oss_domain::ErrorCode;
use kafka2oss_kafka::{Creation, KafkaAdmin, LogPlace, TopicPlan, Watermarks};
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer, shared_kafka};
use kafka2oss_tests::kafka_proxy::KafkaProxy;
use kafka2oss_tests::name::unique;
use kafka2oss_tests::port;
use kafka2oss_tests::produce::Record;
use kafka2oss_tests::wait::eventually;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::support::{connect, topic_plan};

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn the_cluster_id_is_the_one_that_the_broker_was_formatted_with() -> Result<()> {
    let kafka = shared_kafka().await?;

    let id = connect(&kafka.bootstrap()).await.cluster_id().await?;

    assert_eq!(id, Some(kafka.admin()?.cluster_id().await?));
    Ok(())
}

#[tokio::test]
async fn a_topic_is_created_as_planned_described_and_deleted() -> Result<()> {
    let kafka = shared_kafka().await?;
    let admin = connect(&kafka.bootstrap()).await;
    let topic = unique("made");
    let plan = TopicPlan {
        cleanup_policy: "compact",
        max_message_bytes: Some(2_000_000),
        ..topic_plan(&topic, 3)
    };
    assert_eq!(admin.describe_topic(&topic).await?, None);

    assert_eq!(admin.create_topic(&plan).await?, Creation::Created);
    let found =
        eventually("the topic is visible", SOON, async || Ok(admin.describe_topic(&topic).await?))
            .await?;

    assert_eq!(found.partitions, 3);
    assert_eq!(found.cleanup_policy.as_deref(), Some("compact"));
    assert_eq!(found.max_message_bytes, Some(2_000_000));
    assert_eq!(admin.create_topic(&plan).await?, Creation::AlreadyExists);

    admin.delete_topic(&topic).await?;
    eventually("the topic is gone", SOON, async || {
        Ok(admin.describe_topic(&topic).await?.is_none().then_some(()))
    })
    .await?;
    admin.delete_topic(&topic).await?;
    Ok(())
}

#[tokio::test]
async fn a_topic_that_is_created_again_has_another_id() -> Result<()> {
    let kafka = shared_kafka().await?;
    let (admin, tests) = (connect(&kafka.bootstrap()).await, kafka.admin()?);
    let topic = unique("again");
    let mut ids = Vec::new();

    for _ in 0..2 {
        tests.create_topic(&topic, 1, &[]).await?;
        let id = admin.topic_id(&topic).await?.unwrap();
        assert_eq!(admin.describe_topic(&topic).await?.unwrap().id, id);
        ids.push(id.unwrap());
        tests.delete_topic(&topic).await?;
    }

    assert_ne!(ids[0], ids[1]);
    eventually("the topic has no id", SOON, async || {
        Ok(admin.topic_id(&topic).await?.is_none().then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_topics_id_is_one_request_where_a_broker_was_just_found() -> Result<()> {
    let [port] = port::free()?;
    let kafka = KafkaServer::start(KafkaOptions::default().behind(port)).await?;
    let proxy = KafkaProxy::start(port, kafka.second()).await?;
    let topic = unique("often");
    kafka.admin()?.create_topic(&topic, 1, &[]).await?;
    let admin = connect(&format!("127.0.0.1:{port}")).await;
    // Connecting takes more.
    admin.topic_id(&topic).await?;
    let (requests, count) = (Arc::new(AtomicUsize::new(0)), 10);
    let counted = requests.clone();
    proxy.hold(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        None
    });

    for _ in 0..count {
        assert!(admin.topic_id(&topic).await?.is_some());
    }

    // Each takes two, wherever the machine has left a second in between.
    let requests = requests.load(Ordering::Relaxed);
    assert!((count..2 * count).contains(&requests), "{requests} requests for {count}");
    Ok(())
}

#[tokio::test]
async fn a_topic_id_is_spelt_as_kafka_spells_it() -> Result<()> {
    let kafka = shared_kafka().await?;
    let (admin, tests) = (connect(&kafka.bootstrap()).await, kafka.admin()?);
    let folder = kafka.process().log_path().parent().context("the log has a folder")?;

    // Several, since not every id has a character in which alphabets differ.
    for _ in 0..4 {
        let topic = unique("id");
        tests.create_topic(&topic, 1, &[]).await?;
        // The broker's own file in the partition's folder, there by the first
        // record.
        kafka.producer()?.send(&topic, Record::new("x")).await?;
        let file = folder.join(format!("data/{topic}-0/partition.metadata"));
        let written = eventually("the broker has noted the id", SOON, async || {
            Ok(Some(std::fs::read_to_string(&file)?))
        })
        .await?;

        let id = admin.describe_topic(&topic).await?.unwrap().id.unwrap();

        assert!(written.lines().any(|line| line == format!("topic_id: {id}")), "{id}: {written}");
    }
    Ok(())
}

#[tokio::test]
async fn what_the_broker_does_not_create_is_refused_in_its_own_words() -> Result<()> {
    let kafka = shared_kafka().await?;
    let admin = connect(&kafka.bootstrap()).await;
    let plan = TopicPlan { max_message_bytes: Some(u64::MAX), ..topic_plan(&unique("no"), 1) };

    let Creation::Refused(words) = admin.create_topic(&plan).await? else { panic!("created") };

    assert!(words.contains("max.message.bytes"), "{words}");
    assert_eq!(admin.describe_topic(&plan.name).await?, None);
    Ok(())
}

#[tokio::test]
async fn watermarks_tell_where_each_partition_begins_and_ends() -> Result<()> {
    let kafka = shared_kafka().await?;
    let admin = connect(&kafka.bootstrap()).await;
    let topic = unique("marks");
    kafka.admin()?.create_topic(&topic, 2, &[]).await?;
    let records = ["a", "b", "c"].map(|value| Record::new(value).partition(1));
    kafka.producer()?.send_all(&topic, records).await?;

    let marks = admin.watermarks(&topic, &[0, 1]).await?;

    assert_eq!(marks[&0], Watermarks { beginning: 0, end: 0 });
    assert_eq!(marks[&1], Watermarks { beginning: 0, end: 3 });
    assert!(admin.watermarks(&topic, &[0, 2]).await.is_err(), "there is no partition 2");
    assert_eq!(admin.offsets(&topic, &[0, 1], LogPlace::Beginning).await?, [(0, 0), (1, 0)].into());
    assert!(
        admin.offsets(&topic, &[0, 2], LogPlace::Beginning).await.is_err(),
        "there is no partition 2"
    );
    Ok(())
}

#[tokio::test]
async fn a_group_is_deleted_once_it_has_no_members() -> Result<()> {
    let kafka = shared_kafka().await?;
    let admin = connect(&kafka.bootstrap()).await;
    let (topic, group) = (unique("grouped"), unique("group"));
    kafka.admin()?.create_topic(&topic, 1, &[]).await?;
    admin.delete_group(&group).await?;
    let member: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .set("group.id", &group)
        .create()?;
    member.subscribe(&[&topic])?;
    eventually("the member has joined", SOON, async || {
        member.poll(Duration::ZERO);
        Ok((member.assignment()?.count() == 1).then_some(()))
    })
    .await?;

    let refused = admin.delete_group(&group).await.unwrap_err();
    drop(member);
    eventually("the group is deleted", SOON, async || {
        admin.delete_group(&group).await?;
        Ok(Some(()))
    })
    .await?;

    assert_eq!(refused.code, ErrorCode::KafkaRequestFailed);
    assert!(refused.message.contains(&group), "{refused}");
    assert_eq!(kafka.admin()?.group(&group).await?, None);
    Ok(())
}
