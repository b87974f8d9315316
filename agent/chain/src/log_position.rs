//! A place in a partition's log.

/// A place in a partition's log: behind one record, or offsets that hold none, and
/// before the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LogPosition {
    /// Offset of the next record.
    pub offset: i64,
    /// Leader epoch (KIP-320) of the last record before it, where that is known: no
    /// other record of this partition has both offset and epoch, not even where brokers
    /// have lost records and given their offsets to others. Where `offset - 1` holds
    /// no record, as behind a transaction's marker, one of another epoch there is
    /// such another one as well.
    pub leader_epoch: Option<i32>,
}

/// Of the record before it nothing is known.
impl From<i64> for LogPosition {
    fn from(offset: i64) -> Self {
        Self { offset, leader_epoch: None }
    }
}
