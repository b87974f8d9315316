//! DrainAgent, UndrainAgent and ForgetAgent.

use std::time::Duration;

use kafka2oss_proto::agent::v1::GoodbyeReason;
use kafka2oss_proto::v1::{AgentDrainState, AgentState, ConnectorState};
use kafka2oss_proto::{agent, v1};
use tonic::{Code, Status};

use crate::agent::{Agent, Script};
use crate::server::{Server, condition, reason, status_of};

fn agents_of(connector: &v1::Connector) -> Vec<&str> {
    status_of(connector).tasks.iter().map(|task| task.agent.as_str()).collect()
}

async fn get(server: &mut Server, id: &str) -> v1::Agent {
    let request = v1::GetAgentRequest { name: format!("agents/{id}") };
    server.agents.get_agent(request).await.expect("known").into_inner()
}

async fn drain(server: &mut Server, id: &str) -> v1::Agent {
    let request = v1::DrainAgentRequest { name: format!("agents/{id}"), ..Default::default() };
    server.agents.drain_agent(request).await.expect("drains").into_inner()
}

async fn undrain(server: &mut Server, id: &str) -> v1::Agent {
    let request = v1::UndrainAgentRequest { name: format!("agents/{id}"), ..Default::default() };
    server.agents.undrain_agent(request).await.expect("undrained").into_inner()
}

async fn forget(server: &mut Server, id: &str) -> Result<(), Status> {
    let request = v1::ForgetAgentRequest { name: format!("agents/{id}"), ..Default::default() };
    server.agents.forget_agent(request).await.map(tonic::Response::into_inner)
}

fn drain_of(agent: &v1::Agent) -> &v1::AgentDrain {
    agent.drain.as_ref().expect("it is to drain")
}

/// A running connector whose two tasks are on agents `a` and `b`.
async fn on_two(server: &mut Server) -> (String, Agent, Agent) {
    let a = Agent::connect(&server.channel, Script::willing("a")).await;
    let b = Agent::connect(&server.channel, Script::willing("b")).await;
    let name = server.create("sink").await.name;
    server.deploy(&name).await;
    let running = server.until_state(&name, ConnectorState::Running).await;
    assert_eq!(agents_of(&running), ["agents/a", "agents/b"]);
    (name, a, b)
}

#[tokio::test]
async fn an_agent_that_drains_gives_its_tasks_away_and_keeps_its_stream() {
    let mut server = Server::with_instance().await;
    let (name, mut a, _b) = on_two(&mut server).await;
    assert_eq!(get(&mut server, "a").await.drain, None);
    let drained = drain(&mut server, "a").await;
    assert!(drain_of(&drained).start_time.is_some(), "{drained:?}");

    server.until(&name, |connector| agents_of(connector) == ["agents/b", "agents/b"]).await;
    a.until_lists(|lists| lists.last().is_some_and(|list| list.connectors.is_empty())).await;
    let is_drained = |agent: &v1::Agent| drain_of(agent).state() == AgentDrainState::Drained;
    let a_drained = server.until_agent("a", is_drained).await;
    assert_eq!((a_drained.tasks, a_drained.state()), (0, AgentState::Connected));
    let drain_state = drain_of(&a_drained);
    assert_eq!((drain_state.tasks_left, drain_state.reason.as_str()), (0, ""));
    assert_eq!(drain_state.start_time, drain_of(&drained).start_time);

    // Asked again, it is the same drain.
    assert_eq!(drain_of(&drain(&mut server, "a").await), drain_state);
    let again = undrain(&mut server, "a").await;
    assert_eq!(again.drain, None);
    // The two tasks are doubled on the other one.
    server.until(&name, |connector| agents_of(connector) == ["agents/b", "agents/a"]).await;
    assert_eq!(undrain(&mut server, "a").await.drain, None);
}

