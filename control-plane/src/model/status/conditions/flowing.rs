//! Whether every partition flows.

use kafka2oss_proto::v1::{ConditionStatus, ConnectorState, PartitionState};

use super::{Verdict, deleting, not_deployed, problems_of};
use crate::model::status::figures::Figures;
use crate::model::status::tasks::{TaskCounts, TaskView};
use crate::model::status::{Observation, is_in_trouble};

/// Whether every partition of the topic is some task's, and moves when its end does.
pub(super) fn verdict(
    seen: &Observation<'_>,
    state: ConnectorState,
    tasks: &[TaskView],
    counts: &TaskCounts,
    figures: &Figures,
) -> Verdict {
    let unknown =
        |reason: &str, message: String| Verdict::plain(ConditionStatus::Unknown, reason, message);
    match state {
        ConnectorState::Created => return not_deployed(),
        ConnectorState::Deleting => return deleting(seen),
        ConnectorState::Paused | ConnectorState::Pausing => {
            return Verdict::plain(ConditionStatus::False, "Paused", "paused, as asked");
        }
        _ if !figures.is_current => {
            let message = "no task has reported on its partitions".to_owned();
            return unknown("NotStarted", message);
        }
        _ => {}
    }
    let stalled: Vec<_> = tasks.iter().filter(|task| task.is_stalled()).cloned().collect();
    let problems = problems_of(&stalled, &figures.partitions);
    let all = figures.topic_partitions.map_or(figures.partitions.len(), |all| all as usize);
    if !problems.is_empty() {
        let waits = |one: &&_| is_in_trouble(one) || stalled.iter().any(|task| task.has(one));
        let waiting = figures.partitions.iter().filter(waits).count();
        let Verdict { message, .. } = Verdict::problems(&problems);
        let message = format!("{waiting} of {all} partitions do not flow: {message}");
        return Verdict { message, ..Verdict::problems(&problems) };
    }
    let owned = figures.partitions.iter().filter(|one| match one.state() {
        PartitionState::Unowned | PartitionState::Unknown => false,
        _ => !one.agent.is_empty(),
    });
    let owned = owned.count();
    if counts.silent > 0 {
        let message = format!("{owned} of {all} partitions are of tasks that are heard of");
        return unknown("NoReport", message);
    }
    if owned < all || all == 0 {
        return unknown("Moving", format!("{owned} of {all} partitions are some task's so far"));
    }
    if figures.topic_partitions.is_none() {
        let message = format!("{owned} partitions flow; whether there are more is being looked up");
        return unknown("Looking", message);
    }
    Verdict::plain(ConditionStatus::True, "Flowing", format!("{owned} of {all} partitions flow"))
}
