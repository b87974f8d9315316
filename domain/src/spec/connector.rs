//! What a connector does.

use super::{Destination, Output, Resources, Runtime, Source};

/// What a connector does (task type KAFKA2OSS).
#[derive(Debug, Clone)]
pub struct ConnectorSpec {
    /// Where records come from.
    pub source: Source,
    /// Where objects go.
    pub destination: Destination,
    /// Where and how it runs.
    pub runtime: Runtime,
    /// Topics and groups that belong to it.
    pub resources: Resources,
    /// What the objects look like.
    pub output: Output,
}

impl ConnectorSpec {
    /// The topics and groups that it names, each at least once.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let Resources {
            creation: _,
            task_consumer_group,
            connector_consumer_group,
            offset_topic,
            config_topic,
            status_topic,
            abnormal_data_topic,
            dead_letter_queue_topic,
        } = &self.resources;
        let topics = [
            offset_topic,
            config_topic,
            status_topic,
            abnormal_data_topic,
            dead_letter_queue_topic,
        ];
        let others = [task_consumer_group, connector_consumer_group, &self.source.topic];
        topics.map(|topic| topic.name.as_str()).into_iter().chain(others.map(String::as_str))
    }
}

/// The longest key of an object that OSS and S3 take.
pub const MAX_KEY_BYTES: usize = 1023;

/// What an object's key has at most besides the prefix and twice the topic:
/// `{hash}/`, `/`, the longest time bucket,
/// `{partition}/+{partition}+{first offset, 20 digits}-{chain id}-{attempt id}.{extension}`.
/// It is counted whole, so that a later change of the layout stays legal.
const KEY_BYTES_AROUND: usize = 5
    + 1
    + "year=2026/month=01/day=31/hour=23/minute=59/".len()
    + "2147483647/+2147483647+".len()
    + 20
    + "-abcd2345-mnop6723abcd.jsonl.zst".len();

/// Bytes of the longest key of an object under this prefix and of this topic.
pub fn longest_key(prefix: &str, topic: &str) -> usize {
    prefix.len() + 2 * topic.len() + KEY_BYTES_AROUND
}
