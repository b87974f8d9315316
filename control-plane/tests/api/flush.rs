//! FlushConnector: a barrier, told by agents that do their work, hang, lie, leave, and flood.

use std::time::{Duration, Instant};

use kafka2oss_proto::agent;
use kafka2oss_proto::agent::v1::command::Command;
use kafka2oss_proto::agent::v1::command_progress::Progress;
use kafka2oss_proto::agent::v1::command_result::Result as Outcome;
use kafka2oss_proto::agent::v1::connect_request::Message as Said;
use kafka2oss_proto::agent::v1::connect_response::Message as Told;
use kafka2oss_proto::v1::flush_connector_response::Event;
use kafka2oss_proto::v1::{self, PartitionState::Running, PartitionState::Stopped};
use tokio::task::JoinHandle;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;

use crate::agent::{Agent, Script, partition};
use crate::server::{PATIENCE, Server, reason, status_of, violations};

/// An agent that knows flushes, and leaves it to the test to tell of them.
fn able(id: &str, ends: &[(i32, i64)]) -> Script {
    let mut script = Script::willing(id);
    script.hello.features = ["own-keys", "preflight", "flush"].map(str::to_owned).to_vec();
    script.ends = ends.iter().copied().collect();
    script
}

fn request(name: &str, seconds: i64) -> v1::FlushConnectorRequest {
    let timeout = Some(prost_types::Duration { seconds, nanos: 0 });
    v1::FlushConnectorRequest { name: name.to_owned(), timeout }
}

/// What a flush told, and how it ended.
#[derive(Debug, Default)]
struct Flush {
    progress: Vec<v1::FlushProgress>,
    objects: Vec<v1::FlushedObjects>,
    summary: Option<v1::FlushSummary>,
    failed: Option<Status>,
}

impl Flush {
    fn failed(self) -> Status {
        self.failed.expect("an error")
    }

    fn summary(&self) -> &v1::FlushSummary {
        self.summary.as_ref().unwrap_or_else(|| panic!("a summary: {self:?}"))
    }

    /// What was told of a partition last.
    fn last(&self, partition: i32) -> &v1::FlushedPartition {
        let mut told = self.progress.iter().rev().flat_map(|progress| &progress.partitions);
        told.find(|one| one.partition == partition).expect("it was told")
    }
}

/// Flushes in the background.
async fn begin(server: &mut Server, name: &str, seconds: i64) -> JoinHandle<Flush> {
    let stream = server.connectors.flush_connector(request(name, seconds)).await;
    tokio::spawn(read(stream.expect("a stream").into_inner()))
}

