//! A record of an object beside its original.

use kafka2oss_format::{DecodedHeader, DecodedRecord, DecodedValue};

/// A record as the topic has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceRecord {
    pub(crate) offset: i64,
    /// Milliseconds since 1970; -1 when it has none.
    pub(crate) timestamp: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    /// In order, whatever their bytes are; `None` when they cannot be read.
    pub(crate) headers: Option<Vec<DecodedHeader>>,
}

impl SourceRecord {
    /// Bytes of its parts.
    pub(crate) fn size(&self) -> usize {
        let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        let headers = self.headers.iter().flatten();
        let headers: usize = headers.map(|header| header.key.len() + length(&header.value)).sum();
        length(&self.key) + length(&self.value) + headers
    }
}

/// What a record has to be besides what its original says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expectation {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    /// Values above this many bytes overflow, others do not; `None` when that
    /// is not known.
    pub(crate) max_value_bytes: Option<u64>,
    /// Records stand with their headers.
    pub(crate) include_headers: bool,
}

/// The fields in which a record differs from its original. A value in an object
/// of its own is not looked at.
pub(crate) fn differences(
    source: &SourceRecord,
    found: &DecodedRecord,
    expectation: &Expectation,
) -> Vec<&'static str> {
    let size = source.value.as_ref().map_or(0, |value| value.len() as u64);
    // Nobody leaves out what is not there.
    let overflow = match expectation.max_value_bytes {
        Some(limit) => size > limit,
        None => found.overflow && source.value.is_some(),
    };
    let value = match &found.value {
        DecodedValue::Bytes(value) => source.value.as_ref() == Some(value),
        DecodedValue::Absent => found.overflow || source.value.is_none(),
        DecodedValue::Object(_) => true,
    };
    let headers = match (&found.headers, &source.headers) {
        (Some(headers), Some(originals)) => headers == originals,
        // What the connector cannot read either it has from nowhere.
        (Some(_), None) => false,
        (None, Some(originals)) => !expectation.include_headers || originals.is_empty(),
        (None, None) => !expectation.include_headers,
    };
    [
        ("headers", headers),
        ("key", found.key == source.key),
        ("overflowFlag", found.overflow == overflow),
        ("partition", found.partition == expectation.partition),
        ("timestamp", found.timestamp == source.timestamp),
        ("topic", found.topic == expectation.topic),
        ("value", value),
        ("valueSize", found.value_size == size),
    ]
    .into_iter()
    .filter_map(|(field, is_right)| (!is_right).then_some(field))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expectation() -> Expectation {
        Expectation {
            topic: "t".into(),
            partition: 3,
            max_value_bytes: Some(5),
            include_headers: true,
        }
    }

    fn header(value: &str) -> DecodedHeader {
        DecodedHeader { key: b"h".to_vec(), value: Some(value.into()) }
    }

    fn pair(value: Option<&str>) -> (SourceRecord, DecodedRecord) {
        let value = value.map(|value| value.as_bytes().to_vec());
        let headers = vec![header("1")];
        let source = SourceRecord {
            offset: 7,
            timestamp: 9,
            key: Some(b"k".to_vec()),
            value: value.clone(),
            headers: Some(headers.clone()),
        };
        let found = DecodedRecord {
            headers: Some(headers),
            key: Some(b"k".to_vec()),
            offset: 7,
            overflow: false,
            partition: 3,
            timestamp: 9,
            topic: "t".into(),
            value_size: value.as_ref().map_or(0, |value| value.len() as u64),
            value: value.map_or(DecodedValue::Absent, DecodedValue::Bytes),
        };
        (source, found)
    }

    #[test]
    fn a_faithful_record_has_no_difference() {
        for value in [None, Some(""), Some("12345")] {
            let (source, found) = pair(value);
            assert!(differences(&source, &found, &expectation()).is_empty(), "{value:?}");
        }
    }

    #[test]
    fn each_field_that_differs_is_named() {
        type Change = fn(&mut DecodedRecord);
        let changes: [(&str, Change); 9] = [
            ("headers", |found| found.headers = Some(vec![header("2")])),
            ("headers", |found| found.headers = None),
            ("key", |found| found.key = None),
            ("partition", |found| found.partition = 4),
            ("timestamp", |found| found.timestamp = -1),
            ("topic", |found| found.topic = "u".into()),
            ("value", |found| found.value = DecodedValue::Absent),
            ("value", |found| found.value = DecodedValue::Bytes(b"124".to_vec())),
            ("valueSize", |found| found.value_size = 4),
        ];
        for (field, change) in changes {
            let (source, mut found) = pair(Some("123"));
            change(&mut found);
            assert_eq!(differences(&source, &found, &expectation()), [field]);
        }
    }

    #[test]
    fn an_omitted_value_has_its_size_and_flag() {
        let (source, mut found) = pair(Some("123456"));
        assert_eq!(differences(&source, &found, &expectation()), ["overflowFlag"]);
        found.overflow = true;
        found.value = DecodedValue::Absent;
        assert!(differences(&source, &found, &expectation()).is_empty());
        found.value_size = 5;
        assert_eq!(differences(&source, &found, &expectation()), ["valueSize"]);

        let (source, mut found) = pair(Some("123"));
        found.overflow = true;
        found.value = DecodedValue::Absent;
        assert_eq!(differences(&source, &found, &expectation()), ["overflowFlag"]);
        let unknown = Expectation { max_value_bytes: None, ..expectation() };
        assert!(differences(&source, &found, &unknown).is_empty(), "the limit is not known");
        let (source, mut found) = pair(None);
        found.overflow = true;
        assert_eq!(differences(&source, &found, &unknown), ["overflowFlag"], "null");
    }

    #[test]
    fn headers_may_be_left_out_unless_they_are_to_be_there() {
        let (source, mut found) = pair(Some("1"));
        found.headers = None;
        let lenient = Expectation { include_headers: false, ..expectation() };
        assert!(differences(&source, &found, &lenient).is_empty());
    }

    #[test]
    fn headers_that_cannot_be_read_are_nowhere_taken_for_none() {
        let (mut source, mut found) = pair(Some("1"));
        source.headers = None;
        for (headers, include_headers, differ) in [
            (Some(vec![header("1")]), true, true),
            (Some(Vec::new()), true, true),
            (Some(Vec::new()), false, true),
            (None, true, true),
            (None, false, false),
        ] {
            found.headers = headers;
            let fields =
                differences(&source, &found, &Expectation { include_headers, ..expectation() });
            assert_eq!(fields == ["headers"], differ, "{found:?} {include_headers}");
        }
    }
}
