//! A JSON array of records, one record a line:
//! `{"key":"123","offset":4,"overflowFlag":false,"partition":0,"timestamp":1603779578478,"topic":"Test","value":"1","valueSize":1}`.
//!
//! Fields stand in this order, without white space. A null key or value is an
//! absent field; `valueSize` is the value's length in bytes, 0 for null.

use super::{NotUtf8, Part, Record};

/// Encodes the records of one partition.
#[derive(Debug, Clone)]
pub struct JsonArray {
    /// `,"partition":0,"timestamp":`.
    before_timestamp: Vec<u8>,
    /// `,"topic":"Test"`.
    after_timestamp: Vec<u8>,
    max_value_bytes: usize,
}

impl JsonArray {
    /// Extension of an object's key.
    pub const EXTENSION: &str = "json";
    /// Media type of an object.
    pub const CONTENT_TYPE: &str = "application/json";

    /// For records of `partition` of `topic`; values above `max_value_bytes`
    /// are left out, with `overflowFlag` true.
    pub fn new(topic: &str, partition: i32, max_value_bytes: u64) -> Self {
        let mut after_timestamp = b",\"topic\":".to_vec();
        write_string(&mut after_timestamp, topic);
        Self {
            before_timestamp: format!(",\"partition\":{partition},\"timestamp\":").into_bytes(),
            after_timestamp,
            max_value_bytes: usize::try_from(max_value_bytes).unwrap_or(usize::MAX),
        }
    }

    /// Appends a record to `buffer`, which is empty or holds the records
    /// before it.
    ///
    /// # Errors
    /// When the key, or a value that is not left out, is not UTF-8; `buffer`
    /// is unchanged then.
    pub fn append(&self, buffer: &mut Vec<u8>, record: Record<'_>) -> Result<(), NotUtf8> {
        let key = record.key.map(|key| utf8(Part::Key, key)).transpose()?;
        let overflow = record.value.is_some_and(|value| value.len() > self.max_value_bytes);
        let value = match record.value {
            Some(value) if !overflow => Some(utf8(Part::Value, value)?),
            _ => None,
        };

        buffer.extend_from_slice(if buffer.is_empty() { b"[{" } else { b",\n{" });
        if let Some(key) = key {
            buffer.extend_from_slice(b"\"key\":");
            write_string(buffer, key);
            buffer.push(b',');
        }
        buffer.extend_from_slice(b"\"offset\":");
        write_integer(buffer, record.offset);
        buffer.extend_from_slice(b",\"overflowFlag\":");
        buffer.extend_from_slice(if overflow { b"true" } else { b"false" });
        buffer.extend_from_slice(&self.before_timestamp);
        write_integer(buffer, record.timestamp);
        buffer.extend_from_slice(&self.after_timestamp);
        if let Some(value) = value {
            buffer.extend_from_slice(b",\"value\":");
            write_string(buffer, value);
        }
        buffer.extend_from_slice(b",\"valueSize\":");
        write_integer(buffer, record.value.map_or(0, <[u8]>::len));
        buffer.push(b'}');
        Ok(())
    }

    /// Completes an object: an array without records is `[]`.
    pub fn finish(buffer: &mut Vec<u8>) {
        if buffer.is_empty() {
            buffer.push(b'[');
        }
        buffer.push(b']');
    }
}

fn utf8(part: Part, bytes: &[u8]) -> Result<&str, NotUtf8> {
    std::str::from_utf8(bytes).map_err(|error| NotUtf8 { part, error })
}

fn write_string(buffer: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(buffer, text).expect("a string is written to memory");
}

fn write_integer(buffer: &mut Vec<u8>, number: impl itoa::Integer) {
    buffer.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn encode(json: &JsonArray, records: &[Record<'_>]) -> String {
        let mut buffer = Vec::new();
        for record in records {
            json.append(&mut buffer, *record).unwrap();
        }
        JsonArray::finish(&mut buffer);
        String::from_utf8(buffer).unwrap()
    }

    fn record<'a>(offset: i64, key: Option<&'a str>, value: Option<&'a str>) -> Record<'a> {
        let (key, value) = (key.map(str::as_bytes), value.map(str::as_bytes));
        Record { offset, timestamp: 1_603_779_578_478, key, value }
    }

    #[test]
    fn a_record_has_exactly_the_documented_form() {
        let json = JsonArray::new("Test", 0, 100);
        assert_eq!(
            encode(&json, &[record(4, Some("123"), Some("1"))]),
            r#"[{"key":"123","offset":4,"overflowFlag":false,"partition":0,"timestamp":1603779578478,"topic":"Test","value":"1","valueSize":1}]"#
        );
    }

    #[test]
    fn a_null_key_or_value_is_an_absent_field() {
        let json = JsonArray::new("Test", 0, 100);
        assert_eq!(
            encode(&json, &[record(4, None, None), record(5, Some(""), Some(""))]),
            r#"[{"offset":4,"overflowFlag":false,"partition":0,"timestamp":1603779578478,"topic":"Test","valueSize":0},
{"key":"","offset":5,"overflowFlag":false,"partition":0,"timestamp":1603779578478,"topic":"Test","value":"","valueSize":0}]"#
        );
    }

    #[test]
    fn a_value_above_the_limit_is_left_out_with_its_length() {
        let json = JsonArray::new("Test", 0, 3);
        assert_eq!(
            encode(&json, &[record(4, None, Some("1234"))]),
            r#"[{"offset":4,"overflowFlag":true,"partition":0,"timestamp":1603779578478,"topic":"Test","valueSize":4}]"#
        );
        assert!(encode(&json, &[record(4, None, Some("123"))]).contains("\"overflowFlag\":false"));
    }

    #[test]
    fn no_records_are_an_empty_array() {
        assert_eq!(encode(&JsonArray::new("Test", 0, 3), &[]), "[]");
    }

    #[test]
    fn what_is_not_utf8_is_refused_and_leaves_no_trace() {
        let json = JsonArray::new("Test", 0, 3);
        let mut buffer = b"[{}".to_vec();
        let bad = Record { offset: 1, timestamp: 0, key: Some(b"ok"), value: Some(b"a\xff") };
        assert_eq!(json.append(&mut buffer, bad).unwrap_err().part, Part::Value);
        let bad = Record { key: Some(b"\xff"), ..bad };
        assert_eq!(json.append(&mut buffer, bad).unwrap_err().part, Part::Key);
        assert_eq!(buffer, b"[{}");
    }

    proptest! {
        #[test]
        fn what_a_json_reader_reads_is_what_was_given(
            offset in 0_i64.., timestamp: i64, key: Option<String>, value: Option<String>,
        ) {
            let json = JsonArray::new("a.b_c-d", 7, 1 << 20);
            let given = Record {
                offset, timestamp,
                key: key.as_deref().map(str::as_bytes),
                value: value.as_deref().map(str::as_bytes),
            };
            let read: serde_json::Value = serde_json::from_str(&encode(&json, &[given])).unwrap();
            let read = &read[0];
            prop_assert_eq!(read["offset"].as_i64(), Some(offset));
            prop_assert_eq!(read["timestamp"].as_i64(), Some(timestamp));
            prop_assert_eq!(read.get("key").and_then(|key| key.as_str()), key.as_deref());
            prop_assert_eq!(read.get("value").and_then(|value| value.as_str()), value.as_deref());
            prop_assert_eq!(
                read["valueSize"].as_u64(), Some(value.map_or(0, |value| value.len() as u64)));
        }
    }
}