async fn read(mut stream: Streaming<v1::FlushConnectorResponse>) -> Flush {
    let mut flush = Flush::default();
    let reading = async {
        loop {
            let answer = match stream.message().await {
                Ok(Some(answer)) => answer,
                Ok(None) => return,
                Err(status) => {
                    flush.failed = Some(status);
                    return;
                }
            };
            assert!(flush.summary.is_none(), "the summary is the last");
            match answer.event.expect("an event") {
                Event::Progress(progress) => flush.progress.push(progress),
                Event::Objects(objects) => flush.objects.extend(objects.partitions),
                Event::Summary(summary) => flush.summary = Some(summary),
                Event::Heartbeat(()) => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("it ends");
    flush
}

/// The flushes that an agent was asked for so far.
fn flushes(agent: &Agent) -> Vec<(String, agent::v1::FlushConnector)> {
    let of = |one: agent::v1::Command| match one.command {
        Some(Command::FlushConnector(flush)) => Some((one.id, flush)),
        _ => None,
    };
    agent.commands().into_iter().filter_map(of).collect()
}

/// The command with these targets that an agent was sent.
async fn asked(agent: &mut Agent, targets: &[(i32, i64)]) -> String {
    let wanted = targets.iter().copied().collect();
    agent
        .told(|told| match told {
            Told::Command(agent::v1::Command {
                id,
                command: Some(Command::FlushConnector(flush)),
                ..
            }) if flush.target_offsets == wanted => Some(id.clone()),
            _ => None,
        })
        .await
}

/// What an agent says of a partition: what is committed, up to where it is complete, and
/// the extents of objects.
fn says(id: &str, partition: i32, at: (i64, i64), extents: &[(i64, i64)]) -> Said {
    let object = |(first_offset, next_offset): &(i64, i64)| v1::FlushedObject {
        object_key: format!("t/{partition}/{first_offset}"),
        extent: Some(v1::Extent { first_offset: *first_offset, next_offset: *next_offset }),
        records: Some(next_offset - first_offset),
    };
    let one = agent::v1::FlushReportPartition {
        partition,
        committed_offset: Some(at.0),
        complete_to: Some(at.1),
        objects: extents.iter().map(object).collect(),
    };
    let progress = Some(Progress::Flush(agent::v1::FlushReport { partitions: vec![one] }));
    Said::CommandProgress(agent::v1::CommandProgress { id: id.to_owned(), progress })
}

fn done(id: &str) -> Said {
    let result = Some(Outcome::FlushConnector(agent::v1::FlushConnectorResult {}));
    Said::CommandResult(agent::v1::CommandResult { id: id.to_owned(), result })
}

/// A connector that runs, with these partitions shown.
async fn running(
    server: &mut Server,
    agent: &Agent,
    partitions: Vec<v1::PartitionProgress>,
) -> String {
    let name = server.running("sink").await.name;
    let count = partitions.len();
    agent.show(partitions).await;
    server.until(&name, |one| status_of(one).partitions.len() == count).await;
    name
}

fn at(number: i32, offset: i64) -> v1::PartitionProgress {
    partition(number, Running, offset, Some(offset))
}

#[tokio::test]
async fn a_flush_ends_when_every_partition_is_complete_and_names_the_objects() {
    let mut server = Server::with_instance().await;
    let script = able("a", &[(0, 10), (1, 5), (2, 8)]);
    let mut agent = Agent::connect(&server.channel, script).await;
    let name = running(&mut server, &agent, vec![at(0, 3), at(1, 5), at(2, 7)]).await;

    let flush = begin(&mut server, &name, 60).await;
    // Nothing is missing of partition 1.
    let id = asked(&mut agent, &[(0, 10), (2, 8)]).await;
    let (_, command) = flushes(&agent).remove(0);
    assert_eq!((command.connector.as_str(), command.epoch), (name.as_str(), 1));
    agent.say(says(&id, 0, (3, 3), &[])).await;
    agent.say(says(&id, 0, (12, 12), &[(3, 9), (9, 12)])).await;
    // What is behind the committed offset holds no record.
    agent.say(says(&id, 2, (7, 8), &[])).await;
    agent.say(done(&id)).await;

    let flush = flush.await.expect("no panic");
    let expected = v1::FlushSummary {
        complete: true,
        partitions_total: 3,
        partitions_reached: 3,
        unreached: Vec::new(),
        objects: 2,
        objects_complete: true,
    };
    assert_eq!(flush.summary(), &expected, "{flush:#?}");
    let [objects] = &flush.objects[..] else { panic!("{flush:#?}") };
    let keys: Vec<_> = objects.objects.iter().map(|object| object.object_key.as_str()).collect();
    assert_eq!((objects.partition, &keys[..]), (0, &["t/0/3", "t/0/9"][..]));
    let last = flush.last(0);
    assert!(last.reached && last.target_offset == 10 && last.committed_offset == Some(12));
    assert!(flush.last(2).reached && flush.last(2).committed_offset == Some(7));
}

#[tokio::test]
async fn only_a_connector_that_runs_is_flushed_within_a_time_that_can_be() {
    let mut server = Server::with_instance().await;
    let agent = Agent::connect(&server.channel, able("a", &[(0, 1)])).await;
    let created = server.create("created").await.name;
    let name = running(&mut server, &agent, vec![at(0, 0)]).await;
    server.pause(&name).await.expect("paused");
    for refused in [&created, &name] {
        let status = server.connectors.flush_connector(request(refused, 5)).await;
        let status = status.expect_err("it does not run");
        let expected = (Code::FailedPrecondition, "WRONG_STATE".to_owned());
        assert_eq!((status.code(), reason(&status)), expected);
    }
    let missing = server.connectors.flush_connector(request(&format!("{name}-2"), 5)).await;
    assert_eq!(missing.expect_err("there is none").code(), Code::NotFound);
    for seconds in [0, -1, 3_601] {
        let status = server.connectors.flush_connector(request(&name, seconds)).await;
        let status = status.expect_err("no time");
        let expected = [("timeout".to_owned(), "SPEC_FIELD_INVALID".to_owned())];
        assert_eq!(
            (status.code(), &violations(&status)[..]),
            (Code::InvalidArgument, &expected[..])
        );
    }
    assert!(flushes(&agent).is_empty());
}

#[tokio::test]
async fn a_flush_ends_with_the_state_that_allows_it() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, able("a", &[(0, 10)])).await;
    let name = running(&mut server, &agent, vec![at(0, 3)]).await;
    let flush = begin(&mut server, &name, 60).await;
    asked(&mut agent, &[(0, 10)]).await;
    server.pause(&name).await.expect("paused");
    let status = flush.await.expect("no panic").failed();
    let expected = (Code::FailedPrecondition, "WRONG_STATE".to_owned());
    assert_eq!((status.code(), reason(&status)), expected);
}

#[tokio::test]
async fn agents_that_do_not_know_flushes_are_named() {
    let mut server = Server::with_instance().await;
    let agent = Agent::connect(&server.channel, Script::willing("old")).await;
    let name = running(&mut server, &agent, vec![at(0, 3)]).await;
    let status = begin(&mut server, &name, 60).await.await.expect("no panic").failed();
    let expected = (Code::FailedPrecondition, "AGENT_UNSUPPORTED".to_owned());
    assert_eq!((status.code(), reason(&status)), expected);
    assert!(status.message().contains("agents/old"), "{status:?}");
    let info = status.get_details_error_info().expect("an ErrorInfo");
    assert_eq!(info.metadata.get("feature").map(String::as_str), Some("flush"));
    assert!(info.metadata.contains_key("remedy"));
}

#[tokio::test]
async fn an_agent_that_hangs_costs_the_time_of_the_flush_and_the_partitions_are_named() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, able("a", &[(0, 10), (1, 5)])).await;
    let slow = v1::PartitionProgress {
        error_code: "STORE_UNREACHABLE".to_owned(),
        ..partition(0, v1::PartitionState::Retrying, 9, Some(3))
    };
    let name = running(&mut server, &agent, vec![slow, at(1, 5)]).await;
    let begun = Instant::now();
    let flush = begin(&mut server, &name, 2).await;
    asked(&mut agent, &[(0, 10)]).await;
    let flush = flush.await.expect("no panic");
    assert!(begun.elapsed() < Duration::from_secs(6));
    assert_eq!(flush.last(0).error_code, "STORE_UNREACHABLE", "it was told before");
    let status = flush.failed();
    let expected = (Code::DeadlineExceeded, "FLUSH_INCOMPLETE".to_owned());
    assert_eq!((status.code(), reason(&status)), expected);
    let failure = status.get_details_precondition_failure().expect("a PreconditionFailure");
    let [violation] = &failure.violations[..] else { panic!("{failure:?}") };
    assert_eq!((&*violation.r#type, &*violation.subject), ("STORE_UNREACHABLE", "partition 0"));
    assert!(violation.description.contains("3 of 10 are committed"), "{violation:?}");
}

#[tokio::test]
async fn where_partitions_end_is_asked_within_the_time_and_believed_only_of_all() {
    let mut server = Server::with_instance().await;
    // It has a partition 1, of which it does not say where it ends.
    let mut agent = Agent::connect(&server.channel, able("a", &[(1, 5)])).await;
    let name = running(&mut server, &agent, vec![at(0, 3), at(1, 5)]).await;
    let status = begin(&mut server, &name, 60).await.await.expect("no panic").failed();
    assert!(status.message().contains("agents/a did not tell"), "{status:?}");
    agent.freeze();
    let begun = Instant::now();
    let flush = begin(&mut server, &name, 1).await;
    let is_read = |told: &Told| match told {
        Told::Command(one) => matches!(one.command, Some(Command::ReadEndOffsets(_))).then_some(()),
        _ => None,
    };
    agent.told(is_read).await;
    let status = flush.await.expect("no panic").failed();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "AGENT_TIMEOUT"));
    assert!(begun.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn nobodys_word_counts_for_partitions_of_others_or_other_flushes() {
    let mut server = Server::with_instance().await;
    let mut a = Agent::connect(&server.channel, able("a", &[(0, 10), (1, 10)])).await;
    let mut b = Agent::connect(&server.channel, able("b", &[(0, 10), (1, 10)])).await;
    let name = server.running("sink").await.name;
    a.show(vec![at(0, 3)]).await;
    b.show(vec![at(1, 3)]).await;
    server.until(&name, |one| status_of(one).partitions.len() == 2).await;

    let flush = begin(&mut server, &name, 2).await;
    let of_a = asked(&mut a, &[(0, 10)]).await;
    let of_b = asked(&mut b, &[(1, 10)]).await;
    // Of the other's partition, of one that is not there, under the other's command; and
    // a report of another connector's life.
    b.say(says(&of_b, 0, (10, 10), &[(3, 10)])).await;
    b.say(says(&of_b, 7, (10, 10), &[(3, 10)])).await;
    b.say(says(&of_a, 0, (10, 10), &[(3, 10)])).await;
    let of_another = agent::v1::ConnectorReport {
        connector: name.clone(),
        uid: "ANOTHER".to_owned(),
        partitions: vec![at(0, 10)],
        ..Default::default()
    };
    b.report(of_another).await;
    b.say(says(&of_b, 1, (10, 10), &[(3, 10)])).await;
    let flush = flush.await.expect("no panic");
    assert!(flush.last(1).reached && !flush.last(0).reached, "{flush:#?}");
    assert_eq!(flush.failed().code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_partition_that_moves_is_asked_for_where_it_is() {
    let mut server = Server::with_instance().await;
    let mut a = Agent::connect(&server.channel, able("a", &[(0, 10)])).await;
    let mut b = Agent::connect(&server.channel, able("b", &[(0, 10)])).await;
    let name = server.running("sink").await.name;
    a.show(vec![at(0, 3)]).await;
    server.until(&name, |one| status_of(one).partitions.len() == 1).await;
    let flush = begin(&mut server, &name, 60).await;
    let id = asked(&mut a, &[(0, 10)]).await;
    a.say(says(&id, 0, (6, 6), &[(3, 6)])).await;
    a.show(Vec::new()).await;
    b.show(vec![at(0, 6)]).await;
    let id = asked(&mut b, &[(0, 10)]).await;
    b.say(says(&id, 0, (10, 10), &[(6, 10)])).await;
    let flush = flush.await.expect("no panic");
    assert!(flush.summary().complete && flush.summary().objects_complete, "{flush:#?}");
    assert_eq!(flush.objects[0].objects.len(), 2, "{flush:#?}");
}

#[tokio::test]
async fn an_agent_that_was_lost_is_asked_again_when_it_is_back() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, able("a", &[(0, 10)])).await;
    let name = running(&mut server, &agent, vec![at(0, 3)]).await;
    let flush = begin(&mut server, &name, 60).await;
    asked(&mut agent, &[(0, 10)]).await;
    agent.vanish().await;
    let mut again = able("a", &[]).boot(2);
    again.partitions = vec![at(0, 3)];
    let mut agent = Agent::connect(&server.channel, again).await;
    let id = asked(&mut agent, &[(0, 10)]).await;
    agent.say(says(&id, 0, (10, 10), &[(3, 10)])).await;
    assert!(flush.await.expect("no panic").summary().complete);
}

#[tokio::test]
async fn a_partition_that_has_stopped_ends_the_flush_when_the_others_are_reached() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, able("a", &[(0, 10), (1, 5)])).await;
    let stopped = v1::PartitionProgress {
        error_code: "RECORD_NOT_UTF8".to_owned(),
        ..partition(0, Stopped, 3, Some(3))
    };
    let name = running(&mut server, &agent, vec![stopped, at(1, 4)]).await;
    let flush = begin(&mut server, &name, 60).await;
    let id = asked(&mut agent, &[(0, 10), (1, 5)]).await;
    agent.say(says(&id, 1, (5, 5), &[(4, 5)])).await;
    let flush = flush.await.expect("no panic");
    let summary = flush.summary();
    assert!(!summary.complete && summary.partitions_reached == 1, "{flush:#?}");
    let [left] = &summary.unreached[..] else { panic!("{flush:#?}") };
    assert_eq!((left.partition, left.error_code.as_str()), (0, "RECORD_NOT_UTF8"));
    let [first, ..] = &flush.progress[..] else { panic!("{flush:#?}") };
    assert_eq!(first.partitions[0].error_code, "RECORD_NOT_UTF8", "it is told at once");
}

