//! TailLogs and TailDeadLetters.

use kafka2oss_proto::agent::v1::connect_request::Message as Said;
use kafka2oss_proto::{agent, v1};

use crate::agent::{Agent, Script};
use crate::server::{PATIENCE, Server};

fn line(connector: &str, message: &str) -> v1::LogEntry {
    v1::LogEntry {
        connector: connector.to_owned(),
        severity: v1::LogSeverity::Info.into(),
        agent: "agents/somebody-else".to_owned(),
        message: message.to_owned(),
        ..v1::LogEntry::default()
    }
}

#[tokio::test]
async fn log_lines_of_agents_are_kept_and_followed() {
    let mut server = Server::with_instance().await;
    let agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let name = server.running("sink").await.name;
    let entries = vec![line(&name, "first"), line("instances/x/connectors/y", "of nobody")];
    agent.say(Said::Logs(agent::v1::LogBatch { entries, dropped: 3 })).await;

    let request = v1::TailLogsRequest { name: name.clone(), ..Default::default() };
    let mut tail = server.connectors.tail_logs(request).await.expect("a stream").into_inner();
    let mut seen = Vec::new();
    let mut dropped = 0;
    let mut read = async |until: &str| {
        while !seen.iter().any(|entry: &v1::LogEntry| entry.message == until) {
            let next = tokio::time::timeout(PATIENCE, tail.message()).await.expect("in time");
            let answer = next.expect("no error").expect("no end");
            dropped += answer.dropped;
            seen.extend(answer.entries);
        }
        (seen.clone(), dropped)
    };
    let (seen, _) = read("first").await;
    assert_eq!(seen[0].message, "created", "the control plane writes to the log, too");
    let first = seen.last().expect("a line");
    assert_eq!(first.agent, "agents/a", "an agent speaks for itself only");
    assert!(first.time.is_some());

    let batch = agent::v1::LogBatch { entries: vec![line(&name, "second")], dropped: 5 };
    agent.say(Said::Logs(batch)).await;
    let (_, dropped) = read("second").await;
    assert!(dropped >= 5, "{dropped}");

    let request = v1::TailLogsRequest { name, lines: Some(1), no_follow: true };
    let mut tail = server.connectors.tail_logs(request).await.expect("a stream").into_inner();
    let answer = tail.message().await.expect("no error").expect("an answer");
    assert_eq!(answer.entries.len(), 1);
    assert_eq!(answer.entries[0].message, "second");
    assert_eq!(tail.message().await.expect("no error"), None);
}

#[tokio::test]
async fn dead_letters_are_followed_until_the_connector_is_gone() {
    let mut server = Server::with_instance().await;
    let agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let name = server.running("sink").await.name;
    let request = v1::TailDeadLettersRequest { name: name.clone(), ..Default::default() };
    let tail = server.connectors.tail_dead_letters(request).await.expect("a stream");
    let mut tail = tail.into_inner();
    let letter = v1::DeadLetter {
        connector: name.clone(),
        offset: 4,
        error_code: "RECORD_NOT_UTF8".to_owned(),
        value_preview: vec![0xff; 100],
        ..v1::DeadLetter::default()
    };
    let batch = agent::v1::DeadLetterBatch { dead_letters: vec![letter], dropped: 0 };
    agent.say(Said::DeadLetters(batch)).await;
    let answer = tail.message().await.expect("no error").expect("an answer");
    assert_eq!(answer.dead_letters[0].offset, 4);
    assert_eq!(answer.dead_letters[0].value_preview.len(), 64);

    let request = v1::DeleteConnectorRequest { name, ..Default::default() };
    server.connectors.delete_connector(request).await.expect("deleted");
    let end = tokio::time::timeout(PATIENCE, tail.message()).await.expect("in time");
    assert_eq!(end.expect("no error"), None);
}
