//! WatchAgents: snapshot, changes, resume, RESET.

use std::time::Duration;

use kafka2oss_proto::agent::v1::GoodbyeReason;
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::watch_agents_response::Event;
use tonic::{Code, Status};

use crate::agent::{Agent, Script};
use crate::server::{PATIENCE, Server, reason, violations};

type Events = tonic::Streaming<v1::WatchAgentsResponse>;

async fn watch(server: &mut Server, filter: &str, token: &str) -> Result<Events, Status> {
    let [filter, resume_token] = [filter, token].map(str::to_owned);
    let request = v1::WatchAgentsRequest { resume_token, filter };
    Ok(server.agents.watch_agents(request).await?.into_inner())
}

async fn next(events: &mut Events) -> (String, Event) {
    let message = tokio::time::timeout(PATIENCE, events.message()).await.expect("in time");
    let response = message.expect("no error").expect("no end");
    (response.resume_token, response.event.expect("an event"))
}

/// Reads until an agent is told as wanted, or an event that is none is told.
async fn until(events: &mut Events, wanted: impl Fn(&v1::Agent) -> bool) -> v1::Agent {
    loop {
        match next(events).await {
            (_, Event::Upsert(agent)) if wanted(&agent) => return agent,
            (_, Event::Upsert(_)) => {}
            (_, other) => panic!("no agent: {other:?}"),
        }
    }
}

/// The next event that is about no agent as it is.
async fn other(events: &mut Events) -> (String, Event) {
    loop {
        let (token, event) = next(events).await;
        if !matches!(event, Event::Upsert(_)) {
            return (token, event);
        }
    }
}

fn dropped(name: &str, reason: v1::DropReason) -> Event {
    Event::Deleted(v1::AgentDeleted { name: name.to_owned(), reason: reason.into() })
}

fn is(agent: &v1::Agent, name: &str, state: v1::AgentState) -> bool {
    agent.name == name && agent.state() == state
}

#[tokio::test]
async fn agents_are_told_as_they_come_go_drain_and_are_forgotten() {
    let mut server = Server::with_instance().await;
    let a = Agent::connect(&server.channel, Script::willing("a")).await;
    let mut events = watch(&mut server, "", "").await.expect("a stream");
    let (token, event) = next(&mut events).await;
    assert!(matches!(event, Event::Upsert(agent) if agent.name == "agents/a"));
    assert_eq!(token, "");
    let (token, event) = other(&mut events).await;
    assert!(event == Event::Synced(()) && !token.is_empty());

    let _b = Agent::connect(&server.channel, Script::willing("b")).await;
    until(&mut events, |agent| is(agent, "agents/b", v1::AgentState::Connected)).await;
    let request = v1::DrainAgentRequest { name: "agents/a".to_owned(), ..Default::default() };
    server.agents.drain_agent(request).await.expect("drains");
    let drained = |agent: &v1::Agent| {
        let drain = agent.drain.as_ref();
        drain.is_some_and(|drain| drain.state() == v1::AgentDrainState::Drained)
    };
    until(&mut events, drained).await;
    let request = v1::UndrainAgentRequest { name: "agents/a".to_owned(), ..Default::default() };
    server.agents.undrain_agent(request).await.expect("undrained");
    until(&mut events, |agent| agent.name == "agents/a" && agent.drain.is_none()).await;
    a.goodbye(GoodbyeReason::Leaving).await;
    until(&mut events, |agent| is(agent, "agents/a", v1::AgentState::Gone)).await;
    let request = v1::ForgetAgentRequest { name: "agents/a".to_owned(), ..Default::default() };
    server.agents.forget_agent(request).await.expect("forgotten");
    let (_, event) = other(&mut events).await;
    assert_eq!(event, dropped("agents/a", v1::DropReason::Deleted));

    // Whoever was away meanwhile learns the same.
    let mut again = watch(&mut server, "", &token).await.expect("a stream");
    assert_eq!(next(&mut again).await.1, Event::Synced(()));
    let mut told = Vec::new();
    while told.len() < 2 {
        match next(&mut again).await.1 {
            Event::Upsert(agent) => told.push(agent.name),
            event => assert_eq!(event, dropped("agents/a", v1::DropReason::Deleted)),
        }
    }
    assert!(told.iter().all(|name| name == "agents/b"), "{told:?}");

    // One that is there again is told again.
    let _a = Agent::connect(&server.channel, Script::willing("a")).await;
    until(&mut events, |agent| is(agent, "agents/a", v1::AgentState::Connected)).await;
}

