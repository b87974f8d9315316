//! What is decided about a connector's topics and brokers: no I/O.

use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_proto::Count;
use kafka2oss_proto::v1::{PlannedResource, ResourceRole, StorageEngine};

use crate::admin::{BrokerSettings, TopicDescription, TopicPlan};

/// Room that an error topic's records need above the source's: their headers.
const ERROR_HEADERS_BYTES: u64 = 64 << 10;

/// Largest `max.message.bytes`, which is a Java int.
const MOST_MESSAGE_BYTES: u64 = i32::MAX as u64;

/// How long a put may still land after its pin was committed (stores take
/// requests up to 15 minutes old, by clocks up to 15 minutes apart), with room
/// for the pin's own age. Offsets must be kept longer.
const PUT_WINDOW: Duration = Duration::from_secs(31 * 60);

/// Offsets are better kept longer than a day's outage of a connector's agents.
const SAFE_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// The first version whose groups have static members.
const STATIC_MEMBERS: (u32, u32) = (2, 3);

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
        partitions: u32::from_wire(resource.partitions),
        cleanup_policy,
        max_message_bytes,
    }
}

/// What an error topic must take: the source's largest record with our headers.
fn error_limit(source: &TopicDescription) -> Option<u64> {
    let limit = source.max_message_bytes?;
    Some(limit.saturating_add(ERROR_HEADERS_BYTES).min(MOST_MESSAGE_BYTES))
}

/// What is wrong with something that exists.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Keeps the connector from starting.
    pub(crate) problems: Vec<Problem>,
    /// Does not.
    pub(crate) warnings: Vec<Problem>,
    /// Does not either, and keeps the connector from delivering exactly once.
    pub(crate) doubts: Vec<Problem>,
}

/// Checks what the brokers are set to.
pub(crate) fn check_brokers(settings: &BrokerSettings) -> Findings {
    let mut findings = Findings::default();
    let BrokerSettings { offsets_retention, inter_broker_protocol } = settings;
    let retention = |message| Problem::new(ErrorCode::KafkaOffsetsRetentionShort, message);
    match offsets_retention {
        Some(kept) if *kept <= PUT_WINDOW => findings.doubts.push(retention(format!(
            "the brokers keep the offsets of a group without members for {} minutes: \
             offsets.retention.minutes must be above {}, since an object may still be put for \
             that long; {} or more is safe",
            minutes(*kept),
            minutes(PUT_WINDOW),
            minutes(SAFE_RETENTION)
        ))),
        Some(kept) if *kept < SAFE_RETENTION => findings.warnings.push(retention(format!(
            "the brokers keep the offsets of a group without members for {} minutes, after which \
             a connector without agents loses its position: set offsets.retention.minutes to {} \
             or more",
            minutes(*kept),
            minutes(SAFE_RETENTION)
        ))),
        Some(_) => {}
        None => findings.warnings.push(unknown_brokers("they do not tell")),
    }
    if let Some((major, minor)) = inter_broker_protocol
        && (*major, *minor) < STATIC_MEMBERS
    {
        findings.doubts.push(Problem::new(
            ErrorCode::KafkaNoStaticMembers,
            format!(
                "the brokers' inter.broker.protocol.version is {major}.{minor}: without static \
                 group members, which come with 2.3, a task that was left behind is not fenced"
            ),
        ));
    }
    findings
}

/// Says that the brokers' settings have not been checked.
pub(crate) fn unknown_brokers(why: &str) -> Problem {
    Problem::new(
        ErrorCode::KafkaOffsetsRetentionShort,
        format!(
            "the brokers' settings are not checked ({why}): make sure that \
             offsets.retention.minutes is {} or more",
            minutes(SAFE_RETENTION)
        ),
    )
}

fn minutes(duration: Duration) -> u64 {
    duration.as_secs() / 60
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
        (Kind::Internal, Some(false)) => {
            let unusable = Problem::new(
                ErrorCode::KafkaInternalTopicUnusable,
                format!(
                    "topic `{name}` has cleanup.policy={} and needs compact",
                    policy.unwrap_or_default()
                ),
            );
            if holds_offsets(resource) {
                findings.doubts.push(no_offset_topic(unusable));
            } else {
                findings.warnings.push(unusable);
            }
        }
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
            "topic `{name}` has max.message.bytes={limit}, and the source topic's largest record \
             with the headers that it gets needs {needed}"
        )));
    }
    findings
}

/// Says that a source topic has no id.
pub(crate) fn no_topic_id(topic: &str) -> Problem {
    let message = format!(
        "topic `{topic}` has no topic id, so that one that was deleted and created again is not \
         told from the one before"
    );
    Problem::new(ErrorCode::KafkaNoTopicIds, message)
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

/// The doubt that a missing offset topic gives, beside the problem.
pub(crate) fn doubt_of_missing(resource: &PlannedResource) -> Option<Problem> {
    holds_offsets(resource).then(|| {
        let message = format!("topic `{}` does not exist", resource.name);
        no_offset_topic(Problem::new(ErrorCode::KafkaInternalTopicUnusable, message))
    })
}

fn holds_offsets(resource: &PlannedResource) -> bool {
    resource.roles().any(|role| role == ResourceRole::OffsetTopic)
}

/// The doubt that follows from an offset topic that cannot be used.
fn no_offset_topic(unusable: Problem) -> Problem {
    let Problem { code, message } = unusable;
    let message = format!(
        "no usable offset topic, so that a position that the brokers forget cannot be found \
         again: {message}"
    );
    Problem::new(code, message)
}

#[cfg(test)]
mod tests;
