//! The key of an object is announced before it is put, and stays its key.

use std::time::Duration;

use anyhow::Result;
use kafka2oss_agent::task::{PartitionState, StopMode};
use kafka2oss_proto::v1;
use kafka2oss_sandbox::oss::{Fault, Occurrence, Operation, RequestMatch, ThrottleCode};
use kafka2oss_tests::produce::numbered;
use kafka2oss_tests::wait::eventually;

use crate::world::{LIMIT, World};

fn puts() -> RequestMatch {
    RequestMatch::operation(Operation::PutObject)
}

/// JSON lines, compressed, elsewhere: nothing of a key stays as it was.
fn another_shape(world: &mut World) {
    let output = world.output();
    output.format = v1::OutputFormat::JsonLines.into();
    output.compression = v1::Compression::Gzip.into();
    let layout = output.layout.get_or_insert_default();
    layout.prefix = "new/".into();
    layout.hash_prefix = true;
    layout.time_buckets = Some(v1::TimeBuckets {
        style: v1::TimeBucketStyle::Hive.into(),
        length: v1::TimeBucketLength::Day.into(),
        time_zone: "UTC".into(),
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_put_arrives_its_key_stands_in_the_groups_metadata() -> Result<()> {
    let world = World::new(1).await?;
    let produced = world.kafka.producer()?.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    let hold = world.oss.faults().hold_before(puts());

    let task = world.start(0).await?;
    let held = tokio::time::timeout(LIMIT, hold.held()).await?;

    let commits = world.commits().await?;
    assert_eq!(commits.len(), 1, "{commits:?}");
    assert_eq!((commits[0].offset, &commits[0].next_key), (0, &held.key));
    hold.release();
    task.delivered(&produced).await?;
    world.arrived(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_rides_on_the_commit_before_it_when_its_first_record_is_known() -> Result<()>
{
    let mut world = World::new(1).await?;
    world.rotation().max_records = Some(10);
    let produced = world.kafka.producer()?.send_all(&world.topic, numbered("a", 0..30, 1)).await?;
    let hold = world.oss.faults().hold_before(puts());
    let task = world.start(0).await?;
    tokio::time::timeout(LIMIT, hold.held()).await?;
    task.partition("the next object fills", 0, |seen| seen.position > 10).await?;

    hold.release();
    task.delivered(&produced).await?;

    let commits = world.commits().await?;
    let announced: Vec<_> = commits.iter().map(|commit| commit.announces()).collect();
    assert_eq!(announced[..2], [(0, Some(0)), (10, Some(10))]);
    assert_eq!(announced.last(), Some(&(30, None)));
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_that_lands_after_another_owner_of_another_shape_is_refused() -> Result<()> {
    let mut world = World::new(1).await?;
    let producer = world.kafka.producer()?;
    let mut produced = producer.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    let slow = Fault::Latency(Duration::from_secs(6));
    let slow = world.oss.faults().inject(puts(), slow, Occurrence::Times(1));
    let left_behind = world.start(0).await?;
    eventually("its put is on its way", LIMIT, async || Ok((slow.hits() == 1).then_some(())))
        .await?;
    // Killed: its put lands all the same.
    drop(left_behind);

    another_shape(&mut world);
    produced.extend(producer.send_all(&world.topic, numbered("b", 0..10, 1)).await?);
    let owner = world.start(0).await?;
    owner.delivered(&produced).await?;
    let mut counters = world.oss.watch_counters();
    let landed = counters.wait_for(|counters| counters.conflicts > 0);
    tokio::time::timeout(LIMIT, landed).await??;

    let links = world.arrived(&produced).await?;
    assert_eq!(links[0].extension(), "json", "the first key was announced by the first owner");
    owner.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn puts_of_two_owners_of_different_shape_at_once_make_one_object() -> Result<()> {
    let mut world = World::new(1).await?;
    let producer = world.kafka.producer()?;
    let mut produced = producer.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    let hold = world.oss.faults().hold_before(puts());
    let left_behind = world.start(0).await?;
    tokio::time::timeout(LIMIT, hold.held()).await?;
    drop(left_behind);

    another_shape(&mut world);
    produced.extend(producer.send_all(&world.topic, numbered("b", 0..10, 1)).await?);
    let owner = world.start(0).await?;
    let held = tokio::time::timeout(LIMIT, hold.held_at_least(2)).await?;
    hold.release();
    owner.delivered(&produced).await?;

    assert_eq!(held[0].key, held[1].key);
    world.arrived(&produced).await?;
    owner.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announced_object_gets_the_announced_form_and_the_next_one_the_new() -> Result<()> {
    let mut world = World::new(1).await?;
    let producer = world.kafka.producer()?;
    let mut produced = producer.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    let refuse = Fault::Refuse { status: 503, code: "ServiceUnavailable".into() };
    let refused = world.oss.faults().inject(puts(), refuse, Occurrence::Always);
    let first = world.start(0).await?;
    first.partition("it tries", 0, |seen| seen.state == PartitionState::Retrying).await?;
    drop(first);
    refused.remove();

    another_shape(&mut world);
    let second = world.start(0).await?;
    second.delivered(&produced).await?;
    produced.extend(producer.send_all(&world.topic, numbered("b", 0..10, 1)).await?);
    second.delivered(&produced).await?;

    let links = world.arrived(&produced).await?;
    let extensions: Vec<_> = links.iter().map(|link| link.extension()).collect();
    assert_eq!(extensions, ["json", "jsonl.gz"]);
    assert!(links[0].key.starts_with(&world.topic), "{}", links[0].key);
    assert!(links[1].key[4..].starts_with("/new/"), "{}", links[1].key);
    second.handle.stop(StopMode::Leave).await;
    Ok(())
}

/// Tries a put that the store refuses once, asking to be left alone for
/// `delay`; returns the commits by the moment at which it is tried again.
async fn commits_before_the_second_attempt(delay: Duration) -> Result<Vec<(i64, Option<i64>)>> {
    let mut world = World::new(1).await?;
    world.runtime().session_timeout = Some(prost_types::Duration { seconds: 6, nanos: 0 });
    let produced = world.kafka.producer()?.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    let code = ThrottleCode::TotalQpsLimitExceeded;
    let throttle = Fault::Throttle { code, delay };
    let throttle = world.oss.faults().inject(puts(), throttle, Occurrence::Times(1));
    let task = world.start(0).await?;
    eventually("it was refused", LIMIT, async || Ok((throttle.hits() == 1).then_some(()))).await?;

    let hold = world.oss.faults().hold_before(puts());
    tokio::time::timeout(LIMIT, hold.held()).await?;
    let commits = world.commits().await?;

    hold.release();
    task.delivered(&produced).await?;
    world.arrived(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(commits.iter().map(|commit| commit.announces()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn within_the_put_window_a_put_is_tried_again_under_its_announcement() -> Result<()> {
    let commits = commits_before_the_second_attempt(Duration::from_secs(1)).await?;
    assert_eq!(commits, [(0, Some(0))]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_put_window_the_announcement_is_repeated_before_the_next_attempt() -> Result<()> {
    let commits = commits_before_the_second_attempt(Duration::from_secs(7)).await?;
    assert_eq!(commits, [(0, Some(0)), (0, Some(0))]);
    Ok(())
}
