//! The source of a connector.

/// The source of a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Legal Kafka topic name.
    pub topic: String,
    /// Where it starts without committed offsets.
    pub consumer_offset: ConsumerOffset,
    /// Partitions drained at once over all tasks; at least 1. Which numbers
    /// are allowed is a setting of the control plane.
    pub thread_concurrency: u32,
    /// Tasks that share them: 1 to `thread_concurrency`.
    pub spread: u32,
}

/// Where a connector without committed offsets starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumerOffset {
    /// At the end of each partition.
    Latest,
    /// At the beginning of each partition.
    Earliest,
}
