//! How far each partition is, from the reports of several agents.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use kafka2oss_proto::{agent, v1};
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
/// not vanish while a partition moves. A partition that nobody reports is UNOWNED, with
/// its last committed offset, end and object; its lag is not known.
pub(crate) fn merge(
    reports: &[AgentProgress<'_>],
    before: &[v1::PartitionProgress],
) -> Vec<v1::PartitionProgress> {
    let known = before.iter().map(|last| Layer { report: None, partition: last });
    let reported = reports.iter().flat_map(|report| {
        let layer = move |partition| Layer { report: Some(report), partition };
        report.partitions.iter().map(layer)
    });
    let mut layers: Vec<_> = known.chain(reported).collect();
    layers.sort_by(Layer::order);
    let same =
        |one: &Layer<'_>, next: &Layer<'_>| one.partition.partition == next.partition.partition;
    layers.chunk_by(same).filter_map(joined).collect()
}

/// What is said of a partition by one report, or was known before all reports.
struct Layer<'a> {
    report: Option<&'a AgentProgress<'a>>,
    partition: &'a v1::PartitionProgress,
}

impl Layer<'_> {
    /// By partition, and those of one the oldest first; the id only makes the order definite.
    fn order(&self, other: &Self) -> Ordering {
        let placement = |layer: &Self| layer.report.map(|report| report.placement_version);
        let agent = |layer: &Self| layer.report.map(|report| report.agent);
        let (a, b) = (self.partition, other.partition);
        a.partition
            .cmp(&b.partition)
            .then_with(|| placement(self).cmp(&placement(other)))
            .then_with(|| compare(a.observed_time.as_ref(), b.observed_time.as_ref()))
            .then_with(|| agent(self).cmp(&agent(other)))
    }
}

/// One partition, of what is said of it, the oldest first.
fn joined(layers: &[Layer<'_>]) -> Option<v1::PartitionProgress> {
    let (newest, older) = layers.split_last()?;
    let Some(report) = newest.report else { return Some(unowned(newest.partition)) };
    let mut joined = newest.partition.clone();
    if joined.agent.strip_prefix("agents/") != Some(report.agent) {
        joined.agent = format!("agents/{}", report.agent);
    }
    for Layer { partition: older, .. } in older.iter().rev() {
        joined.committed_offset = joined.committed_offset.or(older.committed_offset);
        joined.last_consumed_time = joined.last_consumed_time.or(older.last_consumed_time);
        if joined.last_object.is_empty() {
            joined.last_object.clone_from(&older.last_object);
            joined.last_extent = older.last_extent;
        }
        joined.totals = joined.totals.or(older.totals);
        if joined.test_messages.is_empty() {
            joined.test_messages.clone_from(&older.test_messages);
        }
    }
    Some(joined)
}

/// What is left of a partition that nobody has.
fn unowned(last: &v1::PartitionProgress) -> v1::PartitionProgress {
    let v1::PartitionProgress {
        partition,
        end_offset,
        committed_offset,
        last_object,
        last_consumed_time,
        observed_time,
        unsettled,
        last_extent,
        test_messages,
        totals,
        // Of who had it.
        agent: _,
        task_index: _,
        position: _,
        lag: _,
        state: _,
        error_code: _,
        error_message: _,
        state_time: _,
        oldest_unwritten_time: _,
    } = last;
    v1::PartitionProgress {
        partition: *partition,
        end_offset: *end_offset,
        committed_offset: *committed_offset,
        last_object: last_object.clone(),
        last_consumed_time: *last_consumed_time,
        observed_time: *observed_time,
        unsettled: *unsettled,
        last_extent: *last_extent,
        test_messages: test_messages.clone(),
        totals: *totals,
        state: v1::PartitionState::Unowned.into(),
        ..v1::PartitionProgress::default()
    }
}

/// Adds the topic's partitions that are in no report to `partitions`, which are in their
/// order, and to all that nobody has what `looks` show of them. Where the group holds no
/// position of the chain, it stands at its `start`.
pub(crate) fn complete(
    partitions: &mut Vec<v1::PartitionProgress>,
    topic_partitions: i32,
    looks: &[&agent::v1::GroupLook],
    start: impl Fn(i32) -> Option<i64>,
) {
    let all = 0..topic_partitions;
    let is_known = |number: &i32| partitions.binary_search_by_key(number, |one| one.partition);
    let lacking: Vec<_> = all.filter(|number| is_known(number).is_err()).collect();
    partitions.extend(lacking.into_iter().map(|partition| {
        unowned(&v1::PartitionProgress { partition, ..v1::PartitionProgress::default() })
    }));
    partitions.sort_by_key(|one| one.partition);
    let seen: BTreeMap<i32, &agent::v1::UnownedPartition> =
        looks.iter().flat_map(|look| &look.unowned).map(|one| (one.partition, one)).collect();
    for one in partitions.iter_mut().filter(|one| one.state() == v1::PartitionState::Unowned) {
        if let Some(seen) = seen.get(&one.partition) {
            one.end_offset = one.end_offset.max(seen.end_offset);
            one.committed_offset = one.committed_offset.max(seen.committed_offset);
        }
        let position = one.committed_offset.or_else(|| start(one.partition));
        let lag = |(end, position): (i64, i64)| end.saturating_sub(position).max(0);
        one.lag = one.end_offset.zip(position).map(lag);
    }
}

/// Sum of the known lags; `None` where none is known.
pub(crate) fn total_lag(partitions: &[v1::PartitionProgress]) -> Option<i64> {
    partitions.iter().filter_map(|partition| partition.lag).reduce(i64::saturating_add)
}

/// Where a record is, as far as a partition's progress shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Visible<'a> {
    /// In no object yet.
    NotYet,
    /// In the object of this key.
    In(&'a str),
    /// In an object of which the key is not known.
    Somewhere,
}

/// Where the record at `offset` is.
pub(crate) fn visible(progress: &v1::PartitionProgress, offset: i64) -> Visible<'_> {
    if let Some(told) = progress.test_messages.iter().find(|told| told.offset == offset) {
        return Visible::In(&told.object_key);
    }
    let last = progress.last_extent;
    if last.is_some_and(|last| (last.first_offset..last.next_offset).contains(&offset)) {
        return Visible::In(&progress.last_object);
    }
    match progress.committed_offset {
        Some(committed) if committed > offset => Visible::Somewhere,
        _ => Visible::NotYet,
    }
}

