//! Flags and files, and the message that they make.

use std::collections::BTreeSet;

use super::*;
use crate::args::{Cli, Command, ConnectorsArgs, ConnectorsCommand};
use crate::client::json;
use clap::Parser;
use prost_reflect::{Kind, MessageDescriptor};
use serde_json::json;

const EVERY_FLAG: &[&str] = &[
    "--label=team=a",
    "--description=for the lake",
    "--topic=oss-test-input",
    "--consumer-offset=EARLIEST",
    "--thread-concurrency=12",
    "--spread=3",
    "--store-type=s3",
    "--bucket=bucket_test",
    "--endpoint=http://127.0.0.1:9000",
    "--signing-region=us-east-1",
    "--addressing=path",
    "--allow-cross-region",
    "--access-key-id-env=ID",
    "--access-key-secret-file=/run/secret",
    "--vpc-id=vpc-1",
    "--vswitch-id=vsw-1",
    "--failure-policy=fail",
    "--session-timeout=30s",
    "--store-retry-time=5m",
    "--creation=manually",
    "--task-consumer-group=connect-a",
    "--connector-consumer-group=connect-cluster-a",
    "--offset-topic=connect-offset-a",
    "--offset-topic-partitions=12",
    "--offset-topic-storage=local",
    "--config-topic=connect-config-a",
    "--config-topic-partitions=1",
    "--config-topic-storage=local",
    "--status-topic=connect-status-a",
    "--status-topic-partitions=6",
    "--status-topic-storage=local",
    "--abnormal-data-topic=connect-error-a",
    "--abnormal-data-topic-partitions=6",
    "--abnormal-data-topic-storage=cloud",
    "--dead-letter-queue-topic=connect-error-b",
    "--dead-letter-queue-topic-partitions=7",
    "--dead-letter-queue-topic-storage=cloud",
    "--format=json-lines",
    "--compression=zstd",
    "--key-encoding=base64",
    "--value-encoding=utf8-or-base64",
    "--include-headers",
    "--max-bytes=1MiB",
    "--max-records=1000",
    "--max-age=2s",
    "--idle=500ms",
    "--prefix=backup/",
    "--time-buckets=plain",
    "--time-bucket-length=day",
    "--time-zone=Asia/Shanghai",
    "--hash-prefix",
    "--overflow=omit",
    "--max-value-bytes=5",
    "--max-record-bytes=1GiB",
];

fn parsed(flags: &[&str]) -> ConnectorFlags {
    let args = ["kafka2oss", "connectors", "create", "dev/a"].iter().chain(flags);
    let cli = Cli::try_parse_from(args).expect("it parses");
    let Command::Connectors(ConnectorsArgs { command: ConnectorsCommand::Create(create), .. }) =
        cli.command
    else {
        panic!("another command")
    };
    create.connector
}

fn built(flags: &[&str]) -> serde_json::Value {
    json::encode(&build(parsed(flags)).expect("it is built"))
}

#[test]
fn every_flag_reaches_the_message() {
    let connector = built(EVERY_FLAG);

    let topic = |name: &str, partitions: u32, storage: &str| {
        json!({"name": name, "partitions": partitions,
            "storageEngine": format!("STORAGE_ENGINE_{storage}")})
    };
    assert_eq!(
        connector,
        json!({
            "labels": {"team": "a"},
            "description": "for the lake",
            "spec": {
                "source": {
                    "topic": "oss-test-input",
                    "consumerOffset": "CONSUMER_OFFSET_EARLIEST",
                    "threadConcurrency": 12,
                    "spread": 3,
                },
                "destination": {
                    "storeType": "STORE_TYPE_S3",
                    "bucket": "bucket_test",
                    "endpoint": "http://127.0.0.1:9000",
                    "signingRegion": "us-east-1",
                    "addressingStyle": "ADDRESSING_STYLE_PATH",
                    "allowCrossRegion": true,
                    "credentials": {"accessKey": {
                        "id": {"environment": "ID"},
                        "secret": {"file": "/run/secret"},
                    }},
                },
                "runtime": {
                    "vpcId": "vpc-1",
                    "vswitchId": "vsw-1",
                    "failureHandlingPolicy": "FAILURE_HANDLING_POLICY_FAIL",
                    "sessionTimeout": "30s",
                    "storeRetryTime": "300s",
                },
                "resources": {
                    "creation": "RESOURCE_CREATION_MANUALLY",
                    "taskConsumerGroup": "connect-a",
                    "connectorConsumerGroup": "connect-cluster-a",
                    "offsetTopic": topic("connect-offset-a", 12, "LOCAL"),
                    "configTopic": topic("connect-config-a", 1, "LOCAL"),
                    "statusTopic": topic("connect-status-a", 6, "LOCAL"),
                    "abnormalDataTopic": topic("connect-error-a", 6, "CLOUD"),
                    "deadLetterQueueTopic": topic("connect-error-b", 7, "CLOUD"),
                },
                "output": {
                    "format": "OUTPUT_FORMAT_JSON_LINES",
                    "compression": "COMPRESSION_ZSTD",
                    "keyEncoding": "TEXT_ENCODING_BASE64",
                    "valueEncoding": "TEXT_ENCODING_UTF8_OR_BASE64",
                    "includeHeaders": true,
                    "rotation": {
                        "maxBytes": "1048576",
                        "maxRecords": "1000",
                        "maxAge": "2s",
                        "idle": "0.500s",
                    },
                    "layout": {
                        "prefix": "backup/",
                        "timeBuckets": {
                            "style": "TIME_BUCKET_STYLE_PLAIN",
                            "length": "TIME_BUCKET_LENGTH_DAY",
                            "timeZone": "Asia/Shanghai",
                        },
                        "hashPrefix": true,
                    },
                    "overflow": {
                        "policy": "OVERFLOW_POLICY_OMIT",
                        "maxValueBytes": "5",
                        "maxRecordBytes": "1073741824",
                    },
                },
            },
        })
    );
}

