//! The shapes that a connector's output takes in a run.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;
use kafka2oss_proto::v1;

/// Prefixes of keys that occur.
pub(crate) const PREFIXES: [&str; 3] = ["", "first/", "second/of-all/"];
/// Larger values are spilled.
pub(crate) const MAX_VALUE_BYTES: i64 = 4_096;

const FORMATS: [v1::OutputFormat; 2] = [v1::OutputFormat::JsonArray, v1::OutputFormat::JsonLines];
const COMPRESSIONS: [v1::Compression; 3] =
    [v1::Compression::None, v1::Compression::Gzip, v1::Compression::Zstd];
const STYLES: [Option<v1::TimeBucketStyle>; 3] =
    [None, Some(v1::TimeBucketStyle::Hive), Some(v1::TimeBucketStyle::Plain)];

/// What of an output changes in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    format: v1::OutputFormat,
    compression: v1::Compression,
    prefix: &'static str,
    /// Folders of minutes, named so.
    time_buckets: Option<v1::TimeBucketStyle>,
    hash_prefix: bool,
    max_records: i64,
}

impl Shape {
    /// Any of them.
    pub(crate) fn random(random: &mut Rng) -> Self {
        Self {
            format: FORMATS[random.usize(0..FORMATS.len())],
            compression: COMPRESSIONS[random.usize(0..COMPRESSIONS.len())],
            prefix: PREFIXES[random.usize(0..PREFIXES.len())],
            time_buckets: STYLES[random.usize(0..STYLES.len())],
            hash_prefix: random.bool(),
            max_records: random.i64(50..=1_000),
        }
    }

    /// The output of this shape: objects are closed early, so that there are
    /// many boundaries to get wrong.
    pub(crate) fn output(self) -> v1::ConnectorOutput {
        let Self { format, compression, prefix, time_buckets, hash_prefix, max_records } = self;
        let time_buckets = time_buckets.map(|style| v1::TimeBuckets {
            style: style.into(),
            length: v1::TimeBucketLength::Minute.into(),
            ..Default::default()
        });
        v1::ConnectorOutput {
            format: format.into(),
            compression: compression.into(),
            layout: Some(v1::ObjectLayout { prefix: prefix.into(), time_buckets, hash_prefix }),
            rotation: Some(v1::RotationPolicy {
                max_records: Some(max_records),
                max_age: duration(Duration::from_secs(1)),
                idle: duration(Duration::from_millis(300)),
                ..Default::default()
            }),
            overflow: Some(v1::OverflowHandling {
                policy: v1::OverflowPolicy::Spill.into(),
                max_value_bytes: Some(MAX_VALUE_BYTES),
                ..Default::default()
            }),
            include_headers: true,
            ..Default::default()
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { format, compression, prefix, time_buckets, hash_prefix, max_records } = self;
        write!(f, "{} {}", format.as_str_name(), compression.as_str_name())?;
        write!(f, ", prefix {prefix:?}, folders {time_buckets:?}, hash {hash_prefix}")?;
        write!(f, ", {max_records} records")
    }
}

/// A duration as requests have it.
pub(crate) fn duration(duration: Duration) -> Option<prost_types::Duration> {
    Some(prost_types::Duration {
        seconds: i64::try_from(duration.as_secs()).ok()?,
        nanos: i32::try_from(duration.subsec_nanos()).ok()?,
    })
}
