//! Nodes into a message, by the types that its descriptor has for them.

use std::collections::HashMap;

use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value,
};

use crate::Problem;
use crate::node::{Content, Entry, Node};

/// How alike a name has to be to one that there is for that to be proposed.
const ALIKE: f64 = 0.8;

/// Reads one document and collects all that is wrong with it.
#[derive(Debug)]
pub(crate) struct Reader {
    document: usize,
    path: Vec<String>,
    pub(crate) problems: Vec<Problem>,
}

impl Reader {
    pub(crate) fn new(document: usize) -> Self {
        Self { document, path: Vec::new(), problems: Vec::new() }
    }

    /// Adds a problem with what is being read.
    pub(crate) fn refuse(&mut self, line: usize, words: impl Into<String>) {
        let path = self.path.join(".");
        self.problems.push(Problem { document: self.document, line, path, words: words.into() });
    }

    /// The same within the field of this name.
    pub(crate) fn refuse_field(&mut self, name: &str, line: usize, words: impl Into<String>) {
        self.within(name, |reader| reader.refuse(line, words));
    }

    fn within<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(name.to_owned());
        let read = read(self);
        self.path.pop();
        read
    }

    /// The message that entries describe. Names are taken as JSON and as .proto files have
    /// them; what is null is not given.
    pub(crate) fn message<'a>(
        &mut self,
        entries: impl Iterator<Item = &'a Entry>,
        descriptor: &MessageDescriptor,
    ) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        let mut taken: HashMap<u32, usize> = HashMap::new();
        for Entry { key, line, value } in entries {
            let Some(field) = descriptor
                .get_field_by_json_name(key)
                .or_else(|| descriptor.get_field_by_name(key))
            else {
                self.refuse_field(key, *line, unknown(key, descriptor));
                continue;
            };
            self.within(field.json_name(), |reader| {
                if let Some(before) = taken.insert(field.number(), *line) {
                    reader.refuse(*line, format!("stands twice, first in line {before}"));
                } else if value.is_null() {
                } else if let Some(other) = other_of_oneof(&message, &field) {
                    let words = format!("only one of this and `{other}` can be given");
                    reader.refuse(*line, words);
                } else if let Some(value) = reader.field(value, &field) {
                    message.set_field(&field, value);
                }
            });
        }
        message
    }

    fn field(&mut self, node: &Node, field: &FieldDescriptor) -> Option<Value> {
        if field.is_map() {
            return self.map(node, field);
        }
        if !field.is_list() {
            return self.value(node, &field.kind());
        }
        let Content::List(items) = &node.content else {
            self.refuse(node.line, format!("is {}, not a list", node.is_what()));
            return None;
        };
        let items = items.iter().enumerate();
        let values = items.filter_map(|(index, item)| {
            self.within(&format!("[{index}]"), |reader| reader.value(item, &field.kind()))
        });
        Some(Value::List(values.collect()))
    }

    fn map(&mut self, node: &Node, field: &FieldDescriptor) -> Option<Value> {
        let Content::Map(entries) = &node.content else {
            self.refuse(node.line, format!("is {}, not a map", node.is_what()));
            return None;
        };
        let entry = field.kind();
        let value_kind = entry.as_message()?.map_entry_value_field().kind();
        let mut values = HashMap::new();
        for Entry { key, value, .. } in entries {
            let value = self.within(key, |reader| reader.value(value, &value_kind));
            values.extend(value.map(|value| (MapKey::String(key.clone()), value)));
        }
        Some(Value::Map(values))
    }

    fn value(&mut self, node: &Node, kind: &Kind) -> Option<Value> {
        if let Kind::Message(descriptor) = kind
            && !descriptor.full_name().starts_with("google.protobuf.")
        {
            let Content::Map(entries) = &node.content else {
                self.refuse(node.line, format!("is {}, not a map of fields", node.is_what()));
                return None;
            };
            return Some(Value::Message(self.message(entries.iter(), descriptor)));
        }
        let Content::Scalar { text, is_plain } = &node.content else {
            self.refuse(node.line, format!("is {}, not a single value", node.is_what()));
            return None;
        };
        if node.is_null() {
            self.refuse(node.line, "is null here; an empty text is \"\"");
            return None;
        }
        let value = scalar(text, *is_plain, kind);
        value.map_err(|words| self.refuse(node.line, words)).ok()
    }
}

/// The field of the same oneof that is set.
fn other_of_oneof(message: &DynamicMessage, field: &FieldDescriptor) -> Option<String> {
    let oneof = field.containing_oneof().filter(|oneof| !oneof.is_synthetic())?;
    let other = oneof.fields().find(|other| message.has_field(other))?;
    Some(other.json_name().to_owned())
}

