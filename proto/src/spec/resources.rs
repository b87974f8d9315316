//! Topics and groups of a connector.

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
