//! What the objects look like and when they are closed.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Layout;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

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
    /// Compression of whole objects.
    pub compression: Compression,
    /// How keys stand in JSON.
    pub key_encoding: TextEncoding,
    /// How values stand in JSON.
    pub value_encoding: TextEncoding,
    /// Whether records are written with their headers.
    pub include_headers: bool,
}

/// Format of the objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    /// One JSON array an object, one record a line.
    JsonArray,
    /// One JSON object a record and line.
    JsonLines,
}

/// Compression of whole objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// None.
    None,
    /// Extension `.gz`.
    Gzip,
    /// Extension `.zst`.
    Zstd,
}

/// How keys or values, which are bytes, stand in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextEncoding {
    /// As text; a record that is not UTF-8 is a dead letter.
    Utf8,
    /// As base64.
    Base64,
    /// As text where they are UTF-8, else as base64.
    Utf8OrBase64,
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

/// What becomes of very large values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overflow {
    /// What becomes of them.
    pub policy: OverflowPolicy,
    /// Values above this many bytes overflow, 1 to 512 MiB.
    pub max_value_bytes: u64,
    /// Records above this many bytes are abnormal data, 1 to 512 MiB; `None`
    /// is no limit.
    pub max_record_bytes: Option<u64>,
}

/// What becomes of a value above `max_value_bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverflowPolicy {
    /// The record is written without its value.
    Omit,
    /// The same, and the value gets an object of its own.
    Spill,
}

impl Rotation {
    /// What `max_bytes` may be.
    pub const MAX_BYTES: RangeInclusive<u64> = KIB..=512 * MIB;
    /// What `max_age` may be.
    pub const MAX_AGE: RangeInclusive<Duration> = Duration::from_secs(1)..=DAY;
    /// What `idle` may be.
    pub const IDLE: RangeInclusive<Duration> = Duration::from_millis(100)..=DAY;
}

impl Overflow {
    /// What `max_value_bytes` and `max_record_bytes` may be.
    pub const BYTES: RangeInclusive<u64> = 1..=512 * MIB;
}
