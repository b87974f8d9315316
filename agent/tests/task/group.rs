//! Several tasks of a connector share its partitions.

use anyhow::Result;
use kafka2oss_agent::task::{StopMode, TaskState};
use kafka2oss_proto::ErrorCode;
use kafka2oss_tests::produce::numbered;

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
