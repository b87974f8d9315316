//! Batches of records, and putting them into a body.

use kafka2oss_format::{Encoder, EncoderSettings, Format, Header, Record, TextEncoding, Value};

/// The topic of all records.
pub const TOPIC: &str = "orders.created";

/// What the values of a batch are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// ASCII, of which nothing is to be escaped.
    Plain,
    /// Documents in JSON: about every seventh byte is a quote to be escaped.
    Json,
    /// Chinese text: three bytes a character, nothing to be escaped.
    Chinese,
    /// Words of ASCII and of Chinese in turns, without a pattern.
    Mixed,
    /// Bytes that become base64.
    Binary,
    /// As [`Content::Plain`], in records that have three headers.
    PlainWithHeaders,
}

impl Content {
    /// All there are, with a name each.
    pub const ALL: [(Self, &str); 6] = [
        (Self::Plain, "plain"),
        (Self::Json, "json"),
        (Self::Chinese, "chinese"),
        (Self::Mixed, "mixed"),
        (Self::Binary, "binary"),
        (Self::PlainWithHeaders, "plain_with_headers"),
    ];
}

/// Records, and the encoder and the buffer for them.
#[derive(Debug)]
pub struct Batch {
    encoder: Encoder,
    records: Vec<Record<'static>>,
    body: Vec<u8>,
}

impl Batch {
    /// `count` records with values of `size` bytes each. They live as long as the
    /// process.
    pub fn new(format: Format, content: Content, size: usize, count: usize) -> Self {
        let headers: &'static [Header<'static>] = match content {
            Content::PlainWithHeaders => &HEADERS,
            _ => &[],
        };
        let records: Vec<_> = (0..count)
            .map(|index| Record {
                offset: 1_000_000_000 + index as i64,
                timestamp: 1_767_225_600_000 + 7 * index as i64,
                key: Some(leaked(
                    format!("customer-{:06}", index * 7_919 % 1_000_000).into_bytes(),
                )),
                value: Value::Bytes(leaked(value(content, size, index))),
                headers,
            })
            .collect();
        let encoder = Encoder::new(EncoderSettings {
            topic: TOPIC,
            partition: 3,
            format,
            key_encoding: TextEncoding::Utf8,
            value_encoding: match content {
                Content::Binary => TextEncoding::Base64,
                _ => TextEncoding::Utf8,
            },
            include_headers: true,
        });
        // Room for base64 and for an escape every other byte.
        let body = Vec::with_capacity(count * (size * 3 / 2 + 1_024));
        Self { encoder, records, body }
    }

    /// Records in it.
    pub fn count(&self) -> usize {
        self.records.len()
    }

    /// Bytes of all values.
    pub fn value_bytes(&self) -> usize {
        let length = |record: &Record<'_>| match record.value {
            Value::Bytes(bytes) => bytes.len(),
            _ => 0,
        };
        self.records.iter().map(length).sum()
    }

    /// Appends all records to an empty body, which has room for them.
    pub fn append(&mut self) -> &[u8] {
        self.body.clear();
        for record in &self.records {
            self.encoder.append(&mut self.body, record).expect("the texts are UTF-8");
        }
        &self.body
    }

    /// The encoder, and a body of at least `bytes` bytes that holds the records
    /// again and again, not finished.
    pub fn fill(mut self, bytes: usize) -> (Encoder, Vec<u8>) {
        self.body.clear();
        self.body.reserve_exact(bytes + (64 << 10));
        for record in self.records.iter().cycle() {
            if self.body.len() >= bytes {
                break;
            }
            self.encoder.append(&mut self.body, record).expect("the texts are UTF-8");
        }
        (self.encoder, self.body)
    }
}

const HEADERS: [Header<'static>; 3] = [
    Header { key: b"trace-id", value: Some(b"4bf92f3577b34da6a3ce929d0e0e4736") },
    Header { key: b"source", value: Some(b"checkout") },
    Header { key: b"retries", value: None },
];

fn leaked(bytes: Vec<u8>) -> &'static [u8] {
    bytes.leak()
}

/// A value of `size` bytes that differs from its neighbours'.
fn value(content: Content, size: usize, index: usize) -> Vec<u8> {
    let mut number = Sequence(index as u64);
    let mut value = Vec::with_capacity(size + 64);
    match content {
        Content::Plain | Content::PlainWithHeaders => {
            while value.len() < size {
                value.extend_from_slice(WORDS[number.below(WORDS.len())].as_bytes());
                value.push(b' ');
            }
        }
        Content::Json => {
            value.push(b'{');
            while value.len() < size {
                let (name, word) = (number.below(WORDS.len()), number.below(WORDS.len()));
                let count = number.below(10_000);
                let field = format!(r#""{}":"{}","n":{count},"#, WORDS[name], WORDS[word]);
                value.extend_from_slice(field.as_bytes());
            }
        }
        Content::Chinese => {
            while value.len() < size {
                let character = char::from_u32(0x4e00 + number.below(0x5000) as u32)
                    .expect("these are all CJK unified ideographs");
                value.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            // No character is cut in two.
            value.truncate(size / 3 * 3);
            value.resize(size, b'.');
        }
        Content::Mixed => {
            let mut text = String::new();
            while text.len() < size {
                // So that about half of all 64 bytes are ASCII.
                let is_chinese = number.below(10) == 0;
                text.push_str(if is_chinese { "杭州" } else { WORDS[number.below(WORDS.len())] });
                text.push(' ');
            }
            text.truncate(text.floor_char_boundary(size));
            value = text.into_bytes();
            value.resize(size, b'.');
        }
        Content::Binary => value.extend((0..size).map(|_| number.below(256) as u8)),
    }
    value.truncate(size);
    value
}

const WORDS: [&str; 16] = [
    "amount",
    "bucket",
    "carrier",
    "delivery",
    "east",
    "forwarded",
    "gross",
    "house",
    "invoice",
    "journey",
    "kilogram",
    "lane",
    "merchant",
    "net",
    "order",
    "parcel",
];

/// Numbers that look random and are the same for ever (SplitMix64: Steele, Lea
/// and Flood, "Fast splittable pseudorandom number generators", 2014).
struct Sequence(u64);

impl Sequence {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) % limit as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_size_and_the_text_ones_are_text() {
        for (content, name) in Content::ALL {
            for size in [100, 1_000, 10_000] {
                let value = value(content, size, 7);
                assert_eq!(value.len(), size, "{name}");
                let is_text = std::str::from_utf8(&value).is_ok();
                assert_eq!(is_text, content != Content::Binary, "{name}");
            }
        }
    }

    #[test]
    fn the_room_of_a_batch_is_enough() {
        for (content, name) in Content::ALL {
            for size in [100, 1_000, 10_000] {
                let mut batch = Batch::new(Format::JsonArray, content, size, 20);
                let room = batch.body.capacity();
                batch.append();
                assert_eq!(batch.body.capacity(), room, "{name} {size}");
            }
        }
    }

    #[test]
    fn a_filled_body_is_an_object_of_that_size() {
        let bytes = 100_000;
        let batch = Batch::new(Format::JsonLines, Content::Plain, 1_000, 10);
        let (_, body) = batch.fill(bytes);
        assert!((bytes..bytes + 2_000).contains(&body.len()), "{}", body.len());
        assert!(body.ends_with(b"}\n"));
    }
}
