//! One chain, whatever happens to its owners.

use anyhow::Result;
use kafka2oss_agent::task::{PartitionState, StopMode};
use kafka2oss_domain::ErrorCode;
use kafka2oss_sandbox::oss::{Fault, Occurrence, Operation, RequestMatch};
use kafka2oss_tests::produce::numbered;

use crate::world::{World, tally};

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
    let keys = world.bucket.keys("").await?;
    let mut bytes = 0;
    for key in &keys {
        bytes += world.bucket.get(key).await?.bytes.len() as u64;
    }
    let tally = tally(&seen);
    assert_eq!((tally.records, tally.objects), (200, keys.len() as u64), "of both owners");
    assert_eq!(tally.bytes, bytes);
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
    let seen = second.delivered(&produced).await?;

    world.judge(&produced).await?;
    assert_eq!(tally(&seen).records, 20, "what was adopted is counted once");
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
    let seen = task.delivered(&produced).await?;

    assert!(fault.hits() >= 1);
    assert_eq!(tally(&seen).records, 10);
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

/// As S3 for those who may not list the bucket.
#[tokio::test(flavor = "multi_thread")]
async fn where_the_store_does_not_tell_what_is_absent_the_put_decides() -> Result<()> {
    // given a key that is announced and an object that was not put
    let world = World::new(1).await?;
    let refuse = Fault::Refuse { status: 503, code: "ServiceUnavailable".into() };
    let puts = RequestMatch::operation(Operation::PutObject);
    let refused = world.oss.faults().inject(puts, refuse, Occurrence::Always);
    let producer = world.kafka.producer()?;
    let mut produced = producer.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    let first = world.start(0).await?;
    first.partition("it tries", 0, |seen| seen.state == PartitionState::Retrying).await?;
    drop(first);
    refused.remove();

    // when whoever asks for it is told 403
    let any = RequestMatch::any();
    let denied = world.oss.faults().inject(any, Fault::AbsenceDenied, Occurrence::Always);
    let second = world.start(0).await?;

    // then
    second.delivered(&produced).await?;
    assert!(denied.hits() >= 1);
    produced.extend(producer.send_all(&world.topic, numbered("b", 0..10, 1)).await?);
    second.delivered(&produced).await?;
    world.judge(&produced).await?;
    second.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_exists_and_may_not_be_read_names_the_permission_and_is_adopted_with_it()
-> Result<()> {
    // given an object whose owner has not heard of it
    let world = World::new(1).await?;
    let lost = RequestMatch::operation(Operation::PutObject);
    let lost = world.oss.faults().inject(lost, Fault::LostAnswer, Occurrence::Always);
    let producer = world.kafka.producer()?;
    let produced = producer.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    let first = world.start(0).await?;
    first.partition("it tries", 0, |seen| seen.state == PartitionState::Retrying).await?;
    drop(first);
    lost.remove();

    // when the next one may put, and not read
    let denied = Fault::Refuse { status: 403, code: "AccessDenied".into() };
    let reading = [Operation::HeadObject, Operation::GetObject].map(|operation| {
        let on = RequestMatch::operation(operation);
        world.oss.faults().inject(on, denied.clone(), Occurrence::Always)
    });
    let second = world.start(0).await?;

    // then it says what is missing, and goes on when it is there
    let seen = second
        .partition("it asks", 0, |seen| {
            seen.problem
                .as_ref()
                .is_some_and(|problem| problem.code == ErrorCode::StoreAccessDenied)
        })
        .await?;
    let message = seen.partitions[&0].problem.as_ref().unwrap().message.clone();
    assert!(message.contains("it needs oss:GetObject on acs:oss:*:*:records/"), "{message}");
    reading.into_iter().for_each(|fault| fault.remove());
    second.delivered(&produced).await?;
    world.judge(&produced).await?;
    second.handle.stop(StopMode::Leave).await;
    Ok(())
}
