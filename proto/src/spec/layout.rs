//! Where objects stand in the bucket.

use super::checks::{Checks, choice};
use super::text_rules;
use crate::v1;
use crate::violation::Violations;

/// Where objects stand in the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// In front of every key, as it is.
    pub prefix: String,
    /// Folders by the time of records, if any.
    pub time_buckets: Option<TimeBuckets>,
    /// Whether a hash stands in front of every key.
    pub hash_prefix: bool,
}

/// Folders by the time of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeBuckets {
    /// How they are named.
    pub style: TimeBucketStyle,
    /// How long one is.
    pub length: TimeBucketLength,
    /// The zone of its hours and days: a name of the IANA database that this
    /// build knows.
    pub time_zone: String,
}

/// How folders of time are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeBucketStyle {
    /// `year=2026/month=01/day=31/hour=23/`.
    Hive,
    /// `2026/01/31/23/`.
    Plain,
}

/// How long a folder of time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeBucketLength {
    /// A day.
    Day,
    /// An hour.
    Hour,
    /// A minute.
    Minute,
}

choice!(TimeBucketStyle { Hive, Plain });
choice!(TimeBucketLength { Day, Hour, Minute });

impl TryFrom<v1::ObjectLayout> for Layout {
    type Error = Violations;

    fn try_from(wire: v1::ObjectLayout) -> Result<Self, Violations> {
        let v1::ObjectLayout { prefix, time_buckets, hash_prefix } = wire;
        let mut checks = Checks::default();
        checks.legal("prefix", text_rules::key_prefix(&prefix));
        let buckets = match time_buckets {
            None => None,
            Some(wire) => match checks.part("time_buckets", Some(wire)) {
                None => return Err(checks.into_violations()),
                buckets => buckets,
            },
        };
        checks.finish(Self { prefix, time_buckets: buckets, hash_prefix })
    }
}

impl TryFrom<v1::TimeBuckets> for TimeBuckets {
    type Error = Violations;

    fn try_from(wire: v1::TimeBuckets) -> Result<Self, Violations> {
        let v1::TimeBuckets { style, length, time_zone } = wire;
        let mut checks = Checks::default();
        let style = checks.choice("style", style);
        let length = checks.choice("length", length);
        if jiff::tz::TimeZone::get(&time_zone).is_err() {
            checks.invalid(
                "time_zone",
                format!("is `{time_zone}`, which is no name of the IANA time zone database"),
            );
        }
        let (Some(style), Some(length)) = (style, length) else {
            return Err(checks.into_violations());
        };
        checks.finish(Self { style, length, time_zone })
    }
}

impl From<&Layout> for v1::ObjectLayout {
    fn from(layout: &Layout) -> Self {
        let Layout { prefix, time_buckets, hash_prefix } = layout;
        Self {
            prefix: prefix.clone(),
            time_buckets: time_buckets.as_ref().map(Into::into),
            hash_prefix: *hash_prefix,
        }
    }
}

impl From<&TimeBuckets> for v1::TimeBuckets {
    fn from(buckets: &TimeBuckets) -> Self {
        let TimeBuckets { style, length, time_zone } = buckets;
        Self {
            style: v1::TimeBucketStyle::from(*style).into(),
            length: v1::TimeBucketLength::from(*length).into(),
            time_zone: time_zone.clone(),
        }
    }
}
