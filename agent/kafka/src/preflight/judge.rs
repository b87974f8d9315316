//! What the brokers' answers mean. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::preflight::{Check, Finding};
use kafka2oss_proto::v1::PlannedResource;

use super::{PreflightInput, rights};
use crate::admin::{
    Broker, BrokerSettings, Committed, Creation, Operations, TopicDescription, Watermarks,
};
use crate::broker_admin::GroupMembers;
use crate::plan::{self, Findings};

/// Partitions, members and the like of which one text names so many.
const NAMED: usize = 5;

/// Whether a broker answers at its own address. What else was seen of late may be
/// another's.
pub(super) fn broker(broker: &Broker, answer: Result<(), Problem>) -> Finding {
    let Broker { id, address } = broker;
    let subject = format!("{id} at {address}");
    match answer {
        Ok(()) => Finding::pass(Check::KafkaBroker, subject, "answers"),
        Err(Problem { code, message }) if message.contains(address.as_str()) => {
            let code = match code {
                ErrorCode::KafkaUnreachable => ErrorCode::KafkaBrokerUnreachable,
                code => code,
            };
            Finding::fail(Check::KafkaBroker, subject, Problem::new(code, message))
        }
        Err(problem) => {
            let message = format!("broker {id} at `{address}` does not answer: {problem}");
            let problem = Problem::new(ErrorCode::KafkaBrokerUnreachable, message);
            Finding::fail(Check::KafkaBroker, subject, problem)
        }
    }
}

/// What the brokers are set to.
pub(super) fn settings(settings: &Result<BrokerSettings, Problem>) -> Vec<Finding> {
    let (retention, members) = (Check::KafkaOffsetsRetention, Check::KafkaStaticMembers);
    let settings = match settings {
        Ok(settings) => settings,
        Err(problem) => {
            let unknown = plan::unknown_brokers(&problem.message);
            let why = "the brokers' settings cannot be read";
            return vec![Finding::warn(retention, "", unknown), Finding::skipped(members, "", why)];
        }
    };
    let Findings { problems, warnings, doubts } = plan::check_brokers(settings);
    let mut wrong: BTreeMap<Check, Problem> = BTreeMap::new();
    for problem in problems.into_iter().chain(doubts).chain(warnings) {
        let check = match problem.code {
            ErrorCode::KafkaNoStaticMembers => members,
            _ => retention,
        };
        wrong.entry(check).or_insert(problem);
    }
    let kept = settings.offsets_retention.map_or(0, |kept| kept.as_secs() / 60);
    [
        (retention, format!("offsets.retention.minutes is {kept}")),
        (members, "the brokers know static members".to_owned()),
    ]
    .into_iter()
    .map(|(check, good)| match wrong.remove(&check) {
        Some(problem) => Finding::warn(check, "", problem),
        None => Finding::pass(check, "", good),
    })
    .collect()
}

/// Whether the source topic is there.
pub(super) fn topic(topic: &str, described: &Result<Option<TopicDescription>, Problem>) -> Finding {
    let check = Check::KafkaTopic;
    match described {
        Ok(Some(found)) => {
            Finding::pass(check, topic, format!("it has {} partitions", found.partitions))
        }
        Ok(None) => {
            let message = format!("source topic `{topic}` does not exist");
            Finding::fail(check, topic, Problem::new(ErrorCode::KafkaTopicNotFound, message))
        }
        Err(problem) => Finding::fail(check, topic, problem.clone()),
    }
}

/// Whether one that is made anew can be told from it.
pub(super) fn topic_id(topic: &str, source: &TopicDescription) -> Finding {
    match &source.id {
        Some(id) => Finding::pass(Check::KafkaTopicId, topic, format!("its id is {id}")),
        None => Finding::warn(Check::KafkaTopicId, topic, plan::no_topic_id(topic)),
    }
}

/// Whether the agent fetches what the topic takes.
pub(super) fn message_size(
    topic: &str,
    source: &TopicDescription,
    too_large: &(dyn Fn(u64) -> Option<Problem> + Sync),
) -> Finding {
    let check = Check::KafkaMessageSize;
    match source.max_message_bytes {
        None => Finding::skipped(check, topic, "max.message.bytes cannot be read"),
        Some(bytes) => match too_large(bytes) {
            Some(problem) => Finding::warn(check, topic, problem),
            None => Finding::pass(check, topic, format!("max.message.bytes is {bytes}")),
        },
    }
}

/// Where partitions end, and where records can be read to, before and after.
pub(super) struct Ends {
    pub(super) stable: BTreeMap<i32, i64>,
    pub(super) ends: BTreeMap<i32, Watermarks>,
    pub(super) again: BTreeMap<i32, i64>,
}

