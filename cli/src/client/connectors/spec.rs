//! The connector that a file and flags describe.

use std::io::Read;
use std::path::Path;

use kafka2oss_proto::v1;
use v1::secret::Source;
use v1::store_credentials::Kind;

use crate::args::{
    AccessKeyFlags, Addressing, ConnectorFlags, Creation, FailurePolicy, Start, Storage, Store,
};
use crate::client::{Failure, json};

/// The file's connector, or an empty one, with what the flags say. Messages
/// that nothing is said about stay unset, so that the control plane fills in
/// their defaults.
pub(super) fn build(flags: ConnectorFlags) -> Result<v1::Connector, Failure> {
    let ConnectorFlags {
        file,
        labels,
        source,
        destination,
        access_key,
        runtime,
        resources,
        objects,
    } = flags;
    if file.as_deref() == Some(Path::new("-")) && access_key.access_key_secret_stdin {
        return Err(Failure::Usage("stdin cannot be both the file and the secret".to_owned()));
    }
    let mut connector = match &file {
        Some(path) => read_file(path)?,
        None => v1::Connector::default(),
    };
    connector.labels.extend(labels);
    let mut spec = connector.spec.take().unwrap_or_default();

    let mut part = spec.source.take().unwrap_or_default();
    set(&mut part.topic, source.topic);
    set(&mut part.consumer_offset, source.consumer_offset.map(consumer_offset));
    part.thread_concurrency = source.thread_concurrency.or(part.thread_concurrency);
    part.spread = source.spread.or(part.spread);
    spec.source = Some(part);

    let mut part = spec.destination.take().unwrap_or_default();
    set(&mut part.store_type, destination.store_type.map(store_type));
    set(&mut part.bucket, destination.bucket);
    set(&mut part.endpoint, destination.endpoint);
    set(&mut part.signing_region, destination.signing_region);
    set(&mut part.addressing_style, destination.addressing.map(addressing_style));
    part.allow_cross_region |= destination.allow_cross_region;
    part.credentials = credentials(access_key, part.credentials)?;
    spec.destination = Some(part);

    let mut part = spec.runtime.take().unwrap_or_default();
    set(&mut part.vpc_id, runtime.vpc_id);
    set(&mut part.vswitch_id, runtime.vswitch_id);
    set(&mut part.failure_handling_policy, runtime.failure_policy.map(failure_policy));
    spec.runtime = unless_empty(part);

    let mut part = spec.resources.take().unwrap_or_default();
    set(&mut part.creation, resources.creation.map(creation));
    set(&mut part.task_consumer_group, resources.task_consumer_group);
    set(&mut part.connector_consumer_group, resources.connector_consumer_group);
    set_topic(
        &mut part.offset_topic,
        resources.offset_topic,
        resources.offset_topic_partitions,
        resources.offset_topic_storage,
    );
    set_topic(
        &mut part.config_topic,
        resources.config_topic,
        resources.config_topic_partitions,
        resources.config_topic_storage,
    );
    set_topic(
        &mut part.status_topic,
        resources.status_topic,
        resources.status_topic_partitions,
        resources.status_topic_storage,
    );
    set_topic(
        &mut part.abnormal_data_topic,
        resources.abnormal_data_topic,
        resources.abnormal_data_topic_partitions,
        resources.abnormal_data_topic_storage,
    );
    set_topic(
        &mut part.dead_letter_queue_topic,
        resources.dead_letter_queue_topic,
        resources.dead_letter_queue_topic_partitions,
        resources.dead_letter_queue_topic_storage,
    );
    spec.resources = unless_empty(part);

    let mut part = spec.output.take().unwrap_or_default();
    let mut rotation = part.rotation.take().unwrap_or_default();
    rotation.max_bytes = objects.max_bytes.or(rotation.max_bytes);
    rotation.max_records = objects.max_records.or(rotation.max_records);
    if let Some(age) = objects.max_age {
        rotation.max_age = Some(duration(age)?);
    }
    if let Some(idle) = objects.idle {
        rotation.idle = Some(duration(idle)?);
    }
    part.rotation = unless_empty(rotation);
    let mut layout = part.layout.take().unwrap_or_default();
    set(&mut layout.prefix, objects.prefix);
    part.layout = unless_empty(layout);
    let mut overflow = part.overflow.take().unwrap_or_default();
    overflow.max_value_bytes = objects.max_value_bytes.or(overflow.max_value_bytes);
    part.overflow = unless_empty(overflow);
    spec.output = unless_empty(part);

    connector.spec = Some(spec);
    Ok(connector)
}

