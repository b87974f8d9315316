//! Flushes, and where partitions end, on command.

use kafka2oss_proto::agent::v1::command::Command;
use kafka2oss_proto::agent::v1::command_progress::Progress;
use kafka2oss_proto::agent::v1::command_result::Result as Outcome;

use super::*;
use crate::task::Standing;

fn command(id: &str, command: Command) -> connect_response::Message {
    let (id, command) = (id.to_owned(), Some(command));
    connect_response::Message::Command(agent::v1::Command { id, timeout: None, command })
}

fn flush(targets: &[(i32, i64)]) -> Command {
    Command::FlushConnector(agent::v1::FlushConnector {
        connector: connector_name("c").to_string(),
        uid: "u".to_owned(),
        epoch: 1,
        target_offsets: targets.iter().copied().collect(),
    })
}

/// What is told of the next partition.
async fn told(stream: &mut Stream) -> agent::v1::FlushReportPartition {
    let report = |message| match message {
        connect_request::Message::CommandProgress(agent::v1::CommandProgress {
            progress: Some(Progress::Flush(mut report)),
            ..
        }) => report.partitions.pop(),
        _ => None,
    };
    stream.until("a report", report).await
}

async fn result(stream: &mut Stream) -> Outcome {
    let result = |message| match message {
        connect_request::Message::CommandResult(result) => result.result,
        _ => None,
    };
    stream.until("a result", result).await
}

#[tokio::test]
async fn a_flush_is_told_until_all_of_it_is_reached_and_each_time_that_it_comes() {
    let mut control_plane = ControlPlane::start();
    let bench = start(options(&control_plane.url())).await;
    let mut stream = control_plane.welcomed().await;
    let mut point = bench.flushes.point("u", 1, 0);

    for _ in 0..2 {
        stream.send(command("f", flush(&[(0, 10)]))).await;
        point.changed().await;
        assert_eq!(point.target(), Some(10));
        point.tell(Standing { committed: 3, complete_to: 3 });
        let report = told(&mut stream).await;
        assert_eq!((report.committed_offset, report.complete_to), (Some(3), Some(3)));
        bench.flushes.linked(("u", 1, 0), "key", 3..12, 9);
        point.tell(Standing { committed: 12, complete_to: 12 });
        let report = told(&mut stream).await;
        let extent = Some(v1::Extent { first_offset: 3, next_offset: 12 });
        let object = v1::FlushedObject { object_key: "key".to_owned(), extent, records: Some(9) };
        assert_eq!((report.complete_to, report.objects), (Some(12), vec![object]));
        let expected = Outcome::FlushConnector(agent::v1::FlushConnectorResult {});
        assert_eq!(result(&mut stream).await, expected);
        point.changed().await;
        assert_eq!(point.target(), None, "nobody waits any more");
    }
}

#[tokio::test]
async fn where_partitions_end_is_told_of_each() {
    let mut control_plane = ControlPlane::start();
    let bench = start(options(&control_plane.url())).await;
    let mut stream = control_plane.welcomed().await;
    let instance = wire("c", &[]).instance;
    let ends = || {
        Command::ReadEndOffsets(agent::v1::ReadEndOffsets {
            connector: connector_name("c").to_string(),
            instance: instance.clone(),
            topic: "t".to_owned(),
        })
    };
    stream.send(command("e", ends())).await;
    let Outcome::Problem(problem) = result(&mut stream).await else { panic!("there is none") };
    assert_eq!(problem.code, "KAFKA_UNREACHABLE");
    *bench.admins.kafka.lock().expect("no test panics here") = Some(Arc::default());
    stream.send(command("e", ends())).await;
    let end_offsets = [(0, 0)].into();
    let expected = Outcome::ReadEndOffsets(agent::v1::ReadEndOffsetsResult { end_offsets });
    assert_eq!(result(&mut stream).await, expected, "it is asked anew");
}
