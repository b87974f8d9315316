//! What has to happen so that the tasks that run are those that are wanted.
//! Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafka2oss_domain::names::ConnectorName;
use kafka2oss_proto::v1;

use crate::assignment::{Assignments, Fixed};
use crate::task::{Guidance, StopMode};

/// One task of this agent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct TaskKey {
    pub(super) connector: ConnectorName,
    pub(super) index: u32,
}

/// A task as it is.
#[derive(Debug, Clone)]
pub(super) enum Current {
    Running(Running),
    /// It ends; one of the same key starts afterwards, if it is wanted then.
    Stopping,
}

/// What a task runs.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) fixed: Arc<Fixed>,
    pub(super) threads: u32,
    pub(super) guidance: Guidance,
    pub(super) credentials: Option<v1::StoreCredentials>,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Starts the task.
    Start(TaskKey),
    /// Stops the task; another one of its key starts when it has ended.
    Restart(TaskKey, StopMode),
    /// Stops the task, so that others take its partitions at once.
    Stop(TaskKey),
    /// Tells the running task something else than before.
    Guide(TaskKey, Guidance),
    /// Gives the connector's running tasks a store with other credentials.
    ReplaceStore(ConnectorName),
}

/// What leads from the tasks that there are to those that are wanted. A task
/// whose fixed part is as wanted is left alone.
pub(super) fn plan(current: &BTreeMap<TaskKey, Current>, wanted: &Assignments) -> Vec<Action> {
    let wanted_keys = wanted.values().flat_map(|assignment| {
        let connector = &assignment.connector;
        assignment.tasks.keys().map(|&index| TaskKey { connector: connector.clone(), index })
    });
    let keys: BTreeSet<TaskKey> = current.keys().cloned().chain(wanted_keys).collect();

    let mut actions = Vec::new();
    for key in keys {
        let assignment = wanted.get(&key.connector);
        let threads = assignment.and_then(|assignment| assignment.tasks.get(&key.index));
        match (current.get(&key), assignment.zip(threads)) {
            (None, Some(_)) => actions.push(Action::Start(key)),
            (None | Some(Current::Stopping), _) => {}
            (Some(Current::Running(_)), None) => actions.push(Action::Stop(key)),
            (Some(Current::Running(running)), Some((assignment, threads))) => {
                if running.fixed != assignment.fixed || running.threads != *threads {
                    actions.push(Action::Restart(key, restart_mode(running, &assignment.fixed)));
                    continue;
                }
                if running.credentials != assignment.credentials {
                    let replace = Action::ReplaceStore(key.connector.clone());
                    if !actions.contains(&replace) {
                        actions.push(replace);
                    }
                }
                if running.guidance != assignment.guidance {
                    actions.push(Action::Guide(key, assignment.guidance.clone()));
                }
            }
        }
    }
    actions
}

/// The member of the same connector comes back at once and keeps its
/// partitions; the member of a connector that is no more leaves the group.
fn restart_mode(running: &Running, wanted: &Fixed) -> StopMode {
    if running.fixed.uid == wanted.uid { StopMode::KeepMembership } else { StopMode::Leave }
}

#[cfg(test)]
mod tests;
