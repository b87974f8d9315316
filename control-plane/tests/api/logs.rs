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

    let request =
        v1::TailLogsRequest { parent: name, lines: Some(1), no_follow: true, ..Default::default() };
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

/// A line of a second, of a partition.
fn at(connector: &str, seconds: i64, partition: i32) -> v1::LogEntry {
    v1::LogEntry {
        time: Some(prost_types::Timestamp { seconds, nanos: 0 }),
        partition: Some(partition),
        ..line(connector, &format!("{seconds} of {partition}"))
    }
}

#[tokio::test]
async fn lines_are_listed_and_followed_as_a_filter_means_them() {
    let mut server = Server::with_instance().await;
    let agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let name = server.running("sink").await.name;
    let filter = "agent = a AND partition = 1".to_owned();
    let tail = v1::TailLogsRequest {
        parent: name.clone(),
        filter: filter.clone(),
        since: Some(prost_types::Timestamp { seconds: 1_000, nanos: 0 }),
        ..Default::default()
    };
    let tail = server.connectors.tail_logs(tail).await.expect("a stream");
    let mut tail = tail.into_inner();

    let entries: Vec<_> = (0..300).map(|second| at(&name, second, (second % 3) as i32)).collect();
    agent.say(Said::Logs(agent::v1::LogBatch { entries, dropped: 0 })).await;
    // They are new to who follows, whatever their clock says.
    let mut seen = Vec::new();
    while seen.len() < 100 {
        let next = tokio::time::timeout(PATIENCE, tail.message()).await.expect("in time");
        seen.extend(next.expect("no error").expect("no end").entries);
    }
    assert!(seen.iter().all(|entry| entry.partition == Some(1)), "{seen:?}");
    assert_eq!(seen.last().map(|entry| entry.message.as_str()), Some("298 of 1"));

    // In pages, the newest first.
    let mut request = v1::ListLogsRequest {
        parent: name.clone(),
        page_size: 40,
        filter: filter.clone(),
        ..Default::default()
    };
    let mut pages = Vec::new();
    loop {
        let page = server.connectors.list_logs(request.clone()).await.expect("a page");
        let page = page.into_inner();
        pages.push(page.entries.len());
        seen.truncate(seen.len() - page.entries.len());
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!((pages, seen.len()), (vec![40, 40, 20], 0));

    // Past ones: the last that are meant and not too old.
    let past = async |lines, seconds| {
        let request = v1::TailLogsRequest {
            parent: name.clone(),
            lines,
            no_follow: true,
            filter: filter.clone(),
            since: Some(prost_types::Timestamp { seconds, nanos: 0 }),
        };
        let tail = server.connectors.clone().tail_logs(request).await.expect("a stream");
        let mut tail = tail.into_inner();
        let mut seconds = Vec::new();
        while let Some(answer) = tail.message().await.expect("no error") {
            seconds.extend(answer.entries.iter().filter_map(|entry| Some(entry.time?.seconds)));
        }
        seconds
    };
    assert_eq!(past(Some(2), 0).await, [295, 298]);
    assert_eq!(past(None, 290).await, [292, 295, 298]);
    assert_eq!(past(Some(0), 0).await, []);
}

#[tokio::test]
async fn a_filter_of_lines_is_refused_at_its_place_and_a_token_of_another_request() {
    let mut server = Server::with_instance().await;
    let parent = server.create("sink").await.name;
    let filter = "severity >= WARN".to_owned();
    let request = v1::ListLogsRequest { parent: parent.clone(), filter, ..Default::default() };
    let refused = server.connectors.list_logs(request).await.expect_err("refused");
    assert_eq!(violations(&refused)[0].1, "EXPRESSION_INVALID");
    assert!(refused.message().contains("at byte "), "{}", refused.message());
    let filter = "bucket = b".to_owned();
    let request = v1::TailLogsRequest { parent: parent.clone(), filter, ..Default::default() };
    let refused = server.connectors.tail_logs(request).await.expect_err("refused");
    assert_eq!(violations(&refused)[0].0, "filter");
    let page_token = "17".to_owned();
    let request = v1::ListLogsRequest { parent, page_token, ..Default::default() };
    let refused = server.connectors.list_logs(request).await.expect_err("refused");
    assert_eq!(violations(&refused)[0].0, "page_token");
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
