//! What is shown of a connector: a pure function from what is wanted and what
//! is seen to a [`v1::ConnectorStatus`].
//!
//! For people the states mean, in a connector that is to run:
//!
//! | state | when |
//! |---|---|
//! | CREDENTIALS_REQUIRED | preparation or a task lacks the inline credentials |
//! | DEPLOYING | not prepared yet, only hand-made resources are missing, or no task has started |
//! | FAILED | preparation fails for another reason, or no task runs and some failed or stand still |
//! | UNKNOWN | tasks are placed, and none of their agents was heard of within the lease |
//! | RUNNING | the start is fixed and every task reported RUNNING at the current placement |
//! | DEGRADED | some task runs, but one does not or reports a problem, or a partition does not flow |
//!
//! and in one that is to pause PAUSED once every task has reported PAUSED at
//! the current generation, PAUSING before (or UNKNOWN). Only reports of the
//! connector's uid and of the current placement version count, and what they say
//! of partitions only if it is of the current epoch.

mod conditions;
mod figures;
mod observation;
mod tasks;

use kafka2oss_domain::ErrorCode;
use kafka2oss_proto::agent;
use kafka2oss_proto::v1::{self, ConnectorState, DeliveryGuarantee, PartitionState};
use prost_types::Timestamp;

use super::flowing::Memory;
use super::lifecycle::DesiredState;
use figures::Figures;
pub(crate) use observation::{
    AgentNack, AgentReport, Liveness, Observation, PlacedTask, Preparation,
};
use tasks::TaskCounts;

/// Sums up what is known of a connector, with what is to be remembered for the next
/// time. Partitions are always in it; leave them out of answers that were not asked for
/// them.
pub(crate) fn summarize(seen: &Observation<'_>) -> (v1::ConnectorStatus, Memory) {
    let (pulses, rates) = (tasks::pulses(seen), tasks::rates(seen));
    let rate = rates.rate(seen.now);
    let tasks = tasks::view(seen, &pulses);
    let counts = TaskCounts::of(&tasks);
    let current: Vec<_> = seen
        .reports
        .iter()
        .filter(|report| is_current(seen, report.report) && is_of_epoch(seen, report.report))
        .collect();
    let (figures, stands) = Figures::of(seen, &current, &tasks);
    let in_trouble = counts.with_problem > 0 || figures.partitions.iter().any(is_in_trouble);
    let state = state(seen, &counts, in_trouble);
    let (delivery_guarantee, delivery_guarantee_reason) = guarantee(seen, &current);

    let status = v1::ConnectorStatus {
        state: state.into(),
        observed_generation: observed_generation(seen, &tasks),
        conditions: conditions::all(seen, state, &tasks, &counts, &figures),
        tasks_desired: seen.spread,
        tasks_ready: match seen.desired {
            DesiredState::Paused => counts.paused,
            DesiredState::Created | DesiredState::Running | DesiredState::Deleted => counts.running,
        },
        partitions_assigned: figures.partitions_assigned,
        partitions_stopped: figures.partitions_stopped,
        total_lag: figures.total_lag,
        totals: figures.totals,
        delivery_guarantee: delivery_guarantee.into(),
        delivery_guarantee_reason,
        last_report_time: last_report_time(seen),
        epoch: seen.epoch.filter(|_| start_is_fixed(seen)).cloned(),
        missing_resources: seen
            .preparation
            .filter(|preparation| !preparation.ready)
            .map_or_else(Vec::new, |preparation| preparation.missing_resources.to_vec()),
        tasks: tasks.into_iter().map(|task| task.into_wire(seen)).collect(),
        partitions: figures.partitions,
        topic_partitions: figures.topic_partitions,
        state_time: Some(state_time(seen, state)),
        oldest_unwritten_time: figures.oldest_unwritten_time,
        records_per_second: rate.map(|rate| rate.records),
        bytes_per_second: rate.map(|rate| rate.bytes),
    };
    (status, Memory { stands, pulses, rates })
}

/// Since when the state is this one.
fn state_time(seen: &Observation<'_>, state: ConnectorState) -> Timestamp {
    let same = seen.previous.filter(|previous| previous.state() == state);
    same.and_then(|previous| previous.state_time).unwrap_or(seen.now.time)
}

/// Whether a report is of this connector and of its current placement.
fn is_current(seen: &Observation<'_>, report: &agent::v1::ConnectorReport) -> bool {
    report.uid == seen.uid && report.placement_version == seen.placement_version
}

/// Whether what a report says of partitions and of the guarantee is of the
/// connector's epoch; one that does not say so is taken for it.
fn is_of_epoch(seen: &Observation<'_>, report: &agent::v1::ConnectorReport) -> bool {
    report.epoch == 0 || seen.epoch.is_none_or(|epoch| epoch.number == report.epoch)
}

fn start_is_fixed(seen: &Observation<'_>) -> bool {
    seen.epoch.is_some_and(|epoch| epoch.fixed_time.is_some())
}

/// Whether tasks may run: the start is fixed and nothing is in the way.
fn is_prepared(seen: &Observation<'_>) -> bool {
    start_is_fixed(seen) && seen.preparation.is_some_and(|preparation| preparation.ready)
}

