//! Delete: tasks stop, what the service made is removed, the record goes last.

use std::time::Duration;

use kafka2oss_proto::agent;
use kafka2oss_proto::agent::v1::command::Command;
use kafka2oss_proto::v1::{self, ConnectorState};
use tonic::Code;

use crate::agent::{Agent, Script, prepared, problem};
use crate::server::{Server, condition, creation, reason, state_of};

fn delete(name: &str) -> v1::DeleteConnectorRequest {
    v1::DeleteConnectorRequest { name: name.to_owned(), ..Default::default() }
}

fn removals(agent: &Agent) -> Vec<agent::v1::RemoveResources> {
    agent
        .commands()
        .into_iter()
        .filter_map(|command| match command.command {
            Some(Command::RemoveResources(removal)) => Some(removal),
            _ => None,
        })
        .collect()
}

/// An agent that has made the offset and the error topic.
fn making(id: &str) -> Script {
    let mut script = Script::willing(id);
    script.prepare = Box::new(|command| {
        let made = ["connect-offset-sink", "connect-error-sink"].map(str::to_owned);
        agent::v1::PrepareConnectorResult { created_topics: made.into(), ..prepared(command) }
    });
    script
}

async fn running(server: &mut Server) -> String {
    let name = server.create("sink").await.name;
    server.deploy(&name).await;
    server.until_state(&name, ConnectorState::Running).await;
    name
}

#[tokio::test]
async fn a_connector_that_was_never_deployed_is_gone_at_once() {
    let mut server = Server::with_instance().await;
    let name = server.create("sink").await.name;
    let deleted = server.connectors.delete_connector(delete(&name)).await.expect("deleted");
    assert_eq!(state_of(deleted.get_ref()), ConnectorState::Deleting);
    assert_eq!(server.get(&name).await.expect_err("gone").code(), Code::NotFound);
    let status = server.connectors.delete_connector(delete(&name)).await.expect_err("gone");
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test]
async fn only_what_the_service_made_is_removed_and_only_after_the_tasks_stopped() {
    let mut server = Server::with_instance().await;
    let mut script = making("a");
    script.removal_problems = vec![problem("KAFKA_REQUEST_FAILED")];
    let mut agent = Agent::connect(&server.channel, script).await;
    let name = running(&mut server).await;

    let mut wrong = delete(&name);
    wrong.etag = "old".to_owned();
    let status = server.connectors.delete_connector(wrong).await.expect_err("refused");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    let deleted = server.connectors.delete_connector(delete(&name)).await.expect("accepted");
    assert_eq!(state_of(deleted.get_ref()), ConnectorState::Deleting);
    server.connectors.delete_connector(delete(&name)).await.expect("repeated");
    server.until_gone(&name).await;

    let removals = removals(&agent);
    assert_eq!(removals.len(), 2, "repeated after a problem");
    let topics: Vec<_> =
        removals[0].topics.iter().map(|one| (one.topic.as_str(), one.only_if_empty)).collect();
    assert_eq!(topics, [("connect-offset-sink", false), ("connect-error-sink", true)]);
    assert_eq!(removals[0].groups, ["connect-sink", "connect-cluster-sink"]);
    agent.assigned(|list| list.connectors.is_empty()).await;
    let status = server.get(&name).await.expect_err("gone");
    assert_eq!(status.code(), Code::NotFound);

    // A new one of the same name is another one.
    let again = server.create("sink").await;
    assert_eq!((again.generation, state_of(&again)), (1, ConnectorState::Created));
}

#[tokio::test]
async fn a_repeated_deletion_has_an_etag_that_is_right_or_none() {
    let mut server = Server::with_instance().await;
    let agent = Agent::connect(&server.channel, making("a")).await;
    let name = running(&mut server).await;
    // It waits for the agent.
    agent.vanish().await;
    let before = server.get(&name).await.expect("there").etag;
    let with = |etag: &str| v1::DeleteConnectorRequest { etag: etag.to_owned(), ..delete(&name) };
    let deleting = server.connectors.delete_connector(with(&before)).await.expect("accepted");
    let after = deleting.into_inner().etag;
    assert_ne!(before, after);
    for etag in [&before, &after, ""] {
        server.connectors.delete_connector(with(etag)).await.expect("repeated");
    }
    for etag in ["old", &before.replace('-', "-1")] {
        let orphan = v1::DeleteConnectorRequest { orphan_resources: true, ..with(etag) };
        let status = server.connectors.delete_connector(orphan).await.expect_err("refused");
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    }
}

