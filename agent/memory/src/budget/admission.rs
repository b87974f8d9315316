//! Who may take more, and how much has to come back for one who may not.
//!
//! The rule is the dynamic threshold of shared-buffer switches (Choudhury and
//! Hahne, "Dynamic queue length thresholds for shared-memory packet switches",
//! 1998): a connector may hold at most [`ALPHA`] times what is free. It needs no
//! list of who is busy and no shares set by hand, and always leaves something
//! free: of a budget `B`, one connector gets 2/3, and `n` that never give
//! anything back get `2B / (1 + 2n)` each and leave `B / (1 + 2n)`.

/// How many times the free memory one connector may hold.
const ALPHA: i128 = 2;

/// Bytes that a partition which holds nothing may take whatever its connector
/// holds: about a fetched batch.
const MINIMUM: u64 = 64 << 10;

/// The part of the budget that the minimums of all partitions come to at most,
/// so that a connector with thousands of partitions takes no more by them than
/// that.
const MINIMUMS_PART: u64 = 16;

/// How things stand for one partition that asks for more; all in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// The whole budget.
    pub total: u64,
    /// What all connectors use of it.
    pub used: u64,
    /// What its connector uses, fixed parts among it.
    pub connector_used: u64,
    /// What its connector holds open and in flight.
    pub connector_held: u64,
    /// What it holds itself, open and in flight.
    pub partition_held: u64,
    /// [`minimum`] of the budget.
    pub minimum: u64,
}

impl Standing {
    /// Whether the partition may take `growth` bytes more.
    pub(super) fn admits(&self, growth: u64) -> bool {
        // Else a record that is larger than the connector's part of an idle
        // budget could never pass.
        if self.connector_held == 0 {
            return true;
        }
        let used = i128::from(self.used) + i128::from(growth);
        let free = i128::from(self.total) - used;
        if self.partition_held == 0 && growth <= self.minimum && free >= 0 {
            return true;
        }
        i128::from(self.connector_used) + i128::from(growth) <= ALPHA * free
    }
}

/// What a partition that holds nothing may take in bytes, where there are this
/// many partitions.
pub(super) fn minimum(total: u64, partitions: usize) -> u64 {
    (total / MINIMUMS_PART / (partitions as u64).max(1)).min(MINIMUM)
}

/// Bytes that a connector has to give back itself until its threshold lets it
/// take `wanted` more.
pub(super) fn own_shortfall(total: u64, used: u64, connector_used: u64, wanted: u64) -> u64 {
    let free = i128::from(total) - i128::from(used) - i128::from(wanted);
    let missing = i128::from(connector_used) + i128::from(wanted) - ALPHA * free;
    // Each byte lowers what it uses by one and raises the threshold by ALPHA.
    bytes(missing.div_euclid(ALPHA + 1) + i128::from(missing.rem_euclid(ALPHA + 1) != 0))
}

/// Bytes that others have to give back until a connector's threshold lets it
/// take `wanted` more.
pub(super) fn others_shortfall(total: u64, used: u64, connector_used: u64, wanted: u64) -> u64 {
    let free = i128::from(total) - i128::from(used) - i128::from(wanted);
    let needed = (i128::from(connector_used) + i128::from(wanted) + ALPHA - 1) / ALPHA;
    bytes(needed - free)
}

/// Bytes that are held above the high-water mark: three quarters of what fixed
/// parts leave of the budget.
pub(super) fn above_high_water(total: u64, fixed: u64, held: u64) -> u64 {
    let room = total.saturating_sub(fixed);
    held.saturating_sub(room - room / 4)
}

fn bytes(signed: i128) -> u64 {
    u64::try_from(signed.max(0)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BUSY: Standing = Standing {
        total: 900,
        used: 300,
        connector_used: 300,
        connector_held: 300,
        partition_held: 100,
        minimum: 10,
    };

    #[test]
    fn a_partition_may_take_what_its_connectors_threshold_leaves() {
        let empty = Standing { partition_held: 0, ..BUSY };
        let full = Standing { used: 895, connector_used: 595, connector_held: 595, ..empty };
        let idle = Standing { connector_held: 0, connector_used: 50, partition_held: 0, ..BUSY };
        let cases = [
            ("alone, up to two thirds", BUSY, 300, true),
            ("alone, above", BUSY, 301, false),
            ("beside another, less", Standing { used: 600, ..BUSY }, 100, true),
            ("beside another, above", Standing { used: 600, ..BUSY }, 101, false),
            ("fixed parts count", Standing { connector_used: 303, used: 303, ..BUSY }, 298, false),
            ("above the threshold, the minimum", full, 5, true),
            ("the minimum, above the budget", full, 6, false),
            ("the minimum, holding something", Standing { partition_held: 1, ..full }, 5, false),
            (
                "more than the minimum",
                Standing { used: 880, connector_used: 600, ..full },
                11,
                false,
            ),
            ("a record larger than the budget", idle, 5_000, true),
            ("the same beside another one", Standing { connector_held: 1, ..idle }, 5_000, false),
        ];
        for (case, standing, growth, admitted) in cases {
            assert_eq!(standing.admits(growth), admitted, "{case}");
        }
    }

    #[test]
    fn minimums_shrink_with_the_number_of_partitions() {
        assert_eq!(minimum(1 << 30, 0), 64 << 10);
        assert_eq!(minimum(1 << 30, 1_024), 64 << 10);
        assert_eq!(minimum(1 << 30, 10_240), 6_553);
        assert_eq!(minimum(100, 10_000), 0);
    }

    #[test]
    fn the_high_water_mark_is_of_what_fixed_parts_leave() {
        let cases = [(100, 0, 75, 0), (100, 0, 76, 1), (100, 60, 31, 1), (100, 200, 3, 3)];
        for (total, fixed, held, above) in cases {
            assert_eq!(above_high_water(total, fixed, held), above, "{total} {fixed} {held}");
        }
    }

    proptest! {
        #[test]
        fn what_is_admitted_stays_within_the_budget_unless_the_connector_holds_nothing(
            total in 0_u64..1_000, used in 0_u64..1_200, part in 0.0..1.0_f64,
            partition_held in 0_u64..50, minimum in 0_u64..60, growth in 1_u64..200,
        ) {
            let connector_used = (used as f64 * part) as u64;
            let standing = Standing {
                total, used, connector_used, connector_held: connector_used, partition_held, minimum,
            };
            if standing.admits(growth) && connector_used > 0 {
                prop_assert!(used + growth <= total);
            }
        }

        #[test]
        fn a_shortfall_is_what_is_just_enough(
            total in 0_u64..10_000, others in 0_u64..10_000, own in 1_u64..10_000,
            wanted in 1_u64..3_000,
        ) {
            // The connector goes on holding something, so that no exception applies.
            let admits = |own: u64, others: u64| {
                let used = own + others;
                Standing {
                    total, used, connector_used: own, connector_held: 1, partition_held: 1, minimum: 0,
                }.admits(wanted)
            };
            let mine = own_shortfall(total, own + others, own, wanted);
            if mine <= own {
                prop_assert!(admits(own - mine, others));
            }
            if (1..=own).contains(&mine) {
                prop_assert!(!admits(own - mine + 1, others));
            }
            let theirs = others_shortfall(total, own + others, own, wanted);
            if theirs <= others {
                prop_assert!(admits(own, others - theirs));
            }
            if (1..=others).contains(&theirs) {
                prop_assert!(!admits(own, others - theirs + 1));
            }
        }
    }
}
