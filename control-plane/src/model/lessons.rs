//! What an agent's report teaches for good: what must be remembered when the
//! report is long gone.

use kafka2oss_proto::agent;
use kafka2oss_proto::v1::{self, DeliveryGuarantee, PartitionState};

/// What is remembered of a connector's epoch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Remembered<'a> {
    /// Number of the epoch; reports of another one teach nothing.
    pub(crate) epoch: i64,
    /// The connector's placement.
    pub(crate) placement_version: u64,
    /// Partitions of which a commit was reported, in their order.
    pub(crate) committed_partitions: &'a [i32],
    /// Decisions that may not have been carried out yet.
    pub(crate) resumes: &'a [agent::v1::PartitionResume],
    /// As it is known so far.
    pub(crate) delivery_guarantee: DeliveryGuarantee,
    /// The store refuses a put whose key is taken, as far as is known.
    pub(crate) store_refuses_existing: bool,
}

/// What is to be remembered besides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lessons {
    /// Partitions of which the first commit was reported.
    pub(crate) committed: Vec<i32>,
    /// Numbers of the decisions that have been carried out.
    pub(crate) carried_out: Vec<u64>,
    /// The guarantee does not hold, and why.
    pub(crate) lowered: Option<String>,
    /// The store does not refuse a put whose key is taken.
    pub(crate) overwrites: bool,
}

