//! What the objects look like and when they are closed.

use std::time::Duration;

use super::checks::{Checks, choice, duration_to_wire};
use super::layout::Layout;
use crate::v1;
use crate::violation::Violations;

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

choice!(OutputFormat { JsonArray, JsonLines });
choice!(Compression { None, Gzip, Zstd });
choice!(TextEncoding { Utf8, Base64, Utf8OrBase64 });
choice!(OverflowPolicy { Omit, Spill });

impl TryFrom<v1::ConnectorOutput> for Output {
    type Error = Violations;

    fn try_from(wire: v1::ConnectorOutput) -> Result<Self, Violations> {
        let v1::ConnectorOutput {
            format,
            rotation,
            layout,
            overflow,
            compression,
            key_encoding,
            value_encoding,
            include_headers,
        } = wire;
        let mut checks = Checks::default();
        let format = checks.choice("format", format);
        let rotation = checks.part("rotation", rotation);
        let layout = checks.part("layout", layout);
        let overflow = checks.part("overflow", overflow);
        let compression = checks.choice("compression", compression);
        let key_encoding = checks.choice("key_encoding", key_encoding);
        let value_encoding = checks.choice("value_encoding", value_encoding);
        let (Some(format), Some(rotation), Some(layout), Some(overflow)) =
            (format, rotation, layout, overflow)
        else {
            return Err(checks.into_violations());
        };
        let (Some(compression), Some(key_encoding), Some(value_encoding)) =
            (compression, key_encoding, value_encoding)
        else {
            return Err(checks.into_violations());
        };
        checks.finish(Self {
            format,
            rotation,
            layout,
            overflow,
            compression,
            key_encoding,
            value_encoding,
            include_headers,
        })
    }
}

impl TryFrom<v1::RotationPolicy> for Rotation {
    type Error = Violations;

    fn try_from(wire: v1::RotationPolicy) -> Result<Self, Violations> {
        let v1::RotationPolicy { max_bytes, max_records, max_age, idle } = wire;
        let mut checks = Checks::default();
        let max_bytes = checks.number("max_bytes", max_bytes, KIB..=512 * MIB);
        if max_records == Some(0) {
            checks.invalid("max_records", "is 0; leave it out for no limit");
        }
        let max_age = checks.duration("max_age", max_age, Duration::from_secs(1)..=DAY);
        let idle = checks.duration("idle", idle, Duration::from_millis(100)..=DAY);
        let (Some(max_bytes), Some(max_age), Some(idle)) = (max_bytes, max_age, idle) else {
            return Err(checks.into_violations());
        };
        checks.finish(Self { max_bytes, max_records, max_age, idle })
    }
}

impl TryFrom<v1::OverflowHandling> for Overflow {
    type Error = Violations;

    fn try_from(wire: v1::OverflowHandling) -> Result<Self, Violations> {
        let v1::OverflowHandling { policy, max_value_bytes, max_record_bytes } = wire;
        let mut checks = Checks::default();
        let policy = checks.choice("policy", policy);
        let max_value_bytes = checks.number("max_value_bytes", max_value_bytes, 1..=512 * MIB);
        if let Some(bytes) = max_record_bytes {
            checks.number("max_record_bytes", Some(bytes), 1..=512 * MIB);
        }
        let (Some(policy), Some(max_value_bytes)) = (policy, max_value_bytes) else {
            return Err(checks.into_violations());
        };
        checks.finish(Self { policy, max_value_bytes, max_record_bytes })
    }
}

impl From<&Output> for v1::ConnectorOutput {
    fn from(output: &Output) -> Self {
        let Output {
            format,
            rotation,
            layout,
            overflow,
            compression,
            key_encoding,
            value_encoding,
            include_headers,
        } = output;
        let Rotation { max_bytes, max_records, max_age, idle } = rotation;
        let Overflow { policy, max_value_bytes, max_record_bytes } = overflow;
        Self {
            format: v1::OutputFormat::from(*format).into(),
            rotation: Some(v1::RotationPolicy {
                max_bytes: Some(*max_bytes),
                max_records: *max_records,
                max_age: Some(duration_to_wire(*max_age)),
                idle: Some(duration_to_wire(*idle)),
            }),
            layout: Some(layout.into()),
            overflow: Some(v1::OverflowHandling {
                policy: v1::OverflowPolicy::from(*policy).into(),
                max_value_bytes: Some(*max_value_bytes),
                max_record_bytes: *max_record_bytes,
            }),
            compression: v1::Compression::from(*compression).into(),
            key_encoding: v1::TextEncoding::from(*key_encoding).into(),
            value_encoding: v1::TextEncoding::from(*value_encoding).into(),
            include_headers: *include_headers,
        }
    }
}
