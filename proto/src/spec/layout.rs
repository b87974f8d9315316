//! Where objects stand in the bucket.

use kafka2oss_domain::spec::{Layout, TimeBucketLength, TimeBucketStyle, TimeBuckets, text_rules};
use kafka2oss_domain::violation::Violations;

use super::checks::{Checks, choice};
use crate::v1;

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
        checks.legal("time_zone", text_rules::time_zone(&time_zone));
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
