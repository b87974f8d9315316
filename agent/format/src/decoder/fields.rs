//! A record's JSON to its fields.

use std::borrow::Cow;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::error::{Contradiction, Fault};
use super::{DecodedHeader, DecodedRecord, DecodedValue};

/// The record that `json` holds.
pub(super) fn record(json: &[u8]) -> Result<DecodedRecord, Fault> {
    // serde_json skips white space in front.
    if !json.starts_with(b"{") || !json.ends_with(b"}") {
        return Err(Fault::NoObject);
    }
    let Object(fields) = serde_json::from_slice(json).map_err(Fault::Json)?;
    let RecordFields {
        headers,
        key,
        key_base64,
        offset,
        overflow_flag,
        partition,
        timestamp,
        topic: Text(topic),
        value,
        value_base64,
        value_object,
        value_size,
    } = fields;
    let key = either(&KEY, key, key_base64)?;
    let value = either(&VALUE, value, value_base64)?;
    Ok(DecodedRecord {
        headers: headers.map(decode_headers).transpose()?,
        key,
        offset,
        overflow: overflow_flag,
        partition,
        timestamp,
        topic: topic.into_owned(),
        value: decode_value(overflow_flag, value, value_object, value_size)
            .map_err(Fault::Contradiction)?,
        value_size,
    })
}

fn decode_value(
    overflow: bool,
    value: Option<Vec<u8>>,
    object: Option<Text<'_>>,
    value_size: u64,
) -> Result<DecodedValue, Contradiction> {
    match (overflow, value, object) {
        (true, Some(_), _) => Err(Contradiction::ValueInSpiteOfOverflow),
        (true, None, Some(Text(key))) => Ok(DecodedValue::Object(key.into_owned())),
        (true, None, None) => Ok(DecodedValue::Absent),
        (false, _, Some(_)) => Err(Contradiction::ObjectWithoutOverflow),
        (false, value, None) => {
            let bytes = value.as_ref().map_or(0, |value| value.len() as u64);
            if bytes != value_size {
                return Err(Contradiction::Size { bytes, value_size });
            }
            Ok(value.map_or(DecodedValue::Absent, DecodedValue::Bytes))
        }
    }
}

fn decode_headers(headers: Vec<Object<HeaderFields<'_>>>) -> Result<Vec<DecodedHeader>, Fault> {
    if headers.is_empty() {
        return Err(Fault::Contradiction(Contradiction::NoHeaders));
    }
    headers
        .into_iter()
        .map(|Object(HeaderFields { key, key_base64, value, value_base64 })| {
            Ok(DecodedHeader {
                key: either(&KEY, key, key_base64)?
                    .ok_or(Fault::Contradiction(Contradiction::HeaderWithoutKey))?,
                value: either(&VALUE, value, value_base64)?,
            })
        })
        .collect()
}

/// The two names of what may be text or base64.
struct Names {
    text: &'static str,
    base64: &'static str,
}

const KEY: Names = Names { text: "key", base64: "keyBase64" };
const VALUE: Names = Names { text: "value", base64: "valueBase64" };

fn either(
    names: &Names,
    text: Option<Text<'_>>,
    base64: Option<Text<'_>>,
) -> Result<Option<Vec<u8>>, Fault> {
    match (text, base64) {
        (None, None) => Ok(None),
        (Some(Text(text)), None) => Ok(Some(text.into_owned().into_bytes())),
        (None, Some(Text(base64))) => STANDARD
            .decode(base64.as_ref())
            .map(Some)
            .map_err(|error| Fault::NotBase64 { field: names.base64, error }),
        (Some(_), Some(_)) => Err(Fault::Contradiction(Contradiction::TextAndBase64(names.text))),
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RecordFields<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    headers: Option<Vec<Object<HeaderFields<'a>>>>,
    #[serde(borrow, default, deserialize_with = "present")]
    key: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    key_base64: Option<Text<'a>>,
    offset: i64,
    overflow_flag: bool,
    partition: i32,
    timestamp: i64,
    #[serde(borrow)]
    topic: Text<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    value: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    value_base64: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    value_object: Option<Text<'a>>,
    value_size: u64,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HeaderFields<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    key: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    key_base64: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    value: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    value_base64: Option<Text<'a>>,
}

/// A string, borrowed from the line unless it has escapes. serde borrows a
/// `Cow` only where it stands in a field by itself.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A field that is there: null is written as an absent field, never as `null`.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// A JSON object. serde would also take the fields of a struct from an array,
/// without their names.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}