#[tokio::test]
async fn tasks_that_have_nowhere_to_go_stay_and_that_is_shown() {
    let mut server = Server::with_instance().await;
    let (name, a, b) = on_two(&mut server).await;
    drain(&mut server, "b").await;
    server.until(&name, |connector| agents_of(connector) == ["agents/a", "agents/a"]).await;
    let stays = drain(&mut server, "a").await;
    let told = drain_of(&stays);
    assert_eq!((told.state(), told.tasks_left), (AgentDrainState::Draining, 2));
    assert_eq!(told.reason, "AGENT_NONE_IN_POOL");
    assert!(told.message.contains("2 tasks stay"), "{}", told.message);
    let versions = |agent: &Agent| {
        let lists = agent.lists();
        lists.last().map(|list| list.connectors.iter().map(|one| one.placement_version).collect())
    };
    let before: Option<Vec<u64>> = versions(&a);

    // Another connector finds no place, and this one keeps its own.
    let other = server.create("other").await.name;
    server.deploy(&other).await;
    let is_unplaced = |connector: &v1::Connector| {
        agents_of(connector) == ["", ""]
            && condition(connector, "Placed").reason == "AGENT_NONE_IN_POOL"
    };
    server.until(&other, is_unplaced).await;
    let running = server.get(&name).await.expect("kept");
    assert_eq!(agents_of(&running), ["agents/a", "agents/a"]);
    assert_eq!(versions(&a), before);

    // One that joins gets all of them.
    let _c = Agent::connect(&server.channel, Script::willing("c")).await;
    server.until(&name, |connector| agents_of(connector) == ["agents/c", "agents/c"]).await;
    server.until(&other, |connector| agents_of(connector) == ["agents/c", "agents/c"]).await;
    drop(b);
}

#[tokio::test]
async fn that_an_agent_is_to_drain_survives_both() {
    let mut server = Server::with_instance().await;
    let (name, a, b) = on_two(&mut server).await;
    let since = drain(&mut server, "a").await.drain.expect("it drains").start_time;
    server.until(&name, |connector| agents_of(connector) == ["agents/b", "agents/b"]).await;
    server.stop().await;
    drop((a, b));
    server.start_again(|_| {}).await;
    let away = get(&mut server, "a").await;
    assert_eq!((away.state(), drain_of(&away).start_time), (AgentState::Disconnected, since));
    let _b = Agent::connect(&server.channel, Script::willing("b")).await;
    let mut a = Agent::connect(&server.channel, Script::willing("a").boot(2)).await;
    a.assigned(|list| list.connectors.is_empty()).await;
    server.until_state(&name, ConnectorState::Running).await;
    assert_eq!(drain_of(&get(&mut server, "a").await).start_time, since);

    // It leaves and comes back.
    a.goodbye(GoodbyeReason::Leaving).await;
    server.until_agent("a", |agent| agent.state() == AgentState::Gone).await;
    let _a = Agent::connect(&server.channel, Script::willing("a").boot(3)).await;
    assert_eq!(drain_of(&get(&mut server, "a").await).start_time, since);
    let running = server.until_state(&name, ConnectorState::Running).await;
    assert_eq!(agents_of(&running), ["agents/b", "agents/b"]);
}

#[tokio::test]
async fn commands_go_to_agents_that_do_not_drain() {
    let mut server = Server::with_instance().await;
    let a = Agent::connect(&server.channel, Script::willing("a")).await;
    let _b = Agent::connect(&server.channel, Script::willing("b")).await;
    drain(&mut server, "a").await;
    for number in 0..4 {
        let name = server.create(&format!("sink-{number}")).await.name;
        server.deploy(&name).await;
        server.until_state(&name, ConnectorState::Running).await;
    }
    assert!(a.commands().is_empty(), "{:?}", a.commands());
    // Where there is no other, it does what is asked.
    drain(&mut server, "b").await;
    let name = server.create("last").await.name;
    server.deploy(&name).await;
    let prepared = |connector: &v1::Connector| {
        status_of(connector).epoch.as_ref().is_some_and(|epoch| epoch.fixed_time.is_some())
    };
    server.until(&name, prepared).await;
}

#[tokio::test]
async fn an_agent_is_forgotten_once_it_is_gone_and_others_have_its_tasks() {
    let mut server = Server::with_instance().await;
    let (name, a, b) = on_two(&mut server).await;
    let refused = forget(&mut server, "a").await.expect_err("connected");
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::FailedPrecondition, "AGENT_NOT_GONE".to_owned())
    );
    assert!(refused.message().contains("agents/a is connected"), "{}", refused.message());
    a.vanish().await;
    server.until_agent("a", |agent| agent.state() == AgentState::Disconnected).await;
    let refused = forget(&mut server, "a").await.expect_err("within its lease");
    assert_eq!(reason(&refused), "AGENT_NOT_GONE");
    assert!(refused.message().contains("lease"), "{}", refused.message());

    let a = Agent::connect(&server.channel, Script::willing("a")).await;
    a.goodbye(GoodbyeReason::Leaving).await;
    server.until(&name, |connector| agents_of(connector) == ["agents/b", "agents/b"]).await;
    forget(&mut server, "a").await.expect("it is gone");
    let unknown = forget(&mut server, "a").await.expect_err("forgotten");
    assert_eq!(
        (unknown.code(), reason(&unknown)),
        (Code::NotFound, "RESOURCE_NOT_FOUND".to_owned())
    );
    drop(b);
    server.restart().await;
    let request = v1::ListAgentsRequest::default();
    let agents = server.agents.list_agents(request).await.expect("a page").into_inner().agents;
    let names: Vec<_> = agents.iter().map(|agent| agent.name.as_str()).collect();
    assert_eq!(names, ["agents/b"]);
}

