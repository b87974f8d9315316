//! Objects of records, of which anyone may have changed the bytes.

use bolero::TypeGenerator;
use bolero::generator::produce;
use kafka2oss_format::{
    DecodedHeader, DecodedRecord, DecodedValue, Decoder, Encoder, EncoderSettings, Encoding,
    Header, Record, TextEncoding, Value, compress, reader,
};
use kafka2oss_fuzz::Near;

const MAX_LINE_BYTES: u64 = 1 << 12;

const WORDS: [&str; 22] = [
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "\"",
    "\n",
    ",\n",
    "}]",
    "null",
    "true",
    "1e9",
    "-1",
    "18446744073709551616",
    "\\ud800",
    "\\u0000",
    "\"key\":\"\",",
    "\"valueBase64\":\"/w==\",",
    "\"overflowFlag\":true,",
    "{\"a\":[",
    "====",
];

/// Bytes or none, and as often text, which bytes at random hardly ever are.
#[derive(Debug, TypeGenerator)]
enum Bytes {
    None,
    Text(String),
    Any(Vec<u8>),
}

impl Bytes {
    fn get(&self) -> Option<&[u8]> {
        match self {
            Self::None => None,
            Self::Text(text) => Some(text.as_bytes()),
            Self::Any(bytes) => Some(bytes),
        }
    }
}

#[derive(Debug, TypeGenerator)]
enum GivenValue {
    Here(Bytes),
    Omitted(u64),
    Spilled(String, u64),
}

#[derive(Debug, TypeGenerator)]
struct GivenRecord {
    offset: i64,
    timestamp: i64,
    key: Bytes,
    value: GivenValue,
    #[generator(produce::<Vec<(Bytes, Bytes)>>().with().len(0_usize..=2))]
    headers: Vec<(Bytes, Bytes)>,
}

#[derive(Debug, TypeGenerator)]
struct Given {
    encoding: u8,
    #[generator(produce::<Vec<GivenRecord>>().with().len(0_usize..=3))]
    records: Vec<GivenRecord>,
    /// What becomes of the body before it is compressed.
    near_body: Near,
    /// What becomes of the object's bytes, as far as anything does.
    near_object: Option<Near>,
}

#[test]
fn records_that_an_object_gives_are_ones_that_can_be_written() {
    bolero::check!().with_type().for_each(|given: &Given| {
        let encoding = Encoding::ALL[usize::from(given.encoding) % 6];
        let right = body(encoding, given.records.iter().map(GivenRecord::get));
        let near = given.near_body.to(right, &WORDS);
        let mut object = compress(encoding.compression, near).unwrap();
        if let Some(near) = &given.near_object {
            object = near.to(object, &WORDS);
        }
        for record in decode(encoding, &object) {
            assert_eq!(decode(encoding, &rewritten(encoding, &record)), [record]);
        }
    });
}

/// The records of an object up to the first error.
fn decode(encoding: Encoding, object: &[u8]) -> Vec<DecodedRecord> {
    let content = reader(encoding.compression, object).unwrap();
    let mut decoder = Decoder::new(encoding.format, content).with_max_line_bytes(MAX_LINE_BYTES);
    let records = decoder.by_ref().map_while(Result::ok).collect();
    // At its end, or at an error, where it ends, too.
    assert!(decoder.next().is_none());
    records
}

fn rewritten(encoding: Encoding, record: &DecodedRecord) -> Vec<u8> {
    let headers = record.headers.iter().flatten();
    let headers: Vec<_> = headers
        .map(|DecodedHeader { key, value }| Header { key, value: value.as_deref() })
        .collect();
    let size = record.value_size;
    let value = match &record.value {
        DecodedValue::Bytes(bytes) => Value::Bytes(bytes),
        DecodedValue::Object(object_key) => Value::Spilled { object_key, size },
        DecodedValue::Absent if record.overflow => Value::Omitted { size },
        DecodedValue::Absent => Value::Null,
    };
    let DecodedRecord { offset, timestamp, ref topic, partition, .. } = *record;
    let key = record.key.as_deref();
    let written = Record { offset, timestamp, key, value, headers: &headers };
    let encoder = encoder(encoding, topic, partition);
    let mut body = Vec::new();
    encoder.append(&mut body, &written).unwrap();
    encoder.finish(&mut body);
    compress(encoding.compression, body).unwrap()
}

impl GivenRecord {
    fn get(&self) -> (Record<'_>, Vec<Header<'_>>) {
        let Self { offset, timestamp, key, value, headers } = self;
        let headers = headers
            .iter()
            .map(|(key, value)| Header { key: key.get().unwrap_or_default(), value: value.get() });
        let value = match value {
            GivenValue::Here(bytes) => bytes.get().map_or(Value::Null, Value::Bytes),
            GivenValue::Omitted(size) => Value::Omitted { size: *size },
            GivenValue::Spilled(object_key, size) => Value::Spilled { object_key, size: *size },
        };
        let (offset, timestamp, key) = (*offset, *timestamp, key.get());
        (Record { offset, timestamp, key, value, headers: &[] }, headers.collect())
    }
}

fn body<'a>(
    encoding: Encoding,
    records: impl Iterator<Item = (Record<'a>, Vec<Header<'a>>)>,
) -> Vec<u8> {
    let encoder = encoder(encoding, "t", 3);
    let mut body = Vec::new();
    for (record, headers) in records {
        encoder.append(&mut body, &Record { headers: &headers, ..record }).unwrap();
    }
    encoder.finish(&mut body);
    body
}

/// Takes every record.
fn encoder(encoding: Encoding, topic: &str, partition: i32) -> Encoder {
    Encoder::new(EncoderSettings {
        topic,
        partition,
        format: encoding.format,
        key_encoding: TextEncoding::Utf8OrBase64,
        value_encoding: TextEncoding::Utf8OrBase64,
        include_headers: true,
    })
}
