//! Records that are taken many at a time.

use anyhow::Result;
use kafka2oss_agent::task::StopMode;
use kafka2oss_tests::produce::{Producer, numbered};

use crate::world::World;

/// So many are taken one by one first, and as many lie far from the end.
const RECORDS: u64 = 3_000;

/// What can be read ends at the first open transaction, far from the log's end: that
/// end is the last that is taken of many, and librdkafka counts it as a record.
#[tokio::test(flavor = "multi_thread")]
async fn records_of_an_open_transaction_survive_a_rebalance() -> Result<()> {
    let world = World::new(2).await?;
    let producer = Producer::transactional(&world.kafka.bootstrap()).await?;
    let records = |name| numbered(name, 0..2 * RECORDS, 2);
    let mut produced = producer.commit_all(&world.topic, records("committed")).await?;
    producer.begin()?;
    let open = producer.send_all(&world.topic, records("open")).await?;

    let first = world.start(0).await?;
    first.delivered(&produced).await?;
    let second = world.start(1).await?;
    second.owns(1).await?;
    first.owns(1).await?;
    producer.commit().await?;
    produced.extend(open);
    second.handle.stop(StopMode::Leave).await;
    first.delivered(&produced).await?;

    world.judge(&produced).await?;
    first.handle.stop(StopMode::Leave).await;
    Ok(())
}

/// Objects are full long before what was taken at once is used up.
#[tokio::test(flavor = "multi_thread")]
async fn objects_end_where_they_should_among_many_records() -> Result<()> {
    let mut world = World::new(1).await?;
    world.no_rotation();
    world.rotation().max_records = Some(70);
    let records = numbered("v", 0..70 * 100, 1);
    let produced = world.kafka.producer()?.send_all(&world.topic, records).await?;

    let task = world.start(0).await?;
    task.delivered(&produced).await?;

    let extents: Vec<_> =
        world.arrived(&produced).await?.iter().map(|link| link.extent()).collect();
    let expected: Vec<_> = (0..100).map(|object| (70 * object, 70 * (object + 1))).collect();
    assert_eq!(extents, expected);
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}
