//! A broker that comes back after a while: at another address, or as if nothing had been.

use std::time::Duration;

use anyhow::{Context, Result};
use kafka2oss_agent::task::TaskState;
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};
use kafka2oss_tests::port;
use kafka2oss_tests::produce::numbered;
use tokio::time::timeout;

use crate::world::{LIMIT, World};

/// From the broker's return on.
const BOUND: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_comes_back_at_another_address_is_found_again() -> Result<()> {
    let mut kafka = KafkaServer::start(KafkaOptions::default()).await?;
    let [other] = port::free()?;
    let mut world = World::on(kafka.access(), 2, &[]).await?;
    world.instance.bootstrap_servers.push(format!("127.0.0.1:{other}"));
    let task = world.start(0).await?;
    let before = numbered("before", 0..100, 2);
    let mut produced = world.kafka.producer()?.send_all(&world.topic, before).await?;
    task.delivered(&produced).await?;

    kafka.stop().await?;
    kafka.start_again_at(other).await?;

    world.kafka = kafka.access();
    let after = numbered("after", 0..100, 2);
    produced.extend(world.kafka.producer()?.send_all(&world.topic, after).await?);
    timeout(BOUND, task.delivered(&produced)).await??;
    world.judge(&produced).await
}

/// Nothing is answered and no connection ends: each request is waited for by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_was_frozen_for_longer_than_a_task_waits_is_taken_up_again() -> Result<()> {
    let mut kafka = KafkaServer::start(KafkaOptions::default()).await?;
    let mut world = World::on(kafka.access(), 2, &[]).await?;
    world.runtime().session_timeout = Some(prost_types::Duration { seconds: 6, nanos: 0 });
    let task = world.start(0).await?;
    let before = numbered("before", 0..100, 2);
    let mut produced = world.kafka.producer()?.send_all(&world.topic, before).await?;
    task.delivered(&produced).await?;

    kafka.pause()?;
    let mut seen = task.handle.snapshot();
    let failed = seen.wait_for(|seen| seen.state == TaskState::Failed);
    timeout(3 * LIMIT, failed).await.context("the task's consumer was given up")??;
    kafka.resume()?;

    let after = numbered("after", 0..100, 2);
    produced.extend(world.kafka.producer()?.send_all(&world.topic, after).await?);
    task.delivered(&produced).await?;
    world.judge(&produced).await
}
