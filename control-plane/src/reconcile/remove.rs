//! After a connector was deleted: its tasks stop, an agent removes the topics
//! and groups that the service itself made, the record goes last.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_proto::agent::v1::command::Command;
use kafka2oss_proto::agent::v1::command_result::Result as Outcome;
use kafka2oss_proto::{agent, v1};

use super::means::Means;
use crate::catalog::Change;
use crate::chance;
use crate::fleet::asking;
use crate::known::Known;
use crate::known::deletion::{self, Next};
use crate::observe::Observed;
use crate::store::StoreError;
use crate::store::connectors::ConnectorRecord;

/// Time that an agent has.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Takes the tasks of a deleted connector away from their agents, and
/// remembers those.
pub(super) async fn stop_tasks(
    means: &Means,
    record: &Arc<ConnectorRecord>,
) -> Result<(), StoreError> {
    let Some(placement) = means.known.catalog.placement(record.name()) else { return Ok(()) };
    let _lock = means.known.catalog.lock(record.name()).await;
    let Some(current) = means.known.catalog.connector(record.name()) else { return Ok(()) };
    if current.uid() != record.uid() {
        return Ok(());
    }
    let mut stopped = ConnectorRecord::clone(&current);
    let deletion = stopped.deletion.get_or_insert_default();
    let agents: BTreeSet<_> = placement.may_run_on().map(str::to_owned).collect();
    deletion.agents = agents.into_iter().collect();
    let name = record.name().to_owned();
    means
        .known
        .catalog
        .apply(vec![Change::Placement(name.clone(), None), Change::connector(stopped)])
        .await?;
    means.observed.board.touch(&name);
    for agent in placement.agents() {
        means.observed.touch_agent(agent);
    }
    Ok(())
}

/// One try. Returns whether the connector is gone.
pub(super) async fn remove(means: Arc<Means>, record: Arc<ConnectorRecord>, agent: String) -> bool {
    // It may be another state by now: it is looked at again.
    let Next::Remove(removal) = deletion::next(&means.known, &record) else { return false };
    let id = format!("remove-{}-{}", record.uid(), chance::ulid());
    let command = Command::RemoveResources(*removal);
    let problems = match asking::send(&means.known.fleet, &agent, id, command, TIMEOUT).await {
        Ok(Outcome::RemoveResources(result)) => {
            tracing::info!(
                connector = record.name(),
                removed = ?result.removed,
                kept = ?result.kept,
                "resources removed"
            );
            result.problems
        }
        Ok(_) => vec![asking::unexpected(&agent)],
        Err(unanswered) => vec![unanswered.into()],
    };
    if means.stop.is_cancelled() {
        return false;
    }
    let problems = match (problems.is_empty(), means.known.fleet.removing(record.uid())) {
        (true, Some(late)) => vec![may_still_remove(&late)],
        _ => problems,
    };
    let result = if problems.is_empty() {
        finish_as_asked(&means, &record).await
    } else {
        note(&means, &record, problems).await.map(|()| false)
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
         do so: the deletion ends when that one answers, or soon after its stream has ended"
    );
    Problem::new(ErrorCode::AgentTimeout, message).into()
}

/// Nothing is left of the connector, unless something else was asked for
/// meanwhile, as to remove error topics with their records: that is carried out
/// first. Returns whether it is gone.
async fn finish_as_asked(means: &Means, asked: &ConnectorRecord) -> Result<bool, StoreError> {
    let wishes = |record: &ConnectorRecord| {
        let deletion = record.deletion.as_ref();
        deletion.map(|one| (one.delete_error_topics, one.orphan_resources))
    };
    let _lock = means.known.catalog.lock(asked.name()).await;
    let current = means.known.catalog.connector(asked.name());
    let current = current.filter(|current| current.uid() == asked.uid());
    if current.is_some_and(|current| wishes(&current) != wishes(asked)) {
        return Ok(false);
    }
    finish_deletion(&means.known, &means.observed, asked, Vec::new()).await?;
    Ok(true)
}

/// Nothing is left of the connector.
pub(super) async fn finish(means: &Means, record: &ConnectorRecord) -> Result<(), StoreError> {
    let _lock = means.known.catalog.lock(record.name()).await;
    finish_deletion(&means.known, &means.observed, record, Vec::new()).await
}

/// Shows why resources could not be removed yet.
async fn note(
    means: &Means,
    record: &ConnectorRecord,
    problems: Vec<agent::v1::Problem>,
) -> Result<(), StoreError> {
    let _lock = means.known.catalog.lock(record.name()).await;
    let Some(current) = means.known.catalog.connector(record.name()) else { return Ok(()) };
    if current.uid() != record.uid() {
        return Ok(());
    }
    let known = current.deletion.clone().unwrap_or_default().problems;
    if known == problems {
        return Ok(());
    }
    for problem in &problems {
        let code = problem.code.parse().ok();
        means.observed.log(&current, v1::LogSeverity::Error, code, problem.message.clone());
    }
    let mut noted = ConnectorRecord::clone(&current);
    noted.deletion.get_or_insert_default().problems = problems;
    means.known.catalog.apply(vec![Change::connector(noted)]).await?;
    means.observed.board.touch(record.name());
    Ok(())
}

/// Removes a connector for good, makes what comes `with` that durable, and tells those who
/// watch. The caller holds its lock.
pub(crate) async fn finish_deletion(
    known: &Known,
    observed: &Observed,
    record: &ConnectorRecord,
    with: Vec<Change>,
) -> Result<(), StoreError> {
    if known.forget(record, with).await? {
        observed.forget(record);
        tracing::info!(connector = record.name(), uid = record.uid(), "connector is gone");
    }
    Ok(())
}