/// The credentials that the flags give, over those of the file.
pub(super) fn credentials(
    flags: AccessKeyFlags,
    given: Option<v1::StoreCredentials>,
) -> Result<Option<v1::StoreCredentials>, Failure> {
    let AccessKeyFlags {
        access_key_id,
        access_key_id_env,
        access_key_id_file,
        access_key_secret_env,
        access_key_secret_file,
        access_key_secret_stdin,
    } = flags;
    let id = access_key_id
        .map(Source::Plain)
        .or(access_key_id_env.map(Source::Environment))
        .or(access_key_id_file.map(Source::File));
    let mut secret =
        access_key_secret_env.map(Source::Environment).or(access_key_secret_file.map(Source::File));
    if access_key_secret_stdin {
        secret = Some(Source::Plain(read_stdin()?.trim_end_matches(['\r', '\n']).to_owned()));
    }
    if id.is_none() && secret.is_none() {
        return Ok(given);
    }
    let mut key = match given.and_then(|given| given.kind) {
        Some(Kind::AccessKey(key)) => key,
        None => v1::AccessKey::default(),
    };
    let message = |source| v1::Secret { source: Some(source) };
    key.id = id.map(message).or(key.id);
    key.secret = secret.map(message).or(key.secret);
    Ok(Some(v1::StoreCredentials { kind: Some(Kind::AccessKey(key)) }))
}

fn set<T>(field: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *field = given;
    }
}

fn set_topic(
    topic: &mut Option<v1::ConnectorTopic>,
    name: Option<String>,
    partitions: Option<u32>,
    storage: Option<Storage>,
) {
    let mut changed = topic.take().unwrap_or_default();
    set(&mut changed.name, name);
    changed.partitions = partitions.or(changed.partitions);
    set(&mut changed.storage_engine, storage.map(storage_engine));
    *topic = unless_empty(changed);
}

fn unless_empty<T: Default + PartialEq>(message: T) -> Option<T> {
    (message != T::default()).then_some(message)
}

fn duration(duration: std::time::Duration) -> Result<prost_types::Duration, Failure> {
    duration
        .try_into()
        .map_err(|_| Failure::Usage(format!("{duration:?} is longer than the API can say")))
}

fn read_file(path: &Path) -> Result<v1::Connector, Failure> {
    let text = if path == Path::new("-") {
        read_stdin()?
    } else {
        std::fs::read_to_string(path)
            .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())))?
    };
    json::decode(&text).map_err(|error| {
        Failure::Usage(format!("{} is no kafka2oss.v1.Connector: {error}", path.display()))
    })
}

fn read_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Failure::Usage(format!("cannot read stdin: {error}")))?;
    Ok(text)
}

fn consumer_offset(start: Start) -> i32 {
    match start {
        Start::Latest => v1::ConsumerOffset::Latest,
        Start::Earliest => v1::ConsumerOffset::Earliest,
    }
    .into()
}

fn store_type(store: Store) -> i32 {
    match store {
        Store::Oss => v1::StoreType::Oss,
        Store::S3 => v1::StoreType::S3,
    }
    .into()
}

fn addressing_style(addressing: Addressing) -> i32 {
    match addressing {
        Addressing::VirtualHosted => v1::AddressingStyle::VirtualHosted,
        Addressing::Path => v1::AddressingStyle::Path,
    }
    .into()
}

fn failure_policy(policy: FailurePolicy) -> i32 {
    match policy {
        FailurePolicy::Log => v1::FailureHandlingPolicy::Log,
        FailurePolicy::Fail => v1::FailureHandlingPolicy::Fail,
    }
    .into()
}

fn creation(creation: Creation) -> i32 {
    match creation {
        Creation::Automatically => v1::ResourceCreation::Automatically,
        Creation::Manually => v1::ResourceCreation::Manually,
    }
    .into()
}

fn storage_engine(storage: Storage) -> i32 {
    match storage {
        Storage::Local => v1::StorageEngine::Local,
        Storage::Cloud => v1::StorageEngine::Cloud,
    }
    .into()
}

#[cfg(test)]
mod tests;
