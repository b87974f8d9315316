//! The judge: does each produced record stand in the objects exactly once, as
//! it was, and in order?

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use anyhow::{Result, ensure};
use serde_json::{Map, Value};

use crate::bucket::{Bucket, ObjectRecords};
use crate::produce::Produced;

/// Partition and offset.
pub type Position = (i32, i64);

/// How many findings of a kind a message lists.
const LISTED: usize = 10;

/// What the connector was set to, as far as it shows in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judge {
    /// A longer value is absent and flagged. The product's default: 6 MiB.
    pub max_value_bytes: usize,
}

impl Default for Judge {
    fn default() -> Self {
        Self { max_value_bytes: 6 * 1024 * 1024 }
    }
}

/// What the judge found. All but the two counts are faults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// How many deliverable records (key and value are UTF-8) were produced.
    pub produced: usize,
    /// How many records stand in the objects.
    pub found: usize,
    /// Produced, but in no object.
    pub missing: BTreeSet<Position>,
    /// In the objects more than once: the keys of all objects that hold it.
    pub duplicated: BTreeMap<Position, Vec<String>>,
    /// Not as produced: the object, what is there and what should be.
    pub altered: BTreeMap<Position, String>,
    /// In a partition's sequence of objects behind a higher offset.
    pub out_of_order: BTreeSet<Position>,
    /// In an object, but never produced, not deliverable, or no record at all.
    pub unexpected: Vec<String>,
}

impl Judge {
    /// Compares what was produced with what stands in objects. The order of the
    /// two lists does not matter.
    pub fn judge(&self, produced: &[Produced], objects: &[ObjectRecords]) -> Judgement {
        let expected: HashMap<Position, &Produced> = produced
            .iter()
            .filter(|record| is_deliverable(record))
            .map(|record| ((record.partition, record.offset), record))
            .collect();
        let mut judgement = Judgement {
            produced: expected.len(),
            missing: expected.keys().copied().collect(),
            ..Judgement::default()
        };
        let mut holders: HashMap<Position, &str> = HashMap::with_capacity(expected.len());
        let mut highest: HashMap<i32, i64> = HashMap::new();

        for object in in_chain_order(objects) {
            for (index, found) in object.records.iter().enumerate() {
                judgement.found += 1;
                let key = &object.key;
                let Some(position) = position(found) else {
                    let entry = format!("{key}[{index}]: no partition and offset: {found}");
                    judgement.unexpected.push(entry);
                    continue;
                };
                if let Some(first) = holders.insert(position, key) {
                    let all = judgement
                        .duplicated
                        .entry(position)
                        .or_insert_with(|| vec![first.to_owned()]);
                    all.push(key.clone());
                } else {
                    let highest = highest.entry(position.0).or_insert(-1);
                    if position.1 < *highest {
                        judgement.out_of_order.insert(position);
                    }
                    *highest = position.1.max(*highest);
                }
                let Some(record) = expected.get(&position) else {
                    let entry = format!("{key}[{index}]: not produced or not deliverable: {found}");
                    judgement.unexpected.push(entry);
                    continue;
                };
                judgement.missing.remove(&position);
                let right = self.expected_json(record);
                if *found != right {
                    let entry = format!("{key}[{index}] is {found}, should be {right}");
                    judgement.altered.insert(position, entry);
                }
            }
        }
        judgement
    }

    /// Reads all objects under `prefix` and judges them.
    pub async fn judge_bucket(
        &self,
        produced: &[Produced],
        bucket: &Bucket,
        prefix: &str,
    ) -> Result<Judgement> {
        Ok(self.judge(produced, &bucket.records(prefix).await?))
    }

    /// The record as it must stand in a JSON object. Key and value must be
    /// UTF-8; one that is not is left out here.
    fn expected_json(&self, record: &Produced) -> Value {
        let text = |bytes: &Option<Vec<u8>>| {
            let bytes = bytes.as_deref()?;
            str::from_utf8(bytes).ok().map(Value::from)
        };
        let size = record.value.as_ref().map_or(0, Vec::len);
        let overflow = size > self.max_value_bytes;
        let mut json = Map::new();
        json.extend(text(&record.key).map(|key| ("key".to_owned(), key)));
        json.insert("offset".into(), record.offset.into());
        json.insert("overflowFlag".into(), overflow.into());
        json.insert("partition".into(), record.partition.into());
        json.insert("timestamp".into(), record.timestamp.into());
        json.insert("topic".into(), record.topic.clone().into());
        if !overflow {
            json.extend(text(&record.value).map(|value| ("value".to_owned(), value)));
        }
        json.insert("valueSize".into(), size.into());
        Value::Object(json)
    }
}

impl Judgement {
    /// Whether each deliverable record stands in the objects once, unaltered, in
    /// order, and nothing else does.
    pub fn is_exactly_once(&self) -> bool {
        self.missing.is_empty()
            && self.duplicated.is_empty()
            && self.altered.is_empty()
            && self.out_of_order.is_empty()
            && self.unexpected.is_empty()
    }

