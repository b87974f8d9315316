//! What stands in the error topics: fingerprints, about 150 bytes a dead letter.

use std::collections::BTreeMap;

use kafka2oss_format::DecodedHeader;
use sha2::{Digest, Sha256};

use crate::compare::SourceRecord;

const TOPIC: &[u8] = b"__connect.errors.topic";
const PARTITION: &[u8] = b"__connect.errors.partition";
const OFFSET: &[u8] = b"__connect.errors.offset";
const CONNECTOR: &[u8] = b"__connect.errors.connector.name";
const VALUE_OBJECT: &[u8] = b"kafka2oss.value.object";
const VALUE_SIZE: &[u8] = b"kafka2oss.value.size";
const UNFETCHED: &[u8] = b"kafka2oss.unfetched.bytes";

/// The dead letters of a topic by partition and offset. A record may have been
/// sent more than once, since an answer can be lost.
#[derive(Debug, Default)]
pub(crate) struct DeadLetters(BTreeMap<(i32, i64), Vec<Letter>>);

#[derive(Debug, PartialEq, Eq)]
struct Letter {
    /// Of key and headers.
    envelope: Fingerprint,
    value: LetterValue,
}

#[derive(Debug, PartialEq, Eq)]
enum LetterValue {
    Here(Fingerprint),
    Detached {
        object: Box<str>,
        size: Option<u64>,
    },
    /// The agent could not fetch the record.
    Unfetched,
}

/// The first half of a SHA-256.
type Fingerprint = [u8; 16];

/// How a record of the topic stands in the error topics.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Not at all.
    Nowhere,
    /// As it is, as far as it stands there; the rest is in these objects.
    Faithful { objects: Vec<String> },
    /// Otherwise.
    Altered(&'static str),
}

impl DeadLetters {
    /// Takes in a record of an error topic, if it is a dead letter of `topic`
    /// and, if one is named, of this connector; whether it is.
    pub(crate) fn add(
        &mut self,
        topic: &str,
        connector: Option<&str>,
        record: &SourceRecord,
    ) -> bool {
        // What is behind is ours; a topic of dead letters may be synchronized, too.
        let Some(headers) = &record.headers else { return false };
        let Some(start) = headers.iter().rposition(|header| header.key == TOPIC) else {
            return false;
        };
        let (own, ours) = headers.split_at(start);
        let text = |name: &[u8]| {
            let header = ours.iter().find(|header| header.key == name)?;
            std::str::from_utf8(header.value.as_deref()?).ok()
        };
        if text(TOPIC) != Some(topic)
            || connector.is_some_and(|connector| text(CONNECTOR) != Some(connector))
        {
            return false;
        }
        let number = |name| text(name)?.parse::<i64>().ok();
        let partition = number(PARTITION).and_then(|number| i32::try_from(number).ok());
        let (Some(partition), Some(offset)) = (partition, number(OFFSET)) else {
            return false;
        };
        let value = match text(VALUE_OBJECT) {
            Some(object) => LetterValue::Detached {
                object: object.into(),
                size: text(VALUE_SIZE).and_then(|size| size.parse().ok()),
            },
            None if text(UNFETCHED).is_some() => LetterValue::Unfetched,
            None => LetterValue::Here(of_value(record.value.as_deref())),
        };
        let letter = Letter { envelope: of_envelope(record.key.as_deref(), own), value };
        let letters = self.0.entry((partition, offset)).or_default();
        if !letters.contains(&letter) {
            letters.reserve_exact(1);
            letters.push(letter);
        }
        true
    }

    /// Whether there is one of this offset.
    pub(crate) fn contains(&self, partition: i32, offset: i64) -> bool {
        self.0.contains_key(&(partition, offset))
    }

    /// How a record stands here; every copy counts.
    pub(crate) fn find(&self, partition: i32, record: &SourceRecord) -> Found {
        let Some(letters) = self.0.get(&(partition, record.offset)) else { return Found::Nowhere };
        // One whose headers cannot be read stands there without them.
        let headers = record.headers.as_deref().unwrap_or_default();
        let envelope = of_envelope(record.key.as_deref(), headers);
        let size = record.value.as_ref().map(|value| value.len() as u64);
        let mut objects = Vec::new();
        for letter in letters {
            if letter.value == LetterValue::Unfetched {
                return Found::Altered("it was too large to be fetched: only its place is kept");
            }
            if letter.envelope != envelope {
                return Found::Altered("its key or headers differ in the error topic");
            }
            match &letter.value {
                LetterValue::Here(value) if *value != of_value(record.value.as_deref()) => {
                    return Found::Altered("its value differs in the error topic");
                }
                LetterValue::Here(_) => {}
                LetterValue::Detached { size: told, .. } if *told != size => {
                    return Found::Altered("the size of its value differs in the error topic");
                }
                LetterValue::Detached { object, .. } => objects.push(object.to_string()),
                LetterValue::Unfetched => {}
            }
        }
        Found::Faithful { objects }
    }

    /// The objects that hold values of dead letters of a partition.
    pub(crate) fn objects(&self, partition: i32) -> impl Iterator<Item = &str> {
        self.0
            .range((partition, i64::MIN)..=(partition, i64::MAX))
            .flat_map(|(_, letters)| letters)
            .filter_map(|letter| match &letter.value {
                LetterValue::Here(_) | LetterValue::Unfetched => None,
                LetterValue::Detached { object, .. } => Some(&**object),
            })
    }
}

