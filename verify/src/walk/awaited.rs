//! Records of the topic that no object has held so far.

use std::collections::VecDeque;

use crate::compare::SourceRecord;

/// Most records that are awaited at once.
pub(super) const AWAITED_RECORDS: usize = 1_000;
/// Most bytes of theirs, except for the last one's.
pub(super) const AWAITED_BYTES: usize = 8 << 20;

/// Records of the topic that no object has held so far, by offset.
#[derive(Debug, Default)]
pub(super) struct Awaited {
    records: VecDeque<SourceRecord>,
    bytes: usize,
}

impl Awaited {
    /// Adds the topic's next record; those that are awaited no longer come back.
    pub(super) fn push(&mut self, record: SourceRecord) -> Vec<SourceRecord> {
        self.bytes += record.size();
        self.records.push_back(record);
        let mut given_up = Vec::new();
        // The last one is the one that an object is about to be asked for.
        while self.records.len() > 1
            && (self.records.len() > AWAITED_RECORDS || self.bytes > AWAITED_BYTES)
        {
            given_up.extend(self.take_at(0));
        }
        given_up
    }

    /// The record of an offset.
    pub(super) fn take(&mut self, offset: i64) -> Option<SourceRecord> {
        let index = self.records.binary_search_by_key(&offset, |record| record.offset).ok()?;
        self.take_at(index)
    }

    /// The highest offset.
    pub(super) fn last(&self) -> Option<i64> {
        self.records.back().map(|record| record.offset)
    }

    /// The first, if it is below `offset`.
    pub(super) fn take_first_below(&mut self, offset: i64) -> Option<SourceRecord> {
        self.records.front().filter(|record| record.offset < offset)?;
        self.take_at(0)
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> (usize, usize) {
        (self.records.len(), self.bytes)
    }

    fn take_at(&mut self, index: usize) -> Option<SourceRecord> {
        let record = self.records.remove(index)?;
        self.bytes -= record.size();
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(offset: i64, size: usize) -> SourceRecord {
        SourceRecord {
            offset,
            timestamp: 0,
            key: None,
            value: Some(vec![0; size]),
            headers: Some(Vec::new()),
        }
    }

    fn offsets(records: &[SourceRecord]) -> Vec<i64> {
        records.iter().map(|record| record.offset).collect()
    }

    #[test]
    fn the_lowest_are_given_up_when_there_are_too_many_or_too_large_ones() {
        let mut awaited = Awaited::default();
        for offset in 0..1_000 {
            assert!(awaited.push(record(offset, 1)).is_empty());
        }
        assert_eq!(offsets(&awaited.push(record(1_000, 1))), [0]);
        let given_up = awaited.push(record(1_001, AWAITED_BYTES - 2));
        assert_eq!(offsets(&given_up), (1..=998).collect::<Vec<_>>());
        assert_eq!(offsets(&awaited.push(record(1_002, 2 * AWAITED_BYTES))).len(), 3);
        assert_eq!(awaited.held(), (1, 2 * AWAITED_BYTES));
    }

    #[test]
    fn records_are_taken_by_offset_or_from_the_front() {
        let mut awaited = Awaited::default();
        for offset in [1, 4, 9] {
            awaited.push(record(offset, 1));
        }
        assert_eq!(awaited.take(4).map(|record| record.offset), Some(4));
        assert_eq!(awaited.take(4), None);
        assert_eq!(awaited.take_first_below(9).map(|record| record.offset), Some(1));
        assert_eq!(awaited.take_first_below(9), None);
        assert_eq!(awaited.held(), (1, 1));
    }
}