    /// An error that lists the faults, if there are others than records that stand more
    /// than once.
    pub fn at_least_once(&self) -> Result<()> {
        let once = Self { duplicated: BTreeMap::new(), ..self.clone() };
        ensure!(once.is_exactly_once(), "{self}");
        Ok(())
    }

    /// An error that lists the faults, if there are any.
    pub fn exactly_once(&self) -> Result<()> {
        ensure!(self.is_exactly_once(), "{self}");
        Ok(())
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} produced, {} found", self.produced, self.found)?;
        let missing = ranges(&self.missing);
        list(f, "missing", self.missing.len(), missing.into_iter())?;
        let duplicated = self.duplicated.iter().map(|((partition, offset), keys)| {
            format!("partition {partition} offset {offset} in {}", keys.join(", "))
        });
        list(f, "duplicated", self.duplicated.len(), duplicated)?;
        list(f, "altered", self.altered.len(), self.altered.values())?;
        let disordered = ranges(&self.out_of_order);
        list(f, "out of order", self.out_of_order.len(), disordered.into_iter())?;
        list(f, "unexpected", self.unexpected.len(), self.unexpected.iter())
    }
}

fn list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    count: usize,
    mut entries: impl Iterator<Item = T>,
) -> fmt::Result {
    writeln!(f, "{count} {what}")?;
    for entry in entries.by_ref().take(LISTED) {
        writeln!(f, "  {entry}")?;
    }
    let left = entries.count();
    if left > 0 {
        writeln!(f, "  and {left} more")?;
    }
    Ok(())
}

/// Gaps as `partition 0 offsets 5 to 9`.
fn ranges(positions: &BTreeSet<Position>) -> Vec<String> {
    let mut ranges: Vec<(i32, i64, i64)> = Vec::new();
    for &(partition, offset) in positions {
        match ranges.last_mut() {
            Some((p, _, last)) if *p == partition && *last + 1 == offset => *last = offset,
            _ => ranges.push((partition, offset, offset)),
        }
    }
    let text =
        |(partition, first, last)| format!("partition {partition} offsets {first} to {last}");
    ranges.into_iter().map(text).collect()
}

/// By the first record, whatever the layout of keys is: in a sound chain each
/// object begins behind the end of the one before.
fn in_chain_order(objects: &[ObjectRecords]) -> Vec<&ObjectRecords> {
    let mut ordered: Vec<_> = objects.iter().collect();
    ordered.sort_by_key(|object| (object.records.first().and_then(position), &object.key));
    ordered
}

fn position(record: &Value) -> Option<Position> {
    let partition = record.get("partition")?.as_i64()?;
    Some((i32::try_from(partition).ok()?, record.get("offset")?.as_i64()?))
}

