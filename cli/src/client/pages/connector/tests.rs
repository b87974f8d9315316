//! The page as it is printed.

use prost_types::Timestamp;

use super::*;

const NAME: &str = "instances/dev/connectors/orders";

fn partition(partition: i32, state: PartitionState, lag: i64) -> v1::PartitionProgress {
    v1::PartitionProgress {
        partition,
        state: state.into(),
        agent: "agents/a".to_owned(),
        lag: Some(lag),
        ..Default::default()
    }
}

fn entry(seconds: i64, severity: v1::LogSeverity, message: &str) -> v1::LogEntry {
    v1::LogEntry {
        time: Some(Timestamp { seconds, nanos: 0 }),
        severity: severity.into(),
        message: message.to_owned(),
        ..Default::default()
    }
}

fn seen() -> Seen {
    let stopped = v1::PartitionProgress {
        position: Some(7),
        error_code: "RECORD_NOT_UTF8".to_owned(),
        error_message: "the value is not UTF-8".to_owned(),
        ..partition(2, PartitionState::Stopped, 1)
    };
    let warning = entry(60, v1::LogSeverity::Warn, "the store asks to wait");
    Seen {
        connector: v1::Connector {
            name: NAME.to_owned(),
            generation: 1,
            desired_state: v1::DesiredState::Running.into(),
            status: Some(v1::ConnectorStatus {
                state: v1::ConnectorState::Degraded.into(),
                observed_generation: 1,
                tasks_desired: 1,
                tasks_ready: 1,
                partitions_assigned: 3,
                partitions_stopped: 1,
                total_lag: Some(31),
                totals: Some(v1::ConnectorTotals { dead_letters: 2, ..Default::default() }),
                conditions: vec![v1::Condition {
                    r#type: "PartitionsRunning".to_owned(),
                    status: v1::ConditionStatus::False.into(),
                    reason: "RECORD_NOT_UTF8".to_owned(),
                    message: "1 partition has stopped".to_owned(),
                    remedy: "Decide about it.".to_owned(),
                    ..Default::default()
                }],
                tasks: vec![v1::TaskStatus {
                    index: 0,
                    agent: "agents/a".to_owned(),
                    state: v1::TaskState::Running.into(),
                    ..Default::default()
                }],
                ..Default::default()
            }),
            ..Default::default()
        },
        progress: Ok(v1::ConnectorProgress {
            partitions: vec![
                partition(0, PartitionState::Running, 10),
                partition(1, PartitionState::Running, 20),
                stopped,
            ],
            total_lag: 31,
        }),
        warnings: Ok(vec![warning.clone()]),
        lines: Ok(vec![entry(61, v1::LogSeverity::Info, "goes on"), warning]),
        dead_letters: Ok(vec![v1::DeadLetter {
            topic: "orders".to_owned(),
            partition: 1,
            offset: 5,
            error_topic: "connect-error".to_owned(),
            error_code: "RECORD_TOO_LONG".to_owned(),
            error_message: "9 MiB".to_owned(),
            ..Default::default()
        }]),
    }
}

#[test]
fn a_page_has_all_that_somebody_asks_about_a_connector() {
    let (properties, sections) = page(seen());
    let text = super::super::text(&properties, &sections);
    assert_eq!(
        text,
        "\
Name:         instances/dev/connectors/orders
State:        DEGRADED (desired: RUNNING)
Generation:   1 (observed: 1)
Delivery:     not known before deploy
Tasks:        1 of 1 ready
Partitions:   3 assigned, 1 stopped
Lag:          31
Written:      0 records in 0 objects, 0 B; 2 dead letters
Last report:  -

Conditions
TYPE               STATUS  SINCE  REASON           MESSAGE
PartitionsRunning  FALSE   -      RECORD_NOT_UTF8  1 partition has stopped
                                                   -> Decide about it.

"
        .to_owned()
            + text.split_once("-> Decide about it.\n\n").expect("conditions").1
    );
    let rest = text.split_once("\nTasks\n").expect("tasks").1;
    assert_eq!(
        rest,
        "\
TASK  STATE    AGENT     ERROR
0     RUNNING  agents/a  -

Partitions
PARTITION  STATE    SINCE  OWNER  END  COMMITTED  LAG  LAST CONSUMED  LAST OBJECT  ERROR
2          STOPPED  -      a/0    -    -          1    -              -            RECORD_NOT_UTF8: the value is not UTF-8
1          RUNNING  -      a/0    -    -          20   -              -            -
0          RUNNING  -      a/0    -    -          10   -              -            -

Warnings and errors
1970-01-01T00:01:00.000Z  WARN   the store asks to wait

Last lines of its log
1970-01-01T00:01:00.000Z  WARN   the store asks to wait
1970-01-01T00:01:01.000Z  INFO   goes on

Last dead letters (2 in all)
TIME  PARTITION  OFFSET  ERROR TOPIC    PARTITION  OFFSET  ERROR                   VALUE
-     1          5       connect-error  0          0       RECORD_TOO_LONG: 9 MiB  -

More
kafka2oss connectors progress dev/orders
kafka2oss connectors logs dev/orders --follow
kafka2oss connectors dead-letters list dev/orders
"
    );
    let stopped = text.split_once("\nStopped partitions\n").expect("a decision").1;
    let skip = "kafka2oss connectors resume-partition dev/orders --partition 2 --skip --offset 7";
    assert!(stopped.contains(skip), "{stopped}");
}

#[test]
fn of_many_partitions_the_worst_are_shown_and_the_rest_is_counted() {
    let many = (0..1_000).map(|id| partition(id, PartitionState::Running, i64::from(id)));
    let progress = v1::ConnectorProgress { partitions: many.collect(), total_lag: 0 };
    let section = partitions(&Ok(progress)).expect("a section");
    assert_eq!(section.title, "Partitions (the worst 20 of 1000)");
    let lines = section.body.lines();
    assert_eq!(lines.len(), 21);
    assert!(lines[1].starts_with("999 ") && lines[20].starts_with("980 "), "{lines:?}");
}

#[test]
fn what_did_not_come_is_said_where_it_would_stand() {
    let asked: Result<(), _> = Err(tonic::Status::unavailable("gone\nfor good"));
    let words = part(asked).expect_err("a failure");
    let seen = Seen { progress: Err(words.clone()), lines: Err(words), ..seen() };
    let whole = all(&seen);
    assert_eq!(whole["log"], json!({"error": "UNAVAILABLE: gone"}));
    assert_eq!(whole["connector"]["name"], NAME);
    let (properties, sections) = page(seen);
    let text = super::super::text(&properties, &sections);
    assert!(text.contains("\nPartitions\nnot known: UNAVAILABLE: gone\n"), "{text}");
    assert!(text.contains("\nLast lines of its log\nnot known: "), "{text}");
}
