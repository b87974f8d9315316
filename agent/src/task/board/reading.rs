//! How far the loops have read, beside what is shown.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// How far each partition's loop has read.
#[derive(Debug, Default)]
pub(super) struct Readings(Mutex<BTreeMap<i32, Reading>>);

#[derive(Debug, Default, Clone, Copy)]
struct Reading {
    /// The loop takes records, and has room for them.
    asks: bool,
    /// Up to where it was told that there is nothing more, and where the log was known
    /// to end then.
    told: Option<(i64, i64)>,
    /// An open transaction begins at this offset.
    transaction: Option<i64>,
}

impl Readings {
    /// The loop asks for records, or does not.
    pub(super) fn asks(&self, partition: i32, asks: bool) {
        self.with(partition, |reading| reading.asks = asks);
    }

    /// Whether the loop asks for records.
    pub(super) fn is_asking(&self, partition: i32) -> bool {
        self.with(partition, |reading| reading.asks)
    }

    /// The loop was told that it has read everything up to `offset`, while the log was
    /// known to end at `end`: the same, or further on where a transaction is open.
    pub(super) fn told(&self, partition: i32, offset: i64, end: i64) {
        self.with(partition, |reading| reading.told = Some((offset, end)));
    }

    /// The brokers have said that an open transaction begins at `offset`.
    pub(super) fn transaction(&self, partition: i32, offset: i64) {
        self.with(partition, |reading| reading.transaction = Some(offset));
    }

    /// The first offset that was not read, of a partition at `position`.
    pub(super) fn next(&self, partition: i32, position: i64) -> i64 {
        self.with(partition, |reading| reading.read_to(position))
    }

    /// Whether nothing between `position` and `end`, the log's, can be read: there is no
    /// record, but a transaction's marker, say, or a transaction is open.
    pub(super) fn is_at_end(&self, partition: i32, position: i64, end: i64) -> bool {
        self.with(partition, |reading| {
            let read_to = reading.read_to(position);
            reading.told.is_some_and(|(_, known)| known == end)
                || reading.transaction.is_some_and(|begins| begins <= read_to)
        })
    }

    /// The partition is the task's no more.
    pub(super) fn forget(&self, partition: i32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&partition);
    }

    /// The task has no partition.
    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn with<T>(&self, partition: i32, act: impl FnOnce(&mut Reading) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        act(all.entry(partition).or_default())
    }
}

impl Reading {
    fn read_to(&self, position: i64) -> i64 {
        self.told.map_or(position, |(offset, _)| offset.max(position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_behind_the_last_record_and_is_none_is_no_lag() {
        let readings = Readings::default();
        assert!(!readings.is_at_end(0, 10, 11));
        readings.told(0, 11, 11);
        assert!(readings.is_at_end(0, 10, 11), "a marker");
        assert!(!readings.is_at_end(0, 10, 14), "the log goes on");
        assert_eq!(readings.next(0, 10), 11);
        assert_eq!(readings.next(0, 13), 13);
    }

    #[test]
    fn behind_the_begin_of_an_open_transaction_nothing_can_be_read() {
        let readings = Readings::default();
        readings.told(0, 11, 12);
        readings.transaction(0, 11);
        assert!(readings.is_at_end(0, 10, 40));
        readings.transaction(0, 30);
        assert!(!readings.is_at_end(0, 10, 40), "the one before has ended");
    }

    #[test]
    fn a_partition_that_comes_back_begins_anew() {
        let readings = Readings::default();
        readings.asks(0, true);
        readings.told(0, 11, 11);
        assert!(readings.is_asking(0));
        readings.forget(0);
        assert!(!readings.is_asking(0));
        assert_eq!(readings.next(0, 5), 5);
    }
}
