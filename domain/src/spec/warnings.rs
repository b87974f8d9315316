//! What is allowed in a spec and perhaps not meant.

use super::endpoint::{self, OssHost};
use super::{AddressingStyle, ConnectorSpec, ConnectorTopic, StoreType, prefixes};

/// The longest name of a group that Message Queue for Apache Kafka takes.
const ALIBABA_MAX_GROUP: usize = 64;

/// Something that is allowed and perhaps not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Path of the field.
    pub field: String,
    /// What is seen and what is recommended, for people.
    pub message: String,
}

impl Warning {
    /// A warning about `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }

    /// The same, of a message in which the spec stands at `prefix`.
    #[must_use]
    pub fn within(self, prefix: &str) -> Self {
        Self { field: format!("{prefix}.{}", self.field), ..self }
    }
}

/// What is allowed in `spec` and perhaps not meant. Paths are relative to the
/// spec.
pub fn warnings(spec: &ConnectorSpec, connector_id: &str) -> Vec<Warning> {
    let mut warnings = Vec::new();
    warn_of_destination(&mut warnings, spec);
    warn_of_resources(&mut warnings, spec, connector_id);
    let rotation = &spec.output.rotation;
    if rotation.idle >= rotation.max_age {
        warnings.push(Warning::new(
            "output.rotation.idle",
            "is not below max_age, so it never closes an object",
        ));
    }
    warnings
}

fn warn_of_destination(warnings: &mut Vec<Warning>, spec: &ConnectorSpec) {
    let destination = &spec.destination;
    let mut warn = |message: &str| {
        warnings.push(Warning::new("destination.endpoint", message));
    };
    if endpoint::is_plain_and_remote(&destination.endpoint) {
        warn("is without TLS: records and signed requests travel in clear");
    }
    if let Some(oss) = OssHost::of_endpoint(&destination.endpoint) {
        if destination.store_type == StoreType::S3 {
            warn("is Alibaba Cloud OSS, which needs store_type OSS for exactly-once");
        }
        if !oss.internal {
            warn(
                "is OSS's public endpoint: traffic leaves the VPC and is charged, and accounts \
                 opened since 2025-03-20 may not use it for data; the internal one has \
                 `-internal` after the region",
            );
        }
    }
    if destination.addressing_style == AddressingStyle::Path
        && endpoint::starts_with_bucket(&destination.endpoint, &destination.bucket)
    {
        warn("starts with the bucket's name; with PATH the bucket is not part of the host");
    }
}

fn warn_of_resources(warnings: &mut Vec<Warning>, spec: &ConnectorSpec, connector_id: &str) {
    let resources = &spec.resources;
    let mut warn = |field: &str, message: String| {
        warnings.push(Warning::new(format!("resources.{field}"), message));
    };
    let group = &resources.connector_consumer_group;
    let names = [
        ("connector_consumer_group", group, prefixes::CONNECTOR_GROUP),
        ("offset_topic.name", &resources.offset_topic.name, prefixes::OFFSET_TOPIC),
        ("config_topic.name", &resources.config_topic.name, prefixes::CONFIG_TOPIC),
        ("status_topic.name", &resources.status_topic.name, prefixes::STATUS_TOPIC),
        ("abnormal_data_topic.name", &resources.abnormal_data_topic.name, prefixes::ERROR_TOPIC),
        (
            "dead_letter_queue_topic.name",
            &resources.dead_letter_queue_topic.name,
            prefixes::ERROR_TOPIC,
        ),
    ];
    for (field, name, prefix) in names {
        if !name.starts_with(prefix) {
            warn(field, format!("is `{name}`; `{prefix}{connector_id}` is recommended"));
        }
    }
    if group.len() > ALIBABA_MAX_GROUP {
        warn(
            "connector_consumer_group",
            format!(
                "has {} characters; Message Queue for Apache Kafka takes {ALIBABA_MAX_GROUP}",
                group.len()
            ),
        );
    }
    for (field, topic) in [
        ("status_topic.partitions", &resources.status_topic),
        ("abnormal_data_topic.partitions", &resources.abnormal_data_topic),
        ("dead_letter_queue_topic.partitions", &resources.dead_letter_queue_topic),
    ] {
        let recommended = ConnectorTopic::RECOMMENDED_PARTITIONS;
        if topic.partitions != recommended {
            let partitions = topic.partitions;
            warn(field, format!("is {partitions}; {recommended} are recommended"));
        }
    }
}
