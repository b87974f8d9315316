//! Where the objects of a connector stand in the bucket.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use kafka2oss_domain::spec::{Layout, TimeBucketLength, TimeBucketStyle};
use sha2::{Digest, Sha256};

use crate::time_bucket::TimeBucket;
use crate::{AttemptId, ChainId, Pin};

/// Makes the keys of one partition's objects:
/// `{hash/}{prefix}{topic}/{time bucket/}{partition}/{topic}+{partition}+{first
/// offset, 20 digits}-{chain id}.{extension}`, where each attempt has a key of its
/// own with `-{attempt id}` behind the chain id.
///
/// Without buckets and hash a listing of a partition is in the order of its
/// offsets, and people can read a chain off it.
#[derive(Debug, Clone)]
pub struct KeyLayout {
    prefix: String,
    topic: String,
    partition: i32,
    chain: ChainId,
    buckets: Option<Buckets>,
    hash_prefix: bool,
}

#[derive(Debug, Clone)]
struct Buckets {
    style: TimeBucketStyle,
    length: TimeBucketLength,
    zone: TimeZone,
}

impl KeyLayout {
    /// For the objects of `partition` of `topic`. A time zone that this build
    /// does not know is UTC; a legal spec has none such.
    pub fn new(layout: &Layout, topic: &str, partition: i32, chain: ChainId) -> Self {
        let buckets = layout.time_buckets.as_ref().map(|buckets| Buckets {
            style: buckets.style,
            length: buckets.length,
            zone: TimeZone::get(&buckets.time_zone).unwrap_or(TimeZone::UTC),
        });
        Self {
            prefix: layout.prefix.clone(),
            topic: topic.to_owned(),
            partition,
            chain,
            buckets,
            hash_prefix: layout.hash_prefix,
        }
    }

    /// The time bucket of a record of this timestamp (milliseconds since 1970,
    /// -1 without one); `None` without buckets. A record of a later bucket than
    /// the object's first closes the object.
    pub fn bucket(&self, timestamp: i64) -> Option<TimeBucket> {
        let Buckets { length, zone, .. } = self.buckets.as_ref()?;
        Some(TimeBucket::of(timestamp, *length, zone))
    }

    /// Key of the link from `first` on, whose first record has this timestamp; with
    /// `attempt`, that attempt's own.
    pub fn link(
        &self,
        first: i64,
        timestamp: i64,
        extension: &str,
        attempt: Option<AttemptId>,
    ) -> Pin {
        let mut key = self.start(first);
        write!(key, "{}/", self.topic).expect("a string is written to memory");
        if let (Some(bucket), Some(buckets)) = (self.bucket(timestamp), &self.buckets) {
            bucket.write(&mut key, buckets.style);
        }
        write!(key, "{}/", self.partition).expect("a string is written to memory");
        self.finish(&mut key, first, attempt, extension);
        Pin::new(key, attempt.is_some())
    }

    /// Key of the object that holds the value of the record at `offset`:
    /// `{hash/}{prefix}{topic}/values/{partition}/…`. It follows from the chain
    /// and the offset, so that whoever puts it puts the same.
    pub fn value(&self, offset: i64, extension: &str) -> String {
        let mut key = self.start(offset);
        write!(key, "{}/values/{}/", self.topic, self.partition)
            .expect("a string is written to memory");
        self.finish(&mut key, offset, None, extension);
        key
    }

    fn start(&self, offset: i64) -> String {
        let mut key = String::with_capacity(self.prefix.len() + 2 * self.topic.len() + 128);
        if self.hash_prefix {
            let name = format!("{}+{}+{offset}-{}", self.topic, self.partition, self.chain);
            let digest = Sha256::digest(name);
            write!(key, "{:02x}{:02x}/", digest[0], digest[1])
                .expect("a string is written to memory");
        }
        key.push_str(&self.prefix);
        key
    }

    fn finish(&self, key: &mut String, offset: i64, attempt: Option<AttemptId>, extension: &str) {
        let Self { topic, partition, chain, .. } = self;
        let written = match attempt {
            None => write!(key, "{topic}+{partition}+{offset:020}-{chain}.{extension}"),
            Some(attempt) => {
                write!(key, "{topic}+{partition}+{offset:020}-{chain}-{attempt}.{extension}")
            }
        };
        written.expect("a string is written to memory");
    }
}

#[cfg(test)]
mod tests {
    use kafka2oss_domain::spec::TimeBuckets;
    use proptest::prelude::*;

    use super::*;
    use crate::ObjectKey;

    fn chain() -> ChainId {
        ChainId::parse("abcd2345").expect("a chain id")
    }

    fn plain(prefix: &str) -> Layout {
        Layout { prefix: prefix.into(), time_buckets: None, hash_prefix: false }
    }

    fn bucketed(style: TimeBucketStyle, length: TimeBucketLength, zone: &str) -> Layout {
        let buckets = TimeBuckets { style, length, time_zone: zone.into() };
        Layout { time_buckets: Some(buckets), ..plain("p/") }
    }

    fn key(layout: &Layout, first: i64, timestamp: i64) -> String {
        let layout = KeyLayout::new(layout, "oss-test-input", 0, chain());
        layout.link(first, timestamp, "json", None).key().to_owned()
    }

