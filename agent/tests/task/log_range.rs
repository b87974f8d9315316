//! Positions that the partition's log does not have.

use anyhow::Result;
use kafka2oss_agent::task::{PartitionSnapshot, PartitionState, StopMode, TaskState};
use kafka2oss_domain::ErrorCode;
use kafka2oss_sandbox::oss::{Fault, Occurrence, Operation, RequestMatch};
use kafka2oss_tests::produce::{Producer, numbered};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::world::{LIMIT, World, tally};

#[tokio::test(flavor = "multi_thread")]
async fn what_retention_removed_is_counted_and_the_chain_goes_on_behind_it() -> Result<()> {
    let world = World::new(1).await?;
    let producer = world.kafka.producer()?;
    let produced = producer.send_all(&world.topic, numbered("v", 0..100, 1)).await?;
    world.remove_records_before(40).await?;

    let task = world.start(0).await?;
    let seen = task.delivered(&produced).await?;

    assert_eq!((seen.totals.records, seen.totals.lost_offsets), (60, 40));
    assert_eq!((tally(&seen).records, tally(&seen).lost_offsets), (60, 40));
    let links = world.arrived(&produced[40..]).await?;
    assert_eq!(links[0].extent().0, 0, "the first object stands for the lost range, too");
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announced_object_stands_for_what_retention_removed_before_it_was_put() -> Result<()> {
    let mut world = World::new(1).await?;
    world.rotation().max_records = Some(10);
    let producer = world.kafka.producer()?;
    let produced = producer.send_all(&world.topic, numbered("v", 0..30, 1)).await?;
    let refuse = Fault::Refuse { status: 503, code: "ServiceUnavailable".into() };
    let second = RequestMatch::operation(Operation::PutObject).with_key_containing("00010-");
    let refused = world.oss.faults().inject(second, refuse, Occurrence::Always);
    let first = world.start(0).await?;
    first.partition("it tries", 0, |seen| seen.state == PartitionState::Retrying).await?;
    drop(first);
    refused.remove();
    world.remove_records_before(15).await?;

    let second = world.start(0).await?;
    let seen = second.delivered(&produced).await?;

    assert_eq!(seen.totals.lost_offsets, 5);
    assert_eq!((tally(&seen).records, tally(&seen).lost_offsets), (25, 5));
    let arrived = [&produced[..10], &produced[15..]].concat();
    let links = world.arrived(&arrived).await?;
    assert_eq!(links[1].extent(), (10, 25));
    second.handle.stop(StopMode::Leave).await;
    Ok(())
}

/// Its consumer is made anew, as after a fencing, while nothing is committed.
#[tokio::test(flavor = "multi_thread")]
async fn what_retention_removed_is_counted_once_by_whichever_consumer() -> Result<()> {
    let world = World::new(1).await?;
    let refuse = Fault::Refuse { status: 503, code: "ServiceUnavailable".into() };
    let puts = RequestMatch::operation(Operation::PutObject);
    let refused = world.oss.faults().inject(puts, refuse, Occurrence::Always);
    let producer = world.kafka.producer()?;
    let produced = producer.send_all(&world.topic, numbered("v", 0..100, 1)).await?;
    world.remove_records_before(40).await?;
    let mut task = world.start(0).await?;
    task.sees("a range is lost", |seen| seen.totals.lost_offsets > 0).await?;
    task.partition("it tries", 0, |seen| seen.state == PartitionState::Retrying).await?;
    let other = world.start(0).await?;
    task.sees("it is fenced", |seen| seen.state == TaskState::Failed).await?;
    drop(other);
    world.remove_records_before(60).await?;
    refused.remove();

    tokio::time::timeout(LIMIT, task.desk.question()).await?;
    let question = task.desk.asked();
    task.desk.answer(question);
    let seen = task.delivered(&produced).await?;

    assert_eq!(seen.totals.lost_offsets, 60);
    assert_eq!(tally(&seen).lost_offsets, 60);
    let links = world.arrived(&produced[60..]).await?;
    assert_eq!(links[0].extent().0, 0);
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_range_leaves_the_committed_position_to_be_seen() -> Result<()> {
    let mut world = World::new(1).await?;
    let producer = world.kafka.producer()?;
    let produced = producer.send_all(&world.topic, numbered("v", 0..10, 1)).await?;
    let first = world.start(0).await?;
    first.delivered(&produced).await?;
    first.handle.stop(StopMode::KeepMembership).await;
    producer.send_all(&world.topic, numbered("v", 0..20, 1)).await?;
    world.remove_records_before(20).await?;

    world.no_rotation();
    let second = world.start(0).await?;
    let seen = second.partition("it reads on", 0, |seen| seen.position == 30).await?;

    assert_eq!(seen.partitions[&0].committed_offset, Some(10));
    second.handle.stop(StopMode::Leave).await;
    Ok(())
}

/// The record before the position, which is read first, is gone with all others.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_where_retention_removed_what_is_delivered() -> Result<()> {
    let world = World::new(1).await?;
    let producer = world.kafka.producer()?;
    let mut produced = producer.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    let first = world.start(0).await?;
    first.delivered(&produced).await?;
    first.handle.stop(StopMode::KeepMembership).await;
    world.remove_records_before(10).await?;

    let second = world.start(0).await?;
    produced.extend(producer.send_all(&world.topic, numbered("b", 0..10, 1)).await?);
    let seen = second.delivered(&produced).await?;

    assert_eq!((seen.totals.records, seen.totals.lost_offsets), (10, 0));
    world.arrived(&produced).await?;
    second.handle.stop(StopMode::Leave).await;
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

impl World {
    /// Removes the records of partition 0 below `offset`, as retention does.
    pub(crate) async fn remove_records_before(&self, offset: i64) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", self.kafka.bootstrap()).create()?;
        let mut before = TopicPartitionList::new();
        before.add_partition_offset(&self.topic, 0, Offset::Offset(offset))?;
        let removed = admin.delete_records(&before, &AdminOptions::new()).await?;
        for element in removed.elements() {
            element.error()?;
        }
        Ok(())
    }
}

/// Aborted records and markers were passed, and an object without a record says so.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_passed_and_held_no_record_is_neither_lag_nor_lost() -> Result<()> {
    const ABORTED: u64 = 10_003;
    let mut world = World::new(1).await?;
    world.rotation().max_age = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    let producer = Producer::transactional(&world.kafka.bootstrap()).await?;
    let first = world.start(0).await?;
    let mut produced = producer.commit_all(&world.topic, numbered("a", 0..10, 1)).await?;
    first.delivered(&produced).await?;
    producer.begin()?;
    producer.send_all(&world.topic, numbered("aborted", 0..ABORTED, 1)).await?;
    producer.abort().await?;

    // Ten records, a marker, what was aborted, and its marker.
    let end = 10 + 1 + ABORTED as i64 + 1;
    let all = |seen: &PartitionSnapshot| seen.committed_offset == Some(end);
    first.partition("the gap is covered", 0, all).await?;
    first.handle.stop(StopMode::KeepMembership).await;
    world.remove_records_before(end).await?;

    let second = world.start(0).await?;
    produced.extend(producer.commit_all(&world.topic, numbered("b", 0..10, 1)).await?);
    let seen = second.delivered(&produced).await?;

    assert_eq!((seen.totals.records, seen.totals.lost_offsets), (10, 0));
    let links = world.arrived(&produced).await?;
    let extents: Vec<_> = links.iter().map(|link| link.extent()).collect();
    assert_eq!(extents.last().map(|last| last.0), Some(end));
    assert!(extents.is_sorted() && extents.len() <= 4, "objects are not spent: {extents:?}");
    second.handle.stop(StopMode::Leave).await;
    Ok(())
}

/// The marker of the last transaction stands before the object is closed.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_covers_the_marker_behind_its_last_record() -> Result<()> {
    let mut world = World::new(1).await?;
    // librdkafka tells of the end with the fetch after the last record's.
    world.rotation().idle = Some(prost_types::Duration { seconds: 3, nanos: 0 });
    let producer = Producer::transactional(&world.kafka.bootstrap()).await?;
    let produced = producer.commit_all(&world.topic, numbered("v", 0..10, 1)).await?;

    let task = world.start(0).await?;
    task.partition("all is covered", 0, |seen| seen.committed_offset == Some(11)).await?;

    let links = world.arrived(&produced).await?;
    assert_eq!(links.iter().map(|link| link.extent()).collect::<Vec<_>>(), [(0, 11)]);
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}
