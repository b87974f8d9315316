//! How many records are taken out of librdkafka's queue in one call.
//!
//! Many at once cost less, but where the last of them is no record, such as the news of
//! the partition's end, librdkafka (2.12.1, `rd_kafka_q_serve_rkmessages`) counts that
//! as consumed: until the next record, its position is one too far. So many are taken
//! only where none but records are to be expected: far from the end, and after many
//! records without anything else among them. What comes all the same is for the queue
//! to notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Most records of one call.
const MOST: usize = 500;

/// Most bytes of one call, about, as a part of what librdkafka fetches ahead: it
/// fetches as many again.
const PART_OF_PREFETCH: u64 = 8;

/// Records without anything else among them, before many are taken at once.
const CALM: usize = 1_000;

/// How many times as many that are each time after the position was wrong. There are
/// topics where it would be again and again: with open transactions, what can be read
/// ends far from the log's end.
const CALMER: usize = 8;

/// What the partitions of a consumer have learned about taking many at once.
#[derive(Debug, Clone)]
pub(crate) struct Batches {
    /// How often librdkafka's position was wrong after that.
    displaced: Arc<AtomicU32>,
    /// Most bytes of one call, about.
    most_bytes: u64,
}

impl Batches {
    /// Of a consumer that fetches so many bytes of each partition ahead.
    pub(crate) fn new(prefetch_bytes: u64) -> Self {
        Self { displaced: Arc::default(), most_bytes: prefetch_bytes / PART_OF_PREFETCH }
    }

    /// Records without anything else among them, before many are taken at once.
    fn calm(&self) -> usize {
        CALM.saturating_mul(CALMER.saturating_pow(self.displaced.load(Ordering::Relaxed)))
    }
}

/// How many records one partition's queue takes at once.
#[derive(Debug)]
pub(super) struct Lookahead {
    batches: Batches,
    /// Records since anything else came.
    calm: usize,
    /// Records since the last call that took many, and bytes of them.
    records: u64,
    bytes: u64,
}

impl Lookahead {
    pub(super) fn new(batches: Batches) -> Self {
        Self { batches, calm: 0, records: 0, bytes: 0 }
    }

    /// How many to take at once where so many offsets lie `before` the log's end, as
    /// far as that is known: one or more.
    pub(super) fn next(&mut self, before: usize) -> usize {
        if before < 2 * MOST || self.calm < self.batches.calm() {
            return 1;
        }
        let mean = self.bytes / self.records.max(1);
        (self.records, self.bytes) = (0, 0);
        let many = self.batches.most_bytes / mean.max(1);
        usize::try_from(many).map_or(MOST, |many| many.clamp(1, MOST))
    }

    /// A record of so many bytes was taken.
    pub(super) fn record(&mut self, bytes: usize) {
        self.calm += 1;
        self.records += 1;
        self.bytes += bytes as u64;
    }

    /// Something else was taken, perhaps as the last of many, so that librdkafka's
    /// position `is_wrong`.
    pub(super) fn interrupted(&mut self, is_wrong: bool) {
        self.calm = 0;
        if is_wrong {
            self.batches.displaced.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: usize = 2 * MOST;
    const MOST_BYTES: u64 = 100_000;

    fn lookahead() -> Lookahead {
        Lookahead::new(Batches::new(MOST_BYTES * PART_OF_PREFETCH))
    }

    fn calm(mut lookahead: Lookahead, records: usize, bytes: u64) -> Lookahead {
        (0..records).for_each(|_| lookahead.record(bytes as usize));
        lookahead
    }

    #[test]
    fn many_are_taken_far_from_the_end_after_many_records() {
        assert_eq!(calm(lookahead(), CALM, 100).next(FAR), MOST);
        assert_eq!(calm(lookahead(), CALM, 100).next(FAR - 1), 1, "near the end");
        assert_eq!(calm(lookahead(), CALM - 1, 100).next(FAR), 1, "too early");
        assert_eq!(lookahead().next(FAR), 1, "at the start");
        let mut interrupted = calm(lookahead(), CALM, 100);
        interrupted.interrupted(false);
        assert_eq!(interrupted.next(FAR), 1);
        assert_eq!(calm(interrupted, CALM, 100).next(FAR), MOST);
    }

    #[test]
    fn bytes_bound_how_many_by_what_came_last() {
        assert_eq!(calm(lookahead(), CALM, MOST_BYTES / 4).next(FAR), 4);
        assert_eq!(calm(lookahead(), CALM, 10 * MOST_BYTES).next(FAR), 1);
        assert_eq!(calm(lookahead(), CALM, 0).next(FAR), MOST, "empty ones");
        let mut grows = calm(lookahead(), CALM, 10);
        assert_eq!(grows.next(FAR), MOST);
        grows.record(MOST_BYTES as usize / 2);
        assert_eq!(grows.next(FAR), 2);
    }

    #[test]
    fn after_a_wrong_position_all_partitions_of_the_consumer_wait_longer() {
        let batches = Batches::new(MOST_BYTES * PART_OF_PREFETCH);
        let [mut one, other] = [(); 2].map(|()| Lookahead::new(batches.clone()));
        one.interrupted(true);
        for lookahead in [one, other] {
            let mut lookahead = calm(lookahead, CALMER * CALM - 1, 100);
            assert_eq!(lookahead.next(FAR), 1);
            assert_eq!(calm(lookahead, 1, 100).next(FAR), MOST);
        }
        batches.displaced.store(u32::MAX, Ordering::Relaxed);
        assert_eq!(calm(Lookahead::new(batches), CALM, 100).next(FAR), 1, "without an overflow");
    }
}
