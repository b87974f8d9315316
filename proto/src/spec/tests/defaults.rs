//! Filling in defaults, and the way there and back between wire and domain.

use kafka2oss_domain::spec::{
    AddressingStyle, Compression, ConnectorSpec, ConsumerOffset, FailureHandlingPolicy, Layout,
    OutputFormat, OverflowPolicy, Pool, StorageEngine, TextEncoding, TimeBucketLength,
};
use proptest::option::of;
use proptest::prelude::*;

use super::{context, filled, given};
use crate::spec::{defaults, planned_resources};
use crate::v1::{self, ResourceRole};

#[test]
fn the_shortest_spec_becomes_the_wizards() {
    let spec = ConnectorSpec::try_from(filled()).unwrap();
    assert_eq!(spec.source.consumer_offset, ConsumerOffset::Latest);
    assert_eq!((spec.source.thread_concurrency, spec.source.spread), (6, 2));
    assert_eq!(spec.destination.endpoint, "https://s3.oss-cn-hangzhou-internal.aliyuncs.com");
    assert_eq!(spec.destination.signing_region, "cn-hangzhou");
    assert_eq!(spec.destination.addressing_style, AddressingStyle::VirtualHosted);
    assert_eq!(spec.runtime.pool, Pool::new("vpc-1", "vsw-1"));
    assert_eq!(spec.runtime.failure_handling_policy, FailureHandlingPolicy::Log);
    assert_eq!(spec.output.rotation.max_bytes, 33_554_432);
    assert_eq!(spec.output.rotation.max_records, None);
    assert_eq!(spec.output.rotation.max_age.as_secs(), 60);
    assert_eq!(spec.output.rotation.idle.as_secs(), 10);
    assert_eq!(spec.output.overflow.max_value_bytes, 6_291_456);
    assert_eq!(spec.output.overflow.max_record_bytes, None);
    assert_eq!(spec.output.overflow.policy, OverflowPolicy::Spill);
    assert_eq!(spec.output.format, OutputFormat::JsonArray);
    assert_eq!(spec.output.compression, Compression::None);
    assert_eq!(spec.output.key_encoding, TextEncoding::Utf8);
    assert_eq!(spec.output.value_encoding, TextEncoding::Utf8);
    assert!(!spec.output.include_headers);
    let layout = Layout { prefix: String::new(), time_buckets: None, hash_prefix: false };
    assert_eq!(spec.output.layout, layout);
    assert_eq!(spec.runtime.session_timeout.as_secs(), 10);
    assert_eq!(spec.runtime.store_retry_time.as_secs(), 600);
    assert_eq!(spec.resources.offset_topic.storage_engine, StorageEngine::Local);
    assert_eq!(spec.resources.abnormal_data_topic.storage_engine, StorageEngine::Cloud);

    let planned: Vec<_> = planned_resources(&spec)
        .into_iter()
        .map(|planned| (planned.name, planned.partitions, planned.cleanup_policy))
        .collect();
    let expected = [
        ("connect-kafka-oss-sink", 0, ""),
        ("connect-cluster-kafka-oss-sink", 0, ""),
        ("connect-offset-kafka-oss-sink", 12, "compact"),
        ("connect-config-kafka-oss-sink", 1, "compact"),
        ("connect-status-kafka-oss-sink", 6, "compact"),
        ("connect-error-kafka-oss-sink", 6, "delete"),
    ];
    let expected =
        expected.map(|(name, count, policy)| (name.to_owned(), count, policy.to_owned()));
    assert_eq!(planned, expected);
}

#[test]
fn time_buckets_have_defaults_only_where_they_are_asked_for() {
    let mut spec = given();
    let layout = spec.output.get_or_insert_default().layout.get_or_insert_default();
    layout.time_buckets = Some(v1::TimeBuckets {
        style: v1::TimeBucketStyle::Plain.into(),
        ..v1::TimeBuckets::default()
    });
    defaults::fill(&mut spec, context());
    let buckets = ConnectorSpec::try_from(spec).unwrap().output.layout.time_buckets.unwrap();
    assert_eq!((buckets.length, buckets.time_zone.as_str()), (TimeBucketLength::Hour, "UTC"));
}

