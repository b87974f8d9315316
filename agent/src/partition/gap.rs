//! Offsets behind the chain's position that were passed and hold no record: aborted
//! ones, markers of transactions, what compaction has left out. The next object's
//! extent covers them. Where none comes, an object without a record does after a
//! while: without it, the group's offset stays before them, other tools see a lag, and
//! once retention has removed them nobody knows any more that they held nothing.

use std::time::{Duration, Instant};

/// So many are covered as soon as an object of that age would be closed: with fewer,
/// another tool's alarm on the lag is hardly meant.
const MANY: i64 = 10_000;

/// Any are covered after this time. A topic that is written to in transactions has the
/// marker of its last one at its end; that shall not cost an object each time.
const ANY_AFTER: Duration = Duration::from_secs(10 * 60);

/// Offsets from the chain's position on that hold no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    /// The first offset that may hold one.
    pub to: i64,
    /// When the first of them were passed.
    pub since: Instant,
}

impl Gap {
    /// The gap once everything before the offset `to` was passed at `now`.
    pub(super) fn reaching(before: Option<Self>, to: i64, now: Instant) -> Self {
        match before {
            Some(gap) => Self { to: gap.to.max(to), ..gap },
            None => Self { to, since: now },
        }
    }

    /// When an object without a record is to cover it, which starts at `from`, where
    /// objects are closed at `max_age`.
    pub(super) fn deadline(&self, from: i64, max_age: Duration) -> Instant {
        let is_large = self.to - from >= MANY;
        self.since + if is_large { max_age } else { max_age.max(ANY_AFTER) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_offsets_are_covered_soon_and_any_after_a_while() {
        let (now, minute) = (Instant::now(), Duration::from_secs(60));
        for (case, to, max_age, expected) in [
            ("a marker", 101, minute, ANY_AFTER),
            ("nearly many", 99 + MANY, minute, ANY_AFTER),
            ("many", 100 + MANY, minute, minute),
            ("many, by old objects", 100 + MANY, 20 * minute, 20 * minute),
            ("a marker, by old objects", 101, 20 * minute, 20 * minute),
        ] {
            let gap = Gap::reaching(None, to, now);
            assert_eq!(gap.deadline(100, max_age), now + expected, "{case}");
        }
    }

    #[test]
    fn a_gap_that_grows_is_as_old_as_its_beginning() {
        let now = Instant::now();
        let gap = Gap::reaching(None, 10, now);
        let grown = Gap::reaching(Some(gap), 20, now + Duration::from_secs(1));
        assert_eq!(grown, Gap { to: 20, since: now });
        assert_eq!(Gap::reaching(Some(grown), 15, now), grown, "it does not shrink");
    }
}
