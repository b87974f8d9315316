//! Somebody else's consumer in the connector's group: shown, with who it is, and over by
//! itself when it leaves.

use anyhow::{Context, Result};
use kafka2oss_proto::v1;
use kafka2oss_tests::console_consumer::ConsoleConsumer;
use kafka2oss_tests::produce::numbered;

use crate::connector::condition;
use crate::deployment::LIMIT;
use crate::world::World;

const GROUP_IN_USE: &str = "KAFKA_GROUP_IN_USE";

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_a_console_consumer_takes_are_named_and_flow_again_when_it_goes()
-> Result<()> {
    // given a connector whose six partitions flow
    let world = World::new(6).await?;
    let connector = world.connector().await?;
    connector.run_spread(6).await?;
    let mut produced = world.produce(numbered("before ", 0..60, 6)).await?;
    connector.delivered(&produced).await?;
    let calm = connector.flows().await?.status.context("a status")?;
    assert_eq!((calm.topic_partitions, calm.partitions_assigned), (Some(6), 6));

    // when somebody has a look at the topic, by the connector's own group
    let stranger = ConsoleConsumer::join(&world.bootstrap, &world.topic, &connector.group(), &[])?;

    // then the status says which partitions do not flow, and who has them
    let shown = connector.shows(GROUP_IN_USE).await?;
    let flowing = condition(&shown, "Flowing");
    assert_eq!(flowing.status(), v1::ConditionStatus::False);
    assert!(flowing.message.contains("of 6 partitions do not flow"), "{flowing:?}");
    assert!(flowing.message.contains("127.0.0.1 has it in the consumer group"), "{flowing:?}");
    let status = shown.status.context("a status")?;
    assert_eq!(status.state(), v1::ConnectorState::Degraded);
    let unowned = |progress: &&v1::PartitionProgress| {
        progress.state() == v1::PartitionState::Unowned && progress.agent.is_empty()
    };
    let taken: Vec<i32> =
        status.partitions.iter().filter(unowned).map(|one| one.partition).collect();
    assert!(!taken.is_empty(), "{:?}", status.partitions);
    assert_eq!(status.partitions_assigned as usize + taken.len(), 6);

    // and what nobody of ours reads is lag
    let more = world.produce(numbered("after ", 0..60, 6)).await?;
    stranger.printed("after ", LIMIT).await?;
    let waiting = taken.len() as i64 * 10;
    connector
        .sees(&format!("a lag of {waiting}"), |seen| {
            seen.status.as_ref().and_then(|status| status.total_lag) == Some(waiting)
        })
        .await?;

    // and when the stranger goes, everything flows, each record once, although it has
    // committed the offsets of what it read
    drop(stranger);
    produced.extend(more);
    connector.flows().await?;
    connector.is(v1::ConnectorState::Running).await?;
    connector.delivered(&produced).await?;
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_keeps_the_tasks_out_of_their_group_is_named() -> Result<()> {
    // given a member of the group with an assignor that tasks do not have
    let world = World::new(2).await?;
    let mut produced = world.produce(numbered("first ", 0..10, 2)).await?;
    let connector = world.connector().await?;
    let range =
        ("partition.assignment.strategy", "org.apache.kafka.clients.consumer.RangeAssignor");
    let settings = [range, ("auto.offset.reset", "earliest"), ("enable.auto.commit", "false")];
    let stranger =
        ConsoleConsumer::join(&world.bootstrap, &world.topic, &connector.group(), &settings)?;
    stranger.printed("first ", LIMIT).await?;

    // when the connector is deployed
    connector.deploy().await?;

    // then it says who is in the way
    connector
        .sees("a task that says who is in the way", |seen| {
            let tasks = seen.status.iter().flat_map(|status| &status.tasks);
            tasks.into_iter().any(|task| {
                task.error_code == GROUP_IN_USE && task.error_message.contains("127.0.0.1")
            })
        })
        .await?;
    let shown = connector.shows(GROUP_IN_USE).await?;
    assert_ne!(shown.status.context("a status")?.state(), v1::ConnectorState::Running);

    // and it runs when that one is gone
    drop(stranger);
    connector.is(v1::ConnectorState::Running).await?;
    produced.extend(world.produce(numbered("second ", 0..10, 2)).await?);
    connector.delivered(&produced).await?;
    world.judge(&produced).await
}
