//! A connector as it is shown.

use super::*;
use v1::secret::Source;

fn printed(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn printed_of(section: &Section) -> String {
    let lines = section.body.lines();
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_description_shows_state_guarantee_and_where_the_secrets_are() {
    let secret = |source| Some(v1::Secret { source: Some(source) });
    let (table, sections) = connector(&v1::Connector {
        name: "instances/dev/connectors/orders".to_owned(),
        generation: 2,
        desired_state: v1::DesiredState::Running.into(),
        spec: Some(v1::ConnectorSpec {
            destination: Some(v1::ObjectStoreDestination {
                bucket: "b".to_owned(),
                credentials: Some(v1::StoreCredentials {
                    kind: Some(v1::store_credentials::Kind::AccessKey(v1::AccessKey {
                        id: secret(Source::Environment("ID".to_owned())),
                        secret: secret(Source::Plain("sesame".to_owned())),
                        session_token: None,
                    })),
                }),
                ..v1::ObjectStoreDestination::default()
            }),
            ..v1::ConnectorSpec::default()
        }),
        status: Some(v1::ConnectorStatus {
            state: v1::ConnectorState::Degraded.into(),
            observed_generation: 1,
            tasks_desired: 2,
            tasks_ready: 1,
            delivery_guarantee: v1::DeliveryGuarantee::AtLeastOnce.into(),
            delivery_guarantee_reason: "the store overwrites".to_owned(),
            conditions: vec![v1::Condition {
                r#type: "Ready".to_owned(),
                status: v1::ConditionStatus::False.into(),
                reason: "STORE_UNREACHABLE".to_owned(),
                message: "no route".to_owned(),
                remedy: "Check the endpoint.".to_owned(),
                last_transition_time: None,
            }],
            ..v1::ConnectorStatus::default()
        }),
        ..v1::Connector::default()
    });

    let text = printed(&table);
    for line in [
        "State:        DEGRADED (desired: RUNNING)",
        "Generation:   2 (observed: 1)",
        "Delivery:     AT_LEAST_ONCE: the store overwrites",
        "Tasks:        1 of 2 ready",
        "AccessKey:    ID in variable ID, secret given inline",
    ] {
        assert!(text.lines().any(|printed| printed == line), "{line}\nis not in\n{text}");
    }
    assert!(!text.contains("sesame"));
    assert_eq!(sections.len(), 1);
    assert_eq!(
        printed_of(&sections[0]),
        "TYPE   STATUS  SINCE  REASON             MESSAGE\n\
         Ready  FALSE   -      STORE_UNREACHABLE  no route\n\
         \x20                                        -> Check the endpoint."
    );
}

#[test]
fn a_stopped_partition_is_shown_with_its_offset_the_remedy_and_what_to_type() {
    let partition =
        |partition, state: v1::PartitionState, error_code: &str| v1::PartitionProgress {
            partition,
            state: state.into(),
            position: Some(7),
            error_code: error_code.to_owned(),
            error_message: "what is seen".to_owned(),
            ..Default::default()
        };
    let (_, sections) = connector(&v1::Connector {
        name: "instances/dev/connectors/orders".to_owned(),
        status: Some(v1::ConnectorStatus {
            partitions_stopped: 2,
            partitions: vec![
                partition(0, v1::PartitionState::Running, ""),
                partition(1, v1::PartitionState::Stopped, "RECORD_NOT_UTF8"),
                partition(2, v1::PartitionState::Stopped, "STORE_OBJECT_FOREIGN"),
            ],
            ..Default::default()
        }),
        ..Default::default()
    });

    assert_eq!(sections.len(), 1);
    assert_eq!(sections[0].title, "Stopped partitions");
    let resume = "kafka2oss connectors resume-partition dev/orders --partition";
    let text = printed_of(&sections[0]);
    let rows: Vec<_> =
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let remedy = |code: kafka2oss_domain::ErrorCode| format!("-> {}", code.remedy());
    assert_eq!(
        rows,
        [
            "PARTITION OFFSET ERROR WHAT TO DO".to_owned(),
            "1 7 RECORD_NOT_UTF8 what is seen".to_owned(),
            remedy(kafka2oss_domain::ErrorCode::RecordNotUtf8),
            format!("{resume} 1 --retry"),
            format!("{resume} 1 --skip --offset 7"),
            "2 7 STORE_OBJECT_FOREIGN what is seen".to_owned(),
            remedy(kafka2oss_domain::ErrorCode::StoreObjectForeign),
            format!("{resume} 2 --retry"),
        ]
    );
}

#[test]
fn objects_are_described_with_all_that_can_be_changed() {
    let duration = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    let (table, _) = connector(&v1::Connector {
        name: "instances/dev/connectors/orders".to_owned(),
        spec: Some(v1::ConnectorSpec {
            runtime: Some(v1::ConnectorRuntime {
                failure_handling_policy: v1::FailureHandlingPolicy::Fail.into(),
                session_timeout: duration(10),
                store_retry_time: duration(600),
                ..Default::default()
            }),
            output: Some(v1::ConnectorOutput {
                format: v1::OutputFormat::JsonLines.into(),
                compression: v1::Compression::Zstd.into(),
                key_encoding: v1::TextEncoding::Utf8.into(),
                value_encoding: v1::TextEncoding::Base64.into(),
                include_headers: true,
                rotation: Some(v1::RotationPolicy {
                    max_bytes: Some(1 << 20),
                    max_age: duration(60),
                    ..Default::default()
                }),
                layout: Some(v1::ObjectLayout {
                    prefix: "backup/".to_owned(),
                    time_buckets: Some(v1::TimeBuckets {
                        style: v1::TimeBucketStyle::Hive.into(),
                        length: v1::TimeBucketLength::Day.into(),
                        time_zone: "Asia/Shanghai".to_owned(),
                    }),
                    hash_prefix: true,
                }),
                overflow: Some(v1::OverflowHandling {
                    policy: v1::OverflowPolicy::Spill.into(),
                    max_value_bytes: Some(6 << 20),
                    max_record_bytes: Some(1 << 30),
                }),
            }),
            ..Default::default()
        }),
        ..Default::default()
    });

    let text = printed(&table);
    for line in [
        "Runtime:    VPC -, vSwitch -, failure policy FAIL, session timeout 10s, store retry time 600s",
        "Objects:    JSON_LINES, compression ZSTD, keys UTF8, values BASE64, with headers",
        "Closed at:  1 MiB, age 60s",
        "Layout:     prefix backup/, a folder each DAY, HIVE, Asia/Shanghai, a hash in front of each key",
        "Overflow:   values above 6 MiB: SPILL, records above 1 GiB: abnormal data",
    ] {
        assert!(text.lines().any(|printed| printed == line), "{line}\nis not in\n{text}");
    }
}

#[test]
fn resources_are_listed_with_all_that_has_to_be_typed_elsewhere() {
    let table = resources(&[
        v1::PlannedResource {
            roles: vec![4, 5],
            name: "connect-error-a".to_owned(),
            partitions: 6,
            cleanup_policy: "delete".to_owned(),
            storage_engine: v1::StorageEngine::Cloud.into(),
        },
        v1::PlannedResource {
            roles: vec![6],
            name: "connect-a".to_owned(),
            ..v1::PlannedResource::default()
        },
    ]);
    assert_eq!(
        printed(&table),
        "NAME             PARTITIONS  CLEANUP.POLICY  STORAGE ENGINE  FOR\n\
         connect-error-a  6           delete          CLOUD           ABNORMAL_DATA_TOPIC, DEAD_LETTER_QUEUE_TOPIC\n\
         connect-a        -           -               -               TASK_CONSUMER_GROUP"
    );
}
