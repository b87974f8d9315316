//! After a connector was deleted: its tasks stop, an agent removes the topics
//! and groups that the service itself made, the record goes last.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::names::ConnectorName;
use kafka2oss_proto::agent::v1::command::Command;
use kafka2oss_proto::agent::v1::command_result::Result as Outcome;
use kafka2oss_proto::{agent, v1};

use crate::catalog::Change;
use crate::chance;
use crate::core::Core;
use crate::model::deletion::{self, Holder};
use crate::session::commands;
use crate::store::StoreError;
use crate::store::connectors::ConnectorRecord;

/// Time that an agent has.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What a deletion waits for or does next.
#[derive(Debug)]
pub(super) enum Next {
    /// Agents have not yet shown that its tasks stopped.
    Wait,
    /// Nothing is left.
    Finish,
    /// An agent removes resources.
    Remove(Box<agent::v1::RemoveResources>),
}

/// Takes the tasks of a deleted connector away from their agents, and
/// remembers those.
pub(super) async fn stop_tasks(
    core: &Core,
    record: &Arc<ConnectorRecord>,
) -> Result<(), StoreError> {
    let Some(placement) = core.catalog.placement(record.name()) else { return Ok(()) };
    let _lock = core.catalog.lock(record.name()).await;
    let Some(current) = core.catalog.connector(record.name()) else { return Ok(()) };
    if current.uid() != record.uid() {
        return Ok(());
    }
    let mut stopped = ConnectorRecord::clone(&current);
    let deletion = stopped.deletion.get_or_insert_default();
    let agents: BTreeSet<_> = placement.may_run_on().map(str::to_owned).collect();
    deletion.agents = agents.into_iter().collect();
    let name = record.name().to_owned();
    core.catalog
        .apply(vec![Change::Placement(name.clone(), None), Change::connector(stopped)])
        .await?;
    core.statuses.touch(&name);
    Ok(())
}

/// What keeps a deleted connector from being gone.
pub(crate) fn problems(core: &Core, record: &ConnectorRecord) -> Vec<agent::v1::Problem> {
    match next(core, record) {
        Next::Remove(_) if core.fleet.connected(&record.pool()) == 0 => {
            let message = "its topics and groups are removed when an agent joins its pool, or stay \
                           with orphan_resources";
            vec![Problem::new(ErrorCode::AgentNoneInPool, message).into()]
        }
        Next::Wait => {
            let problem = deletion::problem(&holders(core, record), core.settings.lease);
            problem.into_iter().map(agent::v1::Problem::from).collect()
        }
        Next::Remove(_) | Next::Finish => record.deletion.clone().unwrap_or_default().problems,
    }
}

/// Agents that may still run its tasks.
fn holders(core: &Core, record: &ConnectorRecord) -> Vec<Holder> {
    let placed = record.deletion.as_ref().map_or(&[][..], |deletion| &deletion.agents);
    let holders = core.fleet.holders(record.uid(), placed).into_iter();
    holders
        .map(|agent| Holder {
            is_connected: core.fleet.is_connected(&agent),
            told: core.fleet.withdrawn(&agent, record.uid()),
            agent,
        })
        .collect()
}

/// Whether what an agent has just said may let a deletion go on that waits for it, or show
/// that it does not: not while it is about to stop, nor while others are waited for.
pub(crate) fn may_go_on(core: &Core, record: &ConnectorRecord, agent: &str) -> bool {
    let holders = holders(core, record);
    holders.is_empty() || deletion::is_overdue(&holders, agent, core.settings.lease)
}

/// What is next for a deleted connector.
pub(super) fn next(core: &Core, record: &ConnectorRecord) -> Next {
    let deletion = record.deletion.clone().unwrap_or_default();
    let placed = core.catalog.placement(record.name()).is_some();
    let holders = holders(core, record);
    if placed || !deletion::goes_on(&holders, deletion.orphan_resources, core.settings.lease) {
        return Next::Wait;
    }
    if deletion.orphan_resources {
        return Next::Finish;
    }
    match removal(core, record) {
        Some(removal) if !(removal.topics.is_empty() && removal.groups.is_empty()) => {
            Next::Remove(Box::new(removal))
        }
        _ => Next::Finish,
    }
}

