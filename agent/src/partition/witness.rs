//! The record before the position: as long as it is the one that was read, nothing
//! before the position has been exchanged.
//!
//! Brokers that lose records, as by an unclean leader election, give their offsets
//! to others. librdkafka notices while it reads (KIP-320), but does not validate the
//! position that a partition is assigned at, whatever leader epoch it has (2.12.1,
//! `rd_kafka_toppar_fetch_start`): a log that has grown beyond the position again
//! would be read on, over all that was exchanged before. So reading starts one record
//! earlier, and that record says by which leader it was written.

use kafka2oss_chain::LogPosition;

/// The record before a position, of which the leader epoch is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Witness {
    offset: i64,
    leader_epoch: i32,
}

/// Where the reading starts of a chain that goes on at `position`: at the record
/// before it, where anything is known of that and it has not expired, as far as it is
/// known where the log begins. A log that ends before the position is no reason to
/// start elsewhere: by the time it is read it may have grown beyond that.
pub(crate) fn read_from(position: LogPosition, beginning: Option<i64>) -> i64 {
    let has_expired =
        |witness: &Witness| beginning.is_some_and(|beginning| witness.offset < beginning);
    match Witness::of(position) {
        Some(witness) if !has_expired(&witness) => witness.offset,
        _ => position.offset,
    }
}

impl Witness {
    /// `None` where there is none, or nothing is known of it.
    pub(super) fn of(position: LogPosition) -> Option<Self> {
        let leader_epoch = position.leader_epoch.filter(|epoch| *epoch >= 0)?;
        (position.offset > 0).then(|| Self { offset: position.offset - 1, leader_epoch })
    }

    /// Its offset.
    pub(super) fn offset(&self) -> i64 {
        self.offset
    }

    /// Whether the first record that was read, which ends at `end`, shows that its
    /// place was given to another one. One that is gone shows nothing: compaction
    /// may have taken it.
    pub(super) fn is_another(&self, end: LogPosition) -> bool {
        end.offset == self.offset + 1
            && end.leader_epoch.is_some_and(|epoch| epoch != self.leader_epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: i64, leader_epoch: impl Into<Option<i32>>) -> LogPosition {
        LogPosition { offset, leader_epoch: leader_epoch.into() }
    }

    #[test]
    fn reading_starts_at_the_record_before_where_its_leader_is_known() {
        for (position, expected) in
            [(at(10, 3), 9), (at(10, None), 10), (at(10, -1), 10), (at(0, 3), 0)]
        {
            assert_eq!(read_from(position, None), expected, "{position:?}");
        }
    }

    #[test]
    fn reading_starts_at_the_position_where_the_record_before_has_expired() {
        for (case, beginning, expected) in [
            ("there", 0, 9),
            ("the first that is there", 9, 9),
            ("expired", 10, 10),
            ("expired, and others after it", 15, 10),
        ] {
            assert_eq!(read_from(at(10, 3), Some(beginning)), expected, "{case}");
        }
    }

    #[test]
    fn only_a_record_of_another_leader_in_its_place_is_another() {
        let witness = Witness::of(at(10, 3)).expect("its leader is known");
        assert!(!witness.is_another(at(10, 3)), "itself");
        assert!(witness.is_another(at(10, 4)), "of a later leader");
        assert!(witness.is_another(at(10, 2)), "of an earlier leader");
        assert!(!witness.is_another(at(10, None)), "of a leader that is not known");
        assert!(!witness.is_another(at(11, 4)), "the next one");
    }
}
