//! Fills defaults into the wire types, so that what is stored, shown and sent
//! to agents is whole.

use kafka2oss_domain::spec::{ConnectorTopic, endpoint, prefixes};

use crate::{Count, v1};

/// What defaults depend on besides the spec.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The connector's bare ID.
    pub connector_id: &'a str,
    /// The instance's region.
    pub region_id: &'a str,
    /// The instance's VPC.
    pub vpc_id: &'a str,
    /// The instance's vSwitch.
    pub vswitch_id: &'a str,
}

const THREAD_CONCURRENCY: i32 = 6;
const SPREAD: i32 = 2;
const OFFSET_PARTITIONS: u32 = 12;
const CONFIG_PARTITIONS: u32 = 1;
const MAX_BYTES: i64 = 32 << 20;
const MAX_AGE: prost_types::Duration = prost_types::Duration { seconds: 60, nanos: 0 };
const IDLE: prost_types::Duration = prost_types::Duration { seconds: 10, nanos: 0 };
const MAX_VALUE_BYTES: i64 = 6 << 20;
const SESSION_TIMEOUT: prost_types::Duration = prost_types::Duration { seconds: 10, nanos: 0 };
const STORE_RETRY_TIME: prost_types::Duration = prost_types::Duration { seconds: 600, nanos: 0 };

/// Fills every field of `spec` that is not set and has a default. Fields that
/// are set stay as they are, legal or not; `source` and `destination` have no
/// default and are not made.
pub fn fill(spec: &mut v1::ConnectorSpec, context: Context<'_>) {
    choose(&mut spec.task_type, v1::TaskType::Kafka2oss);
    if let Some(source) = &mut spec.source {
        fill_source(source);
    }
    if let Some(destination) = &mut spec.destination {
        fill_destination(destination, context.region_id);
    }
    let runtime = spec.runtime.get_or_insert_default();
    set_text(&mut runtime.vpc_id, || context.vpc_id.to_owned());
    set_text(&mut runtime.vswitch_id, || context.vswitch_id.to_owned());
    choose(&mut runtime.failure_handling_policy, v1::FailureHandlingPolicy::Log);
    runtime.session_timeout.get_or_insert(SESSION_TIMEOUT);
    runtime.store_retry_time.get_or_insert(STORE_RETRY_TIME);
    fill_resources(spec.resources.get_or_insert_default(), context.connector_id);
    fill_output(spec.output.get_or_insert_default());
}

/// Makes explicit what an instance's security fields mean where they are not
/// set: PLAINTEXT, and PLAIN where the protocol is one of SASL's.
pub fn fill_instance(instance: &mut v1::Instance) {
    use v1::SecurityProtocol as Protocol;

    choose(&mut instance.security_protocol, Protocol::Plaintext);
    if matches!(instance.security_protocol(), Protocol::SaslPlaintext | Protocol::SaslSsl) {
        choose(&mut instance.sasl_mechanism, v1::SaslMechanism::Plain);
    }
}

fn fill_source(source: &mut v1::KafkaSource) {
    choose(&mut source.consumer_offset, v1::ConsumerOffset::Latest);
    let threads = *source.thread_concurrency.get_or_insert(THREAD_CONCURRENCY);
    source.spread.get_or_insert(SPREAD.min(threads.max(1)));
}

fn fill_destination(destination: &mut v1::ObjectStoreDestination, region_id: &str) {
    choose(&mut destination.store_type, v1::StoreType::Oss);
    // A store type that we do not know reads as unspecified here.
    match destination.store_type() {
        v1::StoreType::Oss => {
            set_text(&mut destination.endpoint, || endpoint::default_for_oss(region_id));
            choose(&mut destination.addressing_style, v1::AddressingStyle::VirtualHosted);
        }
        v1::StoreType::S3 => choose(&mut destination.addressing_style, v1::AddressingStyle::Path),
        v1::StoreType::Unspecified => {}
    }
    set_text(&mut destination.signing_region, || region_id.to_owned());
}

fn fill_resources(resources: &mut v1::ConnectorResources, id: &str) {
    use v1::StorageEngine::{Cloud, Local};

    choose(&mut resources.creation, v1::ResourceCreation::Automatically);
    let name = |prefix: &'static str| move || format!("{prefix}{id}");
    set_text(&mut resources.task_consumer_group, name(prefixes::TASK_GROUP));
    set_text(&mut resources.connector_consumer_group, name(prefixes::CONNECTOR_GROUP));
    for (topic, prefix, partitions) in [
        (&mut resources.offset_topic, prefixes::OFFSET_TOPIC, OFFSET_PARTITIONS),
        (&mut resources.config_topic, prefixes::CONFIG_TOPIC, CONFIG_PARTITIONS),
        (
            &mut resources.status_topic,
            prefixes::STATUS_TOPIC,
            ConnectorTopic::RECOMMENDED_PARTITIONS,
        ),
    ] {
        let topic = topic.get_or_insert_default();
        set_text(&mut topic.name, name(prefix));
        topic.partitions.get_or_insert(partitions.to_wire());
        choose(&mut topic.storage_engine, Local);
    }

    let abnormal = resources.abnormal_data_topic.get_or_insert_default();
    let dead_letter = resources.dead_letter_queue_topic.get_or_insert_default();
    set_text(&mut abnormal.name, name(prefixes::ERROR_TOPIC));
    set_text(&mut dead_letter.name, name(prefixes::ERROR_TOPIC));
    if abnormal.name == dead_letter.name {
        // One topic: what only one of the two says holds for both.
        abnormal.partitions = abnormal.partitions.or(dead_letter.partitions);
        dead_letter.partitions = dead_letter.partitions.or(abnormal.partitions);
        set_number(&mut abnormal.storage_engine, dead_letter.storage_engine);
        set_number(&mut dead_letter.storage_engine, abnormal.storage_engine);
    }
    for topic in [abnormal, dead_letter] {
        topic.partitions.get_or_insert(ConnectorTopic::RECOMMENDED_PARTITIONS.to_wire());
        choose(&mut topic.storage_engine, Cloud);
    }
}

fn fill_output(output: &mut v1::ConnectorOutput) {
    choose(&mut output.format, v1::OutputFormat::JsonArray);
    let rotation = output.rotation.get_or_insert_default();
    rotation.max_bytes.get_or_insert(MAX_BYTES);
    rotation.max_age.get_or_insert(MAX_AGE);
    rotation.idle.get_or_insert(IDLE);
    if let Some(buckets) = &mut output.layout.get_or_insert_default().time_buckets {
        choose(&mut buckets.length, v1::TimeBucketLength::Hour);
        set_text(&mut buckets.time_zone, || "UTC".to_owned());
    }
    choose(&mut output.compression, v1::Compression::None);
    choose(&mut output.key_encoding, v1::TextEncoding::Utf8);
    choose(&mut output.value_encoding, v1::TextEncoding::Utf8);
    let overflow = output.overflow.get_or_insert_default();
    choose(&mut overflow.policy, v1::OverflowPolicy::Spill);
    overflow.max_value_bytes.get_or_insert(MAX_VALUE_BYTES);
}

fn choose(field: &mut i32, default: impl Into<i32>) {
    set_number(field, default.into());
}

fn set_number(field: &mut i32, default: i32) {
    if *field == 0 {
        *field = default;
    }
}

fn set_text(field: &mut String, default: impl FnOnce() -> String) {
    if field.is_empty() {
        *field = default();
    }
}
