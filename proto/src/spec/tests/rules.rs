//! Each rule of a connector's spec, violated once.

use kafka2oss_domain::ErrorCode::{self, *};
use kafka2oss_domain::spec::{ConnectorSpec, check_labels};

use super::{ID, environment, filled, found, given};
use crate::spec::{check_given, check_request, defaults};
use crate::v1::{self, secret::Source, store_credentials::Kind};

/// Changes one thing of a legal spec.
type Change = fn(&mut Parts<'_>);

/// The parts of a filled spec.
struct Parts<'a> {
    task_type: &'a mut i32,
    source: &'a mut v1::KafkaSource,
    destination: &'a mut v1::ObjectStoreDestination,
    runtime: &'a mut v1::ConnectorRuntime,
    resources: &'a mut v1::ConnectorResources,
    output: &'a mut v1::ConnectorOutput,
}

impl Parts<'_> {
    fn rotation(&mut self) -> &mut v1::RotationPolicy {
        self.output.rotation.as_mut().unwrap()
    }

    fn overflow(&mut self) -> &mut v1::OverflowHandling {
        self.output.overflow.as_mut().unwrap()
    }

    fn layout(&mut self) -> &mut v1::ObjectLayout {
        self.output.layout.as_mut().unwrap()
    }

    fn prefix(&mut self) -> &mut String {
        &mut self.layout().prefix
    }

    /// Hourly buckets of UTC, to be changed.
    fn time_buckets(&mut self) -> &mut v1::TimeBuckets {
        self.layout().time_buckets.get_or_insert_with(|| v1::TimeBuckets {
            style: v1::TimeBucketStyle::Hive.into(),
            length: v1::TimeBucketLength::Hour.into(),
            time_zone: "UTC".to_owned(),
        })
    }

    fn access_key(&mut self) -> &mut v1::AccessKey {
        let Some(Kind::AccessKey(key)) = &mut self.destination.credentials.as_mut().unwrap().kind
        else {
            panic!("the spec has an access key");
        };
        key
    }

    fn secret(&mut self, source: Source) {
        self.access_key().secret = Some(v1::Secret { source: Some(source) });
    }

    fn s3(&mut self, bucket: &str) {
        self.destination.store_type = v1::StoreType::S3.into();
        self.destination.addressing_style = v1::AddressingStyle::Path.into();
        self.destination.endpoint = "http://127.0.0.1:9000".to_owned();
        self.destination.bucket = bucket.to_owned();
    }
}

fn changed(change: impl FnOnce(&mut Parts<'_>)) -> v1::ConnectorSpec {
    let mut spec = filled();
    change(&mut Parts {
        task_type: &mut spec.task_type,
        source: spec.source.as_mut().unwrap(),
        destination: spec.destination.as_mut().unwrap(),
        runtime: spec.runtime.as_mut().unwrap(),
        resources: spec.resources.as_mut().unwrap(),
        output: spec.output.as_mut().unwrap(),
    });
    spec
}

fn topic(topic: &mut Option<v1::ConnectorTopic>) -> &mut v1::ConnectorTopic {
    topic.as_mut().unwrap()
}

fn duration(seconds: i64, nanos: i32) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos })
}

fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    duration(seconds, 0)
}

