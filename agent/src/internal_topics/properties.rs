//! A connector's specification as string properties, as Kafka Connect keeps a
//! connector's configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka2oss_domain::spec::{
    ConnectorSpec, ConnectorTopic, Destination, Layout, Output, Overflow, Pool, Resources,
    Rotation, Runtime, Source, TimeBuckets,
};
use kafka2oss_proto::v1;

use crate::task::TaskSpec;

/// What stands in the place of a Java class.
const CLASS: &str = "kafka2oss";

/// Properties by name.
pub(super) type Properties = BTreeMap<String, String>;

/// A connector's properties: those that Kafka Connect has for every connector,
/// `kafka2oss.*` for what is no part of the specification, and the fields of
/// the specification under their own paths (`output.rotation.max_bytes`), each
/// value as the API's JSON has it but for the prefix of enumerations. A field
/// that is not set is left out.
///
/// No credentials, not even references to them, and nothing of the instance but
/// its name.
pub(super) fn of_connector(task: &TaskSpec) -> Properties {
    // What a task is given of its own is no part of the connector's.
    let TaskSpec {
        connector,
        uid,
        index: _,
        threads: _,
        spec,
        instance: _,
        epoch,
        topic_id,
        start_offsets,
        keys: _,
    } = task;
    let ConnectorSpec { source, destination, runtime, resources, output } = &**spec;
    let start_offsets =
        serde_json::to_string(start_offsets).expect("numbers are written to memory");
    let mut properties = Fields::default();
    properties.set("name", connector.id());
    properties.set("connector.class", CLASS);
    properties.set("tasks.max", &source.spread);
    properties.set("topics", &source.topic);
    properties.set("kafka2oss.connector", connector);
    properties.set("kafka2oss.uid", uid);
    properties.set("kafka2oss.epoch", epoch);
    properties.set("kafka2oss.topic.id", topic_id);
    properties.set("kafka2oss.start.offsets", &start_offsets);
    properties.source(source);
    properties.destination(destination);
    properties.runtime(runtime);
    properties.resources(resources);
    properties.output(output);
    properties.0
}

/// Properties of the task of this index.
pub(super) fn of_task(task: &TaskSpec, index: u32) -> Properties {
    let mut properties = Fields::default();
    properties.set("task.class", CLASS);
    properties.set("topics", &task.spec.source.topic);
    properties.set("kafka2oss.uid", &task.uid);
    properties.set("kafka2oss.epoch", &task.epoch);
    properties.set("kafka2oss.task.index", &index);
    properties.0
}

#[derive(Default)]
struct Fields(Properties);

/// The name of an enumeration's value without the prefix that all have.
macro_rules! name {
    ($wire:ident, $value:expr, $prefix:literal) => {
        v1::$wire::from($value).as_str_name().trim_start_matches($prefix)
    };
}

impl Fields {
    fn set(&mut self, name: &str, value: &(impl ToString + ?Sized)) {
        self.0.insert(name.to_owned(), value.to_string());
    }

