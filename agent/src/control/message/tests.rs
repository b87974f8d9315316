use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use tokio::sync::watch;

use super::*;
use crate::task::{Reading, TakenIn};
use crate::testing::connector_name;

fn agent() -> AgentName {
    AgentName::from_id("a").expect("a legal id")
}

fn partition(end_offset: Option<i64>, position: i64) -> PartitionSnapshot {
    PartitionSnapshot {
        tally: Tally { records: 7, ..Tally::default() },
        unwritten: [(3, 1_500)].into(),
        state: PartitionState::Retrying,
        problem: Some(Problem::new(ErrorCode::StoreThrottled, "slow down")),
        end_offset,
        committed_offset: Some(3),
        unsettled: true,
        position,
        last_object: None,
        last_extent: None,
        test_messages: Vec::new(),
        last_consumed: Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_500)),
        observed: SystemTime::UNIX_EPOCH,
        reading: Reading::default(),
    }
}

fn snapshot(partitions: BTreeMap<i32, PartitionSnapshot>) -> watch::Receiver<Snapshot> {
    let totals = Totals { records: 2, bytes: 20, objects: 1, dead_letters: 3, lost_offsets: 4 };
    let state = TaskState::Running;
    let taken = TakenIn { records: 6, bytes: 60 };
    watch::channel(Snapshot { state, partitions, totals, taken, ..Snapshot::default() }).1
}

fn view(tasks: impl Into<BTreeMap<u32, Option<watch::Receiver<Snapshot>>>>) -> View {
    let connector = ConnectorView {
        uid: "u".to_owned(),
        generation: 4,
        placement_version: 5,
        tasks: tasks.into(),
    };
    View { store_id: "s".to_owned(), connectors: [(connector_name("c"), connector)].into() }
}

fn report(view: &View) -> agent::v1::ConnectorReport {
    let load = v1::AgentLoad { cpu_count: 2, ..v1::AgentLoad::default() };
    let report = status_report(&agent(), view, load, 9, prost_types::Timestamp::default());
    assert_eq!(report.load.map(|load| load.cpu_count), Some(2));
    assert_eq!(report.sequence, 9);
    report.connectors.into_iter().next().expect("one connector")
}

#[test]
fn hello_says_who_the_agent_is_and_what_it_holds() {
    let options = crate::Options { vpc_id: "vpc".to_owned(), ..crate::Options::new("a") };
    let hello = hello(&options.identity().expect("legal"), 42, &view([(0, None), (2, None)]));
    assert_eq!((hello.agent_id.as_str(), hello.boot_nonce, hello.capacity), ("a", 42, 64));
    assert_eq!((hello.vpc_id.as_str(), hello.vswitch_id.as_str()), ("vpc", ""));
    assert_eq!((hello.protocol_version, hello.store_id.as_str()), (1, "s"));
    let [held] = hello.held.as_slice() else { panic!("{hello:?}") };
    assert_eq!(held.connector, "instances/i/connectors/c");
    assert_eq!((held.uid.as_str(), held.generation, held.placement_version), ("u", 4, 5));
    assert_eq!(held.task_indexes, [0, 2]);
}

#[test]
fn totals_are_summed_over_tasks_and_partitions_stand_in_order() {
    let first = snapshot([(4, partition(Some(10), 7))].into());
    let second = snapshot([(1, partition(None, 0))].into());
    let report = report(&view([(0, Some(first)), (1, Some(second))]));
    let totals = report.totals.expect("totals");
    assert_eq!((totals.records, totals.bytes, totals.objects), (4, 40, 2));
    assert_eq!((totals.dead_letters, totals.lost_offsets), (6, 8));
    let taken: Vec<_> =
        report.tasks.iter().map(|task| (task.records_taken, task.bytes_taken)).collect();
    assert_eq!(taken, [(Some(6), Some(60)); 2], "each task's own");
    let order: Vec<_> = report
        .partitions
        .iter()
        .map(|progress| (progress.partition, progress.task_index))
        .collect();
    assert_eq!(order, [(1, 1), (4, 0)]);
}

#[test]
fn a_partition_shows_its_lag_its_problem_and_its_owner() {
    let report = report(&view([(0, Some(snapshot([(4, partition(Some(10), 7))].into())))]));
    let progress = &report.partitions[0];
    assert_eq!(progress.agent, "agents/a");
    assert_eq!((progress.lag, progress.position), (Some(3), Some(7)));
    assert_eq!(progress.totals.map(|totals| totals.records), Some(7));
    let half_past_one = prost_types::Timestamp { seconds: 1, nanos: 500_000_000 };
    assert_eq!(progress.oldest_unwritten_time, Some(half_past_one));
    assert_eq!(progress.state(), v1::PartitionState::Retrying);
    assert_eq!(progress.error_code, "STORE_THROTTLED");
    assert_eq!(
        progress.last_consumed_time,
        Some(prost_types::Timestamp { seconds: 1, nanos: 500_000_000 })
    );
}

#[test]
fn a_record_without_a_timestamp_has_no_time() {
    let mut untimed = partition(None, 7);
    untimed.unwritten = [(3, -1), (5, 9_000)].into();
    let report = report(&view([(0, Some(snapshot([(0, untimed)].into())))]));
    assert_eq!(report.partitions[0].oldest_unwritten_time, None);
}

#[test]
fn lag_is_none_without_an_end_and_never_negative() {
    for (end, lag) in [(None, None), (Some(5), Some(0)), (Some(7), Some(0)), (Some(8), Some(1))] {
        let report = report(&view([(0, Some(snapshot([(0, partition(end, 7))].into())))]));
        assert_eq!(report.partitions[0].lag, lag, "{end:?}");
    }
}

#[test]
fn a_task_that_waits_for_its_predecessor_is_starting() {
    let report = report(&view([(1, None)]));
    assert_eq!(report.tasks[0].index, 1);
    assert_eq!(report.tasks[0].state(), v1::TaskState::Starting);
}

#[test]
fn a_downgrade_is_told_with_its_reason() {
    let downgrade = Problem::new(ErrorCode::StoreVersioningOn, "a version id");
    let (_, task) = watch::channel(Snapshot {
        downgrade: Some(downgrade),
        store_overwrites: true,
        ..Snapshot::default()
    });
    let other = watch::channel(Snapshot::default()).1;
    let report = report(&view([(0, Some(task)), (1, Some(other))]));
    assert!(report.store_overwrites);
    assert_eq!(report.delivery_guarantee(), v1::DeliveryGuarantee::AtLeastOnce);
    assert!(report.delivery_guarantee_reason.contains("STORE_VERSIONING_ON"));
}