/// One rule a line: what is changed, its code, its field.
const RULES: &[(Change, ErrorCode, &str)] = &[
    (|s| *s.task_type = 9, FieldInvalid, "task_type"),
    (|s| *s.task_type = 0, FieldRequired, "task_type"),
    // source
    (|s| s.source.topic.clear(), FieldRequired, "source.topic"),
    (|s| s.source.topic = "a b".into(), FieldInvalid, "source.topic"),
    (|s| s.source.topic = "..".into(), FieldInvalid, "source.topic"),
    (|s| s.source.topic = "a".repeat(250), FieldInvalid, "source.topic"),
    (|s| s.source.consumer_offset = 7, FieldInvalid, "source.consumer_offset"),
    (|s| s.source.consumer_offset = 0, FieldRequired, "source.consumer_offset"),
    (|s| s.source.thread_concurrency = Some(0), FieldInvalid, "source.thread_concurrency"),
    (|s| s.source.spread = Some(0), FieldInvalid, "source.spread"),
    (|s| s.source.spread = Some(7), FieldInvalid, "source.spread"),
    // destination
    (|s| s.destination.store_type = 3, FieldInvalid, "destination.store_type"),
    (|s| s.destination.bucket.clear(), FieldRequired, "destination.bucket"),
    (|s| s.destination.bucket = "bucket_test".into(), BucketNameIllegal, "destination.bucket"),
    (|s| s.destination.bucket = "ab".into(), BucketNameIllegal, "destination.bucket"),
    (|s| s.destination.bucket = "-abc".into(), BucketNameIllegal, "destination.bucket"),
    (|s| s.destination.bucket = "a".repeat(64), BucketNameIllegal, "destination.bucket"),
    (|s| s.s3("bucket/test"), BucketNameIllegal, "destination.bucket"),
    (
        |s| {
            s.s3("my.bucket");
            s.destination.endpoint = "https://s3.example.com".into();
            s.destination.addressing_style = v1::AddressingStyle::VirtualHosted.into();
        },
        BucketNameIllegal,
        "destination.bucket",
    ),
    (
        |s| {
            s.s3("bucket");
            s.destination.endpoint.clear();
        },
        FieldRequired,
        "destination.endpoint",
    ),
    (
        |s| s.destination.endpoint = "https://oss-cn-hangzhou.aliyuncs.com".into(),
        EndpointInvalid,
        "destination.endpoint",
    ),
    (
        |s| s.destination.endpoint = "s3.oss-cn-hangzhou.aliyuncs.com".into(),
        EndpointInvalid,
        "destination.endpoint",
    ),
    (
        |s| s.destination.endpoint = "http://127.0.0.1:9000".into(),
        EndpointInvalid,
        "destination.endpoint",
    ),
    (|s| s.destination.signing_region = "a/b".into(), FieldInvalid, "destination.signing_region"),
    (
        |s| s.destination.addressing_style = v1::AddressingStyle::Path.into(),
        FieldInvalid,
        "destination.addressing_style",
    ),
    (|s| s.destination.credentials = None, FieldRequired, "destination.credentials"),
    (
        |s| s.destination.credentials.as_mut().unwrap().kind = None,
        FieldRequired,
        "destination.credentials",
    ),
    (|s| s.access_key().id = None, FieldRequired, "destination.credentials.access_key.id"),
    (
        |s| s.access_key().secret = Some(v1::Secret { source: None }),
        FieldRequired,
        "destination.credentials.access_key.secret",
    ),
    (
        |s| s.secret(Source::Plain(String::new())),
        FieldRequired,
        "destination.credentials.access_key.secret.plain",
    ),
    (
        |s| s.secret(Source::Plain("a".repeat(4097))),
        FieldInvalid,
        "destination.credentials.access_key.secret.plain",
    ),
    (
        |s| s.secret(Source::Environment("1KEY".into())),
        FieldInvalid,
        "destination.credentials.access_key.secret.environment",
    ),
    (
        |s| s.secret(Source::File("key".into())),
        FieldInvalid,
        "destination.credentials.access_key.secret.file",
    ),
    (
        |s| s.secret(Source::Withheld(false)),
        FieldInvalid,
        "destination.credentials.access_key.secret.withheld",
    ),
    (
        |s| s.access_key().session_token = Some(v1::Secret { source: None }),
        FieldRequired,
        "destination.credentials.access_key.session_token",
    ),
    // runtime
    (|s| s.runtime.vpc_id = "vpc/1".into(), FieldInvalid, "runtime.vpc_id"),
    (|s| s.runtime.vswitch_id = "a".repeat(65), FieldInvalid, "runtime.vswitch_id"),
    (|s| s.runtime.failure_handling_policy = 3, FieldInvalid, "runtime.failure_handling_policy"),
    (|s| s.runtime.session_timeout = None, FieldRequired, "runtime.session_timeout"),
    (
        |s| s.runtime.session_timeout = duration(5, 999_999_999),
        FieldInvalid,
        "runtime.session_timeout",
    ),
    (|s| s.runtime.session_timeout = duration(1_800, 1), FieldInvalid, "runtime.session_timeout"),
    (|s| s.runtime.session_timeout = seconds(-1), FieldInvalid, "runtime.session_timeout"),
    (|s| s.runtime.store_retry_time = None, FieldRequired, "runtime.store_retry_time"),
    (|s| s.runtime.store_retry_time = seconds(0), FieldInvalid, "runtime.store_retry_time"),
    (|s| s.runtime.store_retry_time = seconds(86_401), FieldInvalid, "runtime.store_retry_time"),
    // resources
    (|s| s.resources.creation = -1, FieldInvalid, "resources.creation"),
    (
        |s| s.resources.connector_consumer_group = "ü".into(),
        FieldInvalid,
        "resources.connector_consumer_group",
    ),
    (
        |s| s.resources.connector_consumer_group = s.resources.task_consumer_group.clone(),
        FieldInvalid,
        "resources.connector_consumer_group",
    ),
    (|s| s.resources.status_topic = None, FieldRequired, "resources.status_topic"),
    (
        |s| topic(&mut s.resources.offset_topic).name = "a:b".into(),
        FieldInvalid,
        "resources.offset_topic.name",
    ),
    (
        |s| topic(&mut s.resources.offset_topic).partitions = Some(1),
        FieldInvalid,
        "resources.offset_topic.partitions",
    ),
    (
        |s| topic(&mut s.resources.config_topic).partitions = Some(2),
        FieldInvalid,
        "resources.config_topic.partitions",
    ),
    (
        |s| topic(&mut s.resources.status_topic).partitions = Some(361),
        FieldInvalid,
        "resources.status_topic.partitions",
    ),
    (
        |s| topic(&mut s.resources.status_topic).partitions = Some(0),
        FieldInvalid,
        "resources.status_topic.partitions",
    ),
    (
        |s| topic(&mut s.resources.status_topic).storage_engine = v1::StorageEngine::Cloud.into(),
        FieldInvalid,
        "resources.status_topic.storage_engine",
    ),
    (
        |s| topic(&mut s.resources.abnormal_data_topic).storage_engine = 8,
        FieldInvalid,
        // As many as there are: the same topic has two storage engines.
        "resources.dead_letter_queue_topic.storage_engine, \
         resources.abnormal_data_topic.storage_engine",
    ),
    (
        |s| topic(&mut s.resources.dead_letter_queue_topic).partitions = Some(7),
        FieldInvalid,
        "resources.dead_letter_queue_topic.partitions",
    ),
    (
        |s| topic(&mut s.resources.status_topic).name = "connect-offset-kafka-oss-sink".into(),
        FieldInvalid,
        "resources.status_topic.name",
    ),
    (
        |s| topic(&mut s.resources.abnormal_data_topic).name = "oss-test-input".into(),
        FieldInvalid,
        "resources.abnormal_data_topic.name",
    ),
    // output
    (|s| s.output.format = 5, FieldInvalid, "output.format"),
    (|s| s.output.format = 0, FieldRequired, "output.format"),
    (|s| s.output.compression = 4, FieldInvalid, "output.compression"),
    (|s| s.output.compression = 0, FieldRequired, "output.compression"),
    (|s| s.output.key_encoding = 4, FieldInvalid, "output.key_encoding"),
    (|s| s.output.key_encoding = 0, FieldRequired, "output.key_encoding"),
    (|s| s.output.value_encoding = -1, FieldInvalid, "output.value_encoding"),
    (|s| s.output.value_encoding = 0, FieldRequired, "output.value_encoding"),
    (|s| s.output.rotation = None, FieldRequired, "output.rotation"),
    (|s| s.output.layout = None, FieldRequired, "output.layout"),
    (|s| s.output.overflow = None, FieldRequired, "output.overflow"),
    (|s| s.rotation().max_bytes = Some(1023), FieldInvalid, "output.rotation.max_bytes"),
    (|s| s.rotation().max_bytes = Some((512 << 20) + 1), FieldInvalid, "output.rotation.max_bytes"),
    (|s| s.rotation().max_records = Some(0), FieldInvalid, "output.rotation.max_records"),
    (|s| s.rotation().max_records = Some(-1), FieldInvalid, "output.rotation.max_records"),
    (|s| s.rotation().max_bytes = Some(-1), FieldInvalid, "output.rotation.max_bytes"),
    (
        |s| s.overflow().max_record_bytes = Some(-1),
        FieldInvalid,
        "output.overflow.max_record_bytes",
    ),
    (|s| s.source.thread_concurrency = Some(-6), FieldInvalid, "source.thread_concurrency"),
    (|s| s.source.spread = Some(i32::MIN), FieldInvalid, "source.spread"),
    (|s| s.rotation().max_age = seconds(0), FieldInvalid, "output.rotation.max_age"),
    (|s| s.rotation().max_age = seconds(86_401), FieldInvalid, "output.rotation.max_age"),
    (|s| s.rotation().max_age = seconds(i64::MAX), FieldInvalid, "output.rotation.max_age"),
    (
        |s| s.rotation().max_age = duration(1, 1_000_000_000),
        FieldInvalid,
        "output.rotation.max_age",
    ),
    (|s| s.rotation().idle = duration(0, 99_999_999), FieldInvalid, "output.rotation.idle"),
    (|s| s.rotation().idle = seconds(-1), FieldInvalid, "output.rotation.idle"),
    (|s| s.rotation().idle = duration(1, -1), FieldInvalid, "output.rotation.idle"),
    (|s| s.rotation().idle = None, FieldRequired, "output.rotation.idle"),
    (|s| *s.prefix() = "/a".into(), FieldInvalid, "output.layout.prefix"),
    (|s| *s.prefix() = "\\a".into(), FieldInvalid, "output.layout.prefix"),
    (|s| *s.prefix() = "a".repeat(513), FieldInvalid, "output.layout.prefix"),
    (|s| *s.prefix() = "a\nb".into(), FieldInvalid, "output.layout.prefix"),
    (|s| *s.prefix() = "a/../b".into(), FieldInvalid, "output.layout.prefix"),
    (
        |s| {
            *s.prefix() = "a".repeat(512);
            s.source.topic = "a".repeat(249);
        },
        FieldInvalid,
        "output.layout.prefix",
    ),
    (|s| s.time_buckets().style = 0, FieldRequired, "output.layout.time_buckets.style"),
    (|s| s.time_buckets().style = 3, FieldInvalid, "output.layout.time_buckets.style"),
    (|s| s.time_buckets().length = 0, FieldRequired, "output.layout.time_buckets.length"),
    (|s| s.time_buckets().length = 4, FieldInvalid, "output.layout.time_buckets.length"),
    (
        |s| s.time_buckets().time_zone = "Mars/Olympus".into(),
        FieldInvalid,
        "output.layout.time_buckets.time_zone",
    ),
    (|s| s.time_buckets().time_zone.clear(), FieldInvalid, "output.layout.time_buckets.time_zone"),
    (|s| s.overflow().policy = 9, FieldInvalid, "output.overflow.policy"),
    (|s| s.overflow().policy = 0, FieldRequired, "output.overflow.policy"),
    (|s| s.overflow().max_record_bytes = Some(0), FieldInvalid, "output.overflow.max_record_bytes"),
    (
        |s| s.overflow().max_record_bytes = Some((512 << 20) + 1),
        FieldInvalid,
        "output.overflow.max_record_bytes",
    ),
    (|s| s.overflow().max_value_bytes = Some(0), FieldInvalid, "output.overflow.max_value_bytes"),
];

