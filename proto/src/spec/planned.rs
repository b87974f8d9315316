//! The topics and groups that a connector needs.

use kafka2oss_domain::spec::{ConnectorSpec, ConnectorTopic};

use crate::Count;
use crate::v1::{self, ResourceRole};

/// The topics and groups that a connector of this spec needs, in the order of
/// the wizard. The error topics are one resource with two roles where they
/// are the same topic.
pub fn planned_resources(spec: &ConnectorSpec) -> Vec<v1::PlannedResource> {
    let resources = &spec.resources;
    let mut planned = vec![
        group(ResourceRole::TaskConsumerGroup, &resources.task_consumer_group),
        group(ResourceRole::ConnectorConsumerGroup, &resources.connector_consumer_group),
        topic(ResourceRole::OffsetTopic, &resources.offset_topic, "compact"),
        topic(ResourceRole::ConfigTopic, &resources.config_topic, "compact"),
        topic(ResourceRole::StatusTopic, &resources.status_topic, "compact"),
    ];
    let (abnormal, dead_letter) =
        (&resources.abnormal_data_topic, &resources.dead_letter_queue_topic);
    let mut error_topic = topic(ResourceRole::AbnormalDataTopic, abnormal, "delete");
    if abnormal.name == dead_letter.name {
        error_topic.roles.push(ResourceRole::DeadLetterQueueTopic.into());
        planned.push(error_topic);
    } else {
        planned.push(error_topic);
        planned.push(topic(ResourceRole::DeadLetterQueueTopic, dead_letter, "delete"));
    }
    planned
}

fn topic(role: ResourceRole, topic: &ConnectorTopic, cleanup_policy: &str) -> v1::PlannedResource {
    v1::PlannedResource {
        roles: vec![role.into()],
        name: topic.name.clone(),
        partitions: topic.partitions.to_wire(),
        cleanup_policy: cleanup_policy.to_owned(),
        storage_engine: v1::StorageEngine::from(topic.storage_engine).into(),
    }
}

fn group(role: ResourceRole, name: &str) -> v1::PlannedResource {
    v1::PlannedResource {
        roles: vec![role.into()],
        name: name.to_owned(),
        partitions: 0,
        cleanup_policy: String::new(),
        storage_engine: v1::StorageEngine::Unspecified.into(),
    }
}
