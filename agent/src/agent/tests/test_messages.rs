//! A test message is written once, however often it is asked for, and a failure before
//! anything was sent stands for nothing.

use std::path::Path;

use kafka2oss_proto::agent::v1::{command, command_result};

use super::*;

/// Writes a record to brokers that nobody can reach, with a CA from a file.
fn write(id: &str, certificate: Option<&Path>, again: bool) -> connect_response::Message {
    let mut instance = wire("c", &[]).instance.expect("an instance");
    instance.bootstrap_servers = vec!["127.0.0.1:1".to_owned()];
    if let Some(file) = certificate {
        instance.security_protocol = v1::SecurityProtocol::Ssl.into();
        let file = file.to_str().expect("a path of text").to_owned();
        instance.ca_certificate = Some(v1::Secret { source: Some(Source::File(file)) });
    }
    let write = agent::v1::WriteTestMessage {
        connector: connector_name("c").to_string(),
        instance: Some(instance),
        topic: "t".to_owned(),
        again,
        ..Default::default()
    };
    connect_response::Message::Command(agent::v1::Command {
        id: id.to_owned(),
        timeout: Some(prost_types::Duration { seconds: 0, nanos: 500_000_000 }),
        command: Some(command::Command::WriteTestMessage(write)),
    })
}

/// The code of the problem that a command ended with.
async fn code(stream: &mut Stream) -> String {
    let problem = |message| match message {
        connect_request::Message::CommandResult(agent::v1::CommandResult {
            result: Some(command_result::Result::Problem(problem)),
            ..
        }) => Some(problem.code),
        _ => None,
    };
    stream.until("a problem", problem).await
}

#[tokio::test]
async fn one_that_failed_before_it_was_sent_is_tried_anew_under_its_id() {
    let mut control_plane = ControlPlane::start();
    let _bench = start(options(&control_plane.url())).await;
    let mut stream = control_plane.welcomed().await;
    let folder = tempfile::tempdir().expect("a directory");
    let certificate = folder.path().join("ca.pem");

    stream.send(write("a", Some(&certificate), false)).await;
    assert_eq!(code(&mut stream).await, "SECRET_UNREADABLE");
    std::fs::write(&certificate, "no certificate").expect("written");
    for again in [false, true] {
        stream.send(write("a", Some(&certificate), again)).await;
        assert_eq!(code(&mut stream).await, "KAFKA_TLS_FAILED");
    }
}

#[tokio::test]
async fn one_of_which_it_is_not_known_whether_it_was_written_is_not_written_again() {
    let mut control_plane = ControlPlane::start();
    let _bench = start(options(&control_plane.url())).await;
    let mut stream = control_plane.welcomed().await;
    for again in [false, false, true] {
        stream.send(write("a", None, again)).await;
        assert_eq!(code(&mut stream).await, "TEST_MESSAGE_UNCERTAIN");
    }
    // One that another agent was asked for, or this one before its restart.
    stream.send(write("b", None, true)).await;
    assert_eq!(code(&mut stream).await, "TEST_MESSAGE_UNCERTAIN");
    // Nothing was written for that.
    let folder = tempfile::tempdir().expect("a directory");
    stream.send(write("b", Some(&folder.path().join("none")), false)).await;
    assert_eq!(code(&mut stream).await, "SECRET_UNREADABLE");
}
