//! Figures of connectors and agents, as agents report them.

use kafka2oss_proto::agent;
use kafka2oss_proto::agent::v1::connect_request::Message as Said;
use kafka2oss_proto::v1::{self, ConnectorState};
use prost_types::Timestamp;

use crate::agent::{Agent, Script, partition};
use crate::server::{Server, status_of};

fn written(number: i32, records: i64, unwritten_since: Option<i64>) -> v1::PartitionProgress {
    v1::PartitionProgress {
        totals: Some(v1::ConnectorTotals { records, objects: 1, ..Default::default() }),
        oldest_unwritten_time: unwritten_since.map(|seconds| Timestamp { seconds, nanos: 0 }),
        ..partition(number, v1::PartitionState::Running, 7, Some(7))
    }
}

fn records(connector: &v1::Connector) -> Option<i64> {
    status_of(connector).totals.map(|totals| totals.records)
}

#[tokio::test]
async fn totals_are_those_of_all_partitions_and_do_not_go_back_while_one_has_no_task() {
    let mut server = Server::with_instance().await;
    let agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let name = server.running("sink").await.name;

    agent.show(vec![written(0, 5, Some(900)), written(1, 7, Some(800))]).await;
    let seen = server.until(&name, |seen| records(seen) == Some(12)).await;
    let status = status_of(&seen);
    assert_eq!(status.totals.map(|totals| totals.objects), Some(2));
    assert_eq!(status.oldest_unwritten_time.map(|time| time.seconds), Some(800));

    // One is nobody's for a moment, the other has gone on.
    agent.show(vec![written(0, 6, None)]).await;
    let seen = server.until(&name, |seen| records(seen) == Some(13)).await;
    assert_eq!(status_of(&seen).oldest_unwritten_time, None);
}

#[tokio::test]
async fn a_state_is_shown_with_the_time_since_when_it_is_that_one() {
    let mut server = Server::with_instance().await;
    let _agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let running = server.running("sink").await;
    let since = status_of(&running).state_time.expect("a time");
    let key = |time: Timestamp| (time.seconds, time.nanos);

    server.pause(&running.name).await.expect("paused");
    let paused = server.until_state(&running.name, ConnectorState::Paused).await;
    let then = status_of(&paused).state_time.expect("a time");
    assert!(key(then) > key(since), "{then:?} after {since:?}");
    let again = server.get(&running.name).await.expect("there");
    assert_eq!(status_of(&again).state_time, Some(then), "it stays while the state does");
}

#[tokio::test]
async fn an_agent_shows_its_load_and_what_is_no_number_is_none() {
    let mut server = Server::with_instance().await;
    let agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let load = |cpu_cores| v1::AgentLoad {
        memory_budget_bytes: 1_000,
        memory_used_bytes: 400,
        resident_bytes: 2_000,
        cpu_cores,
        cpu_count: 4,
    };
    for (sequence, said, shown) in [(1_000, 1.5, 1.5), (1_001, f64::NAN, 0.0)] {
        let load = Some(load(said));
        let report = agent::v1::StatusReport { sequence, load, ..Default::default() };
        agent.say(Said::StatusReport(report)).await;
        let seen = server
            .until_agent("a", |agent| agent.load.is_some_and(|load| load.cpu_cores == shown))
            .await;
        assert_eq!(seen.load.map(|load| load.memory_used_bytes), Some(400));
    }
}
