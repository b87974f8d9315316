//! Inline credentials: wrong ones, and lost ones.

use anyhow::{Context, Result};
use kafka2oss_proto::v1;
use kafka2oss_tests::produce::numbered;

use crate::deployment::Settings;
use crate::spec::{Parts, access_key, plain};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_inline_secret_is_shown_and_cured_by_update_connector() -> Result<()> {
    // given
    let world = World::new(2).await?;
    let id = world.oss().access_key();
    let connector = world
        .connector_with(|spec| {
            spec.destination().credentials = Some(access_key(plain(id), plain("wrong")));
        })
        .await?;
    let mut produced = world.produce(numbered("before ", 0..100, 2)).await?;
    connector.deploy().await?;
    let shown = connector.shows("STORE_CREDENTIALS_INVALID").await?;

    // when
    let right = access_key(plain(id), plain(world.oss().secret_key()));
    connector.update_credentials(right).await?;

    // then
    let running = connector.is(v1::ConnectorState::Running).await?;
    assert!(running.generation > shown.generation, "the spec has changed");
    produced.extend(world.produce(numbered("after ", 0..100, 2)).await?);
    connector.delivered(&produced).await?;
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_replaced_while_it_runs_without_a_gap() -> Result<()> {
    let world = World::new(2).await?;
    let connector = world.connector().await?;
    connector.run().await?;
    let mut produced = world.produce(numbered("before ", 0..100, 2)).await?;
    connector.delivered(&produced).await?;

    world.oss().set_access_key("second-key", "second-secret");
    connector.update_credentials(access_key(plain("second-key"), plain("second-secret"))).await?;
    connector.is(v1::ConnectorState::Running).await?;
    world.oss().remove_access_key(world.oss().access_key());
    produced.extend(world.produce(numbered("after ", 0..100, 2)).await?);
    connector.delivered(&produced).await?;

    world.oss().set_access_key(world.oss().access_key(), world.oss().secret_key());
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn inline_credentials_that_were_lost_are_asked_for_and_given_again() -> Result<()> {
    // given a connector that runs with inline credentials
    let settings = Settings { lease: "2s", ..Settings::default() };
    let mut world = World::with(2, settings).await?;
    let connector = world.connector().await?;
    connector.run().await?;
    let mut produced = world.produce(numbered("before ", 0..100, 2)).await?;
    connector.delivered(&produced).await?;

    // when both processes that held them are gone
    drop(world.deployment.take_agent("agent-0"));
    world.deployment.kill_control_plane()?;
    world.deployment.start_control_plane_again().await?;
    world.deployment.start_agent().await?;
    produced.extend(world.produce(numbered("meanwhile ", 0..100, 2)).await?);

    // then it says what it needs
    connector.is(v1::ConnectorState::CredentialsRequired).await?;
    connector.shows("CREDENTIALS_REQUIRED").await?;

    // and goes on with them, where it stopped
    let again = access_key(plain(world.oss().access_key()), plain(world.oss().secret_key()));
    connector.update_credentials(again).await?;
    connector.is(v1::ConnectorState::Running).await?;
    connector.delivered(&produced).await?;
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_holds_inline_credentials_goes_on_over_a_restart_of_the_control_plane()
-> Result<()> {
    let mut world = World::new(2).await?;
    let connector = world.connector().await?;
    connector.run().await?;

    world.deployment.kill_control_plane()?;
    world.deployment.start_control_plane_again().await?;

    connector.is(v1::ConnectorState::Running).await?;
    let produced = world.produce(numbered("after ", 0..100, 2)).await?;
    connector.delivered(&produced).await?;
    // Its tasks start anew from what the agent holds.
    connector.pause().await?;
    connector.is(v1::ConnectorState::Paused).await?;
    connector.resume().await?;
    connector.is(v1::ConnectorState::Running).await?;
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_no_agent_was_given_in_time_are_asked_for_and_older_ones_are_not_taken()
-> Result<()> {
    // given a connector that runs, and an agent that hears nothing for a while
    let mut world = World::new(2).await?;
    let connector = world.connector().await?;
    connector.run().await?;
    let mut produced = world.produce(numbered("before ", 0..100, 2)).await?;
    connector.delivered(&produced).await?;
    let mut agent = world.deployment.take_agent("agent-0");
    agent.process.pause()?;
    world.deployment.kill_control_plane()?;
    world.deployment.start_control_plane_again().await?;

    // when it is given other credentials, by a control plane that is killed before it has
    // handed them on
    world.oss().set_access_key("second-key", "second-secret");
    let second = || access_key(plain("second-key"), plain("second-secret"));
    connector.update_credentials(second()).await?;
    world.deployment.kill_control_plane()?;
    world.deployment.start_control_plane_again().await?;
    agent.process.resume()?;
    world.deployment.agents.push(agent);

    // then it says what it needs, and the tasks go on as they were
    let required = connector.is(v1::ConnectorState::CredentialsRequired).await?;
    let status = required.status.context("a status")?;
    assert!(status.observed_generation < required.generation, "{status:?}");
    connector.shows("CREDENTIALS_REQUIRED").await?;
    produced.extend(world.produce(numbered("meanwhile ", 0..100, 2)).await?);
    connector.delivered(&produced).await?;

    // and takes them when they are given again
    connector.update_credentials(second()).await?;
    connector.is(v1::ConnectorState::Running).await?;
    world.oss().remove_access_key(world.oss().access_key());
    produced.extend(world.produce(numbered("after ", 0..100, 2)).await?);
    connector.delivered(&produced).await?;

    world.oss().set_access_key(world.oss().access_key(), world.oss().secret_key());
    world.judge(&produced).await
}
