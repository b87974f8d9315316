//! What a connector has come to its whole life long, over all partitions.

use std::collections::BTreeMap;

use kafka2oss_proto::v1;

/// Sums what `partitions` have come to. Of one whose owner has not told it yet what was
/// `shown` before counts, so that sums do not go back while partitions move, nor when an
/// epoch begins. `None` where nothing was ever told by partition.
pub(crate) fn of_partitions(
    partitions: &[v1::PartitionProgress],
    shown: &[v1::PartitionProgress],
) -> Option<v1::ConnectorTotals> {
    let told = |of: &'_ [v1::PartitionProgress]| -> BTreeMap<i32, v1::ConnectorTotals> {
        of.iter().filter_map(|one| Some((one.partition, one.totals?))).collect()
    };
    let mut known = told(shown);
    known.extend(told(partitions));
    (!known.is_empty()).then(|| sum(known.values()))
}

/// All together.
pub(crate) fn sum<'a>(
    all: impl IntoIterator<Item = &'a v1::ConnectorTotals>,
) -> v1::ConnectorTotals {
    let mut sum = v1::ConnectorTotals::default();
    for totals in all {
        let v1::ConnectorTotals { records, bytes, objects, dead_letters, lost_offsets } = *totals;
        for (field, add) in [
            (&mut sum.records, records),
            (&mut sum.bytes, bytes),
            (&mut sum.objects, objects),
            (&mut sum.dead_letters, dead_letters),
            (&mut sum.lost_offsets, lost_offsets),
        ] {
            *field = field.saturating_add(add);
        }
    }
    sum
}

/// Has no number below zero.
pub(crate) fn limit(totals: &mut v1::ConnectorTotals) {
    let v1::ConnectorTotals { records, bytes, objects, dead_letters, lost_offsets } = totals;
    for total in [records, bytes, objects, dead_letters, lost_offsets] {
        *total = (*total).max(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(partition: i32, records: Option<i64>) -> v1::PartitionProgress {
        let totals = records.map(|records| v1::ConnectorTotals { records, ..Default::default() });
        v1::PartitionProgress { partition, totals, ..Default::default() }
    }

    fn records(
        partitions: &[v1::PartitionProgress],
        shown: &[v1::PartitionProgress],
    ) -> Option<i64> {
        of_partitions(partitions, shown).map(|totals| totals.records)
    }

    #[test]
    fn what_partitions_have_come_to_is_summed_while_they_move_and_over_epochs() {
        let shown = [partition(0, Some(5)), partition(1, Some(7))];
        assert_eq!(records(&shown, &[]), Some(12));
        // Moved: its new owner has not told yet. Another one has gone on.
        assert_eq!(records(&[partition(0, Some(6)), partition(1, None)], &shown), Some(13));
        // Of a new epoch only one is reported by now.
        assert_eq!(records(&[partition(1, Some(7))], &shown), Some(12));
        // What an owner tells counts, also if it is less: the group has lost it.
        assert_eq!(records(&[partition(0, Some(0)), partition(1, Some(7))], &shown), Some(7));
        assert_eq!(records(&[partition(0, None)], &[]), None);
    }

    #[test]
    fn sums_stay_within_what_a_number_holds() {
        assert_eq!(
            records(&[partition(0, Some(i64::MAX)), partition(1, Some(1))], &[]),
            Some(i64::MAX)
        );
    }
}