#[test]
fn each_rule_violated_once_gives_its_code_and_its_field() {
    for (index, (change, code, fields)) in RULES.iter().enumerate() {
        let violations = ConnectorSpec::try_from(changed(change)).unwrap_err();
        let expected: Vec<_> = fields.split(", ").map(|field| (*code, field)).collect();
        assert_eq!(found(&violations), expected, "rule {index}: {violations}");
    }
}

#[test]
fn the_ends_of_ranges_are_legal() {
    let changes: &[Change] = &[
        |s| s.runtime.session_timeout = seconds(6),
        |s| s.runtime.session_timeout = seconds(1_800),
        |s| s.runtime.store_retry_time = seconds(1),
        |s| s.runtime.store_retry_time = seconds(86_400),
        |s| s.overflow().max_value_bytes = Some(1),
        |s| s.overflow().max_record_bytes = Some(1),
        |s| s.overflow().max_record_bytes = Some(512 << 20),
        |s| s.overflow().max_record_bytes = None,
        |s| s.time_buckets().time_zone = "Asia/Shanghai".into(),
    ];
    for (index, change) in changes.iter().enumerate() {
        let spec = ConnectorSpec::try_from(changed(change));
        assert!(spec.is_ok(), "change {index}: {spec:?}");
    }
}

