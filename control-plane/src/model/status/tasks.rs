//! What is seen of each task.

use kafka2oss_domain::ErrorCode;
use kafka2oss_proto::agent;
use kafka2oss_proto::v1::{self, TaskState};
use prost_types::Timestamp;

use super::{
    AgentNack, AgentReport, DesiredState, Liveness, Observation, PlacedTask, is_code, is_current,
    waits_for_preparation,
};
use crate::model::flowing::{Pulses, Rates};

/// What is seen of one task.
#[derive(Debug, Clone)]
pub(super) struct TaskView {
    pub(super) index: i32,
    /// Bare id of the agent; empty when not placed.
    pub(super) agent: String,
    pub(super) sight: Sight,
    /// What is wrong, if anything is.
    pub(super) problem: Option<agent::v1::Problem>,
    /// The generation that it reported.
    pub(super) generation: Option<i64>,
}

/// What the control plane can say of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// No agent has it.
    Unplaced,
    /// It, or its agent, was not heard of within the lease; its last known state.
    Silent(TaskState),
    /// Its agent is heard of, and it has done nothing for a lease; its last known state.
    Stalled(TaskState),
    /// On its way: the agent has not reported it as asked yet.
    Starting,
    /// It runs.
    Running,
    /// It has stopped, as asked.
    Paused,
    /// It does not run.
    Failed,
}

/// How many tasks are seen in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct TaskCounts {
    pub(super) unplaced: i32,
    pub(super) silent: i32,
    pub(super) stalled: i32,
    pub(super) starting: i32,
    pub(super) running: i32,
    pub(super) paused: i32,
    pub(super) failed: i32,
    /// Of all of them: something is wrong with it.
    pub(super) with_problem: i32,
    /// Of all of them: it waits for inline credentials.
    pub(super) lack_credentials: i32,
}

impl TaskCounts {
    pub(super) fn of(tasks: &[TaskView]) -> Self {
        let mut counts = Self::default();
        for task in tasks {
            match task.sight {
                Sight::Unplaced => counts.unplaced += 1,
                Sight::Silent(_) => counts.silent += 1,
                Sight::Stalled(_) => counts.stalled += 1,
                Sight::Starting => counts.starting += 1,
                Sight::Running => counts.running += 1,
                Sight::Paused => counts.paused += 1,
                Sight::Failed => counts.failed += 1,
            }
            if let Some(problem) = &task.problem {
                counts.with_problem += 1;
                if is_code(&problem.code, ErrorCode::CredentialsRequired) {
                    counts.lack_credentials += 1;
                }
            }
        }
        counts
    }

    /// Whether tasks are placed and nothing is known of any.
    pub(super) fn none_is_heard_of(&self) -> bool {
        let heard_of = self.stalled + self.starting + self.running + self.paused + self.failed;
        self.silent > 0 && heard_of == 0
    }
}

/// Whether its tasks live, as current reports show them.
pub(super) fn pulses(seen: &Observation<'_>) -> Pulses {
    seen.memory.pulses.after(reported(seen), seen.now)
}

/// How fast its tasks take records in.
pub(super) fn rates(seen: &Observation<'_>) -> Rates {
    seen.memory.rates.after(reported(seen), seen.now)
}

/// What agents report of the tasks that they are to have now, each with its agent.
fn reported<'a>(
    seen: &'a Observation<'_>,
) -> impl Iterator<Item = (&'a str, &'a agent::v1::TaskReport)> {
    let current = seen.reports.iter().filter(|report| is_current(seen, report.report));
    current.flat_map(|report| report.report.tasks.iter().map(|task| (report.agent, task))).filter(
        |(agent, task)| {
            seen.placed.iter().any(|placed| placed.index == task.index && placed.agent == *agent)
        },
    )
}

/// Every task that the connector should have, in the order of the indexes.
pub(super) fn view(seen: &Observation<'_>, pulses: &Pulses) -> Vec<TaskView> {
    (0..seen.spread)
        .map(|index| match seen.placed.iter().find(|placed| placed.index == index) {
            Some(placed) => placed_task(seen, placed, pulses),
            None => TaskView {
                index,
                agent: String::new(),
                sight: Sight::Unplaced,
                problem: None,
                generation: None,
            },
        })
        .collect()
}

