//! Whether every record that was produced stands in the objects exactly once.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::orders::Produced;
use crate::client::text;

/// Compares what was produced with what stands in the objects.
#[derive(Debug, Default)]
pub(super) struct Judge {
    expected: HashMap<Place, (String, String)>,
    /// How often each expected record was found, as it was produced.
    found: HashMap<Place, u64>,
    /// Records that nobody produced here, or not with this key and value.
    strange: u64,
    /// Objects that are no JSON array of records.
    unreadable: Vec<String>,
    /// Objects read, with their records.
    records: HashMap<String, u64>,
}

type Place = (i32, i64);

/// A record in an object, as far as it is compared.
#[derive(Debug, Deserialize)]
struct Stored {
    partition: i32,
    offset: i64,
    key: Option<String>,
    value: Option<String>,
}

/// What came out, in a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) good: bool,
    pub(super) text: String,
}

impl Judge {
    /// These have to be in the objects.
    pub(super) fn expect(&mut self, produced: Vec<Produced>) {
        self.expected.extend(produced.into_iter().map(|record| {
            let Produced { partition, offset, key, value } = record;
            ((partition, offset), (key, value))
        }));
    }

    /// Whether this object was read.
    pub(super) fn has_read(&self, key: &str) -> bool {
        self.records.contains_key(key)
    }

    /// Records of an object that was read.
    pub(super) fn records_of(&self, key: &str) -> u64 {
        self.records.get(key).copied().unwrap_or(0)
    }

    /// Takes an object's content into account. All records have to be expected
    /// by then.
    pub(super) fn read(&mut self, key: &str, body: &[u8]) {
        let records: Vec<Stored> = match serde_json::from_slice(body) {
            Ok(records) => records,
            Err(_) => {
                self.unreadable.push(key.to_owned());
                Vec::new()
            }
        };
        self.records.insert(key.to_owned(), records.len() as u64);
        for record in records {
            let place = (record.partition, record.offset);
            match self.expected.get(&place) {
                Some((key, value))
                    if record.key.as_ref() == Some(key) && record.value.as_ref() == Some(value) =>
                {
                    *self.found.entry(place).or_default() += 1;
                }
                _ => self.strange += 1,
            }
        }
    }

    /// Whether every expected record was found.
    pub(super) fn is_satisfied(&self) -> bool {
        self.found.len() == self.expected.len()
    }

    /// What came out.
    pub(super) fn verdict(&self) -> Verdict {
        let produced = self.expected.len() as u64;
        let found = self.found.len() as u64;
        let duplicates: u64 = self.found.values().map(|times| times - 1).sum();
        let distinct: HashSet<_> = self.found.keys().collect();
        debug_assert_eq!(distinct.len() as u64, found);
        let objects = text::plural(self.records.len() as u64, "object");
        let mut faults = Vec::new();
        if found < produced {
            faults.push(format!("{} missing", text::count(produced - found)));
        }
        if duplicates > 0 {
            faults.push(format!("{} more than once", text::count(duplicates)));
        }
        if self.strange > 0 {
            faults.push(format!("{} altered or not of this demo", text::count(self.strange)));
        }
        if let Some(key) = self.unreadable.first() {
            let more = text::plural(self.unreadable.len() as u64, "object");
            faults.push(format!("{more} not a JSON array of records, the first is {key}"));
        }
        let produced = text::plural(produced, "record");
        if faults.is_empty() {
            let text = format!(
                "{produced} produced, each exactly once in {objects}: checked by reading them back"
            );
            return Verdict { good: true, text };
        }
        let text = format!("{produced} produced; in {objects}: {}", faults.join(", "));
        Verdict { good: false, text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn produced(offset: i64) -> Produced {
        Produced { partition: 0, offset, key: format!("k{offset}"), value: format!("v{offset}") }
    }

    fn object(offsets: &[i64]) -> String {
        let records: Vec<_> = offsets
            .iter()
            .map(|offset| {
                format!(
                    r#"{{"key":"k{offset}","offset":{offset},"overflowFlag":false,"partition":0,"timestamp":1,"topic":"t","value":"v{offset}","valueSize":2}}"#
                )
            })
            .collect();
        format!("[\n{}\n]\n", records.join(",\n"))
    }

    fn judged(objects: &[&str]) -> Verdict {
        let mut judge = Judge::default();
        judge.expect((0..3).map(produced).collect());
        for (index, object) in objects.iter().enumerate() {
            judge.read(&format!("o{index}"), object.as_bytes());
        }
        judge.verdict()
    }

    #[test]
    fn every_record_once_is_good() {
        let verdict = judged(&[&object(&[0, 1]), "[]", &object(&[2])]);
        assert!(verdict.good);
        assert_eq!(
            verdict.text,
            "3 records produced, each exactly once in 3 objects: checked by reading them back"
        );
    }

    #[test]
    fn everything_else_is_not_and_is_counted() {
        for (objects, fault) in [
            (vec![object(&[0, 2])], "1 missing"),
            (vec![object(&[0, 1]), object(&[1, 2])], "1 more than once"),
            (vec![object(&[0, 1, 2]), object(&[7])], "1 altered or not of this demo"),
            (vec![object(&[0, 1, 2]).replace("v1", "v9")], "1 missing, 1 altered"),
            (vec![object(&[0, 1, 2]), "[{".to_owned()], "the first is o1"),
        ] {
            let objects: Vec<_> = objects.iter().map(String::as_str).collect();
            let verdict = judged(&objects);
            assert!(!verdict.good && verdict.text.contains(fault), "{verdict:?}: {fault}");
        }
    }

    #[test]
    fn it_is_satisfied_when_nothing_is_missing() {
        let mut judge = Judge::default();
        judge.expect(vec![produced(0), produced(1)]);
        judge.read("a", object(&[0]).as_bytes());
        assert!(!judge.is_satisfied() && judge.has_read("a") && judge.records_of("a") == 1);
        judge.read("b", object(&[1]).as_bytes());
        assert!(judge.is_satisfied());
    }
}
