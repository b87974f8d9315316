mod damage;

use std::io::{BufReader, Read};

use kafka2oss_domain::error_code::Problem;
use kafka2oss_format::{
    Compression, DecodedValue, Encoder, EncoderSettings, Encoding, Format, Record, TextEncoding,
    Value,
};
use proptest::prelude::*;
use proptest::sample::Index;

use super::naive::{Link, first_beyond, judge};
use super::*;
use crate::object::{Source, read_object, read_to_end};
use damage::{attempt, damage, sound};

const PARTITION: i32 = 3;
const KEY: &str = "an object";

fn chain() -> ChainId {
    ChainId::parse("abcd2345").expect("a chain id")
}

fn expectation() -> Expectation {
    Expectation {
        topic: "t".into(),
        partition: PARTITION,
        max_value_bytes: None,
        include_headers: false,
    }
}

fn original(offset: i64) -> SourceRecord {
    SourceRecord {
        offset,
        timestamp: 1_000 + offset,
        key: None,
        value: Some(format!("value {offset}").into_bytes()),
        headers: Some(Vec::new()),
    }
}

fn copy(original: &SourceRecord) -> DecodedRecord {
    let value = original.value.clone().expect("each has one");
    DecodedRecord {
        headers: None,
        key: original.key.clone(),
        offset: original.offset,
        overflow: false,
        partition: PARTITION,
        timestamp: original.timestamp,
        topic: "t".into(),
        value_size: value.len() as u64,
        value: DecodedValue::Bytes(value),
    }
}

fn metadata(first: i64, next: i64, records: usize) -> ObjectMetadata {
    ObjectMetadata {
        uid: "u".into(),
        chain_id: chain(),
        partition: PARTITION,
        first_offset: first,
        next_offset: next,
        records: records as u64,
        crc64: 0,
        leader_epoch: None,
    }
}

fn settings<'a>(expectation: &'a Expectation, dead_letters: &'a DeadLetters) -> WalkSettings<'a> {
    WalkSettings {
        chain: Some(chain()),
        start: None,
        bound: None,
        committed: None,
        horizon: None,
        log_start: 0,
        compacted: false,
        expectation,
        dead_letters,
        examples: usize::MAX,
    }
}

/// The topic's records one after the other.
struct Topic<I>(I);

impl<I: Iterator<Item = SourceRecord>> Source for Topic<I> {
    fn next(&mut self, start: i64) -> Result<SourceEvent, Problem> {
        let next = self.0.find(|record| record.offset >= start);
        Ok(next.map_or(SourceEvent::End, SourceEvent::Record))
    }
}

fn walk(settings: WalkSettings<'_>, links: &[Link], topic: &[SourceRecord]) -> Walked {
    let mut topic = Topic(topic.iter().cloned());
    let mut walk = Walk::new(settings, links.first().map(|link| link.metadata.first_offset));
    for Link { metadata, records, damaged, is_own } in links {
        assert!(walk.begin(KEY, metadata.first_offset, *is_own, metadata.clone()));
        for record in records {
            while walk.wants(Before::Record(record)) {
                walk.source(topic.next(walk.source_start()).expect("never fails"));
            }
            walk.record(record);
        }
        walk.end(match damaged {
            true => Ending::Damaged("cut off".into()),
            false => Ending::Whole { crc64: 0 },
        });
    }
    read_to_end(&mut walk, &mut topic, &mut |_| Ok(())).expect("never fails");
    walk.finish();
    walk.into_walked()
}

/// All findings, each with its offset.
fn found(walked: Walked) -> Vec<(Kind, Option<i64>)> {
    let mut all = Vec::new();
    for (kind, findings) in walked.findings.into_found() {
        for example in findings.examples {
            match (kind, example.offsets) {
                (Kind::Hole | Kind::Overlap, Some(range)) => all.push((kind, Some(range.first))),
                (_, Some(range)) => {
                    all.extend((range.first..=range.last).map(|offset| (kind, Some(offset))));
                }
                (_, None) => all.push((kind, None)),
            }
        }
    }
    all.sort();
    all
}