fn unknown(key: &str, descriptor: &MessageDescriptor) -> String {
    let alike = |field: &FieldDescriptor| {
        strsim::jaro(&key.to_lowercase().replace(['-', '_'], ""), &field.json_name().to_lowercase())
    };
    let nearest = descriptor.fields().max_by(|one, other| alike(one).total_cmp(&alike(other)));
    match nearest.filter(|field| alike(field) >= ALIKE) {
        Some(field) => format!("there is no such field; did you mean `{}`?", field.json_name()),
        None => {
            let names: Vec<_> =
                descriptor.fields().map(|field| field.json_name().to_owned()).collect();
            format!("there is no such field; there are {}", names.join(", "))
        }
    }
}

/// Words of an error never have the text in them where it may be anything.
fn scalar(text: &str, is_plain: bool, kind: &Kind) -> Result<Value, String> {
    match kind {
        Kind::String => Ok(Value::String(text.to_owned())),
        Kind::Bool => match (is_plain, text) {
            (true, "true") => Ok(Value::Bool(true)),
            (true, "false") => Ok(Value::Bool(false)),
            _ => Err("is neither true nor false".to_owned()),
        },
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Ok(Value::I32(number(text)?)),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Ok(Value::I64(number(text)?)),
        Kind::Uint32 | Kind::Fixed32 => Ok(Value::U32(number(text)?)),
        Kind::Uint64 | Kind::Fixed64 => Ok(Value::U64(number(text)?)),
        Kind::Enum(descriptor) => enumeration(text, descriptor),
        Kind::Message(descriptor) if descriptor.full_name() == "google.protobuf.Duration" => {
            let refused = || "is no duration such as 2s, 0.5s or 3600s".to_owned();
            // It would take those, and the API has one form.
            if !text.ends_with('s') || text.contains(|c: char| c.is_whitespace()) {
                return Err(refused());
            }
            let duration: prost_types::Duration = text.parse().map_err(|_| refused())?;
            let mut message = DynamicMessage::new(descriptor.clone());
            message.transcode_from(&duration).map_err(|_| refused())?;
            Ok(Value::Message(message))
        }
        // The settable fields have no others, as a test sees to.
        Kind::Double | Kind::Float | Kind::Bytes | Kind::Message(_) => {
            Err("cannot be given in a file".to_owned())
        }
    }
}

/// Decimal, and nothing that YAML 1.1 and 1.2 read in two ways.
fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_decimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_decimal || (digits.starts_with('0') && digits.len() > 1) {
        return Err("is no whole decimal number".to_owned());
    }
    text.parse().map_err(|_| "is a number out of range".to_owned())
}

/// The whole name of a value, as proto3 JSON has it, or without the enum's, as the CLI
/// prints it.
fn enumeration(text: &str, descriptor: &EnumDescriptor) -> Result<Value, String> {
    let zero = descriptor.default_value();
    let prefix = zero.name().trim_end_matches("UNSPECIFIED").to_owned();
    let whole = descriptor.get_value_by_name(text);
    let value = whole.or_else(|| descriptor.get_value_by_name(&format!("{prefix}{text}")));
    value.map(|value| Value::EnumNumber(value.number())).ok_or_else(|| {
        let names: Vec<_> = descriptor
            .values()
            .filter(|value| value.number() != zero.number())
            .map(|value| value.name().to_owned())
            .collect();
        format!("is none of {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource;

    /// Every kind that a settable field can have is read.
    #[test]
    fn every_settable_field_has_a_type_that_is_read() {
        fn look(descriptor: &MessageDescriptor, leave_out: &[&str]) {
            for field in descriptor.fields().filter(|field| !leave_out.contains(&field.name())) {
                match field.kind() {
                    Kind::Message(message) if message.full_name() == "google.protobuf.Duration" => {
                    }
                    Kind::Message(message) => {
                        assert!(!message.full_name().starts_with("google."), "{field:?}");
                        look(&message, &[]);
                    }
                    kind => assert!(
                        !matches!(kind, Kind::Double | Kind::Float | Kind::Bytes),
                        "{field:?}"
                    ),
                }
                if field.is_map() {
                    let key = field.kind().as_message().map(|entry| entry.map_entry_key_field());
                    assert_eq!(key.expect("an entry").kind(), Kind::String, "{field:?}");
                }
            }
        }
        for kind in resource::Kind::ALL {
            look(&kind.descriptor(), kind.output_only());
        }
    }

    #[test]
    fn numbers_are_decimal_and_in_range() {
        for (text, value) in [("0", 0), ("-7", -7), ("2147483647", 2_147_483_647)] {
            assert_eq!(number::<i32>(text), Ok(value));
        }
        for text in ["", "-", "+1", "010", "0x1f", "0o17", "1e3", "1.0", "1_000", " 1", "۱"] {
            assert!(number::<i64>(text).is_err(), "{text}");
        }
        assert!(number::<i32>("2147483648").is_err() && number::<u32>("-1").is_err());
    }
}