/// Whether open transactions hold records back: those that did before the ends were read
/// and still do after it.
pub(super) fn transactions(topic: &str, ends: Result<Option<Ends>, Problem>) -> Finding {
    let check = Check::KafkaTransactions;
    let Ends { stable, ends, again } = match ends {
        Ok(Some(ends)) => ends,
        Ok(None) => return Finding::skipped(check, topic, "this Kafka does not tell"),
        Err(problem) => return Finding::skipped(check, topic, problem.message),
    };
    let held: Vec<String> = ends
        .iter()
        .filter_map(|(partition, marks)| {
            let (before, after) = (stable.get(partition)?, again.get(partition)?);
            (before == after && *before < marks.end)
                .then(|| format!("{partition} from offset {before} to {}", marks.end))
        })
        .collect();
    if held.is_empty() {
        return Finding::pass(check, topic, "no open transaction holds records back");
    }
    let message = format!(
        "open transactions hold records back in {} partitions: {}",
        held.len(),
        named(&held)
    );
    Finding::warn(check, topic, Problem::new(ErrorCode::KafkaTransactionOpen, message))
}

/// What the group's offsets mean for a connector that starts.
pub(super) fn group_offsets(
    input: &PreflightInput<'_>,
    committed: &Result<BTreeMap<i32, Committed>, Problem>,
    owners: &BTreeSet<String>,
) -> Finding {
    let check = Check::KafkaGroupOffsets;
    let PreflightInput { group, uid, .. } = *input;
    let committed = match committed {
        Ok(committed) => committed,
        Err(problem) => return Finding::skipped(check, group, problem.message.clone()),
    };
    let count = committed.len();
    if count == 0 {
        return Finding::pass(check, group, "it holds no offsets for the topic");
    }
    if owners.iter().any(|owner| owner == uid) {
        return Finding::pass(check, group, format!("it holds the connector's {count} offsets"));
    }
    let whose = match owners.first() {
        Some(owner) => format!("of another connector (uid {owner})"),
        None => "of somebody else".to_owned(),
    };
    let message = format!(
        "group `{group}` holds offsets {whose} for {count} partitions of the topic: a connector \
         that is deployed starts there"
    );
    Finding::warn(check, group, Problem::new(ErrorCode::KafkaGroupInUse, message))
}

/// Who is in the group, and whether tasks may be.
pub(super) fn group(
    group: &str,
    uid: &str,
    described: Result<Option<(GroupMembers, Option<Operations>)>, Problem>,
) -> Vec<Finding> {
    let (read, check) = (Check::KafkaGroupRead, Check::KafkaGroupMembers);
    let (members, allowed) = match described {
        Ok(Some(described)) => described,
        Ok(None) => {
            let why = "this Kafka does not tell";
            return [read, check].map(|check| Finding::skipped(check, group, why)).into();
        }
        Err(problem) => {
            let why = &problem.message;
            return [read, check].map(|check| Finding::skipped(check, group, why)).into();
        }
    };
    let ours = format!("{uid}-");
    let is_ours = |id: &String| !uid.is_empty() && id.starts_with(&ours);
    let strangers: Vec<String> = members
        .members
        .iter()
        .filter(|member| !member.instance_id.as_ref().is_some_and(is_ours))
        .map(|member| format!("`{}` at {}", member.client_id, member.host))
        .collect();
    let members = if strangers.is_empty() {
        let count = members.members.len();
        Finding::pass(check, group, format!("{count} members, all tasks of the connector"))
    } else {
        let message = format!(
            "{} members of group `{group}` are no tasks of the connector: {}",
            strangers.len(),
            named(&strangers)
        );
        Finding::fail(check, group, Problem::new(ErrorCode::KafkaGroupInUse, message))
    };
    vec![rights::of_group(group, allowed.as_ref()), members]
}

/// A topic of the connector's that exists.
pub(super) fn resource(
    check: Check,
    name: &str,
    found: &TopicDescription,
    findings: Findings,
) -> Finding {
    let Findings { mut problems, mut warnings, doubts } = findings;
    warnings.extend(doubts);
    if !problems.is_empty() {
        return Finding::fail(check, name, joined(&mut problems));
    }
    if !warnings.is_empty() {
        return Finding::warn(check, name, joined(&mut warnings));
    }
    Finding::pass(check, name, format!("it exists, with {} partitions", found.partitions))
}

/// A topic of the connector's that would be created.
pub(super) fn creation(
    check: Check,
    resource: &PlannedResource,
    outcome: Result<Option<Creation>, Problem>,
) -> Finding {
    let name = &resource.name;
    match outcome {
        Ok(Some(Creation::Created)) => {
            let PlannedResource { partitions, cleanup_policy, .. } = resource;
            let detail = format!(
                "the brokers would create it, with {partitions} partitions and \
                 cleanup.policy={cleanup_policy}"
            );
            Finding::pass(check, name, detail)
        }
        Ok(Some(Creation::AlreadyExists)) => {
            Finding::skipped(check, name, "it was created meanwhile")
        }
        Ok(Some(Creation::Refused(words))) => {
            Finding::fail(check, name, plan::missing(resource, Some(&words)))
        }
        Ok(None) => Finding::skipped(check, name, "this Kafka does not tell without creating it"),
        Err(problem) => Finding::fail(check, name, problem),
    }
}

/// All of them under the code of the first.
fn joined(problems: &mut Vec<Problem>) -> Problem {
    let first = problems.remove(0);
    let message =
        problems.iter().fold(first.message, |text, problem| format!("{text}; {}", problem.message));
    Problem::new(first.code, message)
}

/// The first of them, and how many more there are.
fn named(all: &[String]) -> String {
    let first = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests;
