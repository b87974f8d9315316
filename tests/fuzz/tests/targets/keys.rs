//! Keys of objects: those that stand in a bucket, and those that are made of a
//! connector's prefix and topic.

use bolero::TypeGenerator;
use kafka2oss_chain::{AttemptId, ChainId, DETACHED_VALUE, KeyLayout, ObjectKey, Pin};
use kafka2oss_domain::spec::{Layout, TimeBucketLength, TimeBucketStyle, TimeBuckets};
use kafka2oss_format::Encoding;
use kafka2oss_fuzz::{Near, Text};

const WORDS: [&str; 15] = [
    "+",
    "-",
    ".",
    "/",
    "..",
    "0",
    "00000000000000000010",
    "99999999999999999999",
    "2147483648",
    "abcd2345",
    "-mnop6723abcd",
    "é",
    "UTC",
    "Asia/Shanghai",
    "values/",
];

#[test]
fn a_key_that_is_taken_is_what_it_says() {
    const RIGHT: &str = "p/t-1.x/2026/01/7/t-1.x+7+00000000000000000010-abcd2345.json.gz";
    bolero::check!().with_type().for_each(|near: &Near| {
        let key = near.to_text(RIGHT, &WORDS);
        let Some(read) = ObjectKey::parse(&key) else { return };
        assert!(read.partition >= 0 && read.offset >= 0);
        let ObjectKey { topic, partition, offset, chain, attempt, extension } = read;
        let attempt = attempt.map_or(String::new(), |attempt| format!("-{attempt}"));
        let segment = format!("{topic}+{partition}+{offset:020}-{chain}{attempt}.{extension}");
        assert_eq!(key.rsplit('/').next(), Some(segment.as_str()));
    });
}

#[derive(Debug, TypeGenerator)]
struct Given {
    prefix: Text,
    topic: Text,
    partition: i32,
    first: i64,
    timestamp: i64,
    hash_prefix: bool,
    buckets: Option<(bool, u8, Text)>,
    encoding: u8,
    attempt: Option<u64>,
}

#[test]
fn a_key_of_any_prefix_and_topic_is_read_back() {
    let chain = ChainId::parse("abcd2345").unwrap();
    bolero::check!().with_type().for_each(move |given: &Given| {
        let Given { prefix, topic, partition, first, timestamp, hash_prefix, .. } = given;
        let time_buckets = given.buckets.as_ref().map(|(hive, length, zone)| TimeBuckets {
            style: if *hive { TimeBucketStyle::Hive } else { TimeBucketStyle::Plain },
            length: [TimeBucketLength::Day, TimeBucketLength::Hour, TimeBucketLength::Minute]
                [usize::from(*length) % 3],
            time_zone: zone.of(&WORDS),
        });
        let layout = Layout { prefix: prefix.of(&WORDS), time_buckets, hash_prefix: *hash_prefix };
        let topic = topic.of(&WORDS);
        let extension = Encoding::ALL[usize::from(given.encoding) % 6].extension();

        let layout = KeyLayout::new(&layout, &topic, *partition, chain);
        let attempt = given.attempt.map(AttemptId::of);
        let link = layout.link(*first, *timestamp, extension, attempt);
        let value = layout.value(*first, DETACHED_VALUE);

        // What no topic's name has, and no record.
        let is_legal =
            !topic.is_empty() && !topic.contains(['/', '+']) && *partition >= 0 && *first >= 0;
        for (key, attempt, extension) in
            [(link.key(), attempt, extension), (&value, None, DETACHED_VALUE)]
        {
            let expected = ObjectKey {
                topic: &topic,
                partition: *partition,
                offset: *first,
                chain,
                attempt,
                extension,
            };
            assert!(!is_legal || ObjectKey::parse(key) == Some(expected), "{key}");
        }
        let pin = Pin::of_chain(link.key(), &chain, *partition, *first);
        assert!(!is_legal || pin.as_ref().is_some_and(|pin| pin.is_own() == attempt.is_some()));
        assert!(!is_legal || pin == Some(link));
        assert_eq!(Pin::of_chain(&value, &chain, *partition, *first), None);
    });
}