fn of_value(value: Option<&[u8]>) -> Fingerprint {
    let mut hash = Sha256::new();
    part(&mut hash, value);
    fingerprint(hash)
}

fn of_envelope(key: Option<&[u8]>, headers: &[DecodedHeader]) -> Fingerprint {
    let mut hash = Sha256::new();
    part(&mut hash, key);
    for header in headers {
        part(&mut hash, Some(&header.key));
        part(&mut hash, header.value.as_deref());
    }
    fingerprint(hash)
}

/// Null and empty, and where one part ends, show.
fn part(hash: &mut Sha256, bytes: Option<&[u8]>) {
    match bytes {
        None => hash.update([0]),
        Some(bytes) => {
            hash.update([1]);
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        }
    }
}

fn fingerprint(hash: Sha256) -> Fingerprint {
    let digest = hash.finalize();
    let mut fingerprint = Fingerprint::default();
    fingerprint.copy_from_slice(&digest[..16]);
    fingerprint
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(key: &[u8], value: &str) -> DecodedHeader {
        DecodedHeader { key: key.to_vec(), value: Some(value.into()) }
    }

    fn record() -> SourceRecord {
        SourceRecord {
            offset: 7,
            timestamp: 1,
            key: None,
            value: Some(b"\xff".to_vec()),
            headers: Some(vec![header(TOPIC, "its own"), header(b"x", "")]),
        }
    }

    fn headers_of(record: &mut SourceRecord) -> &mut Vec<DecodedHeader> {
        record.headers.as_mut().expect("they can be read")
    }

    /// The record as it stands in the error topic, with these headers more.
    fn letter(more: &[(&[u8], &str)]) -> SourceRecord {
        let mut letter = record();
        letter.offset = 100;
        headers_of(&mut letter).extend([
            header(TOPIC, "t"),
            header(PARTITION, "3"),
            header(OFFSET, "7"),
            header(CONNECTOR, "c"),
        ]);
        headers_of(&mut letter).extend(more.iter().map(|(key, value)| header(key, value)));
        letter
    }

    fn found(letters: &[SourceRecord]) -> Found {
        let mut all = DeadLetters::default();
        for letter in letters {
            all.add("t", Some("c"), letter);
        }
        all.find(3, &record())
    }

    #[test]
    fn a_record_that_was_sent_once_or_twice_is_found() {
        let faithful = Found::Faithful { objects: Vec::new() };
        assert_eq!(found(&[]), Found::Nowhere);
        assert_eq!(found(&[letter(&[])]), faithful);
        assert_eq!(found(&[letter(&[]), letter(&[])]), faithful);
    }

    #[test]
    fn letters_of_other_topics_connectors_and_programs_are_none() {
        let mut all = DeadLetters::default();
        assert!(!all.add("u", None, &letter(&[])));
        assert!(!all.add("t", Some("d"), &letter(&[])));
        assert!(!all.add("t", None, &SourceRecord { headers: Some(Vec::new()), ..record() }));
        let mut broken = letter(&[]);
        headers_of(&mut broken)[4].value = Some(b"x".to_vec());
        assert!(!all.add("t", None, &broken));
        assert!(all.0.is_empty());
    }

    #[test]
    fn a_record_whose_headers_cannot_be_read_stands_without_them() {
        let original = SourceRecord { headers: None, ..record() };
        for (kept, expected) in [(0, true), (1, false)] {
            let mut all = DeadLetters::default();
            let mut letter = letter(&[]);
            headers_of(&mut letter).drain(..2 - kept);
            assert!(all.add("t", None, &letter));
            let is_faithful = all.find(3, &original) == Found::Faithful { objects: Vec::new() };
            assert_eq!(is_faithful, expected);
        }
        assert!(!DeadLetters::default().add("t", None, &original), "whose it is cannot be told");
    }

    #[test]
    fn any_copy_that_differs_is_found() {
        type Change = fn(&mut SourceRecord);
        let changes: [Change; 4] = [
            |letter| letter.key = Some(Vec::new()),
            |letter| letter.value = None,
            |letter| headers_of(letter)[1].value = None,
            |letter| drop(headers_of(letter).remove(0)),
        ];
        for change in changes {
            let mut altered = letter(&[]);
            change(&mut altered);
            assert!(matches!(found(&[letter(&[]), altered]), Found::Altered(_)));
        }
    }

    #[test]
    fn a_record_of_which_only_the_place_is_kept_is_told_as_such() {
        let mut place = letter(&[(UNFETCHED, "110000000")]);
        (place.key, place.value) = (None, None);
        headers_of(&mut place).drain(..2);
        let Found::Altered(why) = found(&[place]) else { panic!("it is not faithful") };
        assert!(why.contains("too large to be fetched"), "{why}");
    }

    #[test]
    fn a_detached_value_is_named_if_its_size_is_right() {
        let detached = |size| letter(&[(VALUE_OBJECT, "o"), (VALUE_SIZE, size)]);
        assert_eq!(found(&[detached("1")]), Found::Faithful { objects: vec!["o".into()] });
        assert!(matches!(found(&[detached("2")]), Found::Altered(_)));
        let mut all = DeadLetters::default();
        all.add("t", None, &detached("1"));
        assert_eq!(all.objects(3).collect::<Vec<_>>(), ["o"]);
        assert_eq!(all.objects(4).count(), 0);
    }
}
