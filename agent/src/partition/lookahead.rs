//! How many records are taken out of librdkafka's queue in one call.
//!
//! Many at once cost less, but where the last of them is no record, such as the news of
//! the partition's end, librdkafka (2.12.1, `rd_kafka_q_serve_rkmessages`) counts that
//! as consumed: until the next record, its position is one too far. So many are taken
//! only where none but records are to be expected: far from the end, and after many
//! records without anything else among them. What comes all the same is for the queue
//! to notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Most records of one call.
pub(super) const MOST: usize = 500;

/// Most bytes of one call, about: librdkafka fetches as many again.
const MOST_BYTES: usize = 256 << 10;

/// Records without anything else among them, before many are taken at once.
const CALM: usize = 1_000;

/// Whether the partitions of a consumer may take many records at once: until, for one
/// of them, librdkafka's position was wrong. There are topics where that happens again
/// and again: with open transactions, what can be read ends far from the log's end.
#[derive(Debug, Clone)]
pub(crate) struct Batches(Arc<AtomicBool>);

impl Default for Batches {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Batches {
    fn are_allowed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn forbid(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// How many records one partition's queue takes at once.
#[derive(Debug)]
pub(super) struct Lookahead {
    batches: Batches,
    /// Records since anything else came.
    calm: usize,
    /// Records since the last call that took many, and bytes of them.
    records: usize,
    bytes: usize,
}

impl Lookahead {
    pub(super) fn new(batches: Batches) -> Self {
        Self { batches, calm: 0, records: 0, bytes: 0 }
    }

    /// How many to take at once where so many offsets lie `before` the log's end, as
    /// far as that is known: one or more.
    pub(super) fn next(&mut self, before: usize) -> usize {
        if before < 2 * MOST || self.calm < CALM || !self.batches.are_allowed() {
            return 1;
        }
        let mean = self.bytes / self.records.max(1);
        (self.records, self.bytes) = (0, 0);
        (MOST_BYTES / mean.max(1)).clamp(1, MOST)
    }

    /// A record of so many bytes was taken.
    pub(super) fn record(&mut self, bytes: usize) {
        self.calm += 1;
        self.records += 1;
        self.bytes += bytes;
    }

    /// Something else was taken.
    pub(super) fn interrupted(&mut self) {
        self.calm = 0;
    }

    /// It was the last of many.
    pub(super) fn displaced(&mut self) {
        self.interrupted();
        self.batches.forbid();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: usize = 2 * MOST;

    fn calm(records: usize, bytes: usize) -> Lookahead {
        let mut lookahead = Lookahead::new(Batches::default());
        (0..records).for_each(|_| lookahead.record(bytes));
        lookahead
    }

    #[test]
    fn many_are_taken_far_from_the_end_after_many_records() {
        assert_eq!(calm(CALM, 100).next(FAR), MOST);
        assert_eq!(calm(CALM, 100).next(FAR - 1), 1, "near the end");
        assert_eq!(calm(CALM - 1, 100).next(FAR), 1, "too early");
        assert_eq!(calm(0, 100).next(FAR), 1, "at the start");
        let mut interrupted = calm(CALM, 100);
        interrupted.interrupted();
        assert_eq!(interrupted.next(FAR), 1);
    }

    #[test]
    fn bytes_bound_how_many_by_what_came_last() {
        assert_eq!(calm(CALM, MOST_BYTES / 4).next(FAR), 4);
        assert_eq!(calm(CALM, 10 * MOST_BYTES).next(FAR), 1);
        assert_eq!(calm(CALM, 0).next(FAR), MOST, "empty ones");
        let mut grows = calm(CALM, 10);
        assert_eq!(grows.next(FAR), MOST);
        grows.record(MOST_BYTES / 2);
        assert_eq!(grows.next(FAR), 2);
    }

    #[test]
    fn after_a_wrong_position_no_partition_takes_many() {
        let batches = Batches::default();
        let [mut one, mut other] = [(); 2].map(|()| Lookahead::new(batches.clone()));
        for lookahead in [&mut one, &mut other] {
            (0..CALM).for_each(|_| lookahead.record(100));
            assert_eq!(lookahead.next(FAR), MOST);
        }
        one.displaced();
        (0..CALM).for_each(|_| one.record(100));
        assert_eq!((one.next(FAR), other.next(FAR)), (1, 1));
    }
}
