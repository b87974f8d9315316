//! Topics and groups of a connector.

use std::ops::RangeInclusive;

/// Topics and groups of a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resources {
    /// Who makes them.
    pub creation: ResourceCreation,
    /// Group of the tasks: `connect-{name}`.
    pub task_consumer_group: String,
    /// Group with which an agent reads the internal topics.
    pub connector_consumer_group: String,
    /// Task site topic; compacted, more than one partition.
    pub offset_topic: ConnectorTopic,
    /// Task configuration topic; compacted, one partition.
    pub config_topic: ConnectorTopic,
    /// Task status topic; compacted.
    pub status_topic: ConnectorTopic,
    /// Where records go that the store does not take.
    pub abnormal_data_topic: ConnectorTopic,
    /// Where records go that cannot be converted; may be the same topic.
    pub dead_letter_queue_topic: ConnectorTopic,
}

/// Who makes the topics and groups of a connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceCreation {
    /// An agent makes what is missing.
    Automatically,
    /// The user does.
    Manually,
}

/// A topic that belongs to a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorTopic {
    /// Legal Kafka topic name.
    pub name: String,
    /// Partitions that it is made with, 1-360.
    pub partitions: u32,
    /// Storage engine that it should have.
    pub storage_engine: StorageEngine,
}

/// Storage engine of a topic of Message Queue for Apache Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageEngine {
    /// Local storage, which compaction needs.
    Local,
    /// Cloud storage.
    Cloud,
}

impl ConnectorTopic {
    /// Alibaba's limit for a topic.
    pub const MAX_PARTITIONS: u32 = 360;
    /// What `partitions` may be.
    pub const PARTITIONS: RangeInclusive<u32> = 1..=Self::MAX_PARTITIONS;
    /// Partitions that the wizard recommends for status and error topics.
    pub const RECOMMENDED_PARTITIONS: u32 = 6;
}

/// How the names of a connector's topics and groups start; its ID follows.
pub mod prefixes {
    /// Of the tasks' group.
    pub const TASK_GROUP: &str = "connect-";
    /// Of the group that reads the internal topics.
    pub const CONNECTOR_GROUP: &str = "connect-cluster-";
    /// Of the task site topic.
    pub const OFFSET_TOPIC: &str = "connect-offset-";
    /// Of the task configuration topic.
    pub const CONFIG_TOPIC: &str = "connect-config-";
    /// Of the task status topic.
    pub const STATUS_TOPIC: &str = "connect-status-";
    /// Of the topics of abnormal data and dead letters.
    pub const ERROR_TOPIC: &str = "connect-error-";
}
