//! The control plane away and back: the data path does not notice.

use std::fs;

use anyhow::{Context, Result};
use kafka2oss_proto::v1;
use kafka2oss_tests::produce::numbered;
use kafka2oss_tests::scratch::Scratch;

use crate::connector::placement;
use crate::deployment::Settings;
use crate::spec::{Parts, access_key, file};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn agents_go_on_without_the_control_plane_and_its_restart_restarts_no_task() -> Result<()> {
    // given a connector that runs on two agents, with a lease that is shorter
    // than the control plane's absence may be
    let settings = Settings { agents: 2, lease: "5s", ..Settings::default() };
    let mut world = World::with(4, settings).await?;
    let connector = world.connector().await?;
    let mut produced = world.produce(numbered("with ", 0..200, 4)).await?;
    let running = connector.run().await?;
    connector.delivered(&produced).await?;

    // when the control plane is killed
    world.deployment.kill_control_plane()?;
    produced.extend(world.produce(numbered("without ", 0..200, 4)).await?);

    // then the agents go on
    world.committed(&connector, &produced).await?;
    world.judge(&produced).await?;

    // and when it is there again, its status is whole, of the same tasks
    world.deployment.start_control_plane_again().await?;
    let again = connector.is(v1::ConnectorState::Running).await?;
    assert_eq!(placement(&again), placement(&running));
    let seen = connector
        .sees("the sums of the tasks' whole life", |connector| {
            let status = connector.status.as_ref();
            let totals = status.and_then(|status| status.totals.as_ref());
            totals.is_some_and(|totals| totals.records == produced.len() as u64)
        })
        .await?;
    assert_eq!(seen.generation, running.generation);
    let (before, after) = (running.status.context("status")?, seen.status.context("status")?);
    assert_eq!((after.tasks_ready, after.partitions_assigned), (2, 4));
    assert_eq!(after.epoch, before.epoch);
    assert_eq!(after.delivery_guarantee, before.delivery_guarantee);

    // and it goes on
    produced.extend(world.produce(numbered("again ", 0..200, 4)).await?);
    connector.delivered(&produced).await?;
    world.judge(&produced).await?;
    let end = connector.get().await?.status.context("a status")?;
    assert_eq!(end.totals.context("totals")?.records, produced.len() as u64, "no task restarted");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_restarts_without_the_control_plane_goes_on_by_its_own_memory() -> Result<()>
{
    // given credentials by reference, which an agent can resolve by itself
    let mut world = World::new(2).await?;
    let folder = Scratch::new("secrets")?;
    let (id, secret) = (folder.join("id"), folder.join("secret"));
    fs::write(&id, world.oss().access_key())?;
    fs::write(&secret, world.oss().secret_key())?;
    let connector = world
        .connector_with(|spec| {
            spec.destination().credentials = Some(access_key(file(&id), file(&secret)));
        })
        .await?;
    connector.run().await?;
    let mut produced = world.produce(numbered("with ", 0..200, 2)).await?;
    connector.delivered(&produced).await?;

    // when first the control plane goes, and then the agent
    world.deployment.kill_control_plane()?;
    let mut agent = world.deployment.take_agent("agent-0");
    agent.process.kill9()?;
    produced.extend(world.produce(numbered("without ", 0..200, 2)).await?);
    world.deployment.start_agent_again(agent)?;

    // then it goes on
    world.committed(&connector, &produced).await?;
    world.judge(&produced).await?;

    // and the control plane finds it as it is
    world.deployment.start_control_plane_again().await?;
    connector.is(v1::ConnectorState::Running).await?;
    connector.delivered(&produced).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_created_before_a_kill_is_there_after_it() -> Result<()> {
    let mut world = World::new(1).await?;
    let connector = world.connector().await?;
    let created = connector.is(v1::ConnectorState::Created).await?;

    world.deployment.kill_control_plane()?;
    world.deployment.start_control_plane_again().await?;

    let again = connector.is(v1::ConnectorState::Created).await?;
    assert_eq!((&again.uid, &again.etag), (&created.uid, &created.etag));
    assert_eq!((&again.spec, again.generation), (&created.spec, created.generation));
    Ok(())
}
