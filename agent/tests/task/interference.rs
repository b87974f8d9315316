//! A rebalance that meets other work, and a topic that becomes another one
//! while its task runs.

use anyhow::Result;
use kafka2oss_agent::task::{Guidance, Mode, PartitionState, Snapshot};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_proto::v1;
use kafka2oss_sandbox::oss::{Fault, Occurrence, Operation, RequestMatch};
use kafka2oss_tests::produce::{Record, numbered};
use kafka2oss_tests::wait::eventually;

use crate::world::{LIMIT, Task, World};

/// Partitions 0 to 2 wait for the store and 3 has stopped when a second task
/// joins; then 3 is taken up again.
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_taken_up_again_does_not_acknowledge_the_revocation_of_others() -> Result<()> {
    let mut world = World::new(4).await?;
    world.spec.runtime.as_mut().unwrap().failure_handling_policy =
        v1::FailureHandlingPolicy::Fail.into();
    let producer = world.kafka.producer()?;
    let refuse = Fault::Refuse { status: 503, code: "ServiceUnavailable".into() };
    let puts = RequestMatch::operation(Operation::PutObject);
    let _fault = world.oss.faults().inject(puts, refuse, Occurrence::Always);
    let first = world.start(0).await?;
    first.owns(4).await?;
    producer.send(&world.topic, Record::new(b"\xff".to_vec()).partition(3)).await?;
    for partition in 0..3 {
        producer.send(&world.topic, Record::new("x").partition(partition)).await?;
    }
    let stopped = |seen: &Snapshot| {
        seen.partitions[&3].state == PartitionState::Stopped
            && (0..3).all(|waits| seen.partitions[&waits].state == PartitionState::Retrying)
    };
    first.sees("three wait and one has stopped", stopped).await?;

    first.handle.guide(Guidance::of_mode(Mode::Pause));

    let second = world.start(1).await?;
    let admin = world.kafka.admin()?;
    // From then on a revocation waits for the deliveries.
    eventually("both have joined", LIMIT, async || {
        let group = admin.group(&world.group()).await?;
        Ok(group.filter(|group| group.state == "Stable" && group.members.len() == 2))
    })
    .await?;
    first.handle.guide(Guidance::of_mode(Mode::Run));

    second.owns(2).await?;
    let (mine, yours) = (first.now().partitions, second.now().partitions);
    let both: Vec<_> = yours.keys().filter(|partition| mine.contains_key(partition)).collect();
    assert!(both.is_empty(), "two owners of {both:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_made_anew_under_a_running_task_is_not_read_on() -> Result<()> {
    let world = World::new(1).await?;
    let task = started_with_ten(&world).await?;
    let admin = world.kafka.admin()?;
    admin.delete_topic(&world.topic).await?;
    eventually("it is made anew", LIMIT, async || {
        admin.create_topic(&world.topic, 1, &[]).await.map(Some)
    })
    .await?;

    says_recreated(&world, task).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_comes_back_anew_is_not_read_on() -> Result<()> {
    let world = World::new(1).await?;
    let task = started_with_ten(&world).await?;
    let admin = world.kafka.admin()?;
    admin.delete_topic(&world.topic).await?;
    task.sees("it has no partition", |seen| seen.partitions.is_empty()).await?;
    admin.create_topic(&world.topic, 1, &[]).await?;

    says_recreated(&world, task).await
}

async fn started_with_ten(world: &World) -> Result<Task> {
    let old = world.kafka.producer()?.send_all(&world.topic, numbered("old", 0..10, 1)).await?;
    let task = world.start(0).await?;
    task.delivered(&old).await?;
    Ok(task)
}

async fn says_recreated(world: &World, task: Task) -> Result<()> {
    world.kafka.producer()?.send_all(&world.topic, numbered("new", 0..25, 1)).await?;
    let recreated = |problem: &Option<Problem>| {
        problem.as_ref().is_some_and(|problem| problem.code == ErrorCode::KafkaTopicRecreated)
    };
    task.sees("the topic is another one, or was read on", |seen| {
        recreated(&seen.problem)
            || seen.partitions.values().any(|seen| recreated(&seen.problem))
            || seen.totals.records > 10
    })
    .await?;
    assert_eq!(task.now().totals.records, 10, "records of another topic joined the chain");
    Ok(())
}
