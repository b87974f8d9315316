//! What the objects look like and when they are closed.

use kafka2oss_domain::spec::{
    Compression, Output, OutputFormat, Overflow, OverflowPolicy, Rotation, TextEncoding,
};
use kafka2oss_domain::violation::Violations;

use super::checks::{Checks, choice, duration_to_wire};
use crate::{Count, v1};

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
        let max_bytes = checks.number("max_bytes", max_bytes, Rotation::MAX_BYTES);
        let max_records = match max_records {
            None | Some(1..) => max_records.map(u64::from_wire),
            Some(wrong) => {
                checks.invalid("max_records", format!("is {wrong}; leave it out for no limit"));
                None
            }
        };
        let max_age = checks.duration("max_age", max_age, Rotation::MAX_AGE);
        let idle = checks.duration("idle", idle, Rotation::IDLE);
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
        let max_value_bytes = checks.number("max_value_bytes", max_value_bytes, Overflow::BYTES);
        let max_record_bytes = max_record_bytes
            .and_then(|bytes| checks.number("max_record_bytes", Some(bytes), Overflow::BYTES));
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
                max_bytes: Some(max_bytes.to_wire()),
                max_records: max_records.map(Count::to_wire),
                max_age: Some(duration_to_wire(*max_age)),
                idle: Some(duration_to_wire(*idle)),
            }),
            layout: Some(layout.into()),
            overflow: Some(v1::OverflowHandling {
                policy: v1::OverflowPolicy::from(*policy).into(),
                max_value_bytes: Some(max_value_bytes.to_wire()),
                max_record_bytes: max_record_bytes.map(Count::to_wire),
            }),
            compression: v1::Compression::from(*compression).into(),
            key_encoding: v1::TextEncoding::from(*key_encoding).into(),
            value_encoding: v1::TextEncoding::from(*value_encoding).into(),
            include_headers: *include_headers,
        }
    }
}