proptest! {
    #[test]
    fn a_sound_chain_has_no_findings((topic, links) in sound()) {
        let (expectation, none) = (expectation(), DeadLetters::default());
        let walked = walk(settings(&expectation, &none), &links, &topic);
        let compared: usize = links.iter().map(|link| link.records.len()).sum();
        prop_assert_eq!(walked.report.compared, compared as u64);
        prop_assert_eq!(found(walked), []);
    }

    #[test]
    fn what_other_attempts_have_put_under_own_keys_is_no_damage(
        (topic, mut links) in sound(),
        attempts in prop::collection::vec((any::<Index>(), any::<Index>()), 1..6),
    ) {
        let sound: usize = links.iter().map(|link| link.records.len()).sum();
        for (link, at) in &attempts {
            let link = link.index(links.len());
            links.insert(link, attempt(&links[link], at));
        }
        let (expectation, none) = (expectation(), DeadLetters::default());
        let walked = walk(settings(&expectation, &none), &links, &topic);
        let all: usize = links.iter().map(|link| link.records.len()).sum();
        let figures = (walked.report.compared, walked.report.repeated);
        prop_assert_eq!(figures, (sound as u64, (all - sound) as u64));
        prop_assert_eq!(found(walked), []);
    }

    #[test]
    fn any_damage_is_judged_as_by_who_has_it_all_in_memory(
        (mut topic, mut links) in sound(),
        damages in prop::collection::vec(damage(), 0..5),
        start in prop::option::of(0_i64..10),
        bound in prop::option::of(0_i64..60),
        committed in prop::option::of(0_i64..60),
        end in prop::option::of(0_i64..70),
        log_start in prop_oneof![3 => Just(0_i64), 1 => 0_i64..30],
        compacted: bool,
        letters in prop::collection::vec((0_i64..50, any::<bool>()), 0..4),
    ) {
        for damage in &damages {
            damage.apply(&mut links, &mut topic);
        }
        let mut dead_letters = DeadLetters::default();
        for (offset, faithful) in letters {
            dead_letters.add("t", None, &letter(&original(if faithful { offset } else { 0 }), offset));
        }
        let horizon = end.map(|end| Horizon { end, stable_end: end });
        let expectation = expectation();
        let settings = || WalkSettings {
            start, bound, committed, horizon, log_start, compacted,
            ..settings(&expectation, &dead_letters)
        };
        let expected = judge(&settings(), &links, &topic);
        let beyond = first_beyond(&settings(), &links, &topic);
        let walked = walk(settings(), &links, &topic);
        let outstanding = walked.report.outstanding;
        prop_assert_eq!(outstanding.and_then(|outstanding| outstanding.first_record), beyond);
        prop_assert_eq!(found(walked), expected);
    }
}

/// A record as it stands in an error topic for this offset.
fn letter(record: &SourceRecord, offset: i64) -> SourceRecord {
    let header = |key: &str, value: String| kafka2oss_format::DecodedHeader {
        key: key.into(),
        value: Some(value.into_bytes()),
    };
    let headers = Some(vec![
        header("__connect.errors.topic", "t".into()),
        header("__connect.errors.partition", PARTITION.to_string()),
        header("__connect.errors.offset", offset.to_string()),
    ]);
    SourceRecord { headers, ..record.clone() }
}

#[test]
fn what_is_no_link_is_foreign_and_what_it_stood_for_is_missing() {
    let (expectation, none) = (expectation(), DeadLetters::default());
    let other = ChainId::parse("zzzz2345").expect("a chain id");
    for metadata in [
        ObjectMetadata { chain_id: other, ..metadata(0, 2, 2) },
        ObjectMetadata { partition: 4, ..metadata(0, 2, 2) },
        metadata(1, 2, 1),
        metadata(0, 0, 0),
    ] {
        let settings = WalkSettings { bound: Some(2), ..settings(&expectation, &none) };
        let mut walk = Walk::new(settings, Some(0));
        assert!(!walk.begin(KEY, 0, false, metadata));
        let mut topic = Topic((0..2).map(original));
        read_to_end(&mut walk, &mut topic, &mut |_| Ok(())).expect("never fails");
        walk.finish();
        let expected = [(Kind::Missing, Some(0)), (Kind::Missing, Some(1)), (Kind::Foreign, None)];
        assert_eq!(found(walk.into_walked()), expected);
    }
}

#[test]
fn behind_the_end_the_topic_is_read_to_the_first_record_and_never_behind_the_horizon() {
    let (expectation, none) = (expectation(), DeadLetters::default());
    let horizon = |end| Some(Horizon { end, stable_end: end });
    for (end, topic, asked, first) in [
        (10, &[0, 1, 7, 8, 9][..], 3, Some(7)),
        (10, &[0, 1], 3, None),
        (10, &[0, 1, 12, 13], 3, None),
        (2, &[0, 1, 2, 3], 2, None),
        (3, &[0, 1, 2, 3], 3, Some(2)),
    ] {
        let settings = WalkSettings { horizon: horizon(end), ..settings(&expectation, &none) };
        let mut walk = Walk::new(settings, Some(0));
        let mut topic = topic.iter().map(|offset| original(*offset));
        let mut reads = 0;
        assert!(walk.begin(KEY, 0, false, metadata(0, 2, 2)));
        let mut feed = |walk: &mut Walk<'_>| {
            reads += 1;
            walk.source(topic.next().map_or(SourceEvent::End, SourceEvent::Record));
        };
        for offset in 0..2 {
            let record = copy(&original(offset));
            while walk.wants(Before::Record(&record)) {
                feed(&mut walk);
            }
            walk.record(&record);
        }
        walk.end(Ending::Whole { crc64: 0 });
        while walk.wants(Before::End) {
            feed(&mut walk);
        }
        walk.finish();
        let outstanding = walk.into_walked().report.outstanding;
        let found = outstanding.and_then(|outstanding| outstanding.first_record);
        assert_eq!((reads, found), (asked, first), "up to {end}");
    }
}

