//! What the objects look like and when they are closed.

use std::time::Duration;

use super::checks::{Checks, choice, duration_to_wire};
use super::text_rules;
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

choice!(OutputFormat { JsonArray });
choice!(OverflowPolicy { Omit });

impl TryFrom<v1::ConnectorOutput> for Output {
    type Error = Violations;

    fn try_from(wire: v1::ConnectorOutput) -> Result<Self, Violations> {
        let v1::ConnectorOutput { format, rotation, layout, overflow } = wire;
        let mut checks = Checks::default();
        let format = checks.choice("format", format);
        let rotation = checks.part("rotation", rotation);
        let layout = checks.part("layout", layout);
        let overflow = checks.part("overflow", overflow);
        let (Some(format), Some(rotation), Some(layout), Some(overflow)) =
            (format, rotation, layout, overflow)
        else {
            return Err(checks.into_violations());
        };
        checks.finish(Self { format, rotation, layout, overflow })
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

impl TryFrom<v1::ObjectLayout> for Layout {
    type Error = Violations;

    fn try_from(wire: v1::ObjectLayout) -> Result<Self, Violations> {
        let v1::ObjectLayout { prefix } = wire;
        let mut checks = Checks::default();
        checks.legal("prefix", text_rules::key_prefix(&prefix));
        checks.finish(Self { prefix })
    }
}

impl TryFrom<v1::OverflowHandling> for Overflow {
    type Error = Violations;

    fn try_from(wire: v1::OverflowHandling) -> Result<Self, Violations> {
        let v1::OverflowHandling { policy, max_value_bytes } = wire;
        let mut checks = Checks::default();
        let policy = checks.choice("policy", policy);
        let max_value_bytes = checks.number("max_value_bytes", max_value_bytes, 1..=512 * MIB);
        let (Some(policy), Some(max_value_bytes)) = (policy, max_value_bytes) else {
            return Err(checks.into_violations());
        };
        checks.finish(Self { policy, max_value_bytes })
    }
}

impl From<&Output> for v1::ConnectorOutput {
    fn from(output: &Output) -> Self {
        let Output { format, rotation, layout, overflow } = output;
        let Rotation { max_bytes, max_records, max_age, idle } = rotation;
        let Layout { prefix } = layout;
        let Overflow { policy, max_value_bytes } = overflow;
        Self {
            format: v1::OutputFormat::from(*format).into(),
            rotation: Some(v1::RotationPolicy {
                max_bytes: Some(*max_bytes),
                max_records: *max_records,
                max_age: Some(duration_to_wire(*max_age)),
                idle: Some(duration_to_wire(*idle)),
            }),
            layout: Some(v1::ObjectLayout { prefix: prefix.clone() }),
            overflow: Some(v1::OverflowHandling {
                policy: v1::OverflowPolicy::from(*policy).into(),
                max_value_bytes: Some(*max_value_bytes),
            }),
        }
    }
}
