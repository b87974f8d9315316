//! What a deletion waits for, and what is next for it.

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::names::ConnectorName;
use kafka2oss_proto::{agent, v1};

use super::Known;
use crate::model::deletion::{self, Holder};
use crate::store::connectors::ConnectorRecord;

/// What a deletion waits for or does next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Agents have not yet shown that its tasks stopped.
    Wait,
    /// Nothing is left.
    Finish,
    /// An agent removes resources.
    Remove(Box<agent::v1::RemoveResources>),
}

/// What keeps a deleted connector from being gone.
pub(crate) fn problems(known: &Known, record: &ConnectorRecord) -> Vec<agent::v1::Problem> {
    match next(known, record) {
        Next::Remove(_) if known.fleet.connected(&record.pool()) == 0 => {
            let message = "its topics and groups are removed when an agent joins its pool, or stay \
                           with orphan_resources";
            vec![Problem::new(ErrorCode::AgentNoneInPool, message).into()]
        }
        Next::Wait => {
            let problem = deletion::problem(&holders(known, record), known.lease);
            problem.into_iter().map(agent::v1::Problem::from).collect()
        }
        Next::Remove(_) | Next::Finish => record.deletion.clone().unwrap_or_default().problems,
    }
}

/// Agents that may still run its tasks.
fn holders(known: &Known, record: &ConnectorRecord) -> Vec<Holder> {
    let placed = record.deletion.as_ref().map_or(&[][..], |deletion| &deletion.agents);
    let holders = known.fleet.holders(record.uid(), placed).into_iter();
    holders
        .map(|agent| Holder {
            is_connected: known.fleet.is_connected(&agent),
            told: known.fleet.withdrawn(&agent, record.uid()),
            agent,
        })
        .collect()
}

/// Whether what an agent has just said may let a deletion go on that waits for it, or show
/// that it does not: not while it is about to stop, nor while others are waited for.
pub(crate) fn may_go_on(known: &Known, record: &ConnectorRecord, agent: &str) -> bool {
    let holders = holders(known, record);
    holders.is_empty() || deletion::is_overdue(&holders, agent, known.lease)
}

/// What is next for a deleted connector.
pub(crate) fn next(known: &Known, record: &ConnectorRecord) -> Next {
    let deletion = record.deletion.clone().unwrap_or_default();
    let placed = known.catalog.placement(record.name()).is_some();
    let holders = holders(known, record);
    if placed || !deletion::goes_on(&holders, deletion.orphan_resources, known.lease) {
        return Next::Wait;
    }
    if deletion.orphan_resources {
        return Next::Finish;
    }
    match removal(known, record) {
        Some(removal) if !(removal.topics.is_empty() && removal.groups.is_empty()) => {
            Next::Remove(Box::new(removal))
        }
        _ => Next::Finish,
    }
}

/// The topics and groups to remove: those that the service made and that no
/// other connector names.
fn removal(known: &Known, record: &ConnectorRecord) -> Option<agent::v1::RemoveResources> {
    let name: ConnectorName = record.name().parse().ok()?;
    let instance = known.catalog.instance(name.instance())?;
    let resources = record.spec().resources.clone().unwrap_or_default();
    let deletion = record.deletion.clone().unwrap_or_default();
    let is_shared = |name: &str| is_shared(known, record, instance.instance.as_ref(), name);
    let [_, _, _, error_topics @ ..] = record.topics();
    let topics = record
        .created_topics
        .iter()
        .filter(|topic| !is_shared(topic))
        .map(|topic| agent::v1::TopicRemoval {
            topic: topic.clone(),
            only_if_empty: error_topics.contains(&topic.as_str()) && !deletion.delete_error_topics,
        })
        .collect();
    Some(agent::v1::RemoveResources {
        connector: record.name().to_owned(),
        uid: record.uid().to_owned(),
        instance: instance.instance.clone(),
        topics,
        groups: groups(record, &resources, is_shared),
    })
}

/// The groups that came into being by this connector: none before its start
/// was fixed, none where the group already held offsets of somebody else or
/// the user makes the resources.
fn groups(
    record: &ConnectorRecord,
    resources: &v1::ConnectorResources,
    is_shared: impl Fn(&str) -> bool,
) -> Vec<String> {
    // Whoever makes the resources by hand made the groups, too.
    let by_hand = resources.creation() == v1::ResourceCreation::Manually;
    let ours = record.epoch.as_ref().is_some_and(|epoch| {
        epoch.fixed_time.is_some() && epoch.origin() != v1::StartOrigin::Group
    });
    if !ours || by_hand {
        return Vec::new();
    }
    [&resources.task_consumer_group, &resources.connector_consumer_group]
        .into_iter()
        .filter(|group| !group.is_empty() && !is_shared(group))
        .cloned()
        .collect()
}

/// Whether another connector of what may be the same cluster names a topic or
/// group, too.
fn is_shared(
    known: &Known,
    record: &ConnectorRecord,
    instance: Option<&v1::Instance>,
    resource: &str,
) -> bool {
    let same_cluster = |other: &ConnectorRecord| {
        let its = other.name().parse::<ConnectorName>().ok();
        let its = its.and_then(|name| known.catalog.instance(name.instance()));
        let its = its.as_ref().and_then(|its| its.instance.as_ref());
        let (Some(mine), Some(its)) = (instance, its) else { return false };
        // Of a cluster that belongs to another instance no id is remembered.
        mine.name == its.name
            || mine.kafka_cluster_id.is_empty()
            || its.kafka_cluster_id.is_empty()
            || mine.kafka_cluster_id == its.kafka_cluster_id
    };
    let users = known.catalog.users_of(resource);
    users.iter().any(|other| other.uid() != record.uid() && same_cluster(other))
}