fn placed_task(seen: &Observation<'_>, placed: &PlacedTask<'_>, pulses: &Pulses) -> TaskView {
    let nack = nack_of(seen, placed);
    let reported = report_of(seen, placed, nack.is_some());
    let view = |sight, problem, generation| TaskView {
        index: placed.index,
        agent: placed.agent.to_owned(),
        sight,
        problem,
        generation,
    };
    let refused = nack.and_then(|nack| nack.nack.problem.clone());
    let unanswered = unanswered(seen, placed);
    let Some((report, task)) = reported else {
        return match (placed.liveness, nack) {
            (_, Some(_)) => view(Sight::Failed, refused, None),
            (Liveness::Connected, None) => view(Sight::Starting, unanswered, None),
            (Liveness::Disconnected, None) => view(Sight::Silent(TaskState::Starting), None, None),
        };
    };
    let generation = Some(report.report.generation);
    if report.age >= seen.lease {
        return view(Sight::Silent(task.state()), task.problem.clone(), generation);
    }
    let stands = pulses.stands_since(placed.index, placed.agent, seen.lease, seen.now);
    if let Some(since) = stands {
        let since = Timestamp { nanos: 0, ..since };
        let message = format!(
            "agent {} reports, and the task on it has done nothing since {since}",
            placed.agent
        );
        let stalled =
            agent::v1::Problem { code: ErrorCode::AgentStalled.as_str().to_owned(), message };
        return view(Sight::Stalled(task.state()), Some(stalled), generation);
    }
    let at_generation = report.report.generation == seen.generation;
    let sight = match task.state() {
        TaskState::Running => Sight::Running,
        // Acknowledged only at the generation that asks for it; before, it is
        // still the stop of an earlier Pause.
        TaskState::Paused if at_generation => Sight::Paused,
        TaskState::Paused | TaskState::Starting => Sight::Starting,
        TaskState::Failed => Sight::Failed,
        // An agent does not report these; it knows nothing of the task then.
        TaskState::Unspecified | TaskState::Unplaced => Sight::Starting,
    };
    view(sight, unanswered.or_else(|| task.problem.clone()).or(refused), generation)
}

/// An agent that reports and has not answered what it is to run for a lease goes on with what
/// it was told before, whatever that is.
fn unanswered(seen: &Observation<'_>, placed: &PlacedTask<'_>) -> Option<agent::v1::Problem> {
    let is_silent = placed.liveness == Liveness::Connected && placed.unanswered >= seen.lease;
    is_silent.then(|| agent::v1::Problem {
        code: ErrorCode::AgentUnresponsive.as_str().to_owned(),
        message: format!(
            "agent {} is connected and has not answered its assignments for a lease: task {} may \
             not be as it was asked for",
            placed.agent, placed.index
        ),
    })
}

/// The agent's refusal of what the task is assigned now.
fn nack_of<'a>(seen: &'a Observation<'_>, placed: &PlacedTask<'_>) -> Option<&'a AgentNack<'a>> {
    seen.nacks.iter().find(|nack| {
        nack.agent == placed.agent
            && nack.nack.placement_version == seen.placement_version
            && nack.nack.generation == seen.generation
    })
}

/// What the agent reports of the task. Of an agent that refused the current
/// assignment its last good one counts, which goes on.
fn report_of<'a>(
    seen: &'a Observation<'_>,
    placed: &PlacedTask<'_>,
    refused: bool,
) -> Option<(&'a AgentReport<'a>, &'a agent::v1::TaskReport)> {
    seen.reports
        .iter()
        .filter(|report| report.agent == placed.agent)
        .filter(|report| {
            is_current(seen, report.report) || (refused && report.report.uid == seen.uid)
        })
        .find_map(|report| {
            let task = report.report.tasks.iter().find(|task| task.index == placed.index)?;
            Some((report, task))
        })
}

impl TaskView {
    /// Whether the partition is this task's.
    pub(super) fn has(&self, partition: &v1::PartitionProgress) -> bool {
        self.index == partition.task_index
            && partition.agent.strip_prefix("agents/") == Some(&self.agent)
    }

    pub(super) fn is_stalled(&self) -> bool {
        matches!(self.sight, Sight::Stalled(_))
    }

    pub(super) fn into_wire(self, seen: &Observation<'_>) -> v1::TaskStatus {
        let runs = matches!(seen.desired, DesiredState::Running | DesiredState::Paused);
        let no_agent = runs && !waits_for_preparation(seen);
        let state = match self.sight {
            Sight::Unplaced => TaskState::Unplaced,
            Sight::Silent(last) | Sight::Stalled(last) => last,
            Sight::Starting => TaskState::Starting,
            Sight::Running => TaskState::Running,
            Sight::Paused => TaskState::Paused,
            Sight::Failed => TaskState::Failed,
        };
        let agent::v1::Problem { code, message } = match (self.sight, self.problem) {
            (Sight::Unplaced, _) if no_agent => agent::v1::Problem {
                code: ErrorCode::AgentNoneInPool.as_str().to_owned(),
                message: ErrorCode::AgentNoneInPool.meaning().to_owned(),
            },
            (Sight::Silent(_), None) => agent::v1::Problem {
                code: ErrorCode::AgentTimeout.as_str().to_owned(),
                message: format!("agent {} has not reported; the state is its last", self.agent),
            },
            (_, problem) => problem.unwrap_or_default(),
        };
        v1::TaskStatus {
            index: self.index,
            agent: if self.agent.is_empty() {
                String::new()
            } else {
                format!("agents/{}", self.agent)
            },
            state: state.into(),
            error_code: code,
            error_message: message,
        }
    }
}
