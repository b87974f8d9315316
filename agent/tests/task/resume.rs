//! What a partition that has stopped does when it is told to go on.

use anyhow::Result;
use kafka2oss_agent::task::{PartitionState, StopMode};
use kafka2oss_domain::ErrorCode;
use kafka2oss_proto::v1;
use kafka2oss_sandbox::oss::{Fault, Occurrence, Operation, RequestMatch};
use kafka2oss_tests::produce::{Produced, Producer, Record, numbered};

use crate::world::{World, resume};

async fn under_fail() -> Result<World> {
    let mut world = World::new(1).await?;
    world.runtime().failure_handling_policy = v1::FailureHandlingPolicy::Fail.into();
    Ok(world)
}

/// Ten records; those at 4 and 7 are no text.
async fn two_of_ten_bad(world: &World) -> Result<Vec<Produced>> {
    let records = (0..10).map(|offset| match offset {
        4 | 7 => Record::new(b"\xff".to_vec()).partition(0),
        _ => Record::new(format!("v{offset}")).partition(0),
    });
    world.kafka.producer()?.send_all(&world.topic, records).await
}

fn without(produced: &[Produced], offset: i64) -> Vec<Produced> {
    produced.iter().filter(|record| record.offset != offset).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skip_leaves_out_exactly_one_record() -> Result<()> {
    let world = under_fail().await?;
    let produced = two_of_ten_bad(&world).await?;
    let task = world.start(0).await?;
    task.stopped().await?;
    assert_eq!(task.now().partitions[&0].committed_offset, Some(4));

    task.handle.guide(resume(0, 1, Some(4)));

    task.partition("it stops at the second", 0, |seen| {
        seen.state == PartitionState::Stopped && seen.committed_offset == Some(7)
    })
    .await?;
    world.arrived(&without(&produced[..7], 4)).await?;
    task.handle.guide(resume(0, 2, Some(7)));
    task.delivered(&produced).await?;
    world.arrived(&without(&without(&produced, 4), 7)).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_behind_a_marker_is_stopped_at_and_left_out_by_its_own_offset() -> Result<()> {
    let world = under_fail().await?;
    let good = || Record::new("v").partition(0);
    let in_transaction = Producer::transactional(&world.kafka.bootstrap()).await?;
    let mut produced = in_transaction.commit_all(&world.topic, [good()]).await?;
    // The marker has offset 1.
    let bad = Record::new(b"\xff".to_vec()).partition(0);
    let records = world.kafka.producer()?.send_all(&world.topic, [bad, good()]).await?;
    let task = world.start(0).await?;

    task.stopped().await?;
    assert_eq!((records[0].offset, task.now().partitions[&0].position), (2, 2));

    task.handle.guide(resume(0, 1, Some(2)));
    task.delivered(&records).await?;
    produced.push(records[1].clone());
    world.arrived(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skip_holds_for_a_task_that_starts_with_it() -> Result<()> {
    let world = under_fail().await?;
    let produced = two_of_ten_bad(&world).await?;
    let first = world.start(0).await?;
    first.stopped().await?;
    first.handle.stop(StopMode::KeepMembership).await;

    let second = world.start_with(0, resume(0, 1, Some(4))).await?;

    second.stopped().await?;
    assert_eq!(second.now().partitions[&0].committed_offset, Some(7));
    world.arrived(&without(&produced[..7], 4)).await?;
    second.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skip_of_another_offset_leaves_out_nothing() -> Result<()> {
    let world = under_fail().await?;
    let produced = two_of_ten_bad(&world).await?;
    let task = world.start(0).await?;
    task.stopped().await?;
    assert!(task.now().partitions[&0].last_object.is_some());

    // A decision about what the partition had stopped at before.
    task.handle.guide(resume(0, 1, Some(2)));

    task.partition("it was taken up anew, and stops again", 0, |seen| {
        seen.state == PartitionState::Stopped && seen.last_object.is_none()
    })
    .await?;
    assert_eq!(task.now().partitions[&0].committed_offset, Some(4));
    world.arrived(&produced[..4]).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extent_of_a_skipped_record_only_is_an_object_without_records() -> Result<()> {
    let world = under_fail().await?;
    let bad = Record::new(b"\xff".to_vec()).partition(0);
    let produced = world.kafka.producer()?.send(&world.topic, bad).await?;
    let task = world.start(0).await?;
    task.stopped().await?;

    task.handle.guide(resume(0, 1, Some(0)));
    task.delivered(&[produced]).await?;

    let links = world.arrived(&[]).await?;
    assert_eq!(links.iter().map(|link| link.extent()).collect::<Vec<_>>(), [(0, 1)]);
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_text_is_delivered_once_the_encoding_can_hold_it() -> Result<()> {
    let mut world = under_fail().await?;
    let produced = two_of_ten_bad(&world).await?;
    let first = world.start(0).await?;
    first.stopped().await?;
    first.handle.stop(StopMode::KeepMembership).await;

    world.output().value_encoding = v1::TextEncoding::Utf8OrBase64.into();
    let second = world.start(0).await?;
    second.delivered(&produced).await?;

    world.arrived(&produced).await?;
    second.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn under_fail_a_store_that_fails_for_too_long_stops_the_partition_until_a_retry() -> Result<()>
{
    let mut world = under_fail().await?;
    world.runtime().store_retry_time = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    let refuse = Fault::Refuse { status: 503, code: "ServiceUnavailable".into() };
    let puts = RequestMatch::operation(Operation::PutObject);
    let refused = world.oss.faults().inject(puts, refuse, Occurrence::Always);
    let records = numbered("a", 0..10, 1);
    let produced = world.kafka.producer()?.send_all(&world.topic, records).await?;
    let task = world.start(0).await?;
    assert_eq!(task.stopped().await?.code, ErrorCode::StoreUnavailable);
    assert!(refused.hits() > 1, "it was tried again");
    refused.remove();

    task.handle.guide(resume(0, 1, None));
    task.delivered(&produced).await?;

    assert_eq!(task.now().partitions[&0].state, PartitionState::Running);
    world.arrived(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_about_one_partition_leaves_the_others_stopped() -> Result<()> {
    let mut world = World::new(2).await?;
    world.runtime().failure_handling_policy = v1::FailureHandlingPolicy::Fail.into();
    let good = |partition| Record::new("v").partition(partition);
    let bad = |partition| Record::new(b"\xff".to_vec()).partition(partition);
    let records = [good(0), good(1), bad(0), bad(1), good(0), good(1)];
    let produced = world.kafka.producer()?.send_all(&world.topic, records).await?;
    let task = world.start(0).await?;
    task.sees("both stop", |seen| {
        seen.partitions.len() == 2
            && seen.partitions.values().all(|seen| seen.state == PartitionState::Stopped)
    })
    .await?;

    task.handle.guide(resume(0, 1, Some(1)));
    task.delivered(&produced[4..5]).await?;

    let other = task.now().partitions[&1].clone();
    assert_eq!((other.state, other.committed_offset), (PartitionState::Stopped, Some(1)));
    assert!(other.last_object.is_some(), "it was taken up anew");
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}