/// Whether a partition waits: for a decision, for store or broker, for a task.
fn is_in_trouble(partition: &v1::PartitionProgress) -> bool {
    match partition.state() {
        PartitionState::Stopped | PartitionState::Stalled => true,
        PartitionState::Retrying | PartitionState::Unowned => !partition.error_code.is_empty(),
        PartitionState::Running
        | PartitionState::Paused
        // Of a task that is not heard of: that counts.
        | PartitionState::Unknown
        | PartitionState::Unspecified => false,
    }
}

/// Whether tasks without an agent are as they should be: they are placed once
/// the connector is prepared, which an agent does.
fn waits_for_preparation(seen: &Observation<'_>) -> bool {
    seen.pool_has_agent && !is_prepared(seen)
}

fn is_code(code: &str, expected: ErrorCode) -> bool {
    code == expected.as_str()
}

fn runs(seen: &Observation<'_>, counts: &TaskCounts) -> bool {
    start_is_fixed(seen) && counts.running > 0
}

fn state(seen: &Observation<'_>, counts: &TaskCounts, in_trouble: bool) -> ConnectorState {
    match seen.desired {
        DesiredState::Created => ConnectorState::Created,
        DesiredState::Deleted => ConnectorState::Deleting,
        DesiredState::Paused => paused_state(seen, counts),
        // Tasks that run go on, whatever a later preparation comes to.
        DesiredState::Running if is_prepared(seen) || runs(seen, counts) => {
            running_state(seen, counts, in_trouble)
        }
        DesiredState::Running => unprepared_state(seen),
    }
}

fn paused_state(seen: &Observation<'_>, counts: &TaskCounts) -> ConnectorState {
    if counts.paused == seen.spread {
        ConnectorState::Paused
    } else if !is_prepared(seen) {
        // No task of this epoch was ever assigned: there is none to stop.
        ConnectorState::Paused
    } else if counts.none_is_heard_of() {
        ConnectorState::Unknown
    } else {
        ConnectorState::Pausing
    }
}

fn unprepared_state(seen: &Observation<'_>) -> ConnectorState {
    let problems = seen.preparation.map_or(&[][..], |preparation| preparation.problems);
    let lacks_credentials =
        problems.iter().any(|problem| is_code(&problem.code, ErrorCode::CredentialsRequired));
    let waits_for_user =
        problems.iter().all(|problem| is_code(&problem.code, ErrorCode::KafkaResourceMissing));
    if seen.credentials_lost || lacks_credentials {
        ConnectorState::CredentialsRequired
    } else if waits_for_user {
        ConnectorState::Deploying
    } else {
        ConnectorState::Failed
    }
}

fn running_state(seen: &Observation<'_>, counts: &TaskCounts, in_trouble: bool) -> ConnectorState {
    let was_running = seen.previous.is_some_and(|previous| {
        matches!(previous.state(), ConnectorState::Running | ConnectorState::Degraded)
    });
    if counts.none_is_heard_of() {
        ConnectorState::Unknown
    } else if counts.lack_credentials > 0 || (counts.running == 0 && seen.credentials_lost) {
        ConnectorState::CredentialsRequired
    } else if counts.running == seen.spread {
        if in_trouble { ConnectorState::Degraded } else { ConnectorState::Running }
    } else if counts.running > 0 {
        // While the first tasks start, those that follow are not missing yet.
        let starting = counts.running + counts.starting == seen.spread;
        if starting && !was_running { ConnectorState::Deploying } else { ConnectorState::Degraded }
    } else if counts.failed + counts.stalled > 0 {
        ConnectorState::Failed
    } else {
        ConnectorState::Deploying
    }
}

/// The lowest generation that the tasks run, once each has reported.
fn observed_generation(seen: &Observation<'_>, tasks: &[tasks::TaskView]) -> i64 {
    let before = seen.previous.map_or(0, |previous| previous.observed_generation);
    match seen.desired {
        // Nothing is to run.
        DesiredState::Created => seen.generation,
        DesiredState::Deleted if seen.placed.is_empty() => seen.generation,
        _ => {
            let reported: Option<Vec<i64>> = tasks.iter().map(|task| task.generation).collect();
            reported.and_then(|reported| reported.into_iter().min()).unwrap_or(before)
        }
    }
}

/// A report that shows the guarantee broken lowers what the probes found.
fn guarantee(seen: &Observation<'_>, current: &[&AgentReport<'_>]) -> (DeliveryGuarantee, String) {
    let lowered = current
        .iter()
        .map(|report| report.report)
        .find(|report| report.delivery_guarantee() == DeliveryGuarantee::AtLeastOnce);
    if let Some(report) = lowered {
        return (DeliveryGuarantee::AtLeastOnce, report.delivery_guarantee_reason.clone());
    }
    let Some(preparation) = seen.preparation else {
        return (DeliveryGuarantee::Unspecified, String::new());
    };
    let reason = match preparation.delivery_guarantee {
        DeliveryGuarantee::AtLeastOnce => preparation.delivery_guarantee_reason.to_owned(),
        DeliveryGuarantee::ExactlyOnce | DeliveryGuarantee::Unspecified => String::new(),
    };
    (preparation.delivery_guarantee, reason)
}

fn last_report_time(seen: &Observation<'_>) -> Option<Timestamp> {
    let ours = seen.reports.iter().filter(|report| report.report.uid == seen.uid);
    ours.min_by_key(|report| report.age)
        .map(|report| report.received)
        .or_else(|| seen.previous.and_then(|previous| previous.last_report_time))
}

#[cfg(test)]
mod tests;