#[test]
fn every_field_of_a_spec_has_a_flag_that_an_update_names_in_its_mask() {
    let flags = parsed(EVERY_FLAG).fields;
    let (_, paths) = changes(flags).expect("it is built");

    let mut fields = BTreeSet::from(["description", "labels"].map(str::to_owned));
    add_fields(&kafka2oss_manifest::descriptor("Connector"), "spec", &mut fields);
    // There is but one kind.
    assert!(fields.remove("spec.task_type"));
    assert_eq!(paths.into_iter().collect::<BTreeSet<_>>(), fields);
}

/// Adds the paths of what stands in the field at `at` of a message, and in its
/// parts; credentials are one field.
fn add_fields(message: &MessageDescriptor, at: &str, found: &mut BTreeSet<String>) {
    let name = at.rsplit('.').next().expect("at least one name");
    let field = message.get_field_by_name(name).expect("it is a field");
    match field.kind() {
        Kind::Message(part) if part.package_name() == "kafka2oss.v1" && name != "credentials" => {
            for inner in part.fields() {
                add_fields(&part, &format!("{at}.{}", inner.name()), found);
            }
        }
        _ => {
            found.insert(at.to_owned());
        }
    }
}

#[test]
fn what_no_flag_names_is_left_to_the_control_plane() {
    let connector = built(&["--topic=t", "--bucket=b"]);
    assert_eq!(
        connector,
        json!({"spec": {"source": {"topic": "t"}, "destination": {"bucket": "b"}}})
    );
}

#[test]
fn a_flag_wins_over_the_file_and_leaves_the_rest_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("connector.json");
    let text = json!({"labels": {"team": "a"}, "spec": {
        "source": {"topic": "old", "spread": 3},
        "destination": {"credentials": {"accessKey": {
            "id": {"plain": "id"}, "secret": {"environment": "SECRET"}}}},
        "output": {"rotation": {"maxAge": "60s", "maxRecords": "5"}},
    }});
    std::fs::write(&file, text.to_string()).expect("written");
    let file = file.to_str().expect("a path");

    let connector =
        built(&["--file", file, "--topic=new", "--access-key-id-file=/id", "--max-age=2s"]);

    assert_eq!(
        connector,
        json!({"labels": {"team": "a"}, "spec": {
            "source": {"topic": "new", "spread": 3},
            "destination": {"credentials": {"accessKey": {
                "id": {"file": "/id"}, "secret": {"environment": "SECRET"}}}},
            "output": {"rotation": {"maxAge": "2s", "maxRecords": "5"}},
        }})
    );
}

#[test]
fn a_file_that_is_no_connector_is_refused_with_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("connector.json");
    std::fs::write(&file, r#"{"spec": {"bucket": "b"}}"#).expect("written");
    let flags = ConnectorFlags { file: Some(file), ..ConnectorFlags::default() };

    let failure = build(flags).expect_err("it is refused");

    assert_eq!(failure.exit_status(), 2);
    let text = failure.to_string();
    assert!(text.contains("connector.json") && text.contains("bucket"), "{text}");
}

#[test]
fn an_inline_id_is_sent_as_it_is() {
    let connector = built(&["--access-key-id=LTAI", "--access-key-secret-env=SECRET"]);
    assert_eq!(
        connector["spec"]["destination"]["credentials"]["accessKey"],
        json!({"id": {"plain": "LTAI"}, "secret": {"environment": "SECRET"}})
    );
}

#[test]
fn temporary_credentials_come_with_their_session_token() {
    let connector = built(&[
        "--access-key-id-file=/id",
        "--access-key-secret-file=/secret",
        "--session-token-file=/token",
    ]);
    assert_eq!(
        connector["spec"]["destination"]["credentials"]["accessKey"],
        json!({"id": {"file": "/id"}, "secret": {"file": "/secret"}, "sessionToken": {"file": "/token"}})
    );
}

#[test]
fn stdin_is_read_for_one_thing_only() {
    let mut flags = ConnectorFlags { file: Some("-".into()), ..ConnectorFlags::default() };
    flags.fields.access_key.access_key_secret_stdin = true;
    assert_eq!(build(flags).expect_err("it is refused").exit_status(), 2);
}
