//! Numbers of a connector, over all its agents.

use kafka2oss_proto::v1::{self, PartitionState};
use prost_types::Timestamp;

use super::tasks::{Sight, TaskView};
use super::{AgentReport, Observation};
use crate::model::flowing::Stands;
use crate::model::progress::{self, AgentProgress};
use crate::model::totals as sums;

/// Numbers of the current reports; those of the status before while there is
/// no current report, so that they do not vanish with every new placement.
pub(super) struct Figures {
    pub(super) partitions: Vec<v1::PartitionProgress>,
    /// They are of current reports.
    pub(super) is_current: bool,
    pub(super) topic_partitions: Option<i32>,
    pub(super) partitions_assigned: i32,
    pub(super) partitions_stopped: i32,
    pub(super) total_lag: Option<i64>,
    pub(super) totals: Option<v1::ConnectorTotals>,
    pub(super) oldest_unwritten_time: Option<Timestamp>,
}

impl Figures {
    /// With what is to be remembered of the partitions.
    pub(super) fn of(
        seen: &Observation<'_>,
        current: &[&AgentReport<'_>],
        tasks: &[TaskView],
    ) -> (Self, Stands) {
        let previous = seen.previous.filter(|previous| is_of_epoch(seen, previous));
        if current.is_empty() {
            let totals = seen.previous.and_then(|previous| previous.totals);
            return (Self { totals, ..Self::carried_over(previous) }, Stands::default());
        }
        let before = previous.map_or(&[][..], |previous| &previous.partitions);
        let by_agent: Vec<_> = current
            .iter()
            .map(|report| AgentProgress {
                agent: report.agent,
                placement_version: report.report.placement_version,
                partitions: &report.report.partitions,
            })
            .collect();
        let mut partitions = progress::merge(&by_agent, before);
        for partition in &mut partitions {
            if tasks.iter().any(|task| is_silent(task, partition)) {
                partition.state = PartitionState::Unknown.into();
            }
        }
        let looks: Vec<_> =
            current.iter().filter_map(|report| report.report.group.as_ref()).collect();
        let looked = looks.iter().map(|look| look.topic_partitions).max();
        let topic_partitions = looked.max(previous.and_then(|previous| previous.topic_partitions));
        let start = |partition| seen.epoch?.start_offsets.get(&partition).copied();
        progress::complete(&mut partitions, topic_partitions.unwrap_or(0), &looks, start);
        let stands = seen.memory.stands.judge(&mut partitions, before, &looks, seen.now);
        let stopped =
            partitions.iter().filter(|partition| partition.state() == PartitionState::Stopped);
        let owned = partitions.iter().filter(|partition| !partition.agent.is_empty());
        let figures = Self {
            is_current: true,
            topic_partitions,
            partitions_assigned: count(owned.count()),
            partitions_stopped: count(stopped.count()),
            total_lag: progress::total_lag(&partitions),
            totals: Some(totals(&partitions, seen, current)),
            oldest_unwritten_time: oldest_unwritten(&partitions),
            partitions,
        };
        (figures, stands)
    }

    fn carried_over(previous: Option<&v1::ConnectorStatus>) -> Self {
        let empty = v1::ConnectorStatus::default();
        let previous = previous.unwrap_or(&empty);
        Self {
            partitions: previous.partitions.clone(),
            is_current: false,
            topic_partitions: previous.topic_partitions,
            partitions_assigned: previous.partitions_assigned,
            partitions_stopped: previous.partitions_stopped,
            total_lag: previous.total_lag,
            totals: None,
            oldest_unwritten_time: previous.oldest_unwritten_time,
        }
    }
}

/// Whether the partition is one of a task of which nothing new is known.
fn is_silent(task: &TaskView, partition: &v1::PartitionProgress) -> bool {
    matches!(task.sight, Sight::Silent(_) | Sight::Stalled(_)) && task.has(partition)
}

/// Whether a status showed the connector's epoch, as far as is known: none is
/// shown before its start is fixed, and nothing runs then.
fn is_of_epoch(seen: &Observation<'_>, status: &v1::ConnectorStatus) -> bool {
    match (&status.epoch, seen.epoch) {
        (Some(shown), Some(epoch)) => shown.number == epoch.number,
        _ => true,
    }
}

fn count(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}

/// Sums of the connector's whole life.
fn totals(
    partitions: &[v1::PartitionProgress],
    seen: &Observation<'_>,
    current: &[&AgentReport<'_>],
) -> v1::ConnectorTotals {
    // Also of an earlier epoch: what partitions have come to is counted on.
    let shown = seen.previous.map_or(&[][..], |previous| &previous.partitions);
    sums::of_partitions(partitions, shown).unwrap_or_else(|| {
        sums::sum(current.iter().filter_map(|report| report.report.totals.as_ref()))
    })
}

fn oldest_unwritten(partitions: &[v1::PartitionProgress]) -> Option<Timestamp> {
    let times = partitions.iter().filter_map(|partition| partition.oldest_unwritten_time);
    times.min_by_key(|time| (time.seconds, time.nanos))
}
