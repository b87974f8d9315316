//! Inline secrets: to the agents, never to disk, never back.

use std::path::Path;

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

    let mut connector = with_inline("sink").connector.expect("a connector");
    connector.name = name.clone();
    let paths = vec!["credentials".to_owned()];
    let request = v1::UpdateConnectorRequest {
        connector: Some(connector),
        update_mask: Some(prost_types::FieldMask { paths }),
    };
    server.connectors.update_connector(request).await.expect("updated");
    server.until_state(&name, ConnectorState::Running).await;
    server.stop().await;
    assert!(!files_hold(server.folder()));
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
