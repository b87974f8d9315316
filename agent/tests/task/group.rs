//! Several tasks of a connector share its partitions.

use anyhow::Result;
use kafka2oss_agent::task::{StopMode, TaskState};
use kafka2oss_domain::ErrorCode;
use kafka2oss_tests::produce::{Producer, numbered};

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_joins_takes_its_share_and_one_that_leaves_gives_it_back() -> Result<()> {
    let world = World::new(4).await?;
    let producer = world.kafka.producer()?;
    let first = world.start(0).await?;
    first.owns(4).await?;
    let mut produced = producer.send_all(&world.topic, numbered("a", 0..400, 4)).await?;

    let second = world.start(1).await?;
    second.owns(2).await?;
    first.owns(2).await?;
    produced.extend(producer.send_all(&world.topic, numbered("b", 0..400, 4)).await?);

    first.handle.stop(StopMode::Leave).await;
    second.owns(4).await?;
    produced.extend(producer.send_all(&world.topic, numbered("c", 0..400, 4)).await?);
    second.delivered(&produced).await?;

    world.judge(&produced).await?;
    second.handle.stop(StopMode::Leave).await;
    Ok(())
}

/// Between the records stand the markers of their transactions, which nobody is
/// handed: what librdkafka has fetched ahead is full of both when the group
/// rebalances.
#[tokio::test(flavor = "multi_thread")]
async fn records_of_small_transactions_survive_rebalances() -> Result<()> {
    const TRANSACTIONS: u64 = 400;
    let mut world = World::new(4).await?;
    world.rotation().max_records = Some(20);
    let producer = Producer::transactional(&world.kafka.bootstrap()).await?;
    let mut produced = Vec::new();
    for transaction in 0..TRANSACTIONS {
        let records = numbered("t", 8 * transaction..8 * (transaction + 1), 4);
        produced.extend(producer.commit_all(&world.topic, records).await?);
    }

    let first = world.start(0).await?;
    first.owns(4).await?;
    for _ in 0..3 {
        let second = world.start(1).await?;
        second.owns(2).await?;
        second.handle.stop(StopMode::Leave).await;
        first.owns(4).await?;
        let records = numbered("u", 0..400, 4);
        produced.extend(producer.commit_all(&world.topic, records).await?);
    }

    first.delivered(&produced).await?;
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_meets_a_rebalance_is_sent_again_by_the_same_consumer() -> Result<()> {
    let mut world = World::new(6).await?;
    world.rotation().max_records = Some(5);
    let producer = world.kafka.producer()?;
    let first = world.start(0).await?;
    first.owns(6).await?;
    let mut snapshots = first.handle.snapshot();
    let failure = tokio::spawn(async move {
        let failed = snapshots.wait_for(|seen| seen.state == TaskState::Failed).await;
        failed.ok().and_then(|seen| seen.problem.clone())
    });

    let topic = world.topic.clone();
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let load = tokio::spawn(async move {
        let mut produced = Vec::new();
        let mut pace = tokio::time::interval(std::time::Duration::from_millis(10));
        while stopped.try_recv().is_err() {
            produced.extend(producer.send_all(&topic, numbered("v", 0..6, 6)).await?);
            pace.tick().await;
        }
        anyhow::Ok(produced)
    });
    let second = world.start(1).await?;
    second.owns(3).await?;
    let third = world.start(2).await?;
    third.owns(2).await?;
    third.handle.stop(StopMode::Leave).await;
    second.owns(3).await?;
    second.handle.stop(StopMode::Leave).await;
    first.owns(6).await?;
    let _ = stop.send(());
    let produced = load.await??;
    first.delivered(&produced).await?;

    world.judge(&produced).await?;
    first.handle.stop(StopMode::Leave).await;
    // The task has ended, and with it its snapshots.
    assert_eq!(failure.await?, None, "the consumer was given up");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_without_a_partition_runs() -> Result<()> {
    let world = World::new(1).await?;
    let first = world.start(0).await?;
    first.owns(1).await?;

    let second = world.start(1).await?;
    let third = world.start(2).await?;

    second.sees("it runs", |seen| seen.state == TaskState::Running).await?;
    third.sees("it runs", |seen| seen.state == TaskState::Running).await?;
    for task in [first, second, third] {
        task.handle.stop(StopMode::Leave).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_task_elsewhere_fences_the_one_left_behind() -> Result<()> {
    let world = World::new(1).await?;
    let producer = world.kafka.producer()?;
    let left_behind = world.start(0).await?;
    left_behind.owns(1).await?;

    let moved = world.start(0).await?;
    moved.owns(1).await?;
    let fenced = left_behind.sees("it is fenced", |seen| seen.state == TaskState::Failed).await?;

    assert_eq!(fenced.problem.unwrap().code, ErrorCode::KafkaFenced);
    let produced = producer.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    moved.delivered(&produced).await?;
    world.judge(&produced).await?;
    left_behind.handle.stop(StopMode::KeepMembership).await;
    moved.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fenced_task_starts_again_once_it_is_confirmed_and_not_before() -> Result<()> {
    let world = World::new(1).await?;
    let producer = world.kafka.producer()?;
    let mut left_behind = world.start(0).await?;
    left_behind.owns(1).await?;
    let moved = world.start(0).await?;
    moved.owns(1).await?;
    left_behind.sees("it is fenced", |seen| seen.state == TaskState::Failed).await?;
    tokio::time::timeout(crate::world::LIMIT, left_behind.desk.question()).await?;

    // Each takes longer than an object is idle: together longer than a failed
    // task waits before it joins again.
    let mut produced = Vec::new();
    for round in 0..6 {
        let records = numbered("a", round..round + 1, 1);
        produced.extend(producer.send_all(&world.topic, records).await?);
        moved.delivered(&produced).await?;
    }
    assert_eq!(left_behind.now().state, TaskState::Failed);
    assert_eq!(moved.now().state, TaskState::Running);

    moved.handle.stop(StopMode::KeepMembership).await;
    let question = left_behind.desk.asked();
    left_behind.desk.answer(question);
    left_behind.owns(1).await?;
    produced.extend(producer.send_all(&world.topic, numbered("b", 0..10, 1)).await?);
    left_behind.delivered(&produced).await?;
    world.judge(&produced).await?;
    left_behind.handle.stop(StopMode::Leave).await;
    Ok(())
}
