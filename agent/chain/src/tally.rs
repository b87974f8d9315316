//! What a chain has come to, in numbers.

use serde::{Deserialize, Serialize};

use crate::LogPosition;

/// Sums over the links of a partition's chains, the connector's whole life long. They
/// stand in each commit beside its position, so that each link is in them exactly once,
/// whoever made it and whoever counts on. Nothing is decided by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Records in objects.
    pub records: u64,
    /// Objects.
    pub objects: u64,
    /// Bytes of objects, as they stand in the store.
    pub bytes: u64,
    /// Records that went to an error topic, but for those of links whose owner ended
    /// before their commit.
    pub dead_letters: u64,
    /// Offsets that retention removed before they were read. Not each held a record.
    pub lost_offsets: u64,
}

impl Tally {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            records: self.records.saturating_add(other.records),
            objects: self.objects.saturating_add(other.objects),
            bytes: self.bytes.saturating_add(other.bytes),
            dead_letters: self.dead_letters.saturating_add(other.dead_letters),
            lost_offsets: self.lost_offsets.saturating_add(other.lost_offsets),
        }
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A link that stands in the store and is not committed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Link {
    /// Where it ends.
    pub end: LogPosition,
    /// What it adds.
    pub tally: Tally,
}

/// Of which nothing is counted.
impl From<LogPosition> for Link {
    fn from(end: LogPosition) -> Self {
        Self { end, tally: Tally::default() }
    }
}

/// The same, of which the last record is not known.
impl From<i64> for Link {
    fn from(end: i64) -> Self {
        LogPosition::from(end).into()
    }
}