#[tokio::test]
async fn a_flood_of_flushes_finds_no_more_seats_than_there_are_until_their_commands_end() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, able("a", &[(0, 10)])).await;
    let name = running(&mut server, &agent, vec![at(0, 3)]).await;
    let mut open = Vec::new();
    for count in 1..=4 {
        let stream = server.connectors.flush_connector(request(&name, 60)).await.expect("a seat");
        open.push(stream.into_inner());
        tokio::time::timeout(PATIENCE, async {
            while flushes(&agent).len() < count {
                agent.heard().await;
            }
        })
        .await
        .expect("asked in time");
    }
    let full = server.connectors.flush_connector(request(&name, 60)).await.expect_err("full");
    assert_eq!(
        (full.code(), reason(&full).as_str()),
        (Code::ResourceExhausted, "TOO_MANY_REQUESTS")
    );
    // Who goes away leaves its seat once the agent is done.
    drop(open.pop());
    let status = server.connectors.flush_connector(request(&name, 60)).await.expect_err("full");
    assert_eq!(status.code(), Code::ResourceExhausted);
    for (id, _) in flushes(&agent) {
        agent.say(done(&id)).await;
    }
    let again = tokio::time::timeout(PATIENCE, async {
        loop {
            match server.connectors.flush_connector(request(&name, 60)).await {
                Ok(stream) => return stream,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    });
    again.await.expect("a seat in time");
}

#[tokio::test]
async fn a_flush_of_very_many_partitions_goes_in_messages_of_a_bounded_size() {
    let mut server = Server::with_instance().await;
    let ends: Vec<_> = (0..5_000).map(|number| (number, 10)).collect();
    let mut agent = Agent::connect(&server.channel, able("a", &ends)).await;
    let parts = (0..5_000).map(|number| at(number, 3)).collect();
    let name = running(&mut server, &agent, parts).await;
    let flush = begin(&mut server, &name, 60).await;
    let id = asked(&mut agent, &ends).await;
    for partition in 0..5_000 {
        agent.say(says(&id, partition, (10, 10), &[(3, 6), (6, 10)])).await;
    }
    let parts = (0..5_000).map(|number| at(number, 10)).collect();
    agent.show(parts).await;
    let flush = flush.await.expect("no panic");
    let summary = flush.summary();
    assert!(summary.complete && summary.partitions_total == 5_000, "{summary:?}");
    assert!(flush.progress.iter().all(|progress| progress.partitions.len() <= 500));
    assert!(flush.progress.len() >= 10, "{}", flush.progress.len());
    assert!(summary.objects <= 10_000);
}
