//! The records' exact forms.

use std::collections::{BTreeMap, VecDeque};
use std::time::SystemTime;

use kafka2oss_chain::Tally;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_proto::agent;
use kafka2oss_proto::v1::{self, secret::Source};

use super::*;
use crate::assignment::Assignment;
use crate::task::{PartitionSnapshot, Reading};
use crate::testing::{inline, wire};

fn task(wire: agent::v1::ConnectorAssignment, index: u32) -> TaskSpec {
    Assignment::try_from(wire).expect("legal").task(index).expect("the task")
}

fn records(index: u32) -> Records {
    let agent = AgentName::from_id("agent-1").expect("legal");
    Records::new(&task(wire("sink", &[0, 1]), index), agent)
}

fn seen(state: TaskState, problem: Option<(ErrorCode, &str)>) -> Snapshot {
    let problem = problem.map(|(code, message)| Problem::new(code, message));
    Snapshot { epoch: 1, state, problem, ..Snapshot::default() }
}

fn partition(state: PartitionState, problem: Option<Problem>) -> PartitionSnapshot {
    PartitionSnapshot {
        tally: Tally::default(),
        unwritten: VecDeque::new(),
        state,
        problem,
        end_offset: None,
        committed_offset: None,
        unsettled: false,
        position: 0,
        last_object: None,
        last_extent: None,
        test_messages: Vec::new(),
        last_consumed: None,
        observed: SystemTime::UNIX_EPOCH,
        reading: Reading::default(),
    }
}

fn at(records: &Records, seen: &Snapshot) -> Vec<(Topic, String, Value)> {
    let records = records.at(seen).expect("the task has its place");
    records.into_iter().map(|Record { topic, key, value }| (topic, key, value)).collect()
}

/// State and trace of the task's status.
fn status(seen: &Snapshot) -> (Value, Value) {
    let mut records = at(&records(1), seen);
    let (topic, key, mut value) = records.pop().expect("a status");
    assert_eq!((records, topic, key.as_str()), (vec![], Topic::Status, "status-task-sink-1"));
    (value["state"].take(), value["trace"].take())
}

