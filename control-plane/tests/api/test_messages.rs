//! SendTestMessage under an ID: written once, or it is said that nobody knows.

use kafka2oss_proto::agent;
use kafka2oss_proto::agent::v1::command::Command;
use kafka2oss_proto::agent::v1::connect_response::Message as Told;
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::test_message_payload::Content;
use tonic::Code;

use crate::agent::{Agent, Script, problem};
use crate::server::{Server, reason};

/// Writes a test message under the ID `r-1`.
fn test_message(name: &str, text: &str) -> v1::SendTestMessageRequest {
    v1::SendTestMessageRequest {
        name: name.to_owned(),
        value: Some(v1::TestMessagePayload { content: Some(Content::Text(text.to_owned())) }),
        request_id: "r-1".to_owned(),
        ..Default::default()
    }
}

/// Whether each test message that an agent was asked for came again.
fn asked_for(agent: &Agent) -> Vec<bool> {
    let again = |command: &agent::v1::Command| match &command.command {
        Some(Command::WriteTestMessage(write)) => Some(write.again),
        _ => None,
    };
    agent.commands().iter().filter_map(again).collect()
}

#[tokio::test]
async fn a_repeated_test_message_is_the_same_one_or_refused() {
    let mut server = Server::with_instance().await;
    let _agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let name = server.running("sink").await.name;
    let text = |text: &str| test_message(&name, text);
    let first = server.connectors.send_test_message(text("one")).await.expect("sent").into_inner();
    let again = server.connectors.send_test_message(text("one")).await.expect("sent").into_inner();
    assert_eq!(first, again);
    let status = server.connectors.send_test_message(text("two")).await.expect_err("refused");
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::AlreadyExists, "REQUEST_ID_REUSED")
    );
}

#[tokio::test]
async fn a_test_message_that_was_certainly_not_written_is_tried_anew_under_its_id() {
    let mut server = Server::with_instance().await;
    let mut script = Script::willing("a");
    script.write_problems = vec![problem("KAFKA_UNREACHABLE")];
    let agent = Agent::connect(&server.channel, script).await;
    let name = server.running("sink").await.name;
    let request = || test_message(&name, "one");
    let status = server.connectors.send_test_message(request()).await.expect_err("refused");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "KAFKA_UNREACHABLE"));
    let sent = server.connectors.send_test_message(request()).await.expect("sent").into_inner();
    let again = server.connectors.send_test_message(request()).await.expect("sent").into_inner();
    assert_eq!(sent, again);
    assert_eq!(asked_for(&agent), [false, false, true]);
}

#[tokio::test]
async fn a_test_message_whose_agent_was_lost_is_written_by_no_other_one() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let name = server.running("sink").await.name;
    // It takes the message, and is not heard of again.
    agent.freeze();
    let mut client = server.connectors.clone();
    let request = || test_message(&name, "one");
    let first = tokio::spawn({
        let request = request();
        async move { client.send_test_message(request).await }
    });
    let is_write = |told: &Told| match told {
        Told::Command(command) => {
            matches!(command.command, Some(Command::WriteTestMessage(_))).then_some(())
        }
        _ => None,
    };
    agent.told(is_write).await;
    agent.vanish().await;
    let uncertain = (Code::Aborted, "TEST_MESSAGE_UNCERTAIN".to_owned());
    let status = first.await.expect("no panic").expect_err("nobody knows");
    assert_eq!((status.code(), reason(&status)), uncertain);

    let other = Agent::connect(&server.channel, Script::willing("b")).await;
    for _ in 0..2 {
        let status = server.connectors.send_test_message(request()).await.expect_err("unknown");
        assert_eq!((status.code(), reason(&status)), uncertain);
    }
    assert_eq!(asked_for(&other), [true, true]);
    let anew = v1::SendTestMessageRequest { request_id: "r-2".to_owned(), ..request() };
    server.connectors.send_test_message(anew).await.expect("sent");
}
