//! When objects are closed.

use anyhow::Result;
use kafka2oss_agent::task::{PartitionSnapshot, StopMode};
use kafka2oss_kafka::{TEST_MESSAGE_HEADER, millis_since_1970, test_message_timestamp};
use kafka2oss_tests::produce::{Record, numbered};

use crate::world::World;

/// As [`kafka2oss_kafka::TestMessageWriter`] writes it.
fn test_message() -> Record {
    let timestamp = test_message_timestamp(millis_since_1970());
    let mut record = Record::new("test").partition(0).timestamp(timestamp);
    record.headers.push((TEST_MESSAGE_HEADER.into(), None));
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_message_closes_its_object_at_once() -> Result<()> {
    let mut world = World::new(1).await?;
    world.no_rotation();
    let producer = world.kafka.producer()?;
    let task = world.start(0).await?;
    let mut produced = producer.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    task.partition("it has taken them in", 0, |seen| seen.position == 10).await?;
    assert!(world.bucket.keys("").await?.is_empty());

    produced.push(producer.send(&world.topic, test_message()).await?);
    task.delivered(&produced).await?;

    let links = world.arrived(&produced).await?;
    assert_eq!(links.iter().map(|link| link.extent()).collect::<Vec<_>>(), [(0, 11)]);
    let keys = world.bucket.keys("").await?;
    let says = |seen: &PartitionSnapshot| seen.test_messages == [(10, keys[0].clone())];
    task.partition("it says in which object the message stands", 0, says).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_message_does_not_wait_for_the_object_under_way() -> Result<()> {
    let mut world = World::new(1).await?;
    world.no_rotation();
    let records: Vec<_> = std::iter::repeat_n(test_message(), 3).collect();
    let produced = world.kafka.producer()?.send_all(&world.topic, records).await?;

    let task = world.start(0).await?;
    task.delivered(&produced).await?;

    world.arrived(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_message_is_known_by_its_header_where_the_broker_gives_timestamps() -> Result<()> {
    let mut world = World::with_topic(1, &[("message.timestamp.type", "LogAppendTime")]).await?;
    world.no_rotation();
    let task = world.start(0).await?;
    let producer = world.kafka.producer()?;

    // Each at another time; hardly any has the timestamp of a test message.
    for _ in 0..3 {
        let produced = vec![producer.send(&world.topic, test_message()).await?];
        task.delivered(&produced).await?;
    }

    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_message_that_nobody_waits_for_any_more_closes_nothing() -> Result<()> {
    let mut world = World::new(1).await?;
    world.no_rotation();
    let producer = world.kafka.producer()?;
    let test = test_message();
    let task = world.start(0).await?;

    let of_earlier = test.clone().timestamp(test_message_timestamp(1_000));
    let mut produced = vec![producer.send(&world.topic, of_earlier).await?];
    task.partition("it has taken it in", 0, |seen| seen.position == 1).await?;
    produced.push(producer.send(&world.topic, test).await?);
    task.delivered(&produced).await?;

    let links = world.arrived(&produced).await?;
    assert_eq!(links.iter().map(|link| link.extent()).collect::<Vec<_>>(), [(0, 2)]);
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_object_has_more_records_than_allowed() -> Result<()> {
    let mut world = World::new(1).await?;
    world.no_rotation();
    world.rotation().max_records = Some(7);
    let records = numbered("a", 0..100, 1);
    let produced = world.kafka.producer()?.send_all(&world.topic, records).await?;

    let task = world.start(0).await?;
    task.partition("it has taken them in", 0, |seen| seen.position == 100).await?;
    task.handle.stop(StopMode::Leave).await;

    let links = world.arrived(&produced).await?;
    let sizes: Vec<_> = links.iter().map(|link| link.records.len()).collect();
    assert_eq!(sizes, [[7; 14].as_slice(), &[2]].concat());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_object_passes_its_size_by_more_than_one_record() -> Result<()> {
    let mut world = World::new(1).await?;
    world.no_rotation();
    world.rotation().max_bytes = Some(10_000);
    let records = (0..100).map(|_| Record::new("v".repeat(950)).partition(0));
    let produced = world.kafka.producer()?.send_all(&world.topic, records).await?;

    let task = world.start(0).await?;
    task.partition("it has taken them in", 0, |seen| seen.position == 100).await?;
    task.handle.stop(StopMode::Leave).await;

    let links = world.arrived(&produced).await?;
    let (last, full) = links.split_last().unwrap();
    for link in full {
        let body = world.bucket.get(&link.key).await?.bytes;
        let longest = body.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap();
        assert!((10_000..10_002 + longest).contains(&body.len()), "{}", body.len());
    }
    assert!(!last.records.is_empty());
    Ok(())
}
