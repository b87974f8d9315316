//! What is decided about a connector's start and topics: no I/O.

use std::collections::BTreeMap;

use kafka2oss_proto::ErrorCode;
use kafka2oss_proto::error_code::Problem;
use kafka2oss_proto::spec::ConsumerOffset;
use kafka2oss_proto::v1::{PlannedResource, ResourceRole, StartOrigin, StorageEngine};

use crate::admin::{Committed, TopicDescription, TopicPlan, Watermarks};

/// Room that an error topic's records need above the source's: their headers.
const ERROR_HEADERS_BYTES: u64 = 64 << 10;

/// Where the chain of each partition starts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) offsets: BTreeMap<i32, i64>,
    pub(crate) origin: StartOrigin,
    pub(crate) warnings: Vec<Problem>,
}

/// Decides where the chain of each partition starts: at the group's offset
/// where it holds one that is not ours, else at the partition's beginning or
/// end. An offset of ours is another connector's of the same name, deleted
/// since, or one of an epoch before: absent.
pub(crate) fn start(
    consumer_offset: ConsumerOffset,
    watermarks: &BTreeMap<i32, Watermarks>,
    committed: &BTreeMap<i32, Committed>,
    is_ours: impl Fn(&[u8]) -> bool,
) -> Start {
    let mut start = Start {
        offsets: BTreeMap::new(),
        origin: match consumer_offset {
            ConsumerOffset::Latest => StartOrigin::Latest,
            ConsumerOffset::Earliest => StartOrigin::Earliest,
        },
        warnings: Vec::new(),
    };
    for (partition, Watermarks { beginning, end }) in watermarks {
        let otherwise = match consumer_offset {
            ConsumerOffset::Latest => *end,
            ConsumerOffset::Earliest => *beginning,
        };
        let foreign = committed.get(partition).filter(|found| !is_ours(&found.metadata));
        let offset = match foreign {
            Some(found) if (*beginning..=*end).contains(&found.offset) => {
                start.origin = StartOrigin::Group;
                found.offset
            }
            Some(found) => {
                start.warnings.push(Problem::new(
                    ErrorCode::KafkaOffsetOutOfRange,
                    format!(
                        "partition {partition}: the group's committed offset {} is outside of \
                         {beginning} to {end}, so it starts at {otherwise}",
                        found.offset
                    ),
                ));
                otherwise
            }
            None => otherwise,
        };
        start.offsets.insert(*partition, offset);
    }
    start
}

/// Whether a resource is a topic, and what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Offset, configuration or status topic: compacted.
    Internal,
    /// Abnormal data or dead letter queue topic.
    Error,
    /// A consumer group, which appears at first use.
    Group,
}

pub(crate) fn kind(resource: &PlannedResource) -> Kind {
    use ResourceRole as Role;
    let is = |roles: &[Role]| resource.roles().any(|role| roles.contains(&role));
    if is(&[Role::TaskConsumerGroup, Role::ConnectorConsumerGroup]) {
        Kind::Group
    } else if is(&[Role::AbnormalDataTopic, Role::DeadLetterQueueTopic]) {
        Kind::Error
    } else {
        Kind::Internal
    }
}

/// The topic to make for a resource.
pub(crate) fn topic_plan(resource: &PlannedResource, source: &TopicDescription) -> TopicPlan {
    let (cleanup_policy, max_message_bytes) = match kind(resource) {
        Kind::Error => ("delete", error_limit(source)),
        Kind::Internal | Kind::Group => ("compact", None),
    };
    TopicPlan {
        name: resource.name.clone(),
        partitions: resource.partitions,
        cleanup_policy,
        max_message_bytes,
    }
}

/// What an error topic must take: the source's largest record with our headers.
fn error_limit(source: &TopicDescription) -> Option<u64> {
    source.max_message_bytes.map(|limit| limit + ERROR_HEADERS_BYTES)
}

/// What is wrong with a topic that exists.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Keeps the connector from starting.
    pub(crate) problems: Vec<Problem>,
    /// Does not.
    pub(crate) warnings: Vec<Problem>,
}

/// Checks a topic that exists against what the connector needs.
pub(crate) fn check(
    resource: &PlannedResource,
    topic: &TopicDescription,
    source: Option<&TopicDescription>,
) -> Findings {
    let mut findings = Findings::default();
    let name = &resource.name;
    let misconfigured = |message| Problem::new(ErrorCode::KafkaTopicMisconfigured, message);
    for role in resource.roles() {
        let wrong = match role {
            ResourceRole::ConfigTopic if topic.partitions != 1 => "exactly 1",
            ResourceRole::OffsetTopic if topic.partitions < 2 => "more than 1",
            _ => continue,
        };
        findings.problems.push(misconfigured(format!(
            "topic `{name}` has {} partitions and needs {wrong}",
            topic.partitions
        )));
    }
    let policy = topic.cleanup_policy.as_deref();
    // A list such as `compact,delete`.
    let compacted = policy.map(|policy| policy.split(',').any(|word| word.trim() == "compact"));
    match (kind(resource), compacted) {
        (Kind::Internal, Some(true)) | (Kind::Error, Some(false) | None) | (Kind::Group, _) => {}
        (Kind::Internal, Some(false)) => findings.warnings.push(Problem::new(
            ErrorCode::KafkaInternalTopicUnusable,
            format!(
                "topic `{name}` has cleanup.policy={} and needs compact",
                policy.unwrap_or_default()
            ),
        )),
        (Kind::Internal, None) => findings.warnings.push(Problem::new(
            ErrorCode::KafkaInternalTopicUnusable,
            format!("cleanup.policy of topic `{name}` cannot be read; it needs compact"),
        )),
        // It would drop records that have the same key, and refuse those
        // that have none.
        (Kind::Error, Some(true)) => findings.problems.push(misconfigured(format!(
            "topic `{name}` is compacted and would lose bad records: it needs \
             cleanup.policy=delete"
        ))),
    }
    if kind(resource) == Kind::Error
        && let (Some(limit), Some(needed)) = (topic.max_message_bytes, source.and_then(error_limit))
        && limit < needed
    {
        findings.warnings.push(misconfigured(format!(
            "topic `{name}` has max.message.bytes={limit}: bad records of the largest size need \
             {needed}"
        )));
    }
    findings
}

/// Says that a topic has to be made by hand, and exactly how.
pub(crate) fn missing(resource: &PlannedResource, refusal: Option<&str>) -> Problem {
    let storage_engine = match resource.storage_engine() {
        StorageEngine::Unspecified => "",
        StorageEngine::Local => ", local storage",
        StorageEngine::Cloud => ", cloud storage",
    };
    let why = match refusal {
        Some(words) => format!("the brokers refuse to create it ({words})"),
        None => "it does not exist".to_owned(),
    };
    Problem::new(
        ErrorCode::KafkaResourceMissing,
        format!(
            "topic `{}`: {why}; create it with {} partitions, cleanup.policy={}{storage_engine}",
            resource.name, resource.partitions, resource.cleanup_policy
        ),
    )
}

#[cfg(test)]
mod tests;
