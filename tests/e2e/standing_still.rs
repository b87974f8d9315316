//! What stands still inside an agent that lives, is heard of, and has nothing to say of it:
//! shown, with where and since when, and over when it goes on.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use kafka2oss_proto::v1;
use kafka2oss_tests::held_threads::HeldThreads;
use kafka2oss_tests::kafka::shared_kafka;
use kafka2oss_tests::produce::{Produced, numbered};

use crate::connector::{Connector, condition, ends};
use crate::deployment::Settings;
use crate::spec::Parts;
use crate::verification::assert_clean;
use crate::world::{Store, World};

/// Of the control plane in these tests.
const LEASE: Duration = Duration::from_secs(10);

/// How long the control plane lets records wait before it says that a partition stands.
const STALLED_AFTER: Duration = Duration::from_secs(120);

/// What a look at the status may come late on a machine that is busy with other tests.
const LATE: Duration = Duration::from_secs(30);

/// The agent's threads on which tasks are looked after and reports are made.
const CONTROL: &str = "kafka2oss-control";

/// The agent's threads on which records are taken.
const DATA: &str = "kafka2oss-data";

/// A world whose agent has threads that can be held.
async fn world(held: &HeldThreads, partitions: i32) -> Result<World> {
    let settings =
        Settings { lease: "10s", environment: held.environment(), ..Settings::default() };
    let (kafka, store) = (shared_kafka().await?, Store::minio().await?);
    World::between(kafka, store, partitions, settings, |_| {}).await
}

/// Fails unless everything flows again, and each record stands in one object.
async fn goes_on(world: &World, connector: &Connector, produced: &[Produced]) -> Result<()> {
    connector.flows().await?;
    connector.is(v1::ConnectorState::Running).await?;
    connector.delivered(produced).await?;
    world.judge(produced).await?;
    let report = world.verify(connector, &world.topic, &world.bucket, ends(produced), &[]).await?;
    assert_clean(&report, u64::try_from(produced.len())?, 0)
}

fn seconds(time: Option<prost_types::Timestamp>) -> Result<f64> {
    let time = SystemTime::try_from(time.context("a time")?)?;
    Ok(time.duration_since(SystemTime::UNIX_EPOCH)?.as_secs_f64())
}

fn now() -> Result<f64> {
    seconds(Some(SystemTime::now().into()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_stands_still_while_its_agent_reports_is_named_until_it_goes_on() -> Result<()>
{
    // given a connector that flows, and has nothing to do
    let held = HeldThreads::new()?;
    let world = world(&held, 2).await?;
    // As many tasks as the agent has control threads would leave none to report.
    let connector = world.connector_with(|spec| spec.source().spread = Some(1)).await?;
    connector.run().await?;
    let mut produced = world.produce(numbered("before ", 0..20, 2)).await?;
    connector.delivered(&produced).await?;
    connector.flows().await?;

    // when whoever looks after its task does not come back from librdkafka
    let before = now()?;
    held.hold(CONTROL)?;
    let late = world.produce(numbered("meanwhile ", 0..20, 2)).await?;

    // then it is shown with the agent and since when, once a lease has passed
    let shown = connector.shows("AGENT_STALLED").await?;
    let lasts = now()? - before;
    assert!(lasts >= (LEASE / 2).as_secs_f64(), "{lasts}");
    assert!(lasts <= (LEASE * 2 + LATE).as_secs_f64(), "{lasts}");
    for kind in ["Flowing", "Ready"] {
        let condition = condition(&shown, kind);
        assert_eq!(condition.status(), v1::ConditionStatus::False, "{condition:?}");
        assert_eq!(condition.reason, "AGENT_STALLED");
        let told = "agent agent-0 reports, and the task on it has done nothing since 20";
        assert!(condition.message.contains(told), "{condition:?}");
        assert!(condition.remedy.contains("Restart the agent"), "{condition:?}");
    }
    let flowing = condition(&shown, "Flowing").message;
    assert!(flowing.starts_with("2 of 2 partitions do not flow"), "{flowing}");
    let status = shown.status.context("a status")?;
    assert_eq!(status.state(), v1::ConnectorState::Failed);
    assert_eq!(status.tasks[0].error_code, "AGENT_STALLED");

    // although its agent is heard of
    let agent = world.deployment.agent_is("agent-0", v1::AgentState::Connected).await?;
    assert!(seconds(agent.last_seen_time)? > before + (LEASE / 2).as_secs_f64(), "{agent:?}");

    // and when it comes back, everything flows, each record once
    held.release()?;
    produced.extend(late);
    goes_on(&world, &connector, &produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_whose_figures_stay_the_same_while_records_wait_is_a_fault() -> Result<()> {
    // given records, and an agent that does not come back from taking the first one
    let held = HeldThreads::new()?;
    held.hold(DATA)?;
    let world = world(&held, 1).await?;
    let produced = world.produce(numbered("r", 0..20, 1)).await?;
    let before = now()?;

    // when its task runs, and is content
    let connector = world.connector().await?;
    connector.run().await?;

    // then the control plane judges by the figures, which stay the same
    let stands = |seen: &v1::Connector| condition(seen, "Flowing").reason == "PARTITION_STALLED";
    let limit = STALLED_AFTER + LATE;
    let shown = connector.sees_within(limit, "a partition that stands", stands).await?;
    assert!(now()? - before >= STALLED_AFTER.as_secs_f64());
    let flowing = condition(&shown, "Flowing");
    assert_eq!(flowing.status(), v1::ConditionStatus::False);
    assert!(flowing.message.starts_with("1 of 1 partitions do not flow"), "{flowing:?}");
    let status = shown.status.context("a status")?;
    assert_eq!(status.state(), v1::ConnectorState::Degraded);
    let [partition] = &status.partitions[..] else { anyhow::bail!("{:?}", status.partitions) };
    assert_eq!(partition.state(), v1::PartitionState::Stalled);
    assert_eq!((partition.agent.as_str(), partition.lag), ("agents/agent-0", Some(20)));
    let since = seconds(partition.state_time)?;
    assert!(since >= before && since <= now()? - STALLED_AFTER.as_secs_f64(), "{partition:?}");

    // and when it comes back, everything flows, each record once
    held.release()?;
    goes_on(&world, &connector, &produced).await
}