impl Lessons {
    /// Whether nothing is new.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What `report`, which came after everything that is remembered, teaches.
pub(crate) fn learn(remembered: &Remembered<'_>, report: &agent::v1::ConnectorReport) -> Lessons {
    if remembered.epoch == 0 || report.epoch != remembered.epoch {
        return Lessons::default();
    }
    let is_first = |partition: &&v1::PartitionProgress| {
        partition.committed_offset.is_some()
            && remembered.committed_partitions.binary_search(&partition.partition).is_err()
    };
    let mut committed: Vec<_> =
        report.partitions.iter().filter(is_first).map(|partition| partition.partition).collect();
    committed.sort_unstable();
    committed.dedup();

    let at_placement = report.placement_version == remembered.placement_version;
    let carried_out = remembered.resumes.iter().filter(|resume| {
        let mut of_partition =
            report.partitions.iter().filter(|partition| partition.partition == resume.partition);
        of_partition.any(|partition| match resume.skip_offset {
            Some(skipped) => partition.committed_offset.is_some_and(|offset| offset > skipped),
            // It had stopped when the retry was decided, so that this is seen
            // after the retry.
            None => at_placement && is_moving(partition),
        })
    });
    let is_less = report.delivery_guarantee() == DeliveryGuarantee::AtLeastOnce;
    let lowers = is_less && remembered.delivery_guarantee != DeliveryGuarantee::AtLeastOnce;
    Lessons {
        committed,
        carried_out: carried_out.map(|resume| resume.number).collect(),
        lowered: lowers.then(|| report.delivery_guarantee_reason.clone()),
        overwrites: is_less && report.store_overwrites && remembered.store_refuses_existing,
    }
}

fn is_moving(partition: &v1::PartitionProgress) -> bool {
    match partition.state() {
        PartitionState::Running | PartitionState::Paused | PartitionState::Retrying => true,
        PartitionState::Stopped
        | PartitionState::Unspecified
        // No agent says these: they are the control plane's own.
        | PartitionState::Unowned
        | PartitionState::Unknown
        | PartitionState::Stalled => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: i64 = 2;
    const PLACEMENT: u64 = 5;

    fn partition(
        partition: i32,
        committed_offset: Option<i64>,
        state: PartitionState,
    ) -> v1::PartitionProgress {
        let state = state.into();
        v1::PartitionProgress { partition, committed_offset, state, ..Default::default() }
    }

    fn report(partitions: &[v1::PartitionProgress]) -> agent::v1::ConnectorReport {
        agent::v1::ConnectorReport {
            epoch: EPOCH,
            placement_version: PLACEMENT,
            partitions: partitions.to_vec(),
            ..agent::v1::ConnectorReport::default()
        }
    }

    fn learned(
        resumes: &[agent::v1::PartitionResume],
        report: &agent::v1::ConnectorReport,
    ) -> Lessons {
        let remembered = Remembered {
            epoch: EPOCH,
            placement_version: PLACEMENT,
            committed_partitions: &[0, 4],
            resumes,
            delivery_guarantee: DeliveryGuarantee::ExactlyOnce,
            store_refuses_existing: true,
        };
        learn(&remembered, report)
    }

    fn retry(partition: i32) -> agent::v1::PartitionResume {
        agent::v1::PartitionResume { partition, number: 7, skip_offset: None }
    }

    fn skip(partition: i32, offset: i64) -> agent::v1::PartitionResume {
        agent::v1::PartitionResume { partition, number: 8, skip_offset: Some(offset) }
    }

    #[test]
    fn the_first_commit_of_a_partition_is_learned_once() {
        let seen = report(&[
            partition(3, Some(1), PartitionState::Running),
            partition(0, Some(9), PartitionState::Running),
            partition(1, None, PartitionState::Running),
            partition(2, Some(0), PartitionState::Stopped),
        ]);
        assert_eq!(learned(&[], &seen).committed, [2, 3]);
    }

    #[test]
    fn reports_of_another_epoch_or_of_none_teach_nothing() {
        for epoch in [0, 1, 3] {
            let mut seen = report(&[partition(1, Some(9), PartitionState::Running)]);
            seen.epoch = epoch;
            seen.delivery_guarantee = DeliveryGuarantee::AtLeastOnce.into();
            assert!(learned(&[retry(1), skip(1, 3)], &seen).is_empty(), "epoch {epoch}");
        }
    }

    #[test]
    fn a_skip_is_kept_until_the_commit_has_passed_it() {
        use PartitionState::{Running, Stopped};

        for (committed, state, passed) in [
            (None, Running, false),
            (Some(41), Running, false),
            (Some(42), Running, false),
            (Some(43), Running, true),
            (Some(43), Stopped, true),
        ] {
            let mut seen = report(&[partition(0, committed, state)]);
            let expected: &[u64] = if passed { &[8] } else { &[] };
            assert_eq!(learned(&[skip(0, 42)], &seen).carried_out, expected, "{committed:?}");
            // A commit is a commit, whichever placement it was made at.
            seen.placement_version -= 1;
            assert_eq!(learned(&[skip(0, 42)], &seen).carried_out, expected, "{committed:?}");
        }
    }

    #[test]
    fn a_retry_is_kept_until_the_partition_moves_at_the_current_placement() {
        use PartitionState::{Paused, Retrying, Running, Stopped, Unspecified};

        for (state, moves) in [
            (Stopped, false),
            (Unspecified, false),
            (Running, true),
            (Paused, true),
            (Retrying, true),
        ] {
            let mut seen = report(&[partition(0, Some(1), state)]);
            let expected: &[u64] = if moves { &[7] } else { &[] };
            assert_eq!(learned(&[retry(0)], &seen).carried_out, expected, "{state:?}");
            seen.placement_version -= 1;
            assert!(learned(&[retry(0)], &seen).carried_out.is_empty(), "{state:?}");
        }
        let other = report(&[partition(4, Some(1), Running)]);
        assert!(learned(&[retry(0), skip(0, 0)], &other).is_empty());
    }

    #[test]
    fn a_guarantee_that_is_lowered_is_learned_with_its_reason() {
        let mut seen = report(&[]);
        seen.delivery_guarantee = DeliveryGuarantee::AtLeastOnce.into();
        seen.delivery_guarantee_reason = "the store overwrote an object".to_owned();
        assert_eq!(learned(&[], &seen).lowered, Some(seen.delivery_guarantee_reason.clone()));
        let known = Remembered {
            epoch: EPOCH,
            placement_version: PLACEMENT,
            committed_partitions: &[],
            resumes: &[],
            delivery_guarantee: DeliveryGuarantee::AtLeastOnce,
            store_refuses_existing: true,
        };
        assert!(learn(&known, &seen).is_empty(), "the first reason stays");
        seen.store_overwrites = true;
        assert!(learn(&known, &seen).overwrites, "whatever it was lowered for before");
        let known = Remembered { store_refuses_existing: false, ..known };
        assert!(learn(&known, &seen).is_empty());
    }
}