fn is_deliverable(record: &Produced) -> bool {
    let is_text = |bytes: &Option<Vec<u8>>| {
        bytes.as_deref().is_none_or(|bytes| str::from_utf8(bytes).is_ok())
    };
    is_text(&record.key) && is_text(&record.value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Judge, Judgement, Position};
    use crate::bucket::ObjectRecords;
    use crate::produce::Produced;

    const TIMESTAMP: i64 = 1_603_779_578_478;

    fn produced((partition, offset): Position) -> Produced {
        Produced {
            topic: "Test".into(),
            partition,
            offset,
            timestamp: TIMESTAMP,
            key: Some(b"123".to_vec()),
            value: Some(format!("value {offset}").into_bytes()),
        }
    }

    fn object(key: &str, positions: impl IntoIterator<Item = Position>) -> ObjectRecords {
        let record = |(partition, offset)| {
            let value = format!("value {offset}");
            json!({
                "key": "123", "offset": offset, "overflowFlag": false, "partition": partition,
                "timestamp": TIMESTAMP, "topic": "Test", "valueSize": value.len(), "value": value,
            })
        };
        ObjectRecords { key: key.into(), records: positions.into_iter().map(record).collect() }
    }

    fn at(partition: i32, offsets: impl IntoIterator<Item = i64>) -> Vec<Position> {
        let position = |offset| (partition, offset);
        offsets.into_iter().map(position).collect()
    }

    /// Two partitions of ten records.
    fn all() -> Vec<Produced> {
        let positions = [at(0, 0..10), at(1, 0..10)].concat();
        positions.into_iter().map(produced).collect()
    }

    /// What stands for [`all`] without a fault.
    fn sound() -> Vec<ObjectRecords> {
        vec![
            object("b", at(0, 4..10)),
            object("a", at(0, 0..4)),
            object("c", at(1, 0..10)),
            object("empty", []),
        ]
    }

    fn judge(objects: &[ObjectRecords]) -> Judgement {
        Judge::default().judge(&all(), objects)
    }

    #[test]
    fn sound_objects_have_no_fault() {
        let judgement = judge(&sound());

        assert!(judgement.is_exactly_once(), "{judgement}");
        assert_eq!((judgement.produced, judgement.found), (20, 20));
    }

    #[test]
    fn a_lost_object_is_missing_records_and_nothing_else() {
        let mut objects = sound();
        objects.remove(0);

        let judgement = judge(&objects);

        let expected = Judgement {
            produced: 20,
            found: 14,
            missing: at(0, 4..10).into_iter().collect(),
            ..Judgement::default()
        };
        assert_eq!(judgement, expected);
        assert!(judgement.to_string().contains("partition 0 offsets 4 to 9"));
        assert!(judgement.exactly_once().is_err());
    }

    #[test]
    fn a_gap_within_an_object_is_a_missing_record() {
        let mut objects = sound();
        objects[2].records.remove(5);

        assert_eq!(judge(&objects).missing, at(1, [5]).into_iter().collect());
    }

    #[test]
    fn an_overlap_is_duplicated_records_with_the_objects_that_hold_them() {
        let mut objects = sound();
        objects.push(object("overlap", at(0, 2..6)));

        let judgement = judge(&objects);

        let positions: Vec<_> = judgement.duplicated.keys().copied().collect();
        assert_eq!(positions, at(0, 2..6));
        assert_eq!(judgement.duplicated[&(0, 3)], ["a", "overlap"]);
        assert!(judgement.missing.is_empty() && judgement.out_of_order.is_empty());
    }

    #[test]
    fn a_record_twice_in_one_object_is_duplicated() {
        let mut objects = sound();
        let again = objects[1].records[3].clone();
        objects[1].records.push(again);

        assert_eq!(judge(&objects).duplicated[&(0, 3)], ["a", "a"]);
    }

    #[test]
    fn a_change_of_any_field_is_an_altered_record() {
        let changes = [
            ("key", json!("124")),
            ("overflowFlag", json!(true)),
            ("timestamp", json!(TIMESTAMP + 1)),
            ("topic", json!("test")),
            ("value", json!("value X")),
            ("value", json!(null)),
            ("valueSize", json!(8)),
            ("more", json!(1)),
        ];
        for (field, value) in changes {
            let mut objects = sound();
            objects[1].records[2][field] = value;

            let judgement = judge(&objects);

            let altered: Vec<_> = judgement.altered.keys().copied().collect();
            assert_eq!(altered, at(0, [2]), "{field}");
            assert!(!judgement.is_exactly_once());
        }
    }

    #[test]
    fn swapped_records_are_out_of_order() {
        let mut objects = sound();
        objects[2].records.swap(4, 5);

        let judgement = judge(&objects);

        assert_eq!(judgement.out_of_order, at(1, [4]).into_iter().collect());
        assert!(!judgement.is_exactly_once());
    }

    #[test]
    fn interleaved_objects_are_out_of_order() {
        let objects = [
            object("even", at(0, [0, 2, 4, 6, 8])),
            object("odd", at(0, [1, 3, 5, 7, 9])),
            object("c", at(1, 0..10)),
        ];

        let judgement = judge(&objects);

        assert_eq!(judgement.out_of_order, at(0, [1, 3, 5, 7]).into_iter().collect());
        assert!(judgement.missing.is_empty() && judgement.duplicated.is_empty());
    }

    #[test]
    fn what_was_not_produced_is_unexpected() {
        let mut objects = sound();
        objects.push(object("beyond", at(1, [10])));
        objects[3].records.push(json!({"no": "record"}));

        let judgement = judge(&objects);

        assert_eq!(judgement.unexpected.len(), 2, "{judgement}");
        assert!(!judgement.is_exactly_once());
    }

    #[test]
    fn absent_keys_tombstones_and_overflow_have_their_documented_form() {
        let bare = Produced { key: None, value: None, ..produced((0, 0)) };
        let long = Produced { value: Some(b"too long".to_vec()), ..produced((0, 1)) };
        let objects = [ObjectRecords {
            key: "a".into(),
            records: vec![
                json!({"offset": 0, "overflowFlag": false, "partition": 0,
                    "timestamp": TIMESTAMP, "topic": "Test", "valueSize": 0}),
                json!({"key": "123", "offset": 1, "overflowFlag": true, "partition": 0,
                    "timestamp": TIMESTAMP, "topic": "Test", "valueSize": 8}),
            ],
        }];

        let judgement = Judge { max_value_bytes: 7 }.judge(&[bare, long], &objects);

        assert!(judgement.is_exactly_once(), "{judgement}");
    }

    #[test]
    fn a_record_that_is_not_utf_8_belongs_in_no_object() {
        let mut bad = produced((0, 3));
        bad.value = Some(vec![0xff]);
        let mut records = all();
        records[3] = bad;

        let judgement = Judge::default().judge(&records, &sound());

        assert_eq!(judgement.produced, 19);
        assert_eq!(judgement.unexpected.len(), 1, "{judgement}");
    }
}
