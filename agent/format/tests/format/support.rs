//! Records of any bytes, and their way into an object and out of it.

use std::io;

use kafka2oss_format::{
    Compression, DecodedHeader, DecodedRecord, DecodedValue, Decoder, Encoder, EncoderSettings,
    Encoding, Header, NotText, Record, TextEncoding, Value, compress, reader,
};
use proptest::prelude::*;

/// What an object is written with.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) encoding: Encoding,
    pub(crate) key_encoding: TextEncoding,
    pub(crate) value_encoding: TextEncoding,
    pub(crate) include_headers: bool,
}

/// Any settings with which any record can be written.
pub(crate) fn settings() -> impl Strategy<Value = Settings> {
    settings_with(encoding())
}

/// The same, but compressed.
pub(crate) fn compressed() -> impl Strategy<Value = Settings> {
    let encodings = Encoding::ALL.into_iter();
    let compressed: Vec<_> =
        encodings.filter(|encoding| encoding.compression != Compression::None).collect();
    settings_with(prop::sample::select(compressed))
}

pub(crate) fn encoding() -> impl Strategy<Value = Encoding> {
    prop::sample::select(Encoding::ALL.to_vec())
}

fn settings_with(encoding: impl Strategy<Value = Encoding>) -> impl Strategy<Value = Settings> {
    let text = || prop::sample::select(vec![TextEncoding::Base64, TextEncoding::Utf8OrBase64]);
    (encoding, text(), text(), any::<bool>()).prop_map(
        |(encoding, key_encoding, value_encoding, include_headers)| Settings {
            encoding,
            key_encoding,
            value_encoding,
            include_headers,
        },
    )
}

/// Any bytes, and as often text, since random bytes hardly ever are.
pub(crate) fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![any::<Vec<u8>>(), any::<String>().prop_map(String::into_bytes)]
}

pub(crate) const TOPIC: &str = "a.b_c-d";
pub(crate) const PARTITION: i32 = 7;

/// Any record of the topic and partition.
pub(crate) fn record() -> impl Strategy<Value = DecodedRecord> {
    let header =
        (bytes(), prop::option::of(bytes())).prop_map(|(key, value)| DecodedHeader { key, value });
    let value = prop_oneof![
        1 => Just((false, DecodedValue::Absent, 0)),
        4 => bytes().prop_map(|value| {
            let size = value.len() as u64;
            (false, DecodedValue::Bytes(value), size)
        }),
        1 => any::<u64>().prop_map(|size| (true, DecodedValue::Absent, size)),
        1 => (any::<String>(), any::<u64>())
            .prop_map(|(key, size)| (true, DecodedValue::Object(key), size)),
    ];
    (
        prop::option::of(prop::collection::vec(header, 1..4)),
        prop::option::of(bytes()),
        any::<i64>(),
        any::<i64>(),
        value,
    )
        .prop_map(|(headers, key, offset, timestamp, (overflow, value, value_size))| {
            DecodedRecord {
                headers,
                key,
                offset,
                overflow,
                partition: PARTITION,
                timestamp,
                topic: TOPIC.to_owned(),
                value,
                value_size,
            }
        })
}

/// The body of an object with these records, and those refused.
pub(crate) fn body(settings: &Settings, records: &[DecodedRecord]) -> (Vec<u8>, Vec<NotText>) {
    let encoder = Encoder::new(EncoderSettings {
        topic: TOPIC,
        partition: PARTITION,
        format: settings.encoding.format,
        key_encoding: settings.key_encoding,
        value_encoding: settings.value_encoding,
        include_headers: settings.include_headers,
    });
    let mut body = Vec::new();
    let mut refused = Vec::new();
    for record in records {
        let headers: Vec<_> = record
            .headers
            .iter()
            .flatten()
            .map(|header| Header { key: &header.key, value: header.value.as_deref() })
            .collect();
        let size = record.value_size;
        let record = Record {
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.as_deref(),
            value: match &record.value {
                DecodedValue::Bytes(bytes) => Value::Bytes(bytes),
                DecodedValue::Object(object_key) => Value::Spilled { object_key, size },
                DecodedValue::Absent if record.overflow => Value::Omitted { size },
                DecodedValue::Absent => Value::Null,
            },
            headers: &headers,
        };
        refused.extend(encoder.append(&mut body, &record).err());
    }
    encoder.finish(&mut body);
    (body, refused)
}

/// The stored bytes of an object with these records, all of which can be
/// written.
pub(crate) fn store(settings: &Settings, records: &[DecodedRecord]) -> Vec<u8> {
    let (body, refused) = body(settings, records);
    assert_eq!(refused, []);
    compress(settings.encoding.compression, body).unwrap()
}

/// The records of an object.
pub(crate) fn load(encoding: Encoding, stored: &[u8]) -> io::Result<Vec<DecodedRecord>> {
    let body = reader(encoding.compression, stored)?;
    Decoder::new(encoding.format, body).collect::<Result<_, _>>().map_err(io::Error::other)
}