#[tokio::test]
async fn an_agent_whose_tasks_wait_for_their_move_is_not_forgotten() {
    let mut server =
        Server::start_with(|options| options.lease = Duration::from_millis(1_500)).await;
    server.register("alikafka_1").await;
    let mut a = Agent::connect(&server.channel, Script::willing("a")).await;
    let alive = a.beat();
    for number in 0..16 {
        let name = server.create(&format!("sink-{number:02}")).await.name;
        server.deploy(&name).await;
    }
    a.until_lists(|lists| lists.last().is_some_and(|list| list.connectors.len() == 16)).await;
    let b = Agent::connect(&server.channel, Script::willing("b")).await;
    let heartbeats = b.beat();
    alive.abort();
    a.vanish().await;
    // They move a few a second.
    server.until_agent("a", |agent| agent.state() == AgentState::Gone && agent.tasks > 0).await;
    let refused = forget(&mut server, "a").await.expect_err("some have no other agent");
    assert_eq!(reason(&refused), "AGENT_HAS_TASKS");
    assert!(refused.message().contains("sink-"), "{}", refused.message());
    server.until_agent("a", |agent| agent.tasks == 0).await;
    forget(&mut server, "a").await.expect("others have its tasks");
    heartbeats.abort();
}

#[tokio::test]
async fn names_that_are_wrong_or_of_nobody_are_refused() {
    let mut server = Server::with_instance().await;
    for (name, code, expected) in [
        ("", Code::InvalidArgument, "SPEC_FIELD_REQUIRED"),
        ("instances/a", Code::InvalidArgument, "SPEC_FIELD_INVALID"),
        ("agents/nobody", Code::NotFound, "RESOURCE_NOT_FOUND"),
    ] {
        let name = name.to_owned();
        let request = v1::DrainAgentRequest { name: name.clone(), ..Default::default() };
        let drain = server.agents.drain_agent(request).await.expect_err("refused");
        let request = v1::UndrainAgentRequest { name: name.clone(), ..Default::default() };
        let undrain = server.agents.undrain_agent(request).await.expect_err("refused");
        let request = v1::ForgetAgentRequest { name, ..Default::default() };
        let forget = server.agents.forget_agent(request).await.expect_err("refused");
        for refused in [drain, undrain, forget] {
            assert_eq!((refused.code(), reason(&refused).as_str()), (code, expected), "{refused}");
        }
    }
}

#[tokio::test]
async fn what_an_agent_says_of_itself_is_shown() {
    let mut server = Server::with_instance().await;
    let ours = env!("CARGO_PKG_VERSION");
    for (id, version, skew) in [
        ("same", ours, v1::AgentVersionSkew::Same),
        ("older", "0.0.1", v1::AgentVersionSkew::Older),
        ("newer", "999.0.0", v1::AgentVersionSkew::Newer),
        ("odd", "of today", v1::AgentVersionSkew::Unspecified),
    ] {
        let mut script = Script::willing(id);
        script.hello.version = version.to_owned();
        script.hello.features = vec!["own-keys".to_owned()];
        let _agent = Agent::connect(&server.channel, script).await;
        let shown = get(&mut server, id).await;
        assert_eq!((shown.version_skew(), shown.version.as_str()), (skew, version));
        assert_eq!(shown.features, ["own-keys"]);
        assert!(shown.connect_time.is_some() && shown.last_seen_time.is_some());
    }
}

#[tokio::test]
async fn the_partitions_of_an_agents_tasks_are_counted_by_its_report() {
    let mut server = Server::with_instance().await;
    let (_name, a, _b) = on_two(&mut server).await;
    let partition = |number| v1::PartitionProgress { partition: number, ..Default::default() };
    a.show(vec![partition(0), partition(3), partition(5)]).await;
    server.until_agent("a", |agent| agent.partitions == Some(3)).await;
    a.report(agent::v1::ConnectorReport::default()).await;
    server.until_agent("a", |agent| agent.partitions == Some(0)).await;
}
