//! Agents that go, in order or not: another one goes on where they stopped.

use anyhow::{Context, Result, ensure};
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::agent_service_client::AgentServiceClient;
use kafka2oss_sandbox::oss::{Operation, RequestMatch};
use kafka2oss_tests::produce::numbered;
use kafka2oss_tests::wait::eventually;
use tokio::time::timeout;

use crate::connector::{Connector, placement};
use crate::deployment::{LIMIT, Settings};
use crate::spec::Parts;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn tasks_of_an_agent_that_leaves_move_at_once() -> Result<()> {
    // given two agents, and a lease that is longer than this test
    let settings = Settings { agents: 2, ..Settings::default() };
    let mut world = World::with(4, settings).await?;
    let connector = world.connector().await?;
    let mut produced = world.produce(numbered("both ", 0..400, 4)).await?;
    let running = connector.run().await?;
    assert_eq!(sorted(placement(&running)), ["agent-0", "agent-1"], "one task an agent");

    // when one is told to end, with records under way
    produced.extend(world.produce(numbered("leaving ", 0..400, 4)).await?);
    let mut leaving = world.deployment.take_agent("agent-0");
    leaving.process.term()?;
    let status = leaving.process.wait_exit(LIMIT).await?;
    assert!(status.success(), "{status}");

    // then the other runs both tasks
    runs_on(&connector, &["agent-1", "agent-1"]).await?;
    world.deployment.agent_is("agent-0", v1::AgentState::Gone).await?;
    produced.extend(world.produce(numbered("one ", 0..400, 4)).await?);
    connector.delivered(&produced).await?;
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_of_an_agent_that_is_killed_move_when_its_lease_is_over() -> Result<()> {
    let settings = Settings { agents: 2, lease: "2s", ..Settings::default() };
    let mut world = World::with(4, settings).await?;
    let connector = world.connector().await?;
    let mut produced = world.produce(numbered("both ", 0..400, 4)).await?;
    let running = connector.run().await?;
    assert_eq!(sorted(placement(&running)), ["agent-0", "agent-1"], "one task an agent");

    produced.extend(world.produce(numbered("killed ", 0..400, 4)).await?);
    let mut killed = world.deployment.take_agent("agent-0");
    killed.process.kill9()?;
    produced.extend(world.produce(numbered("leased ", 0..400, 4)).await?);

    runs_on(&connector, &["agent-1", "agent-1"]).await?;
    produced.extend(world.produce(numbered("one ", 0..400, 4)).await?);
    connector.delivered(&produced).await?;
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_was_put_but_not_committed_is_adopted_after_a_kill() -> Result<()> {
    // given one partition, and an agent that does not hear of its put's success
    let settings = Settings { agents: 2, lease: "2s", ..Settings::default() };
    let mut world = World::with(1, settings).await?;
    let connector = world.connector_with(|spec| spec.source().spread = Some(1)).await?;
    let running = connector.run().await?;
    let puts = RequestMatch::operation(Operation::PutObject).with_key_containing(&world.topic);
    let hold = world.oss().faults().hold_after(puts);
    let mut produced = world.produce(numbered("put ", 0..50, 1)).await?;
    timeout(LIMIT, hold.held()).await.context("an object is put")?;
    let orphan = world.bucket.keys(&world.topic).await?;
    assert_eq!(orphan.len(), 1, "the object stands: {orphan:?}");

    // when it is killed
    let [owner] = &placement(&running)[..] else { panic!("one task: {running:?}") };
    world.deployment.take_agent(owner).process.kill9()?;
    hold.release();
    produced.extend(world.produce(numbered("next ", 0..50, 1)).await?);

    // then the other takes the object as its own, and goes on behind it
    let other = if owner == "agent-0" { "agent-1" } else { "agent-0" };
    runs_on(&connector, &[other]).await?;
    connector.delivered(&produced).await?;
    world.judge(&produced).await?;
    let objects = world.bucket.keys(&world.topic).await?;
    assert_eq!(objects[0], orphan[0], "it is the first of the chain");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_agent_that_comes_back_goes_on_with_its_own_tasks() -> Result<()> {
    // given one agent, and inline credentials that it holds in memory only
    let mut world = World::new(2).await?;
    let connector = world.connector().await?;
    connector.run().await?;
    let mut produced = world.produce(numbered("before ", 0..200, 2)).await?;
    connector.delivered(&produced).await?;

    // when it is killed with records under way, and started again
    produced.extend(world.produce(numbered("killed ", 0..200, 2)).await?);
    let mut agent = world.deployment.take_agent("agent-0");
    agent.process.kill9()?;
    produced.extend(world.produce(numbered("dead ", 0..200, 2)).await?);
    world.deployment.start_agent_again(agent)?;

    // then
    runs_on(&connector, &["agent-0", "agent-0"]).await?;
    produced.extend(world.produce(numbered("again ", 0..200, 2)).await?);
    connector.delivered(&produced).await?;
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_drains_gives_its_task_away_while_records_flow() -> Result<()> {
    // given two agents with a task each
    let settings = Settings { agents: 2, ..Settings::default() };
    let world = World::with(4, settings).await?;
    let connector = world.connector().await?;
    let mut produced = world.produce(numbered("both ", 0..400, 4)).await?;
    let running = connector.run().await?;
    assert_eq!(sorted(placement(&running)), ["agent-0", "agent-1"], "one task an agent");

    // when one drains, with records under way
    produced.extend(world.produce(numbered("draining ", 0..400, 4)).await?);
    let mut agents = AgentServiceClient::new(world.deployment.channel());
    let name = "agents/agent-0".to_owned();
    agents.drain_agent(v1::DrainAgentRequest { name: name.clone(), ..Default::default() }).await?;
    produced.extend(world.produce(numbered("moving ", 0..400, 4)).await?);

    // then the other runs both tasks, and it can be stopped
    runs_on(&connector, &["agent-1", "agent-1"]).await?;
    let drained = eventually("it has drained", LIMIT, async || {
        let request = v1::GetAgentRequest { name: name.clone() };
        let agent = agents.get_agent(request).await?.into_inner();
        let drain = agent.drain.clone().unwrap_or_default();
        ensure!(drain.state() == v1::AgentDrainState::Drained, "{agent:?}");
        Ok(Some(agent))
    });
    let drained = drained.await?;
    assert_eq!(drained.state(), v1::AgentState::Connected);
    connector.delivered(&produced).await?;

    // and it takes its task back when it is to
    agents.undrain_agent(v1::UndrainAgentRequest { name, ..Default::default() }).await?;
    let spread = |connector: &v1::Connector| sorted(placement(connector)) == ["agent-0", "agent-1"];
    connector.sees("one task an agent", spread).await?;
    produced.extend(world.produce(numbered("both again ", 0..400, 4)).await?);
    connector.delivered(&produced).await?;
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_go_on_over_another_address_of_the_brokers() -> Result<()> {
    let world = World::new(2).await?;
    let connector = world.connector().await?;
    let mut produced = world.produce(numbered("before ", 0..200, 2)).await?;
    let running = connector.run().await?;
    produced.extend(world.produce(numbered("meanwhile ", 0..200, 2)).await?);

    let mut instances = world.deployment.instances();
    let (instance, _) = running.name.split_once("/connectors/").context("a connector's name")?;
    let name = instance.to_owned();
    let request = v1::GetInstanceRequest { name: name.clone() };
    let servers = instances.get_instance(request).await?.into_inner().bootstrap_servers;
    // The first one is nobody's: what follows it is asked next.
    let bootstrap_servers = [vec!["127.0.0.1:1".to_owned()], servers].concat();
    let instance = v1::Instance { name, bootstrap_servers, ..v1::Instance::default() };
    let request = v1::UpdateInstanceRequest { instance: Some(instance), ..Default::default() };
    instances.update_instance(request).await?;

    produced.extend(world.produce(numbered("after ", 0..200, 2)).await?);
    connector.delivered(&produced).await?;
    world.judge(&produced).await
}

async fn runs_on(connector: &Connector, agents: &[&str]) -> Result<v1::Connector> {
    connector
        .sees(&format!("RUNNING on {agents:?}"), |connector| {
            let status = connector.status.as_ref();
            status.is_some_and(|status| status.state() == v1::ConnectorState::Running)
                && placement(connector) == agents
        })
        .await
}

fn sorted(mut agents: Vec<String>) -> Vec<String> {
    agents.sort();
    agents
}