/// Whatever the layout is, so that a later change of it stays legal.
#[test]
fn the_longest_key_fits_with_every_part_that_a_layout_can_have() {
    let longest = |prefix: usize, topic: usize| {
        ConnectorSpec::try_from(changed(|s| {
            *s.prefix() = "a".repeat(prefix);
            s.source.topic = "a".repeat(topic);
        }))
    };
    let around = "0f3c/".len()
        + "/year=2026/month=01/day=31/hour=23/minute=59/".len()
        + "2147483647/+2147483647+00000000000000000000-abcd2345-mnop6723abcd.jsonl.zst".len();
    let prefix = 1_023 - around - 2 * 249;
    assert!(longest(prefix, 249).is_ok());
    let violations = longest(prefix + 1, 249).unwrap_err();
    assert_eq!(found(&violations), [(FieldInvalid, "output.layout.prefix")]);
}

#[test]
fn every_violation_of_a_spec_comes_at_once() {
    let spec = changed(|s| {
        s.source.topic = "a b".into();
        s.source.spread = Some(0);
        s.destination.bucket = "bucket_test".into();
        s.destination.endpoint = "oss-cn-hangzhou.aliyuncs.com".into();
        s.access_key().id = None;
        s.runtime.failure_handling_policy = 9;
        topic(&mut s.resources.offset_topic).partitions = Some(1);
        topic(&mut s.resources.config_topic).partitions = Some(3);
        s.rotation().max_age = None;
        s.overflow().max_value_bytes = Some(i64::MAX);
    });
    let violations = ConnectorSpec::try_from(spec).unwrap_err();
    assert_eq!(
        found(&violations),
        [
            (FieldInvalid, "source.topic"),
            (FieldInvalid, "source.spread"),
            (BucketNameIllegal, "destination.bucket"),
            (EndpointInvalid, "destination.endpoint"),
            (FieldRequired, "destination.credentials.access_key.id"),
            (FieldInvalid, "runtime.failure_handling_policy"),
            (FieldInvalid, "resources.offset_topic.partitions"),
            (FieldInvalid, "resources.config_topic.partitions"),
            (FieldRequired, "output.rotation.max_age"),
            (FieldInvalid, "output.overflow.max_value_bytes"),
        ]
    );
}