/// The topics and groups to remove: those that the service made and that no
/// other connector names.
fn removal(core: &Core, record: &ConnectorRecord) -> Option<agent::v1::RemoveResources> {
    let name: ConnectorName = record.name().parse().ok()?;
    let instance = core.catalog.instance(name.instance())?;
    let resources = record.spec().resources.clone().unwrap_or_default();
    let deletion = record.deletion.clone().unwrap_or_default();
    let is_shared = |name: &str| is_shared(core, record, instance.instance.as_ref(), name);
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
    core: &Core,
    record: &ConnectorRecord,
    instance: Option<&v1::Instance>,
    resource: &str,
) -> bool {
    let same_cluster = |other: &ConnectorRecord| {
        let its = other.name().parse::<ConnectorName>().ok();
        let its = its.and_then(|name| core.catalog.instance(name.instance()));
        let its = its.as_ref().and_then(|its| its.instance.as_ref());
        let (Some(mine), Some(its)) = (instance, its) else { return false };
        // Of a cluster that belongs to another instance no id is remembered.
        mine.name == its.name
            || mine.kafka_cluster_id.is_empty()
            || its.kafka_cluster_id.is_empty()
            || mine.kafka_cluster_id == its.kafka_cluster_id
    };
    let users = core.catalog.users_of(resource);
    users.iter().any(|other| other.uid() != record.uid() && same_cluster(other))
}

/// One try. Returns whether the connector is gone.
pub(super) async fn remove(core: Arc<Core>, record: Arc<ConnectorRecord>, agent: String) -> bool {
    // It may be another state by now: it is looked at again.
    let Next::Remove(removal) = next(&core, &record) else { return false };
    let id = format!("remove-{}-{}", record.uid(), chance::ulid());
    let command = Command::RemoveResources(*removal);
    let problems = match commands::send(&core.fleet, &agent, id, command, TIMEOUT).await {
        Ok(Outcome::RemoveResources(result)) => {
            tracing::info!(
                connector = record.name(),
                removed = ?result.removed,
                kept = ?result.kept,
                "resources removed"
            );
            result.problems
        }
        Ok(_) => vec![commands::unexpected(&agent)],
        Err(problem) => vec![problem],
    };
    if core.stop.is_cancelled() {
        return false;
    }
    let problems = match (problems.is_empty(), core.fleet.removing(record.uid())) {
        (true, Some(late)) => vec![may_still_remove(&late)],
        _ => problems,
    };
    let result = if problems.is_empty() {
        finish_as_asked(&core, &record).await
    } else {
        note(&core, &record, problems).await.map(|()| false)
    };
    result.unwrap_or_else(|error| {
        tracing::error!(connector = record.name(), %error, "could not store a removal");
        false
    })
}

/// An agent that was too late may yet carry out what another one has done: by then the
/// topics could be those of a connector that was made anew.
fn may_still_remove(late: &str) -> agent::v1::Problem {
    let message = format!(
        "its topics and groups are removed, and agents/{late}, which was asked before, may still \
         do so: the deletion ends when that one answers or loses its stream"
    );
    Problem::new(ErrorCode::AgentTimeout, message).into()
}

/// Nothing is left of the connector, unless something else was asked for
/// meanwhile, as to remove error topics with their records: that is carried out
/// first. Returns whether it is gone.
async fn finish_as_asked(core: &Core, asked: &ConnectorRecord) -> Result<bool, StoreError> {
    let wishes = |record: &ConnectorRecord| {
        let deletion = record.deletion.as_ref();
        deletion.map(|one| (one.delete_error_topics, one.orphan_resources))
    };
    let _lock = core.catalog.lock(asked.name()).await;
    let current = core.catalog.connector(asked.name());
    let current = current.filter(|current| current.uid() == asked.uid());
    if current.is_some_and(|current| wishes(&current) != wishes(asked)) {
        return Ok(false);
    }
    core.finish_deletion(asked).await?;
    Ok(true)
}

/// Nothing is left of the connector.
pub(super) async fn finish(core: &Core, record: &ConnectorRecord) -> Result<(), StoreError> {
    let _lock = core.catalog.lock(record.name()).await;
    core.finish_deletion(record).await
}

/// Shows why resources could not be removed yet.
async fn note(
    core: &Core,
    record: &ConnectorRecord,
    problems: Vec<agent::v1::Problem>,
) -> Result<(), StoreError> {
    let _lock = core.catalog.lock(record.name()).await;
    let Some(current) = core.catalog.connector(record.name()) else { return Ok(()) };
    if current.uid() != record.uid() {
        return Ok(());
    }
    let known = current.deletion.clone().unwrap_or_default().problems;
    if known == problems {
        return Ok(());
    }
    for problem in &problems {
        let code = problem.code.parse().ok();
        core.log(&current, v1::LogSeverity::Error, code, problem.message.clone());
    }
    let mut noted = ConnectorRecord::clone(&current);
    noted.deletion.get_or_insert_default().problems = problems;
    core.catalog.apply(vec![Change::connector(noted)]).await?;
    core.statuses.touch(record.name());
    Ok(())
}
