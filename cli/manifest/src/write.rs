//! Resources into text.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Value, json};

use crate::resource::{API_VERSION, Resource};

/// One document of YAML for each, with fields in the order of the .proto files.
pub fn to_yaml<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> String {
    let mut text = String::new();
    for resource in resources {
        if !text.is_empty() {
            text.push_str("---\n");
        }
        // What has only maps, lists, texts, numbers and booleans in it is always written.
        text.push_str(&serde_saphyr::to_string(&Document(resource)).unwrap_or_default());
    }
    text
}

/// Any JSON as YAML.
pub fn value_to_yaml(value: &Value) -> String {
    serde_saphyr::to_string(value).unwrap_or_default()
}

/// A list, which [`read`](crate::read) reads, too: what JSON takes as it is and YAML does not
/// is escaped.
pub fn to_json<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> String {
    let documents = resources.into_iter().map(|resource| {
        let mut document = Map::new();
        document.insert("apiVersion".to_owned(), json!(API_VERSION));
        document.insert("kind".to_owned(), json!(resource.kind().as_str()));
        if let Value::Object(fields) = resource.fields() {
            document.extend(fields);
        }
        Value::Object(document)
    });
    let text = format!("{:#}", Value::Array(documents.collect()));
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            // Such a character stands in a text, where it may be written so.
            '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            character => escaped.push(character),
        }
    }
    escaped
}

struct Document<'a>(&'a Resource);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(resource) = self;
        let descriptor = resource.kind().descriptor();
        let fields = resource.fields();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("apiVersion", API_VERSION)?;
        map.serialize_entry("kind", resource.kind().as_str())?;
        serialize_fields(&mut map, &fields, &descriptor)?;
        map.end()
    }
}

fn serialize_fields<M: SerializeMap>(
    map: &mut M,
    fields: &Value,
    descriptor: &MessageDescriptor,
) -> Result<(), M::Error> {
    for field in descriptor.fields() {
        if let Some(value) = fields.get(field.json_name()) {
            map.serialize_entry(field.json_name(), &Part { value, field: &field })?;
        }
    }
    Ok(())
}

/// A field's value.
struct Part<'a> {
    value: &'a Value,
    field: &'a FieldDescriptor,
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { value, field } = self;
        match (field.kind(), value) {
            (Kind::Message(descriptor), Value::Object(_)) if !field.is_map() => {
                let mut map = serializer.serialize_map(None)?;
                serialize_fields(&mut map, value, &descriptor)?;
                map.end()
            }
            (Kind::Message(_), Value::Array(items)) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for value in items {
                    list.serialize_element(&Part { value, field })?;
                }
                list.end()
            }
            _ => value.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests;
