//! The source of a connector.

use super::checks::{Checks, choice};
use super::text_rules;
use crate::v1;
use crate::violation::Violations;

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

choice!(ConsumerOffset { Latest, Earliest });

impl TryFrom<v1::KafkaSource> for Source {
    type Error = Violations;

    fn try_from(wire: v1::KafkaSource) -> Result<Self, Violations> {
        let v1::KafkaSource { topic, consumer_offset, thread_concurrency, spread } = wire;
        let mut checks = Checks::default();
        if topic.is_empty() {
            checks.required("topic");
        } else {
            checks.legal("topic", text_rules::kafka_name(&topic));
        }
        let consumer_offset = checks.choice("consumer_offset", consumer_offset);
        let thread_concurrency =
            checks.number("thread_concurrency", thread_concurrency, 1..=u32::MAX);
        // Without a legal concurrency its limit says nothing about the spread.
        let spread = checks.number("spread", spread, 1..=thread_concurrency.unwrap_or(u32::MAX));
        let (Some(consumer_offset), Some(thread_concurrency), Some(spread)) =
            (consumer_offset, thread_concurrency, spread)
        else {
            return Err(checks.into_violations());
        };
        checks.finish(Self { topic, consumer_offset, thread_concurrency, spread })
    }
}

impl From<&Source> for v1::KafkaSource {
    fn from(source: &Source) -> Self {
        let Source { topic, consumer_offset, thread_concurrency, spread } = source;
        Self {
            topic: topic.clone(),
            consumer_offset: v1::ConsumerOffset::from(*consumer_offset).into(),
            thread_concurrency: Some(*thread_concurrency),
            spread: Some(*spread),
        }
    }
}
