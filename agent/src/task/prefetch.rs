//! How much a consumer fetches ahead: all consumers of an agent together stay within
//! a part of its memory budget, whatever their number.

use std::ops::RangeInclusive;

use kafka2oss_memory::{ConnectorMemory, FixedReservation};

use super::{FetchLimit, TaskSpec};

/// Prefetched records of one partition, in bytes, at least and at most.
const OF_ONE: RangeInclusive<u64> = 64 << 10..=2 << 20;

/// Queues that are split off count by themselves, and are overshot by one fetch.
const OVERSHOOT: u64 = 2;

/// The part of the budget that all consumers may fetch ahead.
const OF_BUDGET: u64 = 4;

/// The part of what others have left of that which one consumer takes: settings are
/// for its life, and others may come.
const OF_WHAT_IS_LEFT: u64 = 4;

/// What one consumer fetches ahead, and its part of the budget.
pub(super) struct Prefetch {
    /// Of each partition, in bytes.
    pub partition_bytes: u64,
    /// How large an answer to a fetch may be.
    pub limit: FetchLimit,
    /// Partitions that are accounted already.
    expected: usize,
    _reserved: FixedReservation,
}

impl Prefetch {
    /// For a task's consumer, which is to have its share of the topic's partitions.
    pub(super) fn reserve(memory: &ConnectorMemory, spec: &TaskSpec) -> Self {
        let spread = spec.spec.source.spread.max(1) as usize;
        let expected = spec.start_offsets.len().max(1).div_ceil(spread);
        let mut partition_bytes = 0;
        let reserved = memory.reserve_fixed_by(|budget, fixed| {
            partition_bytes = of_one(budget, fixed, expected as u64);
            OVERSHOOT * partition_bytes * expected as u64
        });
        let allowed = spec.spec.output.overflow.max_record_bytes;
        let limit = FetchLimit::new(allowed, memory.budget_bytes());
        Self { partition_bytes, limit, expected, _reserved: reserved }
    }

    /// Accounts for one more partition beside as many `others`; `None` where it is
    /// one of those that were expected.
    pub(super) fn another(
        &self,
        memory: &ConnectorMemory,
        others: usize,
    ) -> Option<FixedReservation> {
        (others >= self.expected).then(|| memory.reserve_fixed(OVERSHOOT * self.partition_bytes))
    }
}

/// Bytes of each of so many partitions, where consumers hold `fixed` bytes of the
/// budget already.
fn of_one(budget: u64, fixed: u64, partitions: u64) -> u64 {
    let left = (budget / OF_BUDGET).saturating_sub(fixed);
    (left / OF_WHAT_IS_LEFT / OVERSHOOT / partitions).clamp(*OF_ONE.start(), *OF_ONE.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_gets_a_share_of_what_is_left_within_bounds() {
        let (least, most) = (*OF_ONE.start(), *OF_ONE.end());
        let cases = [
            ("a large budget", 6 << 30, 0, 6, most),
            ("a small one", 256 << 20, 0, 6, (256 << 20) / 4 / 4 / 2 / 6),
            ("half of the part taken", 256 << 20, 32 << 20, 6, (256 << 20) / 8 / 4 / 2 / 6),
            ("all of it taken", 256 << 20, 64 << 20, 6, least),
            ("more than that", 256 << 20, 1 << 30, 6, least),
            ("many partitions", 64 << 20, 0, 10_000, least),
        ];
        for (case, budget, fixed, partitions, expected) in cases {
            assert_eq!(of_one(budget, fixed, partitions), expected, "{case}");
        }
    }

    #[test]
    fn consumers_stay_within_their_part_until_each_has_the_least() {
        for budget in [64 << 20, 384 << 20, 6_u64 << 30] {
            let (mut fixed, partitions) = (0, 6);
            for _ in 0..1_000 {
                let share = of_one(budget, fixed, partitions);
                if share == *OF_ONE.start() {
                    break;
                }
                fixed += OVERSHOOT * share * partitions;
                assert!(fixed <= budget / OF_BUDGET, "{budget}: {fixed}");
            }
        }
    }
}
