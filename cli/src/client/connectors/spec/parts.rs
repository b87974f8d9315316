//! Source, destination, runtime and resources.

use std::time::Duration;

use kafka2oss_proto::{Count, v1};

use super::choices::wire;
use super::credentials::credentials;
use super::edit::{Edit, unless_empty};
use crate::args::{
    AccessKeyFlags, DestinationFlags, ResourceFlags, RuntimeFlags, SourceFlags, Storage,
};
use crate::client::Failure;

pub(super) fn source(edit: &mut Edit, spec: &mut v1::ConnectorSpec, flags: SourceFlags) {
    let SourceFlags { topic, consumer_offset, thread_concurrency, spread } = flags;
    // Made even if empty, so that what it lacks is told field by field.
    let part = spec.source.get_or_insert_default();
    let mut fields = edit.part("spec.source");
    fields.set("topic", &mut part.topic, topic);
    fields.set("consumer_offset", &mut part.consumer_offset, consumer_offset.map(wire));
    fields.set(
        "thread_concurrency",
        &mut part.thread_concurrency,
        thread_concurrency.map(Count::to_wire),
    );
    fields.set("spread", &mut part.spread, spread.map(Count::to_wire));
}

pub(super) fn destination(
    edit: &mut Edit,
    spec: &mut v1::ConnectorSpec,
    flags: DestinationFlags,
    access_key: AccessKeyFlags,
) -> Result<(), Failure> {
    let DestinationFlags {
        store_type,
        bucket,
        endpoint,
        signing_region,
        addressing,
        allow_cross_region,
    } = flags;
    let part = spec.destination.get_or_insert_default();
    let mut fields = edit.part("spec.destination");
    fields.set("store_type", &mut part.store_type, store_type.map(wire));
    fields.set("bucket", &mut part.bucket, bucket);
    fields.set("endpoint", &mut part.endpoint, endpoint);
    fields.set("signing_region", &mut part.signing_region, signing_region);
    fields.set("addressing_style", &mut part.addressing_style, addressing.map(wire));
    fields.set("allow_cross_region", &mut part.allow_cross_region, allow_cross_region);
    let given = credentials(access_key, part.credentials.as_ref())?;
    fields.set("credentials", &mut part.credentials, given);
    Ok(())
}

pub(super) fn runtime(
    edit: &mut Edit,
    spec: &mut v1::ConnectorSpec,
    flags: RuntimeFlags,
) -> Result<(), Failure> {
    let RuntimeFlags { vpc_id, vswitch_id, failure_policy, session_timeout, store_retry_time } =
        flags;
    let mut part = spec.runtime.take().unwrap_or_default();
    let mut fields = edit.part("spec.runtime");
    fields.set("vpc_id", &mut part.vpc_id, vpc_id);
    fields.set("vswitch_id", &mut part.vswitch_id, vswitch_id);
    let policy = failure_policy.map(wire);
    fields.set("failure_handling_policy", &mut part.failure_handling_policy, policy);
    fields.set("session_timeout", &mut part.session_timeout, duration(session_timeout)?);
    fields.set("store_retry_time", &mut part.store_retry_time, duration(store_retry_time)?);
    spec.runtime = unless_empty(part);
    Ok(())
}

pub(super) fn resources(edit: &mut Edit, spec: &mut v1::ConnectorSpec, flags: ResourceFlags) {
    let mut part = spec.resources.take().unwrap_or_default();
    let mut fields = edit.part("spec.resources");
    fields.set("creation", &mut part.creation, flags.creation.map(wire));
    fields.set("task_consumer_group", &mut part.task_consumer_group, flags.task_consumer_group);
    fields.set(
        "connector_consumer_group",
        &mut part.connector_consumer_group,
        flags.connector_consumer_group,
    );
    let mut topic = |path: &str, topic: &mut Option<v1::ConnectorTopic>, flags: TopicFlags| {
        let mut part = topic.take().unwrap_or_default();
        let mut fields = edit.part(path);
        fields.set("name", &mut part.name, flags.name);
        fields.set("partitions", &mut part.partitions, flags.partitions.map(Count::to_wire));
        fields.set("storage_engine", &mut part.storage_engine, flags.storage.map(wire));
        *topic = unless_empty(part);
    };
    topic(
        "spec.resources.offset_topic",
        &mut part.offset_topic,
        TopicFlags {
            name: flags.offset_topic,
            partitions: flags.offset_topic_partitions,
            storage: flags.offset_topic_storage,
        },
    );
    topic(
        "spec.resources.config_topic",
        &mut part.config_topic,
        TopicFlags {
            name: flags.config_topic,
            partitions: flags.config_topic_partitions,
            storage: flags.config_topic_storage,
        },
    );
    topic(
        "spec.resources.status_topic",
        &mut part.status_topic,
        TopicFlags {
            name: flags.status_topic,
            partitions: flags.status_topic_partitions,
            storage: flags.status_topic_storage,
        },
    );
    topic(
        "spec.resources.abnormal_data_topic",
        &mut part.abnormal_data_topic,
        TopicFlags {
            name: flags.abnormal_data_topic,
            partitions: flags.abnormal_data_topic_partitions,
            storage: flags.abnormal_data_topic_storage,
        },
    );
    topic(
        "spec.resources.dead_letter_queue_topic",
        &mut part.dead_letter_queue_topic,
        TopicFlags {
            name: flags.dead_letter_queue_topic,
            partitions: flags.dead_letter_queue_topic_partitions,
            storage: flags.dead_letter_queue_topic_storage,
        },
    );
    spec.resources = unless_empty(part);
}

/// What flags say of one topic.
struct TopicFlags {
    name: Option<String>,
    partitions: Option<u32>,
    storage: Option<Storage>,
}

/// A flag's duration as the API has it.
pub(super) fn duration(given: Option<Duration>) -> Result<Option<prost_types::Duration>, Failure> {
    let convert = |given: Duration| {
        given
            .try_into()
            .map_err(|_| Failure::Usage(format!("{given:?} is longer than the API can say")))
    };
    given.map(convert).transpose()
}
