//! How far the loop of a partition has read, beside what is shown.

/// How far a partition's loop has read, since the partition was taken up.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Reading {
    /// The loop takes records, and has room for them.
    pub(super) asks: bool,
    /// Up to where it was told that there is nothing more, and where the log was known
    /// to end then: the same, or further on where a transaction is open.
    pub(super) told: Option<(i64, i64)>,
    /// The brokers have said that an open transaction begins at this offset.
    pub(super) transaction: Option<i64>,
}

impl Reading {
    /// The first offset that was not read, of a partition at `position`.
    pub(super) fn next(&self, position: i64) -> i64 {
        self.told.map_or(position, |(offset, _)| offset.max(position))
    }

    /// Whether nothing between `position` and `end`, the log's, can be read: there is no
    /// record, but a transaction's marker, say, or a transaction is open.
    pub(super) fn is_at_end(&self, position: i64, end: i64) -> bool {
        let next = self.next(position);
        self.told.is_some_and(|(_, known)| known == end)
            || self.transaction.is_some_and(|begins| begins <= next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_behind_the_last_record_and_is_none_is_no_lag() {
        assert!(!Reading::default().is_at_end(10, 11));
        let reading = Reading { told: Some((11, 11)), ..Reading::default() };
        assert!(reading.is_at_end(10, 11), "a marker");
        assert!(!reading.is_at_end(10, 14), "the log goes on");
        assert_eq!(reading.next(10), 11);
        assert_eq!(reading.next(13), 13);
    }

    #[test]
    fn behind_the_begin_of_an_open_transaction_nothing_can_be_read() {
        let open = |begins| Reading {
            told: Some((11, 12)),
            transaction: Some(begins),
            ..Reading::default()
        };
        assert!(open(11).is_at_end(10, 40));
        assert!(!open(30).is_at_end(10, 40), "the one before has ended");
    }
}
