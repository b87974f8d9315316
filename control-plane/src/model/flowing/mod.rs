//! Whether every partition flows: it is some task's, and moves when its end does. Judged
//! by what is reported of the work, whatever tasks believe of themselves.

mod pulses;
mod rates;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafka2oss_domain::ErrorCode;
use kafka2oss_proto::agent;
use kafka2oss_proto::v1::{self, PartitionState};
use prost_types::Timestamp;

pub(crate) use pulses::Pulses;
pub(crate) use rates::Rates;

/// How long a partition may be another member's before that is a fault: the look that
/// saw it may be older than the last rebalance.
const STRANGER_GRACE: Duration = Duration::from_secs(15);

/// How long a partition may be nobody's: a rebalance, and a topic's new partitions,
/// which members see within 30 s.
const NOBODY_GRACE: Duration = Duration::from_secs(45);

/// How long records may wait without one being taken. An agent has tried to cure it by
/// then.
const STALLED_AFTER: Duration = Duration::from_secs(120);

/// A moment, by a clock that does not jump and by the one that is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moment {
    pub(crate) at: Instant,
    pub(crate) time: Timestamp,
}

/// What is remembered of a connector from one status to the next.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Memory {
    pub(crate) stands: Stands,
    pub(crate) pulses: Pulses,
    pub(crate) rates: Rates,
}

/// Since when partitions stand where they are. Those that move, or have nothing to do,
/// are not in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Stands(BTreeMap<i32, Stand>);

#[derive(Debug, Clone, Copy, PartialEq)]
struct Stand {
    standing: Standing,
    since: Moment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// No task has it.
    Unowned,
    /// Its task runs, and records wait from this position on.
    At(i64),
}

impl Standing {
    fn of(partition: &v1::PartitionProgress) -> Option<Self> {
        match (partition.state(), partition.position) {
            (PartitionState::Unowned, _) => Some(Self::Unowned),
            (PartitionState::Running, Some(position)) if partition.lag > Some(0) => {
                Some(Self::At(position))
            }
            _ => None,
        }
    }
}

impl Stands {
    /// Gives those partitions that have stood for too long their state, code and words,
    /// and all the time since when they are as they are. `before` are the partitions as
    /// they were shown last, in their order; `looks` what agents saw of the group.
    #[must_use]
    pub(crate) fn judge(
        &self,
        partitions: &mut [v1::PartitionProgress],
        before: &[v1::PartitionProgress],
        looks: &[&agent::v1::GroupLook],
        now: Moment,
    ) -> Self {
        let mut stands = BTreeMap::new();
        let before = |partition: i32| {
            let at = before.binary_search_by_key(&partition, |one| one.partition);
            at.ok().map(|at| &before[at])
        };
        for partition in partitions {
            let stand =
                Standing::of(partition).map(|standing| self.stand(partition, standing, now));
            if let Some(stand) = stand {
                judge_one(partition, stand, looks, now);
                stands.insert(partition.partition, stand);
            }
            let earlier = before(partition.partition);
            partition.state_time = Some(state_time(partition, earlier, stand, now));
        }
        Self(stands)
    }

    fn stand(&self, partition: &v1::PartitionProgress, standing: Standing, now: Moment) -> Stand {
        let before = self.0.get(&partition.partition).filter(|stand| stand.standing == standing);
        before.copied().unwrap_or(Stand { standing, since: now })
    }
}

fn judge_one(
    partition: &mut v1::PartitionProgress,
    stand: Stand,
    looks: &[&agent::v1::GroupLook],
    now: Moment,
) {
    let lasts = now.at.saturating_duration_since(stand.since.at);
    let (code, message) = match stand.standing {
        Standing::Unowned => {
            let (grace, code, message) = unowned(partition.partition, looks);
            if lasts < grace {
                return;
            }
            (code, message)
        }
        Standing::At(_) if lasts >= STALLED_AFTER => {
            partition.state = PartitionState::Stalled.into();
            let message = "records wait, and none was taken for more than two minutes";
            (ErrorCode::PartitionStalled, message.to_owned())
        }
        Standing::At(_) => return,
    };
    (partition.error_code, partition.error_message) = (code.as_str().to_owned(), message);
}

/// How long a partition may be without a task, and why it is.
fn unowned(partition: i32, looks: &[&agent::v1::GroupLook]) -> (Duration, ErrorCode, String) {
    let known: Vec<_> = looks.iter().filter(|look| look.members_known).collect();
    let seen = known.iter().flat_map(|look| &look.unowned).filter(|one| one.partition == partition);
    let seen: Vec<_> = seen.collect();
    if let Some((stranger, client)) =
        seen.iter().find_map(|one| Some((one, one.client_id.as_ref()?)))
    {
        let message = format!(
            "client `{client}` at {} has it in the consumer group, and is none of the connector's \
             tasks",
            stranger.client_host
        );
        return (STRANGER_GRACE, ErrorCode::KafkaGroupInUse, message);
    }
    let message = if !seen.is_empty() {
        "no member of the consumer group has it"
    } else if known.is_empty() {
        "no task reports it; who has it in the consumer group is not known"
    } else {
        "a task has it in the consumer group, and does not report it"
    };
    (NOBODY_GRACE, ErrorCode::PartitionUnowned, message.to_owned())
}

fn state_time(
    partition: &v1::PartitionProgress,
    before: Option<&v1::PartitionProgress>,
    stand: Option<Stand>,
    now: Moment,
) -> Timestamp {
    let stands = matches!(partition.state(), PartitionState::Unowned | PartitionState::Stalled);
    if let Some(stand) = stand.filter(|_| stands) {
        return stand.since.time;
    }
    let same = |before: &&v1::PartitionProgress| {
        before.state == partition.state && before.error_code == partition.error_code
    };
    before.filter(same).and_then(|before| before.state_time).unwrap_or(now.time)
}

#[cfg(test)]
mod tests;
