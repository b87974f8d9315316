//! How far each partition is, from the reports of several agents.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use kafka2oss_proto::v1;
use prost_types::Timestamp;

/// What one agent reported of the partitions that it owns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AgentProgress<'a> {
    /// Bare id of the agent.
    pub(crate) agent: &'a str,
    /// The placement that its tasks ran at.
    pub(crate) placement_version: u64,
    /// The partitions.
    pub(crate) partitions: &'a [v1::PartitionProgress],
}

/// Joins the reports. Where two agents name the same partition, the one with
/// the newer placement owns it; at the same placement (a rebalance between
/// two tasks) the later observation counts. What the new owner does not know
/// yet (committed offset, last object, time of the last record) is taken from
/// the one before, or from what was seen `before` these reports, so that it does
/// not vanish while a partition moves. A partition that nobody reports, between
/// two owners, stays with its last lag and without an agent.
pub(crate) fn merge(
    reports: &[AgentProgress<'_>],
    before: &[v1::PartitionProgress],
) -> v1::ConnectorProgress {
    let mut seen: Vec<(&AgentProgress<'_>, &v1::PartitionProgress)> = reports
        .iter()
        .flat_map(|report| report.partitions.iter().map(move |partition| (report, partition)))
        .collect();
    // Oldest first; the id only makes the order definite.
    seen.sort_by(|(left, a), (right, b)| {
        left.placement_version
            .cmp(&right.placement_version)
            .then_with(|| compare(a.observed_time.as_ref(), b.observed_time.as_ref()))
            .then_with(|| left.agent.cmp(right.agent))
    });

    let unowned = |partition: &v1::PartitionProgress| {
        (partition.partition, v1::PartitionProgress { agent: String::new(), ..partition.clone() })
    };
    let mut partitions: BTreeMap<i32, v1::PartitionProgress> = before.iter().map(unowned).collect();
    for (report, partition) in seen {
        let mut newer = partition.clone();
        newer.agent = format!("agents/{}", report.agent);
        if let Some(older) = partitions.remove(&newer.partition) {
            newer.committed_offset = newer.committed_offset.or(older.committed_offset);
            newer.last_consumed_time = newer.last_consumed_time.or(older.last_consumed_time);
            if newer.last_object.is_empty() {
                newer.last_object = older.last_object;
            }
        }
        partitions.insert(newer.partition, newer);
    }
    let partitions: Vec<_> = partitions.into_values().collect();
    let total_lag =
        partitions.iter().filter_map(|partition| partition.lag).fold(0, u64::saturating_add);
    v1::ConnectorProgress { partitions, total_lag }
}

fn compare(left: Option<&Timestamp>, right: Option<&Timestamp>) -> Ordering {
    let key = |time: &Timestamp| (time.seconds, time.nanos);
    left.map(key).cmp(&right.map(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(number: i32, lag: Option<u64>, observed: i64) -> v1::PartitionProgress {
        v1::PartitionProgress {
            partition: number,
            lag,
            observed_time: Some(Timestamp { seconds: observed, nanos: 0 }),
            ..Default::default()
        }
    }

    fn report<'a>(
        agent: &'a str,
        placement_version: u64,
        partitions: &'a [v1::PartitionProgress],
    ) -> AgentProgress<'a> {
        AgentProgress { agent, placement_version, partitions }
    }

    #[test]
    fn partitions_of_all_agents_come_in_order_with_the_sum_of_the_known_lags() {
        let (a, b) =
            ([partition(2, Some(5), 1)], [partition(0, None, 1), partition(1, Some(7), 1)]);
        let progress = merge(&[report("a", 1, &a), report("b", 1, &b)], &[]);
        let seen: Vec<_> = progress
            .partitions
            .iter()
            .map(|partition| (partition.partition, partition.agent.as_str()))
            .collect();
        assert_eq!(seen, [(0, "agents/b"), (1, "agents/b"), (2, "agents/a")]);
        assert_eq!(progress.total_lag, 12);
    }

    #[test]
    fn the_newer_placement_owns_a_partition_and_then_the_later_observation() {
        let (old, new) = ([partition(0, Some(1), 9)], [partition(0, Some(2), 3)]);
        for reports in [
            [report("a", 1, &old), report("b", 2, &new)],
            [report("b", 2, &new), report("a", 1, &old)],
        ] {
            assert_eq!(merge(&reports, &[]).partitions[0].agent, "agents/b");
        }
        let same = merge(&[report("a", 2, &old), report("b", 2, &new)], &[]);
        assert_eq!((same.partitions[0].agent.as_str(), same.total_lag), ("agents/a", 1));
    }

    #[test]
    fn what_a_new_owner_does_not_know_yet_is_kept() {
        let mut before = partition(0, Some(4), 1);
        before.committed_offset = Some(100);
        before.last_object = "a/0/a+0+100".to_owned();
        before.last_consumed_time = before.observed_time;
        before.error_code = "STORE_THROTTLED".to_owned();
        let old = [before];
        let new = [partition(0, None, 2)];
        let progress = merge(&[report("a", 1, &old), report("b", 2, &new)], &[]);
        let partition = &progress.partitions[0];
        assert_eq!(partition.committed_offset, Some(100));
        assert_eq!(partition.last_object, "a/0/a+0+100");
        assert!(partition.last_consumed_time.is_some());
        // A lag that is not known and an error that is over are not made up.
        assert_eq!((partition.lag, partition.error_code.as_str()), (None, ""));
    }

    #[test]
    fn a_partition_between_two_owners_stays_with_its_last_lag() {
        let mut moving = partition(0, Some(4), 1);
        moving.agent = "agents/a".to_owned();
        moving.last_object = "a/0/a+0+100".to_owned();
        let before = [moving, partition(1, Some(9), 1)];
        let now = [partition(1, Some(2), 2)];

        let progress = merge(&[report("b", 2, &now)], &before);

        assert_eq!(progress.total_lag, 6);
        let moving = &progress.partitions[0];
        assert_eq!((moving.agent.as_str(), moving.last_object.as_str()), ("", "a/0/a+0+100"));
        assert_eq!(progress.partitions[1].agent, "agents/b");
    }

    #[test]
    fn lags_beyond_all_bounds_do_not_overflow() {
        let lags = [partition(0, Some(u64::MAX), 1), partition(1, Some(2), 1)];
        assert_eq!(merge(&[report("a", 1, &lags)], &[]).total_lag, u64::MAX);
    }
}