#[tokio::test]
async fn what_another_connector_names_stays() {
    let mut server = Server::with_instance().await;
    let agent = Agent::connect(&server.channel, making("a")).await;
    let name = running(&mut server).await;
    let mut other = creation("other");
    let spec = other.connector.as_mut().and_then(|one| one.spec.as_mut()).expect("a spec");
    spec.resources = Some(v1::ConnectorResources {
        connector_consumer_group: "connect-cluster-sink".to_owned(),
        dead_letter_queue_topic: Some(v1::ConnectorTopic {
            name: "connect-error-sink".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    });
    server.connectors.create_connector(other).await.expect("created");
    let request = v1::DeleteConnectorRequest { delete_error_topics: true, ..delete(&name) };
    server.connectors.delete_connector(request).await.expect("accepted");
    server.until_gone(&name).await;
    let removal = &removals(&agent)[0];
    let topics: Vec<_> = removal.topics.iter().map(|one| one.topic.as_str()).collect();
    assert_eq!(topics, ["connect-offset-sink"]);
    assert_eq!(removal.groups, ["connect-sink"]);
}

#[tokio::test]
async fn without_an_agent_it_stays_deleting_and_says_so_until_resources_are_left() {
    let mut server = Server::with_instance().await;
    let agent = Agent::connect(&server.channel, making("a")).await;
    let name = running(&mut server).await;
    agent.goodbye(agent::v1::GoodbyeReason::Leaving).await;
    let gone = |one: &v1::Connector| condition(one, "Placed").reason == "AGENT_NONE_IN_POOL";
    server.until(&name, gone).await;

    server.connectors.delete_connector(delete(&name)).await.expect("accepted");
    let waiting = |one: &v1::Connector| condition(one, "Ready").reason == "AGENT_NONE_IN_POOL";
    let deleting = server.until(&name, waiting).await;
    assert_eq!(state_of(&deleting), ConnectorState::Deleting);

    let request = v1::DeleteConnectorRequest { orphan_resources: true, ..delete(&name) };
    server.connectors.delete_connector(request).await.expect("accepted");
    server.until_gone(&name).await;
}

#[tokio::test]
async fn a_deletion_goes_on_after_a_restart() {
    let mut server = Server::with_instance().await;
    let agent = Agent::connect(&server.channel, making("a")).await;
    let name = running(&mut server).await;
    agent.vanish().await;
    server.connectors.delete_connector(delete(&name)).await.expect("accepted");
    // It says whom it waits for.
    let waits = |one: &v1::Connector| {
        let ready = condition(one, "Ready");
        ready.reason == "AGENT_TIMEOUT" && ready.message.contains("agents/a")
    };
    server.until(&name, waits).await;
    server.restart().await;
    assert_eq!(state_of(&server.get(&name).await.expect("there")), ConnectorState::Deleting);
    let mut again = making("a");
    again.hello.held = vec![agent::v1::HeldAssignment {
        connector: name.clone(),
        uid: "other".to_owned(),
        ..Default::default()
    }];
    let agent = Agent::connect(&server.channel, again).await;
    server.until_gone(&name).await;
    assert_eq!(removals(&agent).len(), 1);
}

#[tokio::test]
async fn an_agent_that_never_shows_that_it_stopped_is_named_and_can_be_left_behind() {
    let mut server =
        Server::start_with(|options| options.lease = Duration::from_millis(1_500)).await;
    server.register("alikafka_1").await;
    let agent = Agent::connect(&server.channel, making("a")).await;
    let heartbeats = agent.beat();
    let name = running(&mut server).await;
    agent.freeze();
    server.connectors.delete_connector(delete(&name)).await.expect("accepted");
    let named = |one: &v1::Connector| {
        let ready = condition(one, "Ready");
        ready.reason == "AGENT_UNRESPONSIVE" && ready.message.contains("agents/a")
    };
    server.until(&name, named).await;

    let request = v1::DeleteConnectorRequest { orphan_resources: true, ..delete(&name) };
    server.connectors.delete_connector(request).await.expect("accepted");
    server.until_gone(&name).await;
    assert!(removals(&agent).is_empty());
    heartbeats.abort();
}
