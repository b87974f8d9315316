//! Topics and groups of a connector.

use kafka2oss_domain::spec::{
    ConnectorTopic, ResourceCreation, Resources, StorageEngine, text_rules,
};
use kafka2oss_domain::violation::Violations;

use super::checks::{Checks, choice};
use crate::{Count, v1};

choice!(ResourceCreation { Automatically, Manually });
choice!(StorageEngine { Local, Cloud });

impl TryFrom<v1::ConnectorResources> for Resources {
    type Error = Violations;

    fn try_from(wire: v1::ConnectorResources) -> Result<Self, Violations> {
        let mut checks = Checks::default();
        check_together(&mut checks, &wire);
        let v1::ConnectorResources {
            creation,
            task_consumer_group,
            connector_consumer_group,
            offset_topic,
            config_topic,
            status_topic,
            abnormal_data_topic,
            dead_letter_queue_topic,
        } = wire;
        let creation = checks.choice("creation", creation);
        checks.legal("task_consumer_group", text_rules::kafka_name(&task_consumer_group));
        checks.legal("connector_consumer_group", text_rules::kafka_name(&connector_consumer_group));
        let offset_topic = checks.part("offset_topic", offset_topic);
        let config_topic = checks.part("config_topic", config_topic);
        let status_topic = checks.part("status_topic", status_topic);
        let abnormal_data_topic = checks.part("abnormal_data_topic", abnormal_data_topic);
        let dead_letter_queue_topic =
            checks.part("dead_letter_queue_topic", dead_letter_queue_topic);
        let (
            Some(creation),
            Some(offset_topic),
            Some(config_topic),
            Some(status_topic),
            Some(abnormal_data_topic),
            Some(dead_letter_queue_topic),
        ) = (
            creation,
            offset_topic,
            config_topic,
            status_topic,
            abnormal_data_topic,
            dead_letter_queue_topic,
        )
        else {
            return Err(checks.into_violations());
        };
        checks.finish(Self {
            creation,
            task_consumer_group,
            connector_consumer_group,
            offset_topic,
            config_topic,
            status_topic,
            abnormal_data_topic,
            dead_letter_queue_topic,
        })
    }
}

/// Rules about which topic or group it is, and about several of them. On the
/// wire type, so that they are checked whatever else is wrong.
fn check_together(checks: &mut Checks, wire: &v1::ConnectorResources) {
    let partitions = |topic: &Option<v1::ConnectorTopic>| topic.as_ref()?.partitions;
    // 0 and above 360 are refused for every topic.
    if partitions(&wire.offset_topic) == Some(1) {
        checks.invalid("offset_topic.partitions", "is 1; the task site topic needs more than one");
    }
    let config_partitions = partitions(&wire.config_topic).map(u32::from_wire);
    if let Some(count @ 2..=ConnectorTopic::MAX_PARTITIONS) = config_partitions {
        checks.invalid(
            "config_topic.partitions",
            format!("is {count}; the task configuration topic has exactly one"),
        );
    }
    let topics = topics(wire);
    for (field, topic) in &topics[..3] {
        if topic.is_some_and(|topic| topic.storage_engine() == v1::StorageEngine::Cloud) {
            checks.invalid(
                &format!("{field}.storage_engine"),
                "is CLOUD; the topic is compacted, which only LOCAL storage can",
            );
        }
    }

    let abnormal = wire.abnormal_data_topic.as_ref();
    let dead_letter = wire.dead_letter_queue_topic.as_ref();
    if let (Some(abnormal), Some(dead_letter)) = (abnormal, dead_letter)
        && abnormal.name == dead_letter.name
    {
        if abnormal.partitions != dead_letter.partitions {
            checks.invalid(
                "dead_letter_queue_topic.partitions",
                "differs from abnormal_data_topic's, which is the same topic",
            );
        }
        if abnormal.storage_engine != dead_letter.storage_engine {
            checks.invalid(
                "dead_letter_queue_topic.storage_engine",
                "differs from abnormal_data_topic's, which is the same topic",
            );
        }
    }
    for (index, (field, topic)) in topics.iter().enumerate() {
        let Some(topic) = topic.filter(|topic| !topic.name.is_empty()) else { continue };
        let same = topics[..index].iter().find(|(earlier, other)| {
            let both_errors =
                *earlier == "abnormal_data_topic" && *field == "dead_letter_queue_topic";
            !both_errors && other.is_some_and(|other| other.name == topic.name)
        });
        if let Some((earlier, _)) = same {
            checks.invalid(
                &format!("{field}.name"),
                format!("is `{}`, which is the {earlier} already", topic.name),
            );
        }
    }
    if !wire.task_consumer_group.is_empty()
        && wire.task_consumer_group == wire.connector_consumer_group
    {
        checks.invalid("connector_consumer_group", "is the task consumer group");
    }
}

/// The topics with their fields: first the compacted ones, then the error
/// topics.
pub(super) fn topics(
    wire: &v1::ConnectorResources,
) -> [(&'static str, Option<&v1::ConnectorTopic>); 5] {
    [
        ("offset_topic", wire.offset_topic.as_ref()),
        ("config_topic", wire.config_topic.as_ref()),
        ("status_topic", wire.status_topic.as_ref()),
        ("abnormal_data_topic", wire.abnormal_data_topic.as_ref()),
        ("dead_letter_queue_topic", wire.dead_letter_queue_topic.as_ref()),
    ]
}

impl TryFrom<v1::ConnectorTopic> for ConnectorTopic {
    type Error = Violations;

    fn try_from(wire: v1::ConnectorTopic) -> Result<Self, Violations> {
        let v1::ConnectorTopic { name, partitions, storage_engine } = wire;
        let mut checks = Checks::default();
        checks.legal("name", text_rules::kafka_name(&name));
        let partitions = checks.number("partitions", partitions, ConnectorTopic::PARTITIONS);
        let storage_engine = checks.choice("storage_engine", storage_engine);
        let (Some(partitions), Some(storage_engine)) = (partitions, storage_engine) else {
            return Err(checks.into_violations());
        };
        checks.finish(Self { name, partitions, storage_engine })
    }
}

impl From<&Resources> for v1::ConnectorResources {
    fn from(resources: &Resources) -> Self {
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
        Self {
            creation: v1::ResourceCreation::from(*creation).into(),
            task_consumer_group: task_consumer_group.clone(),
            connector_consumer_group: connector_consumer_group.clone(),
            offset_topic: Some(offset_topic.into()),
            config_topic: Some(config_topic.into()),
            status_topic: Some(status_topic.into()),
            abnormal_data_topic: Some(abnormal_data_topic.into()),
            dead_letter_queue_topic: Some(dead_letter_queue_topic.into()),
        }
    }
}

impl From<&ConnectorTopic> for v1::ConnectorTopic {
    fn from(topic: &ConnectorTopic) -> Self {
        let ConnectorTopic { name, partitions, storage_engine } = topic;
        Self {
            name: name.clone(),
            partitions: Some(partitions.to_wire()),
            storage_engine: v1::StorageEngine::from(*storage_engine).into(),
        }
    }
}