#[test]
fn error_topics_of_two_names_are_two_resources() {
    let mut spec = filled();
    let resources = spec.resources.as_mut().unwrap();
    resources.dead_letter_queue_topic.as_mut().unwrap().name = "connect-error-dlq".to_owned();
    let planned = planned_resources(&ConnectorSpec::try_from(spec).unwrap());
    let roles: Vec<_> = planned.iter().skip(5).map(|planned| planned.roles.clone()).collect();
    let expected = [ResourceRole::AbnormalDataTopic, ResourceRole::DeadLetterQueueTopic];
    assert_eq!(roles, expected.map(|role| vec![i32::from(role)]));
}

#[test]
fn what_one_error_topic_says_holds_for_the_other_of_the_same_name() {
    let mut spec = given();
    let dead_letter = v1::ConnectorTopic {
        partitions: Some(3),
        storage_engine: v1::StorageEngine::Local.into(),
        ..Default::default()
    };
    spec.resources.get_or_insert_default().dead_letter_queue_topic = Some(dead_letter);
    defaults::fill(&mut spec, context());
    let resources = ConnectorSpec::try_from(spec).unwrap().resources;
    assert_eq!(resources.abnormal_data_topic, resources.dead_letter_queue_topic);
    assert_eq!(resources.abnormal_data_topic.partitions, 3);
}

#[test]
fn s3_has_path_style_and_no_default_endpoint() {
    let mut spec = given();
    spec.destination.as_mut().unwrap().store_type = v1::StoreType::S3.into();
    defaults::fill(&mut spec, context());
    let destination = spec.destination.unwrap();
    assert_eq!(destination.addressing_style(), v1::AddressingStyle::Path);
    assert_eq!(destination.endpoint, "");
}

/// Any spec, legal or not, with fields left out at random.
fn any_spec() -> impl Strategy<Value = v1::ConnectorSpec> {
    let source = ("[a.]{0,3}", 0..4, of(-1..9_i32), of(-1..4_i32)).prop_map(
        |(topic, consumer_offset, thread_concurrency, spread)| v1::KafkaSource {
            topic,
            consumer_offset,
            thread_concurrency,
            spread,
        },
    );
    let destination = ("[a_]{0,4}", 0..4, 0..4, any::<bool>()).prop_map(
        |(bucket, store_type, addressing_style, allow_cross_region)| v1::ObjectStoreDestination {
            store_type,
            bucket,
            addressing_style,
            allow_cross_region,
            ..Default::default()
        },
    );
    let rest = (of(any_runtime(true)), of(any_resources()), of(any_output(true)));
    (of(source), of(destination), rest, 0..3).prop_map(
        |(source, destination, (runtime, resources, output), task_type)| v1::ConnectorSpec {
            task_type,
            source,
            destination,
            runtime,
            resources,
            output,
        },
    )
}

fn any_resources() -> impl Strategy<Value = v1::ConnectorResources> {
    let topic = || {
        of(("[ab]{0,1}", of(-1..5_i32), 0..4)).prop_map(|topic| {
            topic.map(|(name, partitions, storage_engine)| v1::ConnectorTopic {
                name,
                partitions,
                storage_engine,
            })
        })
    };
    (topic(), topic(), topic(), topic(), "[ab]{0,1}").prop_map(
        |(offset_topic, config_topic, abnormal_data_topic, dead_letter_queue_topic, group)| {
            v1::ConnectorResources {
                connector_consumer_group: group,
                offset_topic,
                config_topic,
                abnormal_data_topic,
                dead_letter_queue_topic,
                ..Default::default()
            }
        },
    )
}

