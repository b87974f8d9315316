//! Objects that are closed early since somebody waits for what they hold.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kafka2oss_agent::task::{Flush, Mode, NewLink, StopMode};
use kafka2oss_sandbox::oss::{Operation, RequestMatch};
use kafka2oss_tests::produce::{Producer, Record, numbered};
use tokio::time::timeout;

use crate::world::{LIMIT, World};

impl World {
    /// Begins to flush partitions up to these offsets.
    fn flush(&self, targets: &[(i32, i64)]) -> Flush {
        self.flushes.begin(&self.uid, self.epoch, targets.iter().copied().collect())
    }
}

/// Waits until every record below the targets stands in an object, and returns the extents
/// of the objects that were told, by partition.
async fn reached(flush: &Flush, targets: &[(i32, i64)]) -> Result<BTreeMap<i32, Vec<(i64, i64)>>> {
    let mut left: BTreeMap<i32, i64> = targets.iter().copied().collect();
    let mut objects: BTreeMap<i32, Vec<(i64, i64)>> = BTreeMap::new();
    let following = async {
        while !left.is_empty() {
            for news in flush.news().await {
                let extent = |link: NewLink| (link.extent.start, link.extent.end);
                let links = news.objects.into_iter().map(extent);
                objects.entry(news.partition).or_default().extend(links);
                let to = news.standing.map_or(i64::MIN, |standing| standing.complete_to);
                left.retain(|partition, target| *partition != news.partition || to < *target);
            }
        }
    };
    let followed = timeout(LIMIT, following).await;
    followed.with_context(|| format!("not reached: {left:?}"))?;
    Ok(objects)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_closes_what_is_open_once_however_often_it_comes() -> Result<()> {
    let mut world = World::new(1).await?;
    world.no_rotation();
    let producer = world.kafka.producer()?;
    let task = world.start(0).await?;
    let mut produced = producer.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    task.partition("it has taken them in", 0, |seen| seen.position == 10).await?;
    assert!(world.bucket.keys("").await?.is_empty());

    let flushes: Vec<_> = (0..8).map(|_| world.flush(&[(0, 10)])).collect();
    for flush in &flushes {
        assert_eq!(reached(flush, &[(0, 10)]).await?[&0], [(0, 10)]);
    }
    // What comes behind the target stays open.
    produced.extend(producer.send_all(&world.topic, numbered("b", 10..15, 1)).await?);
    task.partition("it has taken them in", 0, |seen| seen.position == 15).await?;
    assert!(reached(&world.flush(&[(0, 10)]), &[(0, 10)]).await?[&0].is_empty());
    assert_eq!(world.bucket.keys("").await?.len(), 1);

    assert_eq!(reached(&world.flush(&[(0, 12)]), &[(0, 12)]).await?[&0], [(10, 15)]);
    world.arrived(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_waits_for_records_that_come_and_does_not_cut_before() -> Result<()> {
    let mut world = World::new(2).await?;
    world.no_rotation();
    let producer = world.kafka.producer()?;
    let task = world.start(0).await?;
    task.owns(2).await?;
    let mut produced = producer.send_all(&world.topic, numbered("a", 0..20, 2)).await?;
    let seen = |task: &crate::world::Task| task.now().partitions[&0].position;
    task.partition("it has taken them in", 0, |seen| seen.position == 10).await?;
    let flush = world.flush(&[(0, 15), (1, 10)]);
    let of_other = timeout(LIMIT, reached(&flush, &[(1, 10)])).await??;
    assert_eq!(of_other[&1], [(0, 10)]);
    ensure!(seen(&task) == 10 && world.bucket.keys("").await?.len() == 1);

    produced.extend(producer.send_all(&world.topic, numbered("b", 20..40, 2)).await?);
    let of_first = reached(&flush, &[(0, 15)]).await?;
    let [(0, to)] = of_first[&0][..] else { panic!("{of_first:?}") };
    ensure!((15..=20).contains(&to), "{of_first:?}");
    drop(flush);
    task.handle.stop(StopMode::Leave).await;
    world.arrived(&produced).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn markers_and_aborted_records_at_the_end_are_waited_for_by_nobody() -> Result<()> {
    let mut world = World::new(1).await?;
    world.no_rotation();
    let producer = Producer::transactional(&world.kafka.bootstrap()).await?;
    let records = || (0..5).map(|_| Record::new("r").partition(0));
    let produced = producer.commit_all(&world.topic, records()).await?;
    let task = world.start(0).await?;
    // Five records and a marker, which the extent covers or not.
    let objects = reached(&world.flush(&[(0, 6)]), &[(0, 6)]).await?;
    ensure!(objects[&0] == [(0, 5)] || objects[&0] == [(0, 6)], "{objects:?}");

    producer.begin()?;
    producer.send_all(&world.topic, records()).await?;
    producer.abort().await?;
    let objects = reached(&world.flush(&[(0, 12)]), &[(0, 12)]).await?;
    ensure!(objects[&0].is_empty(), "no record, no object: {objects:?}");

    // What an open transaction holds is below no target.
    producer.begin()?;
    producer.send_all(&world.topic, records()).await?;
    reached(&world.flush(&[(0, 12)]), &[(0, 12)]).await?;
    producer.abort().await?;
    world.arrived(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_is_carried_on_by_whoever_has_the_partition() -> Result<()> {
    let mut world = World::new(1).await?;
    world.no_rotation();
    let produced = world.kafka.producer()?.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    let puts = RequestMatch::operation(Operation::PutObject).with_key_containing(&world.topic);
    let hold = world.oss.faults().hold_after(puts);
    let first = world.start(0).await?;
    let flush = world.flush(&[(0, 10)]);
    timeout(LIMIT, hold.held()).await?;
    // Dropped without a commit, like a killed process.
    drop(first);
    hold.release();

    let second = world.start(0).await?;
    assert_eq!(reached(&flush, &[(0, 10)]).await?[&0], [(0, 10)], "the object is adopted");
    world.judge(&produced).await?;
    second.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_of_a_paused_task_tells_where_it_stands_and_takes_no_record() -> Result<()> {
    let world = World::new(1).await?;
    let task = world.start_in(0, Mode::Pause).await?;
    world.kafka.producer()?.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    let flush = world.flush(&[(0, 10)]);
    let news = timeout(LIMIT, flush.news()).await?;
    let standing = news[0].standing.context("it is told")?;
    assert_eq!((standing.committed, standing.complete_to), (0, 0));
    assert!(timeout(Duration::from_millis(500), flush.news()).await.is_err());
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}
