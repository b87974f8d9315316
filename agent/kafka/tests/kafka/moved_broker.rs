//! A broker that comes back at another address, and clients that were there before.

use std::time::Duration;

use anyhow::Result;
use kafka2oss_kafka::{BrokerAdmin, InternalTopics, KafkaAdmin};
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};
use kafka2oss_tests::port;
use kafka2oss_tests::wait::eventually;

use crate::support::instance;

/// From the broker's return on.
const BOUND: Duration = Duration::from_secs(60);

#[tokio::test]
async fn clients_find_a_broker_that_comes_back_at_another_address() -> Result<()> {
    let mut kafka = KafkaServer::start(KafkaOptions::default()).await?;
    kafka.admin()?.create_topic("t", 1, &[]).await?;
    let [other] = port::free()?;
    let mut instance = instance(&kafka.bootstrap());
    instance.bootstrap_servers.push(format!("127.0.0.1:{other}"));
    let admin = BrokerAdmin::connect(&instance).await?;
    let topics = InternalTopics::connect(&instance).await?;
    topics.write("t", b"key", None, InternalTopics::WRITE_LIMIT).await?;
    assert!(admin.topic_id("t").await?.is_some());
    assert!(admin.committed("g", "t", &[0]).await?.is_empty());

    kafka.stop().await?;
    // They are told that it is gone.
    topics
        .write("t", b"key", None, InternalTopics::WRITE_LIMIT)
        .await
        .expect_err("there is no broker");
    kafka.start_again_at(other).await?;

    eventually("a record is written", BOUND, async || {
        Ok(topics.write("t", b"key", None, InternalTopics::WRITE_LIMIT).await.ok())
    })
    .await?;
    eventually("a topic is described", BOUND, async || Ok(admin.topic_id("t").await.ok())).await?;
    let committed = async || Ok(admin.committed("g", "t", &[0]).await.ok());
    eventually("offsets are read", BOUND, committed).await?;
    let deleted = async || Ok(admin.delete_group("g").await.ok());
    eventually("a group's coordinator is asked", BOUND, deleted).await.map(drop)
}