/// With what is illegal in enums and new limits only where `wild`.
fn any_output(wild: bool) -> impl Strategy<Value = v1::ConnectorOutput> {
    let duration = || {
        of((-1..100_i64, -1..1_000_000_000_i32)).prop_map(|duration| {
            duration.map(|(seconds, nanos)| prost_types::Duration { seconds, nanos })
        })
    };
    let (beyond, least) = if wild { (1, -1) } else { (0, 1) };
    let rotation = (of(least..9_000_i64), of(least..3_i64), duration(), duration());

    let layout = (of(any_time_buckets(wild)), any::<bool>());
    let overflow = (0..3 + beyond, of(least..9_i64), of(least..9_i64));
    let encodings = (0..3 + beyond, 0..4 + beyond, 0..4 + beyond, 0..4 + beyond, any::<bool>());
    (rotation, layout, overflow, encodings).prop_map(|(rotation, layout, overflow, encodings)| {
        let (max_bytes, max_records, max_age, idle) = rotation;
        let (time_buckets, hash_prefix) = layout;
        let (policy, max_value_bytes, max_record_bytes) = overflow;
        let (format, compression, key_encoding, value_encoding, include_headers) = encodings;
        v1::ConnectorOutput {
            format,
            rotation: Some(v1::RotationPolicy { max_bytes, max_records, max_age, idle }),
            layout: Some(v1::ObjectLayout { prefix: String::new(), time_buckets, hash_prefix }),
            overflow: Some(v1::OverflowHandling { policy, max_value_bytes, max_record_bytes }),
            compression,
            key_encoding,
            value_encoding,
            include_headers,
        }
    })
}

fn any_time_buckets(wild: bool) -> impl Strategy<Value = v1::TimeBuckets> {
    let (styles, lengths, zones) =
        if wild { (0..4, 0..5, "(UTC|No/Zone)?") } else { (1..3, 0..4, "(UTC|Asia/Shanghai)?") };
    (styles, lengths, zones).prop_map(|(style, length, time_zone)| v1::TimeBuckets {
        style,
        length,
        time_zone,
    })
}

fn any_runtime(wild: bool) -> impl Strategy<Value = v1::ConnectorRuntime> {
    let seconds = if wild { 0..2_000_i64 } else { 6..1_801 };
    let duration =
        || of(seconds.clone().prop_map(|seconds| prost_types::Duration { seconds, nanos: 0 }));
    (0..if wild { 4 } else { 3 }, duration(), duration()).prop_map(
        |(failure_handling_policy, session_timeout, store_retry_time)| v1::ConnectorRuntime {
            failure_handling_policy,
            session_timeout,
            store_retry_time,
            ..v1::ConnectorRuntime::default()
        },
    )
}

/// Legal specs of all kinds.
fn legal_spec() -> impl Strategy<Value = v1::ConnectorSpec> {
    let parts = (any_output(false), any_runtime(false), 1..361_i32, "[a-z/]{0,9}");
    (parts, 1..20_i32, 1..3, any::<bool>()).prop_filter_map(
        "a legal spec",
        |((output, runtime, partitions, prefix), threads, choice, s3)| {
            let mut spec = given();
            let source = spec.source.as_mut()?;
            source.thread_concurrency = Some(threads);
            source.consumer_offset = choice;
            let destination = spec.destination.as_mut()?;
            if s3 {
                destination.store_type = v1::StoreType::S3.into();
                destination.endpoint = "http://[::1]:9000".to_owned();
                destination.bucket = "Bucket_1".to_owned();
            }
            spec.runtime = Some(runtime);
            let resources = spec.resources.get_or_insert_default();
            resources.creation = choice;
            resources.status_topic.get_or_insert_default().partitions = Some(partitions);
            spec.output = Some(output);
            spec.output.as_mut()?.layout.get_or_insert_default().prefix = prefix;
            defaults::fill(&mut spec, context());
            ConnectorSpec::try_from(spec.clone()).is_ok().then_some(spec)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 100_000, ..Default::default() })]

    #[test]
    fn filling_twice_is_filling_once(spec in any_spec()) {
        let mut once = spec;
        defaults::fill(&mut once, context());
        let mut twice = once.clone();
        defaults::fill(&mut twice, context());
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn no_spec_makes_the_conversion_panic(spec in any_spec(), fill in any::<bool>()) {
        let mut spec = spec;
        if fill {
            defaults::fill(&mut spec, context());
        }
        let _ = ConnectorSpec::try_from(spec);
    }

    #[test]
    fn a_legal_spec_comes_back_as_it_was(spec in legal_spec()) {
        let domain = ConnectorSpec::try_from(spec.clone()).unwrap();
        prop_assert_eq!(v1::ConnectorSpec::from(&domain), spec);
    }
}
