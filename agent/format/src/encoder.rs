//! Records to a body. The order of the fields is the alphabetical one, as the
//! crate's documentation shows it.

use crate::encoding::{Format, TextEncoding};
use crate::json::{Text, write_integer, write_string};
use crate::record::{Header, NotText, Part, Record, Value};

/// What an [`Encoder`] is made of.
#[derive(Debug, Clone, Copy)]
pub struct EncoderSettings<'a> {
    /// The topic of all its records.
    pub topic: &'a str,
    /// The partition of all its records.
    pub partition: i32,
    /// How records are framed.
    pub format: Format,
    /// How keys become JSON.
    pub key_encoding: TextEncoding,
    /// How values become JSON.
    pub value_encoding: TextEncoding,
    /// Whether records have the field `headers`.
    pub include_headers: bool,
}

/// Encodes the records of one partition.
#[derive(Debug, Clone)]
pub struct Encoder {
    /// `,"overflowFlag":false,"partition":0,"timestamp":`, and the same with true.
    before_timestamp: [Vec<u8>; 2],
    /// `,"topic":"Test"`.
    after_timestamp: Vec<u8>,
    /// The same and `,"value":`, which most records have.
    before_value: Vec<u8>,
    format: Format,
    key_encoding: TextEncoding,
    value_encoding: TextEncoding,
    include_headers: bool,
}

impl Encoder {
    /// With everything in place that is the same for each record.
    pub fn new(settings: EncoderSettings<'_>) -> Self {
        let EncoderSettings {
            topic,
            partition,
            format,
            key_encoding,
            value_encoding,
            include_headers,
        } = settings;
        let mut after_timestamp = b",\"topic\":".to_vec();
        write_string(&mut after_timestamp, topic);
        let before_timestamp = [false, true].map(|overflow| {
            let fields =
                format!(",\"overflowFlag\":{overflow},\"partition\":{partition},\"timestamp\":");
            fields.into_bytes()
        });
        Self {
            before_timestamp,
            before_value: [&after_timestamp[..], b",\"value\":"].concat(),
            after_timestamp,
            format,
            key_encoding,
            value_encoding,
            include_headers,
        }
    }

    /// Appends a record to `buffer`, which is empty or holds the records
    /// before it. Allocates nothing but the buffer's growth.
    ///
    /// # Errors
    /// When the key, or a value that is not left out, is not UTF-8 and has to
    /// be; `buffer` is unchanged then.
    pub fn append(&self, buffer: &mut Vec<u8>, record: &Record<'_>) -> Result<(), NotText> {
        // Whatever can be refused comes before the first byte.
        let key = record.key.map(|key| text(Part::Key, self.key_encoding, key)).transpose()?;
        let body = Body::new(record.value, self.value_encoding)?;

        buffer.extend_from_slice(match self.format {
            Format::JsonArray if buffer.is_empty() => b"[{",
            Format::JsonArray => b",\n{",
            Format::JsonLines => b"{",
        });
        if self.include_headers && !record.headers.is_empty() {
            write_headers(buffer, record.headers);
            buffer.push(b',');
        }
        if let Some(key) = key {
            key.write_field(buffer, "key");
            buffer.push(b',');
        }
        buffer.extend_from_slice(b"\"offset\":");
        write_integer(buffer, record.offset);
        buffer.extend_from_slice(&self.before_timestamp[usize::from(body.overflow)]);
        write_integer(buffer, record.timestamp);
        match body.value {
            Some(Text::Plain(value)) => {
                buffer.extend_from_slice(&self.before_value);
                write_string(buffer, value);
            }
            value => {
                buffer.extend_from_slice(&self.after_timestamp);
                if let Some(value) = value {
                    buffer.push(b',');
                    value.write_field(buffer, "value");
                }
            }
        }
        if let Some(object_key) = body.object_key {
            buffer.extend_from_slice(b",\"valueObject\":");
            write_string(buffer, object_key);
        }
        buffer.extend_from_slice(b",\"valueSize\":");
        write_integer(buffer, body.size);
        buffer.extend_from_slice(match self.format {
            Format::JsonArray => b"}",
            Format::JsonLines => b"}\n",
        });
        Ok(())
    }

    /// Completes a body, to which nothing is appended any more.
    pub fn finish(&self, buffer: &mut Vec<u8>) {
        match self.format {
            Format::JsonArray if buffer.is_empty() => buffer.extend_from_slice(b"[]"),
            Format::JsonArray => buffer.push(b']'),
            Format::JsonLines => {}
        }
    }
}

/// What a value becomes.
struct Body<'a> {
    overflow: bool,
    value: Option<Text<'a>>,
    object_key: Option<&'a str>,
    size: u64,
}

impl<'a> Body<'a> {
    fn new(value: Value<'a>, encoding: TextEncoding) -> Result<Self, NotText> {
        Ok(match value {
            Value::Null => Self { overflow: false, value: None, object_key: None, size: 0 },
            Value::Bytes(bytes) => Self {
                overflow: false,
                value: Some(text(Part::Value, encoding, bytes)?),
                object_key: None,
                size: bytes.len() as u64,
            },
            Value::Omitted { size } => Self { overflow: true, value: None, object_key: None, size },
            Value::Spilled { object_key, size } => {
                Self { overflow: true, value: None, object_key: Some(object_key), size }
            }
        })
    }
}

fn text(part: Part, encoding: TextEncoding, bytes: &[u8]) -> Result<Text<'_>, NotText> {
    Text::new(encoding, bytes).map_err(|error| NotText { part, error })
}

/// Headers are what applications make of them, so that nothing in one may
/// refuse a record: they are text or base64, whatever keys and values are.
fn write_headers(buffer: &mut Vec<u8>, headers: &[Header<'_>]) {
    buffer.extend_from_slice(b"\"headers\":[");
    for (index, header) in headers.iter().enumerate() {
        buffer.extend_from_slice(if index == 0 { b"{" } else { b",{" });
        Text::text_or_base64(header.key).write_field(buffer, "key");
        if let Some(value) = header.value {
            buffer.push(b',');
            Text::text_or_base64(value).write_field(buffer, "value");
        }
        buffer.push(b'}');
    }
    buffer.push(b']');
}

#[cfg(test)]
mod tests;
