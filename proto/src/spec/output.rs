//! What the objects look like and when they are closed.

use std::time::Duration;

/// What the objects look like and when they are closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Format of the objects.
    pub format: OutputFormat,
    /// When an object is closed.
    pub rotation: Rotation,
    /// Where objects stand in the bucket.
    pub layout: Layout,
    /// What becomes of very large values.
    pub overflow: Overflow,
}

/// Format of the objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    /// One JSON array an object, one record a line.
    JsonArray,
}

/// When an object is closed; whichever comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Size of the object's body in bytes, 1 KiB to 512 MiB.
    pub max_bytes: u64,
    /// Records in an object, at least 1; `None` is no limit.
    pub max_records: Option<u64>,
    /// Time since its first record was taken in, 1 s to 24 h.
    pub max_age: Duration,
    /// Time since its last record was taken in, 100 ms to 24 h.
    pub idle: Duration,
}

/// Where objects stand in the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// In front of every key, as it is.
    pub prefix: String,
}

/// What becomes of very large values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overflow {
    /// What becomes of them.
    pub policy: OverflowPolicy,
    /// Values above this many bytes overflow, 1 to 512 MiB.
    pub max_value_bytes: u64,
}

/// What becomes of a value above `max_value_bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverflowPolicy {
    /// The record is written without its value.
    Omit,
}
