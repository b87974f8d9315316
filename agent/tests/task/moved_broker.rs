//! A broker that comes back at another address.

use std::time::Duration;

use anyhow::Result;
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};
use kafka2oss_tests::port;
use kafka2oss_tests::produce::numbered;
use tokio::time::timeout;

use crate::world::World;

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