    #[test]
    fn a_listing_of_a_partition_is_in_the_order_of_its_offsets() {
        let keys = [0, 9, 10, 1_000_000, i64::MAX].map(|first| key(&plain("p/"), first, 0));
        assert_eq!(
            keys[2],
            "p/oss-test-input/0/oss-test-input+0+00000000000000000010-abcd2345.json"
        );
        assert!(keys.is_sorted());
    }

    #[test]
    fn a_key_of_one_attempt_stands_beside_that_of_others() {
        let layout = KeyLayout::new(&plain("p/"), "t", 3, chain());
        assert_eq!(
            layout.link(12, 0, "json", Some(AttemptId::of(1))).key(),
            "p/t/3/t+3+00000000000000000012-abcd2345-aaaaaaaaaaab.json"
        );
    }

    #[test]
    fn time_buckets_are_folders_of_the_first_records_time_in_the_zone() {
        use TimeBucketLength::{Day, Hour, Minute};
        use TimeBucketStyle::{Hive, Plain};
        // 2020-10-27 06:52:58 UTC.
        let time = 1_603_781_578_478;
        for (style, length, zone, folder) in [
            (Hive, Day, "UTC", "year=2020/month=10/day=27/"),
            (Hive, Minute, "Asia/Shanghai", "year=2020/month=10/day=27/hour=14/minute=52/"),
            (Plain, Hour, "America/Los_Angeles", "2020/10/26/23/"),
        ] {
            let key = key(&bucketed(style, length, zone), 7, time);
            let expected = format!(
                "p/oss-test-input/{folder}0/oss-test-input+0+00000000000000000007-abcd2345.json"
            );
            assert_eq!(key, expected);
        }
    }

    #[test]
    fn a_time_that_is_none_has_a_folder_of_its_own() {
        let layout = bucketed(TimeBucketStyle::Plain, TimeBucketLength::Day, "UTC");
        for time in [-1, i64::MIN, i64::MAX, 253_402_300_800_000] {
            assert!(key(&layout, 7, time).starts_with("p/oss-test-input/invalid/0/"), "{time}");
        }
    }

    #[test]
    fn only_a_later_bucket_is_greater() {
        let layout = bucketed(TimeBucketStyle::Plain, TimeBucketLength::Hour, "UTC");
        let layout = KeyLayout::new(&layout, "t", 0, chain());
        let hour = 3_600_000;
        let first = layout.bucket(5 * hour);
        assert!(layout.bucket(6 * hour - 1) == first);
        assert!(layout.bucket(6 * hour) > first);
        assert!(layout.bucket(4 * hour) < first);
        assert!(layout.bucket(-1) < first);
        assert!(KeyLayout::new(&plain(""), "t", 0, chain()).bucket(0).is_none());
    }

    #[test]
    fn a_hash_spreads_keys_that_would_sort_next_to_each_other() {
        let layout = Layout { hash_prefix: true, ..plain("p/") };
        let fronts: Vec<String> =
            (0..4).map(|first| key(&layout, first, 0)[..5].to_owned()).collect();
        assert!(fronts.windows(2).all(|pair| pair[0] != pair[1]), "{fronts:?}");
        assert!(key(&layout, 1, 0)[5..].starts_with("p/oss-test-input/0/"));
    }

    #[test]
    fn the_object_of_a_value_is_beside_the_links() {
        let layout = KeyLayout::new(&plain("p/"), "t", 3, chain());
        assert_eq!(
            layout.value(12, "value"),
            "p/t/values/3/t+3+00000000000000000012-abcd2345.value"
        );
    }

    proptest! {
        #[test]
        fn keys_are_legal_for_every_store_and_say_what_they_stand_for(
            prefix in "([A-Za-z0-9é][ -~é]{0,30})?",
            topic in "[A-Za-z0-9._-]{1,249}",
            partition in 0..=i32::MAX,
            first in 0..=i64::MAX,
            timestamp: i64,
            hash_prefix: bool,
            attempt: Option<u64>,
            bucket in proptest::option::of((0..2_usize, 0..3_usize)),
        ) {
            let time_buckets = bucket.map(|(style, length)| TimeBuckets {
                style: [TimeBucketStyle::Hive, TimeBucketStyle::Plain][style],
                length: [TimeBucketLength::Day, TimeBucketLength::Hour, TimeBucketLength::Minute][length],
                time_zone: "Asia/Shanghai".into(),
            });
            let layout = Layout { prefix, time_buckets, hash_prefix };
            let layout = KeyLayout::new(&layout, &topic, partition, chain());
            let attempt = attempt.map(AttemptId::of);
            let link = layout.link(first, timestamp, "jsonl.zst", attempt).key().to_owned();
            for (key, attempt) in [(link, attempt), (layout.value(first, "value"), None)] {
                prop_assert!((1..=1_023).contains(&key.len()), "{} bytes", key.len());
                prop_assert!(!key.starts_with(['/', '\\']));
                let read = ObjectKey::parse(&key).expect("of the form");
                prop_assert_eq!(
                    (read.topic, read.partition, read.offset, read.chain, read.attempt),
                    (topic.as_str(), partition, first, chain(), attempt)
                );
            }
        }
    }
}