#[tokio::test]
async fn where_tasks_are_placed_and_what_is_reported_of_them_is_told() {
    let mut server = Server::with_instance().await;
    let a = Agent::connect(&server.channel, Script::willing("a")).await;
    let mut events = watch(&mut server, "id = a", "").await.expect("a stream");
    assert_eq!(other(&mut events).await.1, Event::Synced(()));
    let name = server.running("sink").await.name;
    let placed = until(&mut events, |agent| agent.tasks == 2).await;
    assert_eq!(placed.connectors, std::slice::from_ref(&name));
    let partition = |number| v1::PartitionProgress { partition: number, ..Default::default() };
    a.show(vec![partition(0), partition(1)]).await;
    let seen = until(&mut events, |agent| agent.partitions == Some(2)).await.last_seen_time;
    let alive = a.beat();
    let later = |agent: &v1::Agent| {
        let times = [agent.last_seen_time, seen].map(|time| time.map(|it| (it.seconds, it.nanos)));
        times[0] > times[1]
    };
    until(&mut events, later).await;
    let request = v1::DeleteConnectorRequest { name, ..Default::default() };
    server.connectors.delete_connector(request).await.expect("deleted");
    until(&mut events, |agent| agent.tasks == 0 && agent.connectors.is_empty()).await;
    alive.abort();
}

#[tokio::test]
async fn the_end_of_a_lease_is_told() {
    let mut server = Server::start_with(|options| options.lease = Duration::from_secs(1)).await;
    let mut events = watch(&mut server, "", "").await.expect("a stream");
    assert_eq!(next(&mut events).await.1, Event::Synced(()));
    let a = Agent::connect(&server.channel, Script::willing("a")).await;
    until(&mut events, |agent| is(agent, "agents/a", v1::AgentState::Connected)).await;
    a.vanish().await;
    until(&mut events, |agent| is(agent, "agents/a", v1::AgentState::Disconnected)).await;
    until(&mut events, |agent| is(agent, "agents/a", v1::AgentState::Gone)).await;
}

#[tokio::test]
async fn a_watch_with_a_filter_drops_agents_that_it_does_not_mean_any_more() {
    let mut server = Server::with_instance().await;
    let a = Agent::connect(&server.channel, Script::willing("a")).await;
    let mut events = watch(&mut server, "state = CONNECTED", "").await.expect("a stream");
    let (token, event) = other(&mut events).await;
    assert_eq!(event, Event::Synced(()));
    a.goodbye(GoodbyeReason::Leaving).await;
    let (_, event) = other(&mut events).await;
    assert_eq!(event, dropped("agents/a", v1::DropReason::Filtered));
    let mut other_filter = watch(&mut server, "state = GONE", &token).await.expect("a stream");
    assert_eq!(next(&mut other_filter).await.1, Event::Reset(()));
    let (_, event) = next(&mut other_filter).await;
    assert!(matches!(event, Event::Upsert(agent) if is(&agent, "agents/a", v1::AgentState::Gone)));

    let refused = watch(&mut server, "state = ASLEEP", "").await.expect_err("refused");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let expected = ("filter".to_owned(), "EXPRESSION_INVALID".to_owned());
    assert_eq!(violations(&refused), [expected]);
}

#[tokio::test]
async fn tokens_of_another_process_or_of_connectors_begin_anew() {
    let mut server = Server::with_instance().await;
    let _a = Agent::connect(&server.channel, Script::willing("a")).await;
    let mut events = watch(&mut server, "", "").await.expect("a stream");
    let (token, _) = other(&mut events).await;
    let mut connectors = server.watch("").await;
    let synced = connectors.message().await.expect("no error").expect("no end");
    drop((events, connectors));
    for foreign in [synced.resume_token.as_str(), "nonsense"] {
        let mut events = watch(&mut server, "", foreign).await.expect("a stream");
        assert_eq!(next(&mut events).await.1, Event::Reset(()));
    }
    server.restart().await;
    let mut events = watch(&mut server, "", &token).await.expect("a stream");
    assert_eq!(next(&mut events).await.1, Event::Reset(()));
    let (_, event) = next(&mut events).await;
    let Event::Upsert(agent) = event else { panic!("no agent: {event:?}") };
    assert!(is(&agent, "agents/a", v1::AgentState::Disconnected), "{agent:?}");
    assert_eq!(other(&mut events).await.1, Event::Synced(()));
}

#[tokio::test]
async fn watches_of_agents_and_of_connectors_share_their_limit() {
    let mut server = Server::start_with(|options| options.max_watches_of_peer = 2).await;
    let _connectors = server.watch("").await;
    let _agents = watch(&mut server, "", "").await.expect("a stream");
    let refused = watch(&mut server, "", "").await.expect_err("refused");
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::ResourceExhausted, "TOO_MANY_WATCHES")
    );
}
