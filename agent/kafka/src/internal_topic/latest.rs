//! The last value by key, and how far a topic has been read. Pure.

use std::collections::BTreeMap;

/// What has been read of a compacted topic.
#[derive(Debug, Default)]
pub(super) struct Latest {
    /// By key and partition: a key stands in two partitions when the topic has
    /// got more of them in between.
    records: BTreeMap<(Vec<u8>, i32), Last>,
    partitions: BTreeMap<i32, Reached>,
}

#[derive(Debug)]
struct Last {
    /// Milliseconds since 1970; least where the record has none.
    timestamp: i64,
    /// `None` is a tombstone.
    value: Option<Vec<u8>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Reached {
    /// Offset after the last record that was read.
    next: i64,
    /// The log's end was met: nothing was left to read at that moment. It may
    /// be beyond `next`, for transaction markers and compacted records are not
    /// delivered.
    at_end: bool,
}

/// How far a partition is from where it is to be read to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unread {
    pub(super) partition: i32,
    /// Offset after the last record that was read.
    pub(super) next: i64,
    pub(super) end: i64,
}

impl Latest {
    /// Takes the next record of a partition. One without a key, which a
    /// compacted topic does not take, has nothing to say.
    pub(super) fn record(
        &mut self,
        (partition, offset): (i32, i64),
        timestamp: Option<i64>,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) {
        self.partitions.entry(partition).or_default().next = offset.saturating_add(1);
        if let Some(key) = key {
            let timestamp = timestamp.unwrap_or(i64::MIN);
            let last = Last { timestamp, value: value.map(<[u8]>::to_vec) };
            self.records.insert((key.to_vec(), partition), last);
        }
    }

    /// Notes that nothing is left to read of a partition.
    pub(super) fn at_end(&mut self, partition: i32) {
        self.partitions.entry(partition).or_default().at_end = true;
    }

    /// The partitions that are not read up to these ends.
    pub(super) fn unread(&self, ends: &BTreeMap<i32, i64>) -> Vec<Unread> {
        let unread = ends.iter().filter_map(|(&partition, &end)| {
            let Reached { next, at_end } =
                self.partitions.get(&partition).copied().unwrap_or_default();
            (!at_end && next < end).then_some(Unread { partition, next, end })
        });
        unread.collect()
    }

    /// The last value by key, without tombstones. Between partitions the later
    /// timestamp is the last, then the higher partition.
    pub(super) fn into_values(self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut lasts: BTreeMap<Vec<u8>, Last> = BTreeMap::new();
        // Partitions of a key come in their order.
        for ((key, _), last) in self.records {
            match lasts.get(&key) {
                Some(other) if other.timestamp > last.timestamp => {}
                _ => {
                    lasts.insert(key, last);
                }
            }
        }
        lasts.into_iter().filter_map(|(key, last)| Some((key, last.value?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(latest: Latest) -> Vec<(Vec<u8>, Vec<u8>)> {
        latest.into_values().into_iter().collect()
    }

    #[test]
    fn the_last_value_of_a_key_counts_and_a_tombstone_removes_it() {
        let mut latest = Latest::default();
        // Clocks go backwards, offsets do not.
        latest.record((0, 0), Some(9), Some(b"a"), Some(b"1"));
        latest.record((0, 1), Some(8), Some(b"a"), Some(b"2"));
        latest.record((0, 2), Some(7), Some(b"b"), Some(b"3"));
        latest.record((0, 3), None, Some(b"b"), None);
        latest.record((0, 4), Some(7), Some(b""), Some(b""));
        latest.record((0, 5), Some(7), None, Some(b"no key"));

        assert_eq!(values(latest), [(vec![], vec![]), (b"a".to_vec(), b"2".to_vec())]);
    }

    #[test]
    fn of_a_key_in_two_partitions_the_later_counts_whichever_is_read_first() {
        let earlier = ((1, 0), Some(5), Some(b"old".as_slice()));
        let later = ((0, 7), Some(6), Some(b"new".as_slice()));
        let removed = ((2, 0), Some(6), None);
        for (order, expected) in [
            ([earlier, later].as_slice(), Some(b"new".to_vec())),
            (&[later, earlier], Some(b"new".to_vec())),
            (&[removed, earlier, later], None),
            (&[later, earlier, removed], None),
        ] {
            let mut latest = Latest::default();
            for (at, timestamp, value) in order {
                latest.record(*at, *timestamp, Some(b"k"), *value);
            }

            assert_eq!(latest.into_values().remove(b"k".as_slice()), expected, "{order:?}");
        }
    }

    #[test]
    fn a_partition_is_read_at_its_end_offset_or_where_nothing_is_left() {
        let ends = BTreeMap::from([(0, 3), (1, 3), (2, 0)]);
        let mut latest = Latest::default();
        let unread = |partition, next| Unread { partition, next, end: 3 };
        assert_eq!(latest.unread(&ends), [unread(0, 0), unread(1, 0)]);

        latest.record((0, 1), None, Some(b"k"), None);
        assert_eq!(latest.unread(&ends), [unread(0, 2), unread(1, 0)]);
        latest.at_end(0);
        assert_eq!(latest.unread(&ends), [unread(1, 0)]);
        latest.record((1, 2), None, Some(b"k"), None);
        assert_eq!(latest.unread(&ends), []);
    }

    #[test]
    fn an_end_that_has_moved_is_unread_only_where_the_log_was_not_read_out() {
        let mut latest = Latest::default();
        latest.record((0, 2), None, Some(b"k"), None);
        latest.record((1, 2), None, Some(b"k"), None);
        latest.at_end(1);

        let unread = latest.unread(&BTreeMap::from([(0, 5), (1, 5)]));

        assert_eq!(unread, [Unread { partition: 0, next: 3, end: 5 }]);
    }
}
