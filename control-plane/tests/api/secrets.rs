//! Inline secrets: to the agents, never to disk, never back.

use std::path::Path;

use kafka2oss_proto::agent;
use kafka2oss_proto::agent::v1::command::Command;
use kafka2oss_proto::v1::{self, ConnectorState};
use prost::Message;

use crate::agent::{Agent, Script, problem};
use crate::server::{Server, condition, creation, credentials, plain, reason};

const VALUE: &str = "SeCrEt-tHaT-mUsT-nOt-LeAk";

fn with_inline(id: &str) -> v1::CreateConnectorRequest {
    let mut request = creation(id);
    request.request_id = "r-1".to_owned();
    let spec = request.connector.as_mut().and_then(|connector| connector.spec.as_mut());
    let destination = spec.and_then(|spec| spec.destination.as_mut()).expect("a destination");
    destination.credentials = Some(credentials(plain("AKID"), plain(VALUE)));
    request
}

fn holds(bytes: &[u8]) -> bool {
    bytes.windows(VALUE.len()).any(|window| window == VALUE.as_bytes())
}

fn files_hold(folder: &Path) -> bool {
    std::fs::read_dir(folder).expect("a folder").any(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files_hold(&path)
        } else {
            holds(&std::fs::read(&path).expect("a file"))
        }
    })
}

#[tokio::test]
async fn an_inline_secret_goes_to_the_agents_and_nowhere_else() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let created = server.connectors.create_connector(with_inline("sink")).await.expect("created");
    let created = created.into_inner();
    assert!(!holds(&created.encode_to_vec()));
    server.deploy(&created.name).await;
    let running = server.until_state(&created.name, ConnectorState::Running).await;
    assert!(!holds(&running.encode_to_vec()));

    let list = agent.assigned(|list| !list.connectors.is_empty()).await;
    assert!(holds(&list.encode_to_vec()), "the agent needs it");
    assert!(agent.commands().iter().any(|command| holds(&command.encode_to_vec())));
    server.stop().await;
    assert!(!files_hold(server.folder()));
}

#[tokio::test]
async fn secrets_that_were_lost_are_withheld_and_given_again_by_update() {
    let mut server = Server::with_instance().await;
    let agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let created = server.connectors.create_connector(with_inline("sink")).await.expect("created");
    let name = created.into_inner().name;
    server.deploy(&name).await;
    server.until_state(&name, ConnectorState::Running).await;
    server.stop().await;
    drop(agent);
    server.start_again(|_| {}).await;

    // An agent that does not hold them, as after its own restart.
    let mut script = Script::willing("a").boot(2);
    script.refuse = Box::new(|assignment| {
        (!holds(&assignment.encode_to_vec())).then(|| problem("CREDENTIALS_REQUIRED"))
    });
    let _agent = Agent::connect(&server.channel, script).await;
    let required = server.until_state(&name, ConnectorState::CredentialsRequired).await;
    assert_eq!(condition(&required, "Ready").reason, "CREDENTIALS_REQUIRED");

    update(&mut server, &name, with_inline("sink"), "credentials").await;
    server.until_state(&name, ConnectorState::Running).await;
    server.stop().await;
    assert!(!files_hold(server.folder()));
}

/// Whether an assignment withholds what was given inline.
fn withholds(assignment: &agent::v1::ConnectorAssignment) -> bool {
    !holds(&assignment.encode_to_vec())
}

#[tokio::test]
async fn what_is_withheld_has_the_name_of_the_giving_that_was_lost() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let created = server.connectors.create_connector(with_inline("sink")).await.expect("created");
    let name = created.into_inner().name;
    server.deploy(&name).await;
    server.until_state(&name, ConnectorState::Running).await;
    let list = agent.assigned(|list| !list.connectors.is_empty()).await;
    let first = list.connectors[0].clone();
    assert!(!first.secrets_id.is_empty() && !withholds(&first), "{first:?}");
    let prepared_with = |command: &agent::v1::Command| match &command.command {
        Some(Command::PrepareConnector(prepare)) => Some(prepare.secrets_id.clone()),
        _ => None,
    };
    let prepared: Vec<_> = agent.commands().iter().filter_map(prepared_with).collect();
    assert_eq!(prepared, [first.secrets_id.as_str()]);

    // Nobody is told of what is given while no agent is there.
    drop(agent);
    server.restart().await;
    let updated = update(&mut server, &name, with_inline("sink"), "credentials").await;
    server.restart().await;
    let mut agent = Agent::connect(&server.channel, Script::willing("a").boot(2)).await;
    let list = agent.assigned(|list| !list.connectors.is_empty()).await;
    let second = list.connectors[0].clone();
    assert_eq!(second.generation, updated.generation);
    assert!(withholds(&second) && !second.secrets_id.is_empty(), "{second:?}");
    assert_ne!(second.secrets_id, first.secrets_id, "the same values, given anew");

    // Another generation of the same secrets.
    let updated = update(&mut server, &name, with_inline("sink"), "spec.output.include_headers");
    let updated = updated.await;
    let is_next = |list: &agent::v1::AssignmentList| {
        list.connectors.iter().any(|one| one.generation == updated.generation)
    };
    assert_eq!(agent.assigned(is_next).await.connectors[0].secrets_id, second.secrets_id);

    let by_reference = creation("sink");
    let updated = update(&mut server, &name, by_reference, "credentials").await;
    let is_next = |list: &agent::v1::AssignmentList| {
        list.connectors.iter().any(|one| one.generation == updated.generation)
    };
    assert_eq!(agent.assigned(is_next).await.connectors[0].secrets_id, "");
}

/// Takes what the path names from a request as one that creates it.
async fn update(
    server: &mut Server,
    name: &str,
    given: v1::CreateConnectorRequest,
    path: &str,
) -> v1::Connector {
    let mut connector = given.connector.expect("a connector");
    connector.name = name.to_owned();
    let spec = connector.spec.get_or_insert_default();
    spec.output.get_or_insert_default().include_headers = true;
    let paths = vec![path.to_owned()];
    let request = v1::UpdateConnectorRequest {
        connector: Some(connector),
        update_mask: Some(prost_types::FieldMask { paths }),
        ..Default::default()
    };
    server.connectors.update_connector(request).await.expect("updated").into_inner()
}

#[tokio::test]
async fn a_repeated_request_has_the_same_secrets_or_is_refused() {
    let mut server = Server::with_instance().await;
    let request = with_inline("sink");
    let first = server.connectors.create_connector(request.clone()).await.expect("created");
    let uid = first.into_inner().uid;
    let again = server.connectors.create_connector(request.clone()).await.expect("repeated");
    assert_eq!(again.into_inner().uid, uid);

    let mut other = request.clone();
    let spec = other.connector.as_mut().and_then(|connector| connector.spec.as_mut());
    let destination = spec.and_then(|spec| spec.destination.as_mut()).expect("a destination");
    destination.credentials = Some(credentials(plain("AKID"), plain("another")));
    let status = server.connectors.create_connector(other).await.expect_err("refused");
    assert_eq!(reason(&status), "REQUEST_ID_REUSED");
    assert!(!status.message().contains(VALUE), "{status}");

    // Whether they are the same nobody can tell any more; they are lost, too.
    server.restart().await;
    let status = server.connectors.create_connector(request).await.expect_err("refused");
    assert_eq!(reason(&status), "REQUEST_ID_REUSED");
    assert!(status.message().contains("credentials"), "{status}");
}
