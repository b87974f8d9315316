//! A group's coordinator that is away for longer than a request may take.

use std::time::Duration;

use anyhow::Result;
use kafka2oss_kafka::KafkaAdmin;
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};
use kafka2oss_tests::wait::eventually;
use tokio::task::spawn_blocking;

use crate::committed::{commit_bytes, consumer};
use crate::support::connect;

/// From the broker's return on.
const BOUND: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_was_not_answered_in_time_ends_no_process_and_is_not_done_later() -> Result<()> {
    let mut kafka = KafkaServer::start(KafkaOptions::default()).await?;
    kafka.admin()?.create_topic("t", 1, &[]).await?;
    let member = consumer(&kafka.bootstrap(), "g")?;
    spawn_blocking(move || commit_bytes(&member, "t", 0, 0, b"kept")).await??;
    let admin = connect(&kafka.bootstrap()).await;
    assert!(admin.group_members("g", "t").await?.members.is_empty());

    kafka.stop().await?;
    let (described, deleted) = tokio::join!(admin.group_members("g", "t"), admin.delete_group("g"));
    described.expect_err("there is no broker");
    deleted.expect_err("there is no broker");
    kafka.start_again().await?;

    let described = async || Ok(admin.group_members("g", "t").await.ok());
    eventually("the group is described again", BOUND, described).await?;
    // By now the coordinator is connected: what still waited for it would have been sent.
    assert!(admin.group_members("g", "t").await?.members.is_empty());
    let committed = admin.committed("g", "t", &[0]).await?;
    assert_eq!(committed.len(), 1, "nobody asked for a deletion at this time: {committed:?}");
    Ok(())
}
