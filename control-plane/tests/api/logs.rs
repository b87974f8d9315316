//! TailLogs and TailDeadLetters.

use kafka2oss_proto::agent::v1::connect_request::Message as Said;
use kafka2oss_proto::{agent, v1};

use crate::agent::{Agent, Script};
use crate::server::{PATIENCE, Server, violations};

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

    let request = v1::TailLogsRequest { parent: name.clone(), ..Default::default() };
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

    let request = v1::TailLogsRequest { parent: name, lines: Some(1), no_follow: true };
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
    let request = v1::TailDeadLettersRequest { parent: name.clone(), ..Default::default() };
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

#[tokio::test]
async fn a_tail_of_less_than_no_lines_is_refused() {
    let mut server = Server::with_instance().await;
    let parent = server.create("sink").await.name;
    let request = v1::TailLogsRequest { parent, lines: Some(-1), ..Default::default() };
    let refused = server.connectors.tail_logs(request).await.expect_err("refused");
    let expected = [("lines".to_owned(), "SPEC_FIELD_INVALID".to_owned())];
    assert_eq!(violations(&refused), expected);
}

/// The lines and the dead letters that are kept.
async fn kept(server: &mut Server, name: &str) -> (Vec<String>, Vec<i64>) {
    let request =
        v1::TailLogsRequest { parent: name.to_owned(), no_follow: true, ..Default::default() };
    let mut tail = server.connectors.tail_logs(request).await.expect("a stream").into_inner();
    let mut lines = Vec::new();
    while let Some(answer) = tail.message().await.expect("no error") {
        lines.extend(answer.entries.into_iter().map(|entry| entry.message));
    }
    let request = v1::ListDeadLettersRequest { parent: name.to_owned(), ..Default::default() };
    let list = server.connectors.list_dead_letters(request).await.expect("a list").into_inner();
    (lines, list.dead_letters.into_iter().map(|letter| letter.offset).collect())
}

#[tokio::test]
async fn lines_and_dead_letters_survive_a_restart_and_go_with_their_connector() {
    let mut server = Server::with_instance().await;
    let agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let (name, other) = (server.running("sink").await.name, server.running("other").await.name);
    let letter = v1::DeadLetter { connector: name.clone(), offset: 4, ..Default::default() };
    let batch = agent::v1::DeadLetterBatch { dead_letters: vec![letter], dropped: 0 };
    agent.say(Said::DeadLetters(batch)).await;
    let entries = vec![line(&name, "first"), line(&name, "second"), line(&other, "of another")];
    agent.say(Said::Logs(agent::v1::LogBatch { entries, dropped: 0 })).await;
    let both_came = async {
        while !kept(&mut server, &other).await.0.contains(&"of another".to_owned()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, both_came).await.expect("in time");
    let before = kept(&mut server, &name).await;
    assert_eq!((before.0.last().map(String::as_str), &before.1), (Some("second"), &vec![4]));

    server.restart().await;
    let (after, letters) = kept(&mut server, &name).await;
    assert_eq!((&after[..before.0.len()], letters), (&before.0[..], before.1));

    server.stop().await;
    server.start_again(|options| options.connector_logs_mib = 0).await;
    assert!(!kept(&mut server, &name).await.0.contains(&"first".to_owned()), "they are not read");
}