    fn set_if_any(&mut self, name: &str, value: Option<&impl ToString>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    fn source(&mut self, source: &Source) {
        let Source { topic, consumer_offset, thread_concurrency, spread } = source;
        self.set("source.topic", topic);
        let offset = name!(ConsumerOffset, *consumer_offset, "CONSUMER_OFFSET_");
        self.set("source.consumer_offset", offset);
        self.set("source.thread_concurrency", thread_concurrency);
        self.set("source.spread", spread);
    }

    fn destination(&mut self, destination: &Destination) {
        let Destination {
            store_type,
            bucket,
            endpoint,
            signing_region,
            addressing_style,
            credentials: _,
            allow_cross_region,
        } = destination;
        self.set("destination.store_type", name!(StoreType, *store_type, "STORE_TYPE_"));
        self.set("destination.bucket", bucket);
        self.set("destination.endpoint", endpoint);
        self.set("destination.signing_region", signing_region);
        let style = name!(AddressingStyle, *addressing_style, "ADDRESSING_STYLE_");
        self.set("destination.addressing_style", style);
        self.set("destination.allow_cross_region", allow_cross_region);
    }

    fn runtime(&mut self, runtime: &Runtime) {
        let Runtime {
            pool: Pool { vpc_id, vswitch_id },
            failure_handling_policy,
            session_timeout,
            store_retry_time,
        } = runtime;
        self.set("runtime.vpc_id", vpc_id);
        self.set("runtime.vswitch_id", vswitch_id);
        let policy =
            name!(FailureHandlingPolicy, *failure_handling_policy, "FAILURE_HANDLING_POLICY_");
        self.set("runtime.failure_handling_policy", policy);
        self.set("runtime.session_timeout", &seconds(*session_timeout));
        self.set("runtime.store_retry_time", &seconds(*store_retry_time));
    }

    fn resources(&mut self, resources: &Resources) {
        let Resources {
            creation,
            task_consumer_group,
            connector_consumer_group,
            offset_topic,
            config_topic,
            status_topic,
            abnormal_data_topic,
            dead_letter_queue_topic,
        } = resources;
        let creation = name!(ResourceCreation, *creation, "RESOURCE_CREATION_");
        self.set("resources.creation", creation);
        self.set("resources.task_consumer_group", task_consumer_group);
        self.set("resources.connector_consumer_group", connector_consumer_group);
        self.topic("offset_topic", offset_topic);
        self.topic("config_topic", config_topic);
        self.topic("status_topic", status_topic);
        self.topic("abnormal_data_topic", abnormal_data_topic);
        self.topic("dead_letter_queue_topic", dead_letter_queue_topic);
    }

    fn topic(&mut self, field: &str, topic: &ConnectorTopic) {
        let ConnectorTopic { name, partitions, storage_engine } = topic;
        self.set(&format!("resources.{field}.name"), name);
        self.set(&format!("resources.{field}.partitions"), partitions);
        let engine = name!(StorageEngine, *storage_engine, "STORAGE_ENGINE_");
        self.set(&format!("resources.{field}.storage_engine"), engine);
    }

    fn output(&mut self, output: &Output) {
        let Output {
            format,
            rotation: Rotation { max_bytes, max_records, max_age, idle },
            layout: Layout { prefix, time_buckets, hash_prefix },
            overflow: Overflow { policy, max_value_bytes, max_record_bytes },
            compression,
            key_encoding,
            value_encoding,
            include_headers,
        } = output;
        self.set("output.format", name!(OutputFormat, *format, "OUTPUT_FORMAT_"));
        self.set("output.rotation.max_bytes", max_bytes);
        self.set_if_any("output.rotation.max_records", max_records.as_ref());
        self.set("output.rotation.max_age", &seconds(*max_age));
        self.set("output.rotation.idle", &seconds(*idle));
        self.set("output.layout.prefix", prefix);
        if let Some(TimeBuckets { style, length, time_zone }) = time_buckets {
            let style = name!(TimeBucketStyle, *style, "TIME_BUCKET_STYLE_");
            self.set("output.layout.time_buckets.style", style);
            let length = name!(TimeBucketLength, *length, "TIME_BUCKET_LENGTH_");
            self.set("output.layout.time_buckets.length", length);
            self.set("output.layout.time_buckets.time_zone", time_zone);
        }
        self.set("output.layout.hash_prefix", hash_prefix);
        let policy = name!(OverflowPolicy, *policy, "OVERFLOW_POLICY_");
        self.set("output.overflow.policy", policy);
        self.set("output.overflow.max_value_bytes", max_value_bytes);
        self.set_if_any("output.overflow.max_record_bytes", max_record_bytes.as_ref());
        self.set("output.compression", name!(Compression, *compression, "COMPRESSION_"));
        self.set("output.key_encoding", name!(TextEncoding, *key_encoding, "TEXT_ENCODING_"));
        self.set("output.value_encoding", name!(TextEncoding, *value_encoding, "TEXT_ENCODING_"));
        self.set("output.include_headers", include_headers);
    }
}

/// As protobuf's JSON has a duration: `0.3s`.
fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs_f64())
}