#[test]
fn task_0_writes_the_connectors_records_and_its_own_in_connects_order() {
    use Topic::{Configuration, Status};
    let task = |index: &str| {
        json!({ "properties": {
            "task.class": "kafka2oss",
            "topics": "t",
            "kafka2oss.uid": "uid-sink",
            "kafka2oss.epoch": "1",
            "kafka2oss.task.index": index,
        }})
    };
    let connector = BTreeMap::from([
        ("name", "sink"),
        ("connector.class", "kafka2oss"),
        ("tasks.max", "2"),
        ("topics", "t"),
        ("kafka2oss.connector", "instances/i/connectors/sink"),
        ("kafka2oss.uid", "uid-sink"),
        ("kafka2oss.epoch", "1"),
        ("kafka2oss.topic.id", "id"),
        ("kafka2oss.start.offsets", r#"{"0":5,"1":0}"#),
        ("source.topic", "t"),
        ("source.consumer_offset", "LATEST"),
        ("source.thread_concurrency", "6"),
        ("source.spread", "2"),
        ("destination.store_type", "OSS"),
        ("destination.bucket", "bucket"),
        ("destination.endpoint", "https://s3.oss-cn-hangzhou-internal.aliyuncs.com"),
        ("destination.signing_region", "cn-hangzhou"),
        ("destination.addressing_style", "VIRTUAL_HOSTED"),
        ("destination.allow_cross_region", "false"),
        ("runtime.vpc_id", ""),
        ("runtime.vswitch_id", ""),
        ("runtime.failure_handling_policy", "LOG"),
        ("runtime.session_timeout", "10s"),
        ("runtime.store_retry_time", "600s"),
        ("resources.creation", "AUTOMATICALLY"),
        ("resources.task_consumer_group", "connect-sink"),
        ("resources.connector_consumer_group", "connect-cluster-sink"),
        ("resources.offset_topic.name", "connect-offset-sink"),
        ("resources.offset_topic.partitions", "12"),
        ("resources.offset_topic.storage_engine", "LOCAL"),
        ("resources.config_topic.name", "connect-config-sink"),
        ("resources.config_topic.partitions", "1"),
        ("resources.config_topic.storage_engine", "LOCAL"),
        ("resources.status_topic.name", "connect-status-sink"),
        ("resources.status_topic.partitions", "6"),
        ("resources.status_topic.storage_engine", "LOCAL"),
        ("resources.abnormal_data_topic.name", "connect-error-sink"),
        ("resources.abnormal_data_topic.partitions", "6"),
        ("resources.abnormal_data_topic.storage_engine", "CLOUD"),
        ("resources.dead_letter_queue_topic.name", "connect-error-sink"),
        ("resources.dead_letter_queue_topic.partitions", "6"),
        ("resources.dead_letter_queue_topic.storage_engine", "CLOUD"),
        ("output.format", "JSON_ARRAY"),
        ("output.rotation.max_bytes", "33554432"),
        ("output.rotation.max_age", "60s"),
        ("output.rotation.idle", "10s"),
        ("output.layout.prefix", ""),
        ("output.layout.hash_prefix", "false"),
        ("output.overflow.policy", "SPILL"),
        ("output.overflow.max_value_bytes", "6291456"),
        ("output.compression", "NONE"),
        ("output.key_encoding", "UTF8"),
        ("output.value_encoding", "UTF8"),
        ("output.include_headers", "false"),
    ]);
    let connector = json!({ "properties": connector });
    let status = json!({
        "state": "RUNNING",
        "trace": null,
        "worker_id": "agent-1",
        "generation": 1,
        "version": "0.1.0",
    });

    let records = at(&records(0), &seen(TaskState::Running, None));

    let target = json!({ "state": "STARTED", "state.v2": "STARTED" });
    let expected = [
        (Configuration, "connector-sink", connector),
        (Configuration, "task-sink-0", task("0")),
        (Configuration, "task-sink-1", task("1")),
        (Configuration, "commit-sink", json!({ "tasks": 2 })),
        (Configuration, "target-state-sink", target),
        (Status, "status-connector-sink", status.clone()),
        (Status, "status-task-sink-0", status),
    ];
    assert_eq!(records, expected.map(|(topic, key, value)| (topic, key.to_owned(), value)));
}

#[test]
fn fields_that_are_set_are_there_as_the_api_has_them() {
    let mut wire = wire("sink", &[0]);
    let output = wire.spec.as_mut().and_then(|spec| spec.output.as_mut()).expect("an output");
    let rotation = output.rotation.as_mut().expect("a rotation");
    rotation.max_records = Some(7);
    rotation.idle = Some(prost_types::Duration { seconds: 0, nanos: 300_000_000 });
    output.overflow.as_mut().expect("an overflow").max_record_bytes = Some(9);
    output.layout.as_mut().expect("a layout").time_buckets = Some(v1::TimeBuckets {
        style: v1::TimeBucketStyle::Hive.into(),
        length: v1::TimeBucketLength::Day.into(),
        time_zone: "Asia/Shanghai".to_owned(),
    });

    let properties = properties::of_connector(&task(wire, 0));

    for (name, value) in [
        ("output.rotation.max_records", "7"),
        ("output.rotation.idle", "0.3s"),
        ("output.overflow.max_record_bytes", "9"),
        ("output.layout.time_buckets.style", "HIVE"),
        ("output.layout.time_buckets.length", "DAY"),
        ("output.layout.time_buckets.time_zone", "Asia/Shanghai"),
    ] {
        assert_eq!(properties.get(name).map(String::as_str), Some(value), "{name}");
    }
}

#[test]
fn other_tasks_write_their_status_only() {
    let seen = seen(TaskState::Running, None);

    let keys: Vec<_> = at(&records(1), &seen).into_iter().map(|(_, key, _)| key).collect();

    assert_eq!(keys, ["status-task-sink-1"]);
}

#[test]
fn each_state_is_one_of_connects_and_the_trace_says_what_is_wrong() {
    let unreachable = Some((ErrorCode::KafkaUnreachable, "no broker"));
    let trace = json!("KAFKA_UNREACHABLE: no broker");
    for (state, problem, expected) in [
        (TaskState::Starting, None, ("UNASSIGNED", Value::Null)),
        (TaskState::Running, None, ("RUNNING", Value::Null)),
        (TaskState::Paused, None, ("PAUSED", Value::Null)),
        (TaskState::Running, unreachable, ("RUNNING", trace.clone())),
        (TaskState::Failed, unreachable, ("FAILED", trace.clone())),
        // The next attempt is under way.
        (TaskState::Starting, unreachable, ("FAILED", trace)),
    ] {
        let expected = (json!(expected.0), expected.1);
        assert_eq!(status(&seen(state, problem)), expected, "{state:?} {problem:?}");
    }
}

#[test]
fn partitions_that_wait_for_a_decision_stand_in_the_trace_and_others_do_not() {
    let problem = |message: &str| Some(Problem::new(ErrorCode::RecordNotUtf8, message));
    let mut seen = seen(TaskState::Running, None);
    seen.partitions.insert(0, partition(PartitionState::Running, None));
    seen.partitions.insert(3, partition(PartitionState::Stopped, problem("offset 7")));
    seen.partitions.insert(4, partition(PartitionState::Retrying, problem("tried again")));
    assert_eq!(status(&seen), (json!("RUNNING"), json!("partition 3: RECORD_NOT_UTF8: offset 7")));

    for number in 10..30 {
        seen.partitions.insert(number, partition(PartitionState::Stopped, problem("x")));
    }
    let (_, trace) = status(&seen);
    let lines: Vec<_> = trace.as_str().expect("a text").lines().collect();
    assert_eq!((lines.len(), lines[10]), (11, "and 11 more partitions"));

    let words = "ü".repeat(5_000);
    let long = status(&self::seen(TaskState::Failed, Some((ErrorCode::Internal, &words)))).1;
    assert!((4_090..=4_096).contains(&long.as_str().expect("a text").len()));
}

#[test]
fn the_target_state_is_what_the_task_follows() {
    let target = |state| {
        let mut records = at(&records(0), &seen(state, None)).into_iter();
        let found = records.find(|(_, key, _)| key == "target-state-sink");
        found.map(|(_, _, mut value)| (value["state"].take(), value["state.v2"].take()))
    };
    let both = |state: &str| Some((json!(state), json!(state)));

    assert_eq!(target(TaskState::Running), both("STARTED"));
    assert_eq!(target(TaskState::Paused), both("PAUSED"));
    assert_eq!(target(TaskState::Starting), None);
    assert_eq!(target(TaskState::Failed), None);
}

#[test]
fn a_task_whose_place_was_taken_has_nothing_to_say_until_it_has_joined_again() {
    let fenced = Some((ErrorCode::KafkaFenced, "another member"));
    for index in [0, 1] {
        assert_eq!(records(index).at(&seen(TaskState::Failed, fenced)), None);
        assert_eq!(records(index).at(&seen(TaskState::Starting, fenced)), None);
        assert!(records(index).at(&seen(TaskState::Running, fenced)).is_some());
    }
}

#[test]
fn at_the_end_nobody_runs_the_task() {
    let end: Vec<_> = records(0).at_end().into_iter().map(|end| (end.key, end.value)).collect();

    let value = json!({
        "state": "UNASSIGNED",
        "trace": null,
        "worker_id": "agent-1",
        "generation": 1,
        "version": "0.1.0",
    });
    let expected = ["status-connector-sink", "status-task-sink-0"];
    assert_eq!(end, expected.map(|key| (key.to_owned(), value.clone())));
}

#[test]
fn an_epoch_beyond_connects_numbers_is_the_highest_of_them() {
    let mut wire = wire("sink", &[1]);
    wire.epoch.as_mut().expect("an epoch").number = i64::from(u32::MAX);
    let agent = AgentName::from_id("a").expect("legal");

    let end = Records::new(&task(wire, 1), agent).at_end();

    assert_eq!(end[0].value["generation"], json!(i32::MAX));
}

#[test]
fn no_secret_stands_in_any_record() {
    let mut wire = wire("sink", &[0]);
    inline(&mut wire, &Source::Plain("s3cret-value".to_owned()));
    let reference = |name: &str| Some(v1::Secret { source: Some(Source::File(name.to_owned())) });
    let instance = wire.instance.as_mut().expect("an instance");
    instance.security_protocol = v1::SecurityProtocol::SaslSsl.into();
    instance.sasl_mechanism = v1::SaslMechanism::Plain.into();
    instance.kafka_credentials = Some(v1::KafkaCredentials {
        username: reference("/s3cret/username"),
        password: reference("/s3cret/password"),
    });
    instance.ca_certificate = reference("/s3cret/certificate");
    let records = Records::new(&task(wire, 0), AgentName::from_id("a").expect("legal"));

    let written = format!("{:?}", at(&records, &seen(TaskState::Running, None)));

    assert!(written.contains("destination.bucket"));
    for secret in ["s3cret", "credentials", "AccessKey", "access_key"] {
        assert!(!written.contains(secret), "{secret}: {written}");
    }
}