fn compare(left: Option<&Timestamp>, right: Option<&Timestamp>) -> Ordering {
    let key = |time: &Timestamp| (time.seconds, time.nanos);
    left.map(key).cmp(&right.map(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(number: i32, lag: Option<i64>, observed: i64) -> v1::PartitionProgress {
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
            .iter()
            .map(|partition| (partition.partition, partition.agent.as_str()))
            .collect();
        assert_eq!(seen, [(0, "agents/b"), (1, "agents/b"), (2, "agents/a")]);
        assert_eq!(total_lag(&progress), Some(12));
    }

    #[test]
    fn the_newer_placement_owns_a_partition_and_then_the_later_observation() {
        let (old, new) = ([partition(0, Some(1), 9)], [partition(0, Some(2), 3)]);
        for reports in [
            [report("a", 1, &old), report("b", 2, &new)],
            [report("b", 2, &new), report("a", 1, &old)],
        ] {
            assert_eq!(merge(&reports, &[])[0].agent, "agents/b");
        }
        let same = merge(&[report("a", 2, &old), report("b", 2, &new)], &[]);
        assert_eq!((same[0].agent.as_str(), total_lag(&same)), ("agents/a", Some(1)));
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
        let partition = &progress[0];
        assert_eq!(partition.committed_offset, Some(100));
        assert_eq!(partition.last_object, "a/0/a+0+100");
        assert!(partition.last_consumed_time.is_some());
        // A lag that is not known and an error that is over are not made up.
        assert_eq!((partition.lag, partition.error_code.as_str()), (None, ""));
    }

    #[test]
    fn a_partition_that_nobody_has_keeps_what_stays_true_and_no_more() {
        let mut left = partition(0, Some(4), 1);
        (left.agent, left.task_index) = ("agents/a".to_owned(), 1);
        left.last_object = "a/0/a+0+100".to_owned();
        (left.committed_offset, left.position) = (Some(100), Some(106));
        (left.end_offset, left.error_code) = (Some(110), "STORE_THROTTLED".to_owned());
        let before = [left, partition(1, Some(9), 1)];
        let now = [partition(1, Some(2), 2)];

        let progress = merge(&[report("b", 2, &now)], &before);

        assert_eq!(total_lag(&progress), Some(2));
        let left = &progress[0];
        assert_eq!((left.agent.as_str(), left.last_object.as_str()), ("", "a/0/a+0+100"));
        assert_eq!((left.state(), left.error_code.as_str()), (v1::PartitionState::Unowned, ""));
        assert_eq!((left.lag, left.position), (None, None));
        assert_eq!((left.committed_offset, left.end_offset), (Some(100), Some(110)));
        assert_eq!(progress[1].agent, "agents/b");
    }

    #[test]
    fn what_nobody_has_lags_behind_what_the_looks_show() {
        let seen = |partition, end, committed| agent::v1::UnownedPartition {
            partition,
            end_offset: Some(end),
            committed_offset: committed,
            ..Default::default()
        };
        let unowned = vec![seen(1, 50, Some(40)), seen(2, 30, None), seen(3, 7, None)];
        let look = agent::v1::GroupLook { topic_partitions: 5, members_known: true, unowned };
        let mut partitions = vec![partition(0, Some(1), 1)];

        complete(&mut partitions, 5, &[&look], |partition| (partition == 2).then_some(25));

        let lags: Vec<_> = partitions.iter().map(|one| (one.partition, one.lag)).collect();
        assert_eq!(lags, [(0, Some(1)), (1, Some(10)), (2, Some(5)), (3, None), (4, None)]);
        assert!(partitions[1..].iter().all(|one| one.state() == v1::PartitionState::Unowned));
    }

    #[test]
    fn lags_beyond_all_bounds_do_not_overflow() {
        let lags = [partition(0, Some(i64::MAX), 1), partition(1, Some(2), 1)];
        assert_eq!(total_lag(&merge(&[report("a", 1, &lags)], &[])), Some(i64::MAX));
    }

    #[test]
    fn a_record_is_in_the_object_that_holds_its_offset_and_no_other() {
        let told =
            |offset, key: &str| v1::VisibleTestMessage { offset, object_key: key.to_owned() };
        let progress = v1::PartitionProgress {
            committed_offset: Some(120),
            last_object: "last".to_owned(),
            last_extent: Some(v1::Extent { first_offset: 100, next_offset: 110 }),
            test_messages: vec![told(50, "earlier"), told(105, "last")],
            ..v1::PartitionProgress::default()
        };
        for (offset, expected) in [
            (50, Visible::In("earlier")),
            (51, Visible::Somewhere),
            (99, Visible::Somewhere),
            (100, Visible::In("last")),
            (109, Visible::In("last")),
            // Lost to retention, say.
            (110, Visible::Somewhere),
            (119, Visible::Somewhere),
            (120, Visible::NotYet),
        ] {
            assert_eq!(visible(&progress, offset), expected, "{offset}");
        }
        assert_eq!(visible(&v1::PartitionProgress::default(), 0), Visible::NotYet);
    }
}
