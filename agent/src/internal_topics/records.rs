//! The records of the configuration topic and of the status topic, with the
//! keys and JSON values of Kafka Connect 4.1 (`KafkaConfigBackingStore`,
//! `KafkaStatusBackingStore`). Pure.
//!
//! | topic | key | value |
//! |---|---|---|
//! | configuration | `connector-{id}` | `{"properties": {..}}` |
//! | | `task-{id}-{index}` | `{"properties": {..}}`, for each task |
//! | | `commit-{id}` | `{"tasks": n}`, after the tasks that it counts |
//! | | `target-state-{id}` | `{"state": "STARTED" or "PAUSED", "state.v2": the same}` |
//! | status | `status-connector-{id}` | as that of task 0 |
//! | | `status-task-{id}-{index}` | `{"state", "trace", "worker_id", "generation", "version"}` |
//!
//! What Connect also keeps there has no counterpart: session keys, fencing of
//! source tasks, restart requests, log levels, topics in use. Of Connect's
//! states, STOPPED, RESTARTING and DESTROYED are not written: a connector that
//! is deleted loses its topics.

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::names::AgentName;
use serde_json::{Value, json};

use super::properties::{self, Properties};
use crate::task::{PartitionState, Snapshot, TaskSpec, TaskState};

/// Stopped partitions that a trace names.
const NAMED: usize = 10;

/// Bytes of a trace: it has brokers' words in it, which have no limit.
const TRACE_BYTES_AT_MOST: usize = 4_096;

/// One of the topics that are written here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Topic {
    /// The task configuration topic.
    Configuration,
    /// The task status topic.
    Status,
}

/// A record as it is to stand in its topic.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    pub(super) topic: Topic,
    /// Distinct over both topics.
    pub(super) key: String,
    pub(super) value: Value,
}

/// What the records of one task are made from. Task 0 stands for the connector:
/// the records of the connector are its.
pub(super) struct Records {
    connector_id: String,
    index: u32,
    agent: AgentName,
    /// Connect's is a 32-bit number, which says which of two statuses is the
    /// later.
    generation: i32,
    configuration: Vec<Record>,
}

impl Records {
    pub(super) fn new(task: &TaskSpec, agent: AgentName) -> Self {
        Self {
            connector_id: task.connector.id().to_owned(),
            index: task.index,
            agent,
            generation: i32::try_from(task.epoch).unwrap_or(i32::MAX),
            configuration: if task.index == 0 { configuration(task) } else { Vec::new() },
        }
    }

    /// What is to stand in the topics, in the order in which it is written.
    /// `None` when another member has taken the task's place: its own records
    /// stand there then.
    pub(super) fn at(&self, seen: &Snapshot) -> Option<Vec<Record>> {
        let joined = matches!(seen.state, TaskState::Running | TaskState::Paused);
        let code = seen.problem.as_ref().map(|problem| problem.code);
        if !joined && code == Some(ErrorCode::KafkaFenced) {
            return None;
        }
        let mut records = self.configuration.clone();
        records.extend(self.target_state(seen.state));
        records.extend(self.statuses(state(seen), trace(seen).as_deref()));
        Some(records)
    }

    /// The statuses when the task has ended.
    pub(super) fn at_end(&self) -> Vec<Record> {
        self.statuses("UNASSIGNED", None)
    }

    /// As the task follows it; without a word of it Connect takes a connector
    /// as started.
    fn target_state(&self, state: TaskState) -> Option<Record> {
        let state = match state {
            TaskState::Running => "STARTED",
            TaskState::Paused => "PAUSED",
            TaskState::Starting | TaskState::Failed => return None,
        };
        (self.index == 0).then(|| Record {
            topic: Topic::Configuration,
            key: format!("target-state-{}", self.connector_id),
            value: json!({ "state": state, "state.v2": state }),
        })
    }

    fn statuses(&self, state: &str, trace: Option<&str>) -> Vec<Record> {
        let Self { connector_id, index, agent, generation, .. } = self;
        let value = json!({
            "state": state,
            "trace": trace,
            "worker_id": agent.id(),
            "generation": generation,
            "version": env!("CARGO_PKG_VERSION"),
        });
        let status = |key| Record { topic: Topic::Status, key, value: value.clone() };
        let connector = (*index == 0).then(|| status(format!("status-connector-{connector_id}")));
        let task = status(format!("status-task-{connector_id}-{index}"));
        connector.into_iter().chain([task]).collect()
    }
}

/// The configuration of the connector and of each task, then the commit of the
/// tasks: a reader of Connect's takes those over that stand before it.
fn configuration(task: &TaskSpec) -> Vec<Record> {
    let (id, tasks) = (task.connector.id(), task.spec.source.spread);
    let record = |key, value| Record { topic: Topic::Configuration, key, value };
    let of = |key, properties: Properties| record(key, json!({ "properties": properties }));
    let mut records = vec![of(format!("connector-{id}"), properties::of_connector(task))];
    let each = |index| of(format!("task-{id}-{index}"), properties::of_task(task, index));
    records.extend((0..tasks).map(each));
    records.push(record(format!("commit-{id}"), json!({ "tasks": tasks })));
    records
}

/// A task that has failed starts again and again: that is one state until it
/// has joined the group.
fn state(seen: &Snapshot) -> &'static str {
    match (seen.state, &seen.problem) {
        (TaskState::Running, _) => "RUNNING",
        (TaskState::Paused, _) => "PAUSED",
        (TaskState::Starting, None) => "UNASSIGNED",
        (TaskState::Starting, Some(_)) | (TaskState::Failed, _) => "FAILED",
    }
}

/// What is wrong, a line each: with the task, and with partitions that wait for
/// a decision. Connect has no state of a partition; one that is tried again
/// passes by itself and would be written over and over.
fn trace(seen: &Snapshot) -> Option<String> {
    let mut lines: Vec<_> = seen.problem.iter().map(ToString::to_string).collect();
    let mut stopped = seen.partitions.iter().filter_map(|(partition, seen)| {
        let problem = seen.problem.as_ref().filter(|_| seen.state == PartitionState::Stopped)?;
        Some(format!("partition {partition}: {problem}"))
    });
    lines.extend(stopped.by_ref().take(NAMED));
    let more = stopped.count();
    if more > 0 {
        lines.push(format!("and {more} more partitions"));
    }
    let mut trace = lines.join("\n");
    trace.truncate(trace.floor_char_boundary(TRACE_BYTES_AT_MOST));
    (!trace.is_empty()).then_some(trace)
}

#[cfg(test)]
mod tests;
