//! One chain, whatever happens to its owners.

use anyhow::Result;
use kafka2oss_agent::task::{PartitionState, StopMode};
use kafka2oss_proto::ErrorCode;
use kafka2oss_sandbox::oss::{Fault, Occurrence, Operation, RequestMatch};
use kafka2oss_tests::produce::numbered;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_task_goes_on_where_the_one_before_stopped() -> Result<()> {
    let world = World::new(2).await?;
    let producer = world.kafka.producer()?;
    let mut produced = producer.send_all(&world.topic, numbered("a", 0..100, 2)).await?;
    let first = world.start(0).await?;
    first.delivered(&produced).await?;
    first.handle.stop(StopMode::KeepMembership).await;

    produced.extend(producer.send_all(&world.topic, numbered("b", 0..100, 2)).await?);
    let second = world.start(0).await?;
    let seen = second.delivered(&produced).await?;

    assert_eq!(seen.totals.records, 100);
    world.judge(&produced).await?;
    second.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_without_its_commit_is_adopted_by_the_next_owner() -> Result<()> {
    let world = World::new(1).await?;
    let producer = world.kafka.producer()?;
    let mut produced = producer.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    let hold = world.oss.faults().hold_after_put();
    let first = world.start(0).await?;
    tokio::time::timeout(crate::world::LIMIT, hold.held()).await?;
    // Dropped without a commit, like a killed process.
    drop(first);
    hold.release();

    produced.extend(producer.send_all(&world.topic, numbered("b", 0..10, 1)).await?);
    let second = world.start(0).await?;
    second.delivered(&produced).await?;

    world.judge(&produced).await?;
    // Its key was announced, so that it was found without a second put.
    assert_eq!(world.oss.counters().conflicts, 0, "{:?}", world.oss.counters());
    second.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_does_not_double_an_object() -> Result<()> {
    let world = World::new(1).await?;
    let puts = RequestMatch::operation(Operation::PutObject);
    let fault = world.oss.faults().inject(puts, Fault::LostAnswer, Occurrence::Times(2));
    let produced = world.kafka.producer()?.send_all(&world.topic, numbered("a", 0..10, 1)).await?;

    let task = world.start(0).await?;
    task.delivered(&produced).await?;

    assert!(fault.hits() >= 1);
    world.judge(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_somebody_else_is_never_overwritten() -> Result<()> {
    let world = World::new(1).await?;
    let producer = world.kafka.producer()?;
    let first = producer.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    let task = world.start(0).await?;
    task.delivered(&first).await?;
    let key = world.bucket.keys("").await?.remove(0);
    let next = key.replace("+00000000000000000000-", "+00000000000000000010-");
    world.oss.put("records", &next, "mine").await?;

    producer.send_all(&world.topic, numbered("b", 0..10, 1)).await?;
    let seen = task.partition("it stops", 0, |seen| seen.state == PartitionState::Stopped).await?;

    assert_eq!(seen.partitions[&0].problem.as_ref().unwrap().code, ErrorCode::StoreObjectForeign);
    assert_eq!(seen.partitions[&0].committed_offset, Some(10));
    assert_eq!(world.bucket.get(&next).await?.bytes, b"mine");
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_refuses_is_tried_again_and_nothing_is_lost() -> Result<()> {
    let world = World::new(1).await?;
    world.oss.set_access_key(world.oss.access_key(), "another");
    let produced = world.kafka.producer()?.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    let task = world.start(0).await?;
    let seen =
        task.partition("it tries again", 0, |seen| seen.state == PartitionState::Retrying).await?;
    assert_eq!(
        seen.partitions[&0].problem.as_ref().unwrap().code,
        ErrorCode::StoreCredentialsInvalid
    );

    world.oss.set_access_key(world.oss.access_key(), world.oss.secret_key());
    let seen = task.delivered(&produced).await?;

    assert_eq!(seen.partitions[&0].state, PartitionState::Running);
    world.judge(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epochs_start_is_where_its_chain_begins() -> Result<()> {
    let mut world = World::new(1).await?;
    let producer = world.kafka.producer()?;
    producer.send_all(&world.topic, numbered("old", 0..10, 1)).await?;
    world.start_offsets = [(0, 10)].into();
    // Between the start's reading and the first poll.
    let produced = producer.send_all(&world.topic, numbered("new", 0..10, 1)).await?;

    let task = world.start(0).await?;
    task.delivered(&produced).await?;

    world.judge(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}
