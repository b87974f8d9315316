//! Requests with an ID: a repeat changes nothing, whatever others have changed since.

use kafka2oss_proto::agent::v1::GoodbyeReason;
use kafka2oss_proto::v1;
use tonic::{Code, Status};

use crate::agent::{Agent, Script};
use crate::server::{
    INSTANCE, Server, creation, credentials, environment, instance, plain, reason,
};

const ID: &str = "r-1";

fn is_reused(refused: &Status) {
    assert_eq!(
        (refused.code(), reason(refused).as_str()),
        (Code::AlreadyExists, "REQUEST_ID_REUSED"),
        "{refused}"
    );
}

fn pause(name: &str) -> v1::PauseConnectorRequest {
    let [name, request_id] = [name, ID].map(str::to_owned);
    v1::PauseConnectorRequest { name, request_id, ..Default::default() }
}

/// Sets the label `team`.
fn label(name: &str, team: &str) -> v1::UpdateConnectorRequest {
    let labels = [("team".to_owned(), team.to_owned())].into();
    let connector = v1::Connector { name: name.to_owned(), labels, ..Default::default() };
    v1::UpdateConnectorRequest {
        connector: Some(connector),
        request_id: ID.to_owned(),
        ..Default::default()
    }
}

/// Sets a key whose secret is plain.
fn key(name: &str, secret: &str) -> v1::UpdateConnectorRequest {
    let credentials = credentials(environment("KEY_ID"), plain(secret));
    let destination =
        v1::ObjectStoreDestination { credentials: Some(credentials), ..Default::default() };
    let spec = v1::ConnectorSpec { destination: Some(destination), ..Default::default() };
    let connector = v1::Connector { name: name.to_owned(), spec: Some(spec), ..Default::default() };
    v1::UpdateConnectorRequest {
        connector: Some(connector),
        request_id: ID.to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_repeated_pause_does_not_undo_what_another_has_done_since() {
    let mut server = Server::with_instance().await;
    let name = server.create("sink").await.name;
    server.deploy(&name).await;
    let paused = server.connectors.pause_connector(pause(&name)).await.expect("paused");
    assert_eq!(paused.into_inner().desired_state(), v1::DesiredState::Paused);
    let resumed = server.resume(&name).await.expect("resumed");
    for _ in 0..2 {
        let again = server.connectors.pause_connector(pause(&name)).await.expect("repeated");
        let again = again.into_inner();
        assert_eq!(again.desired_state(), v1::DesiredState::Running);
        assert_eq!((again.generation, again.etag), (resumed.generation, resumed.etag.clone()));
        server.restart().await;
    }
    // The same ID of another method, of another connector, and with other content.
    let request = v1::ResumeConnectorRequest {
        name: name.clone(),
        request_id: ID.to_owned(),
        ..Default::default()
    };
    is_reused(&server.connectors.resume_connector(request).await.expect_err("refused"));
    let other = server.create("other").await.name;
    is_reused(&server.connectors.pause_connector(pause(&other)).await.expect_err("refused"));
    let request = v1::PauseConnectorRequest { etag: resumed.etag, ..pause(&name) };
    is_reused(&server.connectors.pause_connector(request).await.expect_err("refused"));
    let mut request = creation("third");
    request.request_id = ID.to_owned();
    is_reused(&server.connectors.create_connector(request).await.expect_err("refused"));
    let now = server.get(&name).await.expect("there");
    assert_eq!(now.desired_state(), v1::DesiredState::Running);
}

#[tokio::test]
async fn a_request_that_changes_nothing_is_remembered_too() {
    let mut server = Server::with_instance().await;
    let name = server.create("sink").await.name;
    server.deploy(&name).await;
    server.pause(&name).await.expect("paused");
    // It is already.
    server.connectors.pause_connector(pause(&name)).await.expect("already");
    server.resume(&name).await.expect("resumed");
    server.restart().await;
    let again = server.connectors.pause_connector(pause(&name)).await.expect("repeated");
    assert_eq!(again.into_inner().desired_state(), v1::DesiredState::Running);
    // What is only validated, or refused, is not.
    let refused =
        v1::PauseConnectorRequest { request_id: "r-2".to_owned(), ..pause("instances/a") };
    server.connectors.pause_connector(refused).await.expect_err("no name");
    let check = |validate_only| v1::PauseConnectorRequest {
        request_id: "r-2".to_owned(),
        validate_only,
        ..pause(&name)
    };
    server.connectors.pause_connector(check(true)).await.expect("legal");
    let paused = server.connectors.pause_connector(check(false)).await.expect("paused");
    assert_eq!(paused.into_inner().desired_state(), v1::DesiredState::Paused);
}

#[tokio::test]
async fn a_repeated_update_keeps_what_another_has_set_since() {
    let mut server = Server::with_instance().await;
    let name = server.create("sink").await.name;
    server.connectors.update_connector(label(&name, "a")).await.expect("updated");
    let other = v1::UpdateConnectorRequest { request_id: String::new(), ..label(&name, "b") };
    let other = server.connectors.update_connector(other).await.expect("updated").into_inner();
    server.restart().await;
    let again = server.connectors.update_connector(label(&name, "a")).await.expect("repeated");
    assert_eq!(again.into_inner().labels, other.labels);
    is_reused(&server.connectors.update_connector(label(&name, "c")).await.expect_err("refused"));
}

#[tokio::test]
async fn an_update_that_creates_is_repeated_as_one() {
    let mut server = Server::with_instance().await;
    let name = format!("{INSTANCE}/connectors/sink");
    let mut request = label(&name, "a");
    request.allow_missing = true;
    let spec = creation("sink").connector.expect("a connector").spec;
    request.connector.as_mut().expect("a connector").spec = spec;
    let made = server.connectors.update_connector(request.clone()).await.expect("created");
    let made = made.into_inner();
    server.restart().await;
    let again = server.connectors.update_connector(request.clone()).await.expect("repeated");
    assert_eq!(again.into_inner().etag, made.etag);
    let deletion = v1::DeleteConnectorRequest { name: name.clone(), ..Default::default() };
    server.connectors.delete_connector(deletion).await.expect("deleted");
    is_reused(&server.connectors.update_connector(request).await.expect_err("not made anew"));
    assert_eq!(server.get(&name).await.expect_err("gone").code(), Code::NotFound);
}

#[tokio::test]
async fn inline_secrets_belong_to_the_content_and_are_not_known_after_a_restart() {
    let mut server = Server::with_instance().await;
    let name = server.create("sink").await.name;
    let set = server.connectors.update_connector(key(&name, "s3cret")).await.expect("updated");
    let again = server.connectors.update_connector(key(&name, "s3cret")).await.expect("repeated");
    assert_eq!(again.into_inner().etag, set.into_inner().etag);
    is_reused(&server.connectors.update_connector(key(&name, "other")).await.expect_err("refused"));
    server.restart().await;
    is_reused(
        &server.connectors.update_connector(key(&name, "s3cret")).await.expect_err("unknown"),
    );
}

#[tokio::test]
async fn a_repeated_deletion_leaves_a_connector_that_was_made_anew() {
    let mut server = Server::with_instance().await;
    let first = server.create("sink").await;
    let request = v1::DeleteConnectorRequest {
        name: first.name.clone(),
        request_id: ID.to_owned(),
        ..Default::default()
    };
    server.connectors.delete_connector(request.clone()).await.expect("deleted");
    let second = server.create("sink").await;
    server.restart().await;
    let again = server.connectors.delete_connector(request).await.expect("repeated").into_inner();
    assert_eq!((again.uid, again.name), (first.uid, first.name));
    assert_eq!(again.desired_state, i32::from(v1::DesiredState::Deleted));
    assert_eq!(server.get(&second.name).await.expect("there").uid, second.uid);
}

#[tokio::test]
async fn instances_are_created_changed_and_deleted_once() {
    let mut server = Server::start().await;
    let create = v1::CreateInstanceRequest {
        instance_id: "i".to_owned(),
        instance: Some(instance()),
        request_id: ID.to_owned(),
        ..Default::default()
    };
    let made = server.instances.create_instance(create.clone()).await.expect("made").into_inner();
    let again = server.instances.create_instance(create.clone()).await.expect("repeated");
    assert_eq!(again.into_inner().uid, made.uid);
    let disable = |connectors_disabled, request_id: &str| v1::UpdateInstanceRequest {
        instance: Some(v1::Instance {
            name: made.name.clone(),
            connectors_disabled,
            ..Default::default()
        }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["connectors_disabled".to_owned()] }),
        request_id: request_id.to_owned(),
        ..Default::default()
    };
    server.instances.update_instance(disable(true, "r-2")).await.expect("disabled");
    server.instances.update_instance(disable(false, "")).await.expect("enabled");
    server.restart().await;
    let again = server.instances.update_instance(disable(true, "r-2")).await.expect("repeated");
    assert!(!again.into_inner().connectors_disabled);
    is_reused(&server.instances.update_instance(disable(false, "r-2")).await.expect_err("other"));
    let delete = v1::DeleteInstanceRequest {
        name: made.name.clone(),
        request_id: "r-3".to_owned(),
        ..Default::default()
    };
    server.instances.delete_instance(delete.clone()).await.expect("deleted");
    server.instances.delete_instance(delete.clone()).await.expect("repeated");
    is_reused(&server.instances.create_instance(create.clone()).await.expect_err("it is gone"));
    let anew = v1::CreateInstanceRequest { request_id: "r-4".to_owned(), ..create };
    let anew = server.instances.create_instance(anew).await.expect("made").into_inner();
    server.instances.delete_instance(delete).await.expect("repeated");
    let there = v1::GetInstanceRequest { name: made.name };
    let there = server.instances.get_instance(there).await.expect("there").into_inner();
    assert_eq!(there.uid, anew.uid);
}

#[tokio::test]
async fn an_agent_is_drained_and_forgotten_once() {
    let mut server = Server::with_instance().await;
    let a = Agent::connect(&server.channel, Script::willing("a")).await;
    let name = "agents/a".to_owned();
    let drain = v1::DrainAgentRequest { name: name.clone(), request_id: ID.to_owned() };
    server.agents.drain_agent(drain.clone()).await.expect("drains");
    let undrain = v1::UndrainAgentRequest { name: name.clone(), request_id: String::new() };
    server.agents.undrain_agent(undrain).await.expect("undrained");
    let again = server.agents.drain_agent(drain.clone()).await.expect("repeated").into_inner();
    assert_eq!(again.drain, None);
    let undrain = v1::UndrainAgentRequest { name: name.clone(), request_id: ID.to_owned() };
    is_reused(&server.agents.undrain_agent(undrain).await.expect_err("another method"));

    a.goodbye(GoodbyeReason::Leaving).await;
    server.until_agent("a", |agent| agent.state() == v1::AgentState::Gone).await;
    let forget = v1::ForgetAgentRequest { name, request_id: "r-2".to_owned() };
    server.agents.forget_agent(forget.clone()).await.expect("forgotten");
    let a = Agent::connect(&server.channel, Script::willing("a").boot(2)).await;
    a.goodbye(GoodbyeReason::Leaving).await;
    server.until_agent("a", |agent| agent.state() == v1::AgentState::Gone).await;
    server.agents.forget_agent(forget).await.expect("repeated");
    server.until_agent("a", |agent| agent.state() == v1::AgentState::Gone).await;
}

#[tokio::test]
async fn of_many_that_repeat_at_once_one_is_carried_out() {
    let mut server = Server::with_instance().await;
    let name = server.create("sink").await.name;
    server.deploy(&name).await;
    let repeats = (0..20).map(|_| {
        let (mut connectors, request) = (server.connectors.clone(), pause(&name));
        tokio::spawn(async move { connectors.pause_connector(request).await })
    });
    let mut generations = Vec::new();
    for repeat in repeats.collect::<Vec<_>>() {
        let answer = repeat.await.expect("no panic").expect("answered");
        generations.push(answer.into_inner().generation);
    }
    assert!(generations.iter().all(|generation| *generation == 3), "{generations:?}");
}

#[tokio::test]
async fn an_id_that_is_too_long_is_refused() {
    let mut server = Server::with_instance().await;
    let name = server.create("sink").await.name;
    let request = v1::PauseConnectorRequest { request_id: "r".repeat(65), ..pause(&name) };
    let refused = server.connectors.pause_connector(request).await.expect_err("refused");
    assert_eq!(crate::server::violations(&refused)[0].0, "request_id");
}
