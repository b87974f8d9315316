//! Whoever leaves a group has left it: a static member that only vanishes keeps its
//! partitions for a session timeout.

use std::time::Duration;

use anyhow::Result;
use kafka2oss_agent::task::{PartitionState, StopMode};
use kafka2oss_tests::kafka_proxy::JOIN_GROUP;
use kafka2oss_tests::produce::numbered;
use kafka2oss_tests::wait::eventually;
use tokio::sync::oneshot;

use crate::slow_broker::SlowBroker;
use crate::world::{LIMIT, World};

/// librdkafka leaves once the last partition has come to rest, and is slower to where
/// another member leaves at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn tasks_that_leave_are_no_members_once_they_have_stopped() -> Result<()> {
    let world = World::new(200).await?;
    let produced = numbered("a", 0..200, 200);
    let produced = world.kafka.producer()?.send_all(&world.topic, produced).await?;
    for _ in 0..4 {
        let tasks = [world.start(0).await?, world.start(1).await?];
        for task in &tasks {
            task.owns(100).await?;
        }
        eventually("each partition is read to its end", LIMIT, async || {
            let partitions = tasks.iter().flat_map(|task| task.now().partitions.into_values());
            let read = partitions.filter(|partition| {
                partition.state == PartitionState::Running && partition.position == 1
            });
            Ok((read.count() == 200).then_some(()))
        })
        .await?;

        let [first, second] = tasks.map(|task| task.handle.stop(StopMode::Leave));
        tokio::join!(first, second);

        let group = world.kafka.admin()?.group(&world.group()).await?;
        assert_eq!(group.map(|group| group.members), Some(Vec::new()));
    }
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_stopped_while_it_joins_is_no_member_once_it_has_stopped() -> Result<()> {
    const HELD: Duration = Duration::from_secs(1);
    let broker = SlowBroker::start().await?;
    let world = broker.world(1).await?;
    let (joins, joined) = oneshot::channel();
    let (group, mut first) = (world.group(), Some(joins));
    broker.proxy.hold(move |request| {
        let is_join = request.api_key() == Some(JOIN_GROUP) && request.has(&group);
        // Nobody may wait for it any more.
        first.take_if(|_| is_join).map(|joins| joins.send(())).map(|_| HELD)
    });
    let task = world.start(0).await?;
    tokio::time::timeout(LIMIT, joined).await??;

    task.handle.stop(StopMode::Leave).await;

    let group = world.kafka.admin()?.group(&world.group()).await?;
    assert_eq!(group.map(|group| group.members), Some(Vec::new()));
    Ok(())
}