#[test]
fn a_link_behind_the_bound_is_to_be_whole() {
    let (expectation, none) = (expectation(), DeadLetters::default());
    let topic: Vec<_> = (0..8).map(original).collect();
    let link = |first: i64, next: i64| {
        let records: Vec<_> = (first..next).map(|offset| copy(&original(offset))).collect();
        Link {
            metadata: metadata(first, next, records.len()),
            records,
            damaged: false,
            is_own: false,
        }
    };
    let settings = || WalkSettings { bound: Some(3), ..settings(&expectation, &none) };
    let mut links = vec![link(0, 3), link(3, 6)];
    assert_eq!(found(walk(settings(), &links, &topic)), []);
    links[1].records.remove(1);
    links[1].metadata.records -= 1;
    assert_eq!(found(walk(settings(), &links, &topic)), [(Kind::Missing, Some(4))]);
}

#[test]
fn what_retention_takes_away_meanwhile_cannot_be_compared() {
    let (expectation, none) = (expectation(), DeadLetters::default());
    let mut walk = Walk::new(settings(&expectation, &none), Some(0));
    assert!(walk.begin(KEY, 0, false, metadata(0, 3, 3)));
    walk.source(SourceEvent::LogStart(2));
    walk.source(SourceEvent::Record(original(2)));
    for offset in 0..3 {
        walk.record(&copy(&original(offset)));
    }
    walk.end(Ending::Whole { crc64: 0 });
    walk.finish();
    let walked = walk.into_walked();
    assert_eq!((walked.report.unverifiable, walked.report.compared), (2, 1));
    assert_eq!(found(walked), []);
}

/// A body that is made as it is read.
struct Generated<F> {
    encoder: Encoder,
    offsets: std::ops::Range<i64>,
    value: F,
    line: Vec<u8>,
    read: usize,
}

impl<F: Fn(i64) -> SourceRecord> Read for Generated<F> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.read == self.line.len()
            && let Some(offset) = self.offsets.next()
        {
            let SourceRecord { timestamp, value, .. } = (self.value)(offset);
            let value = Value::Bytes(value.as_deref().unwrap_or_default());
            let record = Record { offset, timestamp, key: None, value, headers: &[] };
            self.line.clear();
            self.read = 0;
            self.encoder.append(&mut self.line, &record).map_err(std::io::Error::other)?;
        }
        let length = buffer.len().min(self.line.len() - self.read);
        buffer[..length].copy_from_slice(&self.line[self.read..self.read + length]);
        self.read += length;
        Ok(length)
    }
}

/// 200 MB pass through: neither the generator nor the topic could be asked
/// again, and what the walk holds is looked at with each record.
#[test]
fn a_large_object_is_compared_with_a_few_records_in_memory() {
    const RECORDS: i64 = 200;
    const SIZE: usize = 1_000_000;
    let large = |offset: i64| SourceRecord {
        value: Some(vec![b'a' + u8::try_from(offset % 26).expect("below 26"); SIZE]),
        ..original(offset)
    };
    let (expectation, none) = (expectation(), DeadLetters::default());
    let body = |offsets| Generated {
        encoder: Encoder::new(EncoderSettings {
            topic: "t",
            partition: PARTITION,
            format: Format::JsonLines,
            key_encoding: TextEncoding::Utf8,
            value_encoding: TextEncoding::Utf8,
            include_headers: false,
        }),
        offsets,
        value: large,
        line: Vec::new(),
        read: 0,
    };
    let crc64 = {
        let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc64Xz);
        let (mut body, mut buffer) = (body(0..RECORDS), vec![0; 1 << 16]);
        loop {
            match body.read(&mut buffer).expect("it is made") {
                0 => break digest.finalize(),
                length => digest.update(&buffer[..length]),
            }
        }
    };
    let encoding = Encoding { format: Format::JsonLines, compression: Compression::None };
    let mut walk = Walk::new(settings(&expectation, &none), Some(0));
    let told = ObjectMetadata { crc64, ..metadata(0, RECORDS, 200) };
    assert!(walk.begin(KEY, 0, false, told));
    let mut topic = Topic((0..RECORDS).map(large));
    let (mut steps, mut most) = (0, (0, 0));
    let content = BufReader::new(body(0..RECORDS));
    read_object(&mut walk, encoding, content, &mut topic, &mut |walk| {
        steps += 1;
        most = most.max(walk.held());
        Ok(())
    })
    .expect("never fails");
    assert_eq!(most, (1, SIZE), "one record of the topic is held at a time");
    assert_eq!(steps, 2 * RECORDS, "each is asked for right before its copy");
    walk.finish();
    let walked = walk.into_walked();
    assert_eq!(walked.report.compared, 200);
    assert_eq!(found(walked), []);
}
