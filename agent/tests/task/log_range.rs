//! Positions that the partition's log does not have.

use anyhow::Result;
use kafka2oss_agent::task::{PartitionState, StopMode};
use kafka2oss_proto::ErrorCode;
use kafka2oss_tests::produce::numbered;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn what_retention_removed_is_counted_and_the_chain_goes_on_behind_it() -> Result<()> {
    let world = World::new(1).await?;
    let producer = world.kafka.producer()?;
    let produced = producer.send_all(&world.topic, numbered("v", 0..100, 1)).await?;
    remove_records_before(&world, 40).await?;

    let task = world.start(0).await?;
    let seen = task.delivered(&produced).await?;

    assert_eq!((seen.totals.records, seen.totals.lost_records), (60, 40));
    world.judge(&produced[40..]).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_behind_the_logs_end_stops_the_partition() -> Result<()> {
    let mut world = World::new(1).await?;
    world.kafka.producer()?.send_all(&world.topic, numbered("v", 0..10, 1)).await?;
    world.start_offsets = [(0, 50)].into();

    let task = world.start(0).await?;
    let seen = task.partition("it stops", 0, |seen| seen.state == PartitionState::Stopped).await?;

    assert_eq!(seen.partitions[&0].problem.as_ref().unwrap().code, ErrorCode::KafkaLogTruncated);
    assert_eq!(world.bucket.keys("").await?, Vec::<String>::new());
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

async fn remove_records_before(world: &World, offset: i64) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", world.kafka.bootstrap()).create()?;
    let mut before = TopicPartitionList::new();
    before.add_partition_offset(&world.topic, 0, Offset::Offset(offset))?;
    let removed = admin.delete_records(&before, &AdminOptions::new()).await?;
    for element in removed.elements() {
        element.error()?;
    }
    Ok(())
}
