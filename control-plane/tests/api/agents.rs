//! Agents come and go: leases, Goodbye, restarts, two with one id.

use std::time::Duration;

use kafka2oss_proto::agent::v1::GoodbyeReason;
use kafka2oss_proto::agent::v1::agent_control_service_client::AgentControlServiceClient;
use kafka2oss_proto::agent::v1::connect_response::Message as Told;
use kafka2oss_proto::v1::ConnectorState;
use kafka2oss_proto::{agent, v1};

use crate::agent::{Agent, Script};
use crate::server::{Server, condition, creation, status_of};

fn agents_of(connector: &v1::Connector) -> Vec<&str> {
    status_of(connector).tasks.iter().map(|task| task.agent.as_str()).collect()
}

async fn state(server: &mut Server, id: &str) -> v1::AgentState {
    let request = v1::GetAgentRequest { name: format!("agents/{id}") };
    server.agents.get_agent(request).await.expect("known").into_inner().state()
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
async fn welcome_says_what_the_agent_has_to_know() {
    let server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let welcome = agent
        .told(|told| match told {
            Told::Welcome(welcome) => Some(welcome.clone()),
            _ => None,
        })
        .await;
    assert_eq!(welcome.lease.expect("a lease").seconds, 600);
    assert!(!welcome.store_id.is_empty() && !welcome.session_id.is_empty());
    assert_eq!(welcome.store_epoch, 1);
}

#[tokio::test]
async fn goodbye_leaving_moves_tasks_at_once() {
    let mut server = Server::with_instance().await;
    let (name, a, mut b) = on_two(&mut server).await;
    a.goodbye(GoodbyeReason::Leaving).await;
    let moved =
        server.until(&name, |connector| agents_of(connector) == ["agents/b", "agents/b"]).await;
    assert_eq!(moved.generation, 2);
    let list = b.assigned(|list| list.connectors.iter().any(|one| one.tasks.len() == 2)).await;
    assert_eq!(list.connectors[0].placement_version, 2);
    server.until_state(&name, ConnectorState::Running).await;
    assert_eq!(state(&mut server, "a").await, v1::AgentState::Gone);
}

#[tokio::test]
async fn tasks_of_an_agent_that_vanished_move_after_its_lease() {
    let mut server =
        Server::start_with(|options| options.lease = Duration::from_millis(1_500)).await;
    server.register("alikafka_1").await;
    let (name, a, b) = on_two(&mut server).await;
    a.vanish().await;
    let heartbeats = b.beat();
    let moved =
        server.until(&name, |connector| agents_of(connector) == ["agents/b", "agents/b"]).await;
    assert_eq!(state(&mut server, "a").await, v1::AgentState::Gone);
    assert_eq!(moved.generation, 2);
    heartbeats.abort();
}

#[tokio::test]
async fn many_tasks_of_an_agent_that_vanished_move_a_few_at_a_time() {
    let mut server =
        Server::start_with(|options| options.lease = Duration::from_millis(1_500)).await;
    server.register("alikafka_1").await;
    let mut a = Agent::connect(&server.channel, Script::willing("a")).await;
    let alive = a.beat();
    for number in 0..13 {
        let mut request = creation(&format!("sink-{number:02}"));
        let spec = request.connector.get_or_insert_default().spec.get_or_insert_default();
        spec.source.get_or_insert_default().spread = Some(1);
        let created = server.connectors.create_connector(request).await.expect("created");
        server.deploy(&created.into_inner().name).await;
    }
    let all = |lists: &[agent::v1::AssignmentList]| {
        lists.last().is_some_and(|list| list.connectors.len() == 13)
    };
    a.until_lists(all).await;
    let mut b = Agent::connect(&server.channel, Script::willing("b")).await;
    let heartbeats = b.beat();
    b.assigned(|list| list.connectors.is_empty()).await;

    alive.abort();
    a.vanish().await;
    b.until_lists(all).await;
    let mut counts: Vec<_> = b.lists().iter().map(|list| list.connectors.len()).collect();
    counts.dedup();
    assert_eq!(counts, [0, 10, 13]);
    heartbeats.abort();
}

#[tokio::test]
async fn an_agent_that_restarts_keeps_its_tasks() {
    let mut server = Server::with_instance().await;
    let (name, a, b) = on_two(&mut server).await;
    a.goodbye(GoodbyeReason::Restarting).await;
    a.vanish().await;
    let mut again = Agent::connect(&server.channel, Script::willing("a").boot(2)).await;
    let list = again.assigned(|list| !list.connectors.is_empty()).await;
    assert_eq!(list.connectors[0].placement_version, 1);
    let running = server.until_state(&name, ConnectorState::Running).await;
    assert_eq!(agents_of(&running), ["agents/a", "agents/b"]);
    assert!(
        b.lists().iter().flat_map(|list| &list.connectors).all(|one| one.placement_version == 1)
    );
}

#[tokio::test]
async fn of_two_processes_with_one_id_the_newer_wins_whichever_comes_first() {
    let server = Server::with_instance().await;
    let superseded = |told: &Told| matches!(told, Told::Superseded(_)).then_some(());
    let mut older = Agent::connect(&server.channel, Script::willing("a").boot(10)).await;
    let mut newer = Agent::connect(&server.channel, Script::willing("a").boot(20)).await;
    older.told(superseded).await;
    older.ended().await;
    newer.assigned(|_| true).await;

    let mut late = Agent::connect(&server.channel, Script::willing("a").boot(15)).await;
    late.told(superseded).await;
    late.ended().await;
    assert!(late.lists().is_empty());
}

#[tokio::test]
async fn what_an_agent_said_of_its_start_once_keeps_no_later_process_out() {
    let mut server = Server::with_instance().await;
    let superseded = |told: &Told| matches!(told, Told::Superseded(_)).then_some(());
    let mut first = Agent::connect(&server.channel, Script::willing("a").boot(2_000)).await;
    first.assigned(|_| true).await;
    first.vanish().await;
    // Its clock went back, and it has lost its file.
    let mut refused = Agent::connect(&server.channel, Script::willing("a").boot(1_000)).await;
    refused.told(superseded).await;
    server.restart().await;
    let mut again = Agent::connect(&server.channel, Script::willing("a").boot(1_000)).await;
    again.assigned(|_| true).await;
}

#[tokio::test]
async fn a_start_that_no_agent_can_have_takes_no_id_over() {
    let mut server = Server::with_instance().await;
    let (name, mut a, _b) = on_two(&mut server).await;
    let (say, said) = tokio::sync::mpsc::channel(1);
    let hello = Script::willing("a").boot(u64::MAX).hello;
    let hello = agent::v1::connect_request::Message::Hello(hello);
    say.send(agent::v1::ConnectRequest { message: Some(hello) }).await.expect("room");
    let mut client = AgentControlServiceClient::new(server.channel.clone());
    let said = tokio_stream::wrappers::ReceiverStream::new(said);
    let status = client.connect(said).await.expect_err("refused");
    assert!(status.message().contains("boot_nonce"), "{status}");
    // The agent's own stream is still the one that counts.
    let paused = server.pause(&name).await.expect("paused");
    a.assigned(|list| {
        list.connectors.iter().any(|one| {
            one.generation == paused.generation && one.run_mode() == agent::v1::RunMode::Pause
        })
    })
    .await;
}

#[tokio::test]
async fn a_restart_of_the_control_plane_changes_nothing_for_the_agents() {
    let mut server = Server::with_instance().await;
    let (name, mut a, b) = on_two(&mut server).await;
    let before = a.assigned(|list| !list.connectors.is_empty()).await;
    server.stop().await;
    a.ended().await;
    drop(b);
    server.start_again(|_| {}).await;

    let unknown = server.get(&name).await.expect("kept");
    assert_eq!(status_of(&unknown).state(), ConnectorState::Unknown);
    let mut held = Script::willing("a");
    held.hello.store_id = "store".to_owned();
    let mut a = Agent::connect(&server.channel, held).await;
    let after = a.assigned(|_| true).await;
    assert_eq!(after.connectors, before.connectors, "placement, versions and start are the same");
    let _b = Agent::connect(&server.channel, Script::willing("b")).await;
    let running = server.until_state(&name, ConnectorState::Running).await;
    assert_eq!(agents_of(&running), ["agents/a", "agents/b"]);
    assert!(a.commands().is_empty(), "nothing is prepared again");
}

#[tokio::test]
async fn leases_count_anew_from_the_start_of_the_control_plane() {
    let mut server = Server::with_instance().await;
    let (name, a, b) = on_two(&mut server).await;
    server.stop().await;
    drop((a, b));
    server.start_again(|options| options.lease = Duration::from_millis(500)).await;
    // Nobody comes back: the tasks have no agent once the leases ran out.
    let unplaced = server.until(&name, |connector| agents_of(connector) == ["", ""]).await;
    assert_eq!(condition(&unplaced, "Placed").reason, "AGENT_NONE_IN_POOL");
}

#[tokio::test]
async fn agents_are_listed_with_what_they_run() {
    let mut server = Server::with_instance().await;
    let (name, _a, _b) = on_two(&mut server).await;
    let request = v1::ListAgentsRequest { page_size: 1, ..Default::default() };
    let page = server.agents.list_agents(request).await.expect("a page").into_inner();
    assert_eq!(page.agents.len(), 1);
    let agent = &page.agents[0];
    assert_eq!((agent.name.as_str(), agent.tasks), ("agents/a", 1));
    assert_eq!(agent.connectors, [name]);
    assert_eq!(agent.state(), v1::AgentState::Connected);
    assert_eq!(page.total_size, 2);
    let page_token = page.next_page_token;
    let request = v1::ListAgentsRequest { page_size: 1, page_token, ..Default::default() };
    let page = server.agents.list_agents(request).await.expect("a page").into_inner();
    assert_eq!((page.agents[0].name.as_str(), page.next_page_token.as_str()), ("agents/b", ""));
}
