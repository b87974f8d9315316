//! Which partitions there can be, and where those go on that a reset to explicit offsets does
//! not name.

use std::collections::{BTreeMap, BTreeSet};

use kafka2oss_proto::v1;

/// Partitions of one topic, at most.
pub(crate) const MAX_PARTITIONS: i32 = 20_000;

/// Whether a topic can have a partition of this number.
pub(crate) fn is_partition(number: i32) -> bool {
    (0..MAX_PARTITIONS).contains(&number)
}

/// What is known of the epoch that is to end, all of whose tasks have stopped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending<'a> {
    /// With its start.
    pub(crate) epoch: &'a v1::Epoch,
    /// Whether tasks of it may have run. What none has run stands at its start.
    pub(crate) has_run: bool,
    /// Partitions of which a commit in it was reported.
    pub(crate) committed_partitions: &'a [i32],
    /// What its tasks last reported.
    pub(crate) partitions: &'a [v1::PartitionProgress],
}

/// The offset at which each partition goes on that `is_named` does not say:
/// what it has committed, and where it started if that is nothing.
///
/// # Errors
/// The partitions of which that is not known, in their order: nobody reports them, or
/// an object of theirs may stand beyond what is committed. Without their offsets records
/// could be left out, or read again beside their object.
pub(crate) fn kept(
    ending: &Ending<'_>,
    is_named: impl Fn(i32) -> bool,
) -> Result<BTreeMap<i32, i64>, Vec<i32>> {
    let start = |partition: &i32| ending.epoch.start_offsets.get(partition).copied();
    let mut kept: BTreeMap<i32, Option<i64>> = BTreeMap::new();
    let starts = ending.epoch.start_offsets.iter();
    kept.extend(starts.map(|(key, offset)| (*key, Some(*offset).filter(|_| !ending.has_run))));
    kept.extend(ending.committed_partitions.iter().map(|partition| (*partition, None)));
    let committed: BTreeSet<i32> = ending.committed_partitions.iter().copied().collect();
    for seen in ending.partitions {
        let has_committed = committed.contains(&seen.partition);
        // One that was added after the epoch had started stands where it began.
        let untouched = || start(&seen.partition).or(seen.position).filter(|_| !has_committed);
        let stands = seen.committed_offset.or_else(untouched).filter(|_| !seen.unsettled);
        kept.insert(seen.partition, stands);
    }
    kept.retain(|partition, _| !is_named(*partition));
    let unknown: Vec<_> =
        kept.iter().filter(|(_, offset)| offset.is_none()).map(|(key, _)| *key).collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    Ok(kept.into_iter().filter_map(|(partition, offset)| Some((partition, offset?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(partition: i32, committed: Option<i64>, position: i64) -> v1::PartitionProgress {
        v1::PartitionProgress {
            partition,
            committed_offset: committed,
            position: Some(position),
            ..v1::PartitionProgress::default()
        }
    }

    fn kept_of(
        committed_partitions: &[i32],
        partitions: &[v1::PartitionProgress],
        named: &[i32],
    ) -> Result<Vec<(i32, i64)>, Vec<i32>> {
        let epoch =
            v1::Epoch { start_offsets: [(0, 10), (1, 20), (2, 30)].into(), ..v1::Epoch::default() };
        let ending = Ending { epoch: &epoch, has_run: true, committed_partitions, partitions };
        kept(&ending, |partition| named.contains(&partition)).map(|kept| kept.into_iter().collect())
    }

    #[test]
    fn partitions_go_on_at_their_commits_and_else_at_their_starts() {
        let reported = [seen(0, Some(15), 15), seen(1, None, 20), seen(2, None, 30)];
        assert_eq!(kept_of(&[0], &reported, &[]), Ok(vec![(0, 15), (1, 20), (2, 30)]));
        assert_eq!(kept_of(&[0], &reported, &[1, 7]), Ok(vec![(0, 15), (2, 30)]));
        assert_eq!(kept_of(&[], &[], &[0, 1, 2]), Ok(vec![]));
    }

    #[test]
    fn a_partition_that_was_added_later_goes_on_where_it_stands() {
        let reported = [seen(3, None, 0), seen(4, Some(8), 8)];
        assert_eq!(kept_of(&[], &reported, &[0, 1, 2]), Ok(vec![(3, 0), (4, 8)]));
    }

    #[test]
    fn a_position_that_is_not_known_is_not_made_up() {
        // Committed once, and nobody reports it or its report has no commit.
        let reported = [seen(0, None, 10), seen(1, None, 20)];
        assert_eq!(kept_of(&[1, 2, 9], &reported, &[]), Err(vec![1, 2, 9]));
        assert_eq!(kept_of(&[1, 2, 9], &reported, &[1, 2, 9]), Ok(vec![(0, 10)]));
        // What nobody reports may have an object by now.
        assert_eq!(kept_of(&[], &reported, &[]), Err(vec![2]));
    }

    #[test]
    fn an_epoch_that_has_not_run_stands_at_its_start() {
        let epoch = v1::Epoch { start_offsets: [(0, 10)].into(), ..v1::Epoch::default() };
        let ending =
            Ending { epoch: &epoch, has_run: false, committed_partitions: &[], partitions: &[] };
        assert_eq!(kept(&ending, |_| false), Ok([(0, 10)].into()));
    }

    #[test]
    fn a_position_behind_which_an_object_may_stand_is_not_kept() {
        let unsettled = v1::PartitionProgress { unsettled: true, ..seen(0, Some(15), 15) };
        let reported = [unsettled, seen(1, None, 20), seen(2, None, 30)];
        assert_eq!(kept_of(&[0], &reported, &[]), Err(vec![0]));
        assert_eq!(kept_of(&[0], &reported, &[0]), Ok(vec![(1, 20), (2, 30)]));
    }
}
