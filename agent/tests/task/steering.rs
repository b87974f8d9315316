//! Pausing, resuming and stopping.

use anyhow::Result;
use kafka2oss_agent::task::{Guidance, Mode, PartitionState, StopMode, TaskState};
use kafka2oss_proto::v1;
use kafka2oss_tests::produce::{Record, numbered};

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn pausing_closes_what_is_open_and_keeps_the_partitions() -> Result<()> {
    let mut world = World::new(2).await?;
    world.no_rotation();
    let producer = world.kafka.producer()?;
    let task = world.start(0).await?;
    let mut produced = producer.send_all(&world.topic, numbered("a", 0..20, 2)).await?;
    task.sees("it has taken them in", |seen| {
        seen.partitions.values().filter(|seen| seen.position == 10).count() == 2
    })
    .await?;

    task.handle.guide(Guidance::of_mode(Mode::Pause));
    task.sees("it is paused", |seen| seen.state == TaskState::Paused).await?;
    world.judge(&produced).await?;
    let group = world.kafka.admin()?.group(&world.group()).await?.unwrap();
    assert_eq!(group.state, "Stable", "a paused task stays in the group");

    produced.extend(producer.send_all(&world.topic, numbered("b", 0..20, 2)).await?);
    task.handle.guide(Guidance::of_mode(Mode::Run));
    task.sees("it goes on", |seen| seen.partitions.values().all(|seen| seen.position == 20))
        .await?;
    task.handle.stop(StopMode::Leave).await;
    world.judge(&produced).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_starts_paused_takes_no_record() -> Result<()> {
    let world = World::new(1).await?;
    let produced = world.kafka.producer()?.send_all(&world.topic, numbered("a", 0..5, 1)).await?;

    let task = world.start_in(0, Mode::Pause).await?;
    let seen = task
        .sees("it is paused", |seen| seen.state == TaskState::Paused && seen.partitions.len() == 1)
        .await?;
    assert_eq!(seen.partitions[&0].position, 0);

    task.handle.guide(Guidance::of_mode(Mode::Run));
    task.delivered(&produced).await?;
    world.judge(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_retries_a_partition_that_stopped() -> Result<()> {
    let mut world = World::new(1).await?;
    world.runtime().failure_handling_policy = v1::FailureHandlingPolicy::Fail.into();
    let records = [Record::new("v").partition(0), Record::new(b"\xff".to_vec()).partition(0)];
    world.kafka.producer()?.send_all(&world.topic, records).await?;
    let task = world.start(0).await?;
    task.stopped().await?;
    assert!(task.now().partitions[&0].last_object.is_some());

    task.handle.guide(Guidance::of_mode(Mode::Pause));
    task.sees("it is paused", |seen| seen.state == TaskState::Paused).await?;
    task.handle.guide(Guidance::of_mode(Mode::Run));

    task.partition("it was taken up anew", 0, |seen| {
        seen.state == PartitionState::Stopped && seen.last_object.is_none()
    })
    .await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_delivers_what_is_open() -> Result<()> {
    let mut world = World::new(1).await?;
    world.no_rotation();
    let task = world.start(0).await?;
    let produced = world.kafka.producer()?.send_all(&world.topic, numbered("a", 0..20, 1)).await?;
    task.partition("it has taken them in", 0, |seen| seen.position == 20).await?;

    task.handle.stop(StopMode::KeepMembership).await;

    world.judge(&produced).await?;
    let committed = world.kafka.admin()?.committed_offsets(&world.group(), &world.topic).await?;
    assert_eq!(committed[&0], 20);
    Ok(())
}
