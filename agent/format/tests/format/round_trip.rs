//! What was written is what is read.

use kafka2oss_format::{DecodedRecord, DecodedValue, Encoding, TextEncoding};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{Settings, body, encoding, load, record, settings, store};

fn is_text(record: &DecodedRecord) -> bool {
    let key = record.key.as_deref().unwrap_or_default();
    let value = match &record.value {
        DecodedValue::Bytes(bytes) => bytes.as_slice(),
        DecodedValue::Absent | DecodedValue::Object(_) => b"",
    };
    std::str::from_utf8(key).is_ok() && std::str::from_utf8(value).is_ok()
}

proptest! {
    #[test]
    fn any_records_are_read_as_they_were_written(
        settings in settings(), records in vec(record(), 0..5),
    ) {
        let stored = store(&settings, &records);
        let mut expected = records;
        if !settings.include_headers {
            expected.iter_mut().for_each(|record| record.headers = None);
        }
        prop_assert_eq!(load(settings.encoding, &stored).unwrap(), expected);
    }

    #[test]
    fn what_has_to_be_text_is_written_and_the_rest_leaves_no_trace(
        encoding in encoding(), records in vec(record(), 0..5),
    ) {
        let settings = Settings {
            encoding,
            key_encoding: TextEncoding::Utf8,
            value_encoding: TextEncoding::Utf8,
            include_headers: true,
        };
        let (_, refused) = body(&settings, &records);
        let (text, binary): (Vec<_>, Vec<_>) = records.into_iter().partition(is_text);
        prop_assert_eq!(refused.len(), binary.len());
        let stored = store(&settings, &text);
        prop_assert_eq!(load(encoding, &stored).unwrap(), text);
    }

    #[test]
    fn the_same_records_give_the_same_bytes(
        settings in settings(), records in vec(record(), 0..3),
    ) {
        prop_assert_eq!(store(&settings, &records), store(&settings, &records));
    }

    #[test]
    fn a_line_is_what_a_compact_writer_of_sorted_fields_writes(
        settings in settings(), records in vec(record(), 1..5),
    ) {
        let (body, _) = body(&settings, &records);
        let text = String::from_utf8(body).unwrap();
        prop_assert_eq!(text.lines().count(), records.len());
        for line in text.lines() {
            let record = line.trim_start_matches('[').trim_end_matches([',', ']']);
            let value: serde_json::Value = serde_json::from_str(record).unwrap();
            prop_assert_eq!(serde_json::to_string(&value).unwrap(), record);
        }
    }
}

#[test]
fn an_object_larger_than_every_buffer_is_read_as_it_was_written() {
    // Incompressible by its numbers, and far above a buffer of any reader.
    let record = |offset: i64| {
        let bytes = (0..50_000_u64).map(|index| (index * index * 31 + offset as u64) as u8 ^ 0x80);
        let value: Vec<u8> = bytes.collect();
        DecodedRecord {
            headers: None,
            key: None,
            offset,
            overflow: false,
            partition: crate::support::PARTITION,
            timestamp: -1,
            topic: crate::support::TOPIC.to_owned(),
            value_size: value.len() as u64,
            value: DecodedValue::Bytes(value),
        }
    };
    let records: Vec<_> = (0..20).map(record).collect();
    for encoding in Encoding::ALL {
        let settings = Settings {
            encoding,
            key_encoding: TextEncoding::Base64,
            value_encoding: TextEncoding::Base64,
            include_headers: false,
        };
        assert!(load(encoding, &store(&settings, &records)).unwrap() == records, "{encoding:?}");
    }
}
