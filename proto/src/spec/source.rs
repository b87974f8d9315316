//! The source of a connector.

use kafka2oss_domain::spec::{ConsumerOffset, Source, text_rules};
use kafka2oss_domain::violation::Violations;

use super::checks::{Checks, choice};
use crate::{Count, v1};

choice!(ConsumerOffset { Latest, Earliest });

/// What the wire can say.
const MOST: u32 = i32::MAX as u32;

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
        let thread_concurrency = checks.number("thread_concurrency", thread_concurrency, 1..=MOST);
        // Without a legal concurrency its limit says nothing about the spread.
        let spread = checks.number("spread", spread, 1..=thread_concurrency.unwrap_or(MOST));
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
            thread_concurrency: Some(thread_concurrency.to_wire()),
            spread: Some(spread.to_wire()),
        }
    }
}