#[test]
fn an_empty_spec_lacks_source_and_destination_and_nothing_else() {
    let mut spec = v1::ConnectorSpec::default();
    defaults::fill(&mut spec, super::context());
    let violations = ConnectorSpec::try_from(spec).unwrap_err();
    assert_eq!(found(&violations), [(FieldRequired, "source"), (FieldRequired, "destination")]);
}

#[test]
fn a_spec_without_defaults_is_refused_field_by_field() {
    let violations = ConnectorSpec::try_from(given()).unwrap_err();
    assert!(found(&violations).contains(&(FieldRequired, "runtime")));
    assert!(found(&violations).contains(&(FieldRequired, "destination.store_type")));
}

#[test]
fn a_bucket_with_an_underscore_is_legal_with_path_style_and_told_so_on_oss() {
    let s3 = changed(|s| s.s3("bucket_test"));
    assert!(ConnectorSpec::try_from(s3).is_ok());

    let oss = changed(|s| s.destination.bucket = "bucket_test".into());
    let violations = ConnectorSpec::try_from(oss).unwrap_err();
    let message = violations.to_string();
    assert!(message.contains("S3") && message.contains("PATH"), "{message}");
}

#[test]
fn a_slash_at_the_end_of_an_endpoint_is_dropped() {
    let spec = changed(|s| s.destination.endpoint.push('/'));
    let spec = ConnectorSpec::try_from(spec).unwrap();
    assert_eq!(spec.destination.endpoint, "https://s3.oss-cn-hangzhou-internal.aliyuncs.com");
}

#[test]
fn the_task_group_is_made_from_the_connectors_id() {
    assert!(check_request(&filled(), ID).is_empty());
    let spec = changed(|s| s.resources.task_consumer_group = "connect-other".into());
    let violations = check_request(&spec, ID);
    assert_eq!(found(&violations), [(FieldInvalid, "resources.task_consumer_group")]);
}

#[test]
fn a_withheld_secret_of_an_answer_is_no_secret_of_a_request() {
    let spec = changed(|s| s.secret(Source::Withheld(true)));
    let violations = check_request(&spec, ID);
    let field = "destination.credentials.access_key.secret";
    assert_eq!(found(&violations), [(FieldRequired, field)]);

    let credentials = spec.destination.unwrap().credentials.unwrap();
    assert_eq!(found(&check_given(&credentials)), [(FieldRequired, "access_key.secret")]);
    assert!(check_given(&super::credentials()).is_empty());
}

#[test]
fn labels_are_few_and_short() {
    let labels = |entries: &[(String, String)]| check_labels(&entries.iter().cloned().collect());
    let entry = |key: usize, value: usize| ("k".repeat(key), "v".repeat(value));
    assert!(labels(&[entry(1, 0), entry(63, 63)]).is_empty());
    for bad in [entry(0, 1), entry(64, 1), entry(1, 64)] {
        assert_eq!(found(&labels(&[bad])), [(FieldInvalid, "labels")]);
    }
    let many: Vec<_> = (0..65).map(|n| (n.to_string(), String::new())).collect();
    assert_eq!(found(&labels(&many)), [(FieldInvalid, "labels")]);
    assert!(labels(&many[..64]).is_empty());
}

#[test]
fn no_message_shows_an_inline_secret() {
    let spec = changed(|s| {
        s.secret(Source::Plain("s3cret".repeat(1000)));
        s.access_key().id = Some(environment("-"));
    });
    assert!(!format!("{spec:?}").contains("s3cret"));
    let violations = ConnectorSpec::try_from(spec).unwrap_err();
    assert!(!format!("{violations:?}{violations}").contains("s3cret"));
}
