//! What differs between two resources, field by field.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Resource;

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its path, as in a file: `spec.output.rotation.maxAge`.
    pub path: String,
    /// What it was, in one line; nothing where it was not set.
    pub before: Option<String>,
    /// What it is, in one line; nothing where it is not set.
    pub after: Option<String>,
}

/// The fields that a user can set and that differ, in the order of their paths. Secrets
/// that are withheld on both sides do not differ.
pub fn differences(before: Option<&Resource>, after: Option<&Resource>) -> Vec<Difference> {
    let (mut before, mut after) = (fields(before), fields(after));
    before.retain(|path, value| {
        if after.get(path) == Some(value) {
            after.remove(path);
            return false;
        }
        true
    });
    let mut paths: Vec<String> = before.keys().chain(after.keys()).cloned().collect();
    paths.sort();
    paths.dedup();
    paths
        .into_iter()
        .map(|path| {
            let (before, after) = (before.remove(&path), after.remove(&path));
            Difference { path, before, after }
        })
        .collect()
}

fn fields(resource: Option<&Resource>) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    if let Some(resource) = resource {
        flatten(String::new(), resource.settable().fields(), &mut fields);
    }
    // The name says which resource it is.
    fields.remove("name");
    fields
}

fn flatten(path: String, value: Value, fields: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let key = if is_plain(&key) && !key.contains('.') {
                    key
                } else {
                    Value::String(key).to_string()
                };
                let path = if path.is_empty() { key } else { format!("{path}.{key}") };
                flatten(path, value, fields);
            }
        }
        Value::String(text) if is_plain(&text) => drop(fields.insert(path, text)),
        value => drop(fields.insert(path, value.to_string())),
    }
}

/// Whether a text can stand without quotes: it has no end in sight that is not its own, and
/// nothing that a terminal obeys.
fn is_plain(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@+".contains(c);
    !text.is_empty() && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka2oss_proto::v1;

    fn connector(topic: &str, labels: &[(&str, &str)]) -> Resource {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Resource::from(v1::Connector {
            name: "instances/i/connectors/c".to_owned(),
            etag: topic.to_owned(),
            labels: labels.collect(),
            spec: Some(v1::ConnectorSpec {
                source: Some(v1::KafkaSource { topic: topic.to_owned(), ..Default::default() }),
                output: Some(v1::ConnectorOutput::default()),
                ..Default::default()
            }),
            ..v1::Connector::default()
        })
    }

    fn shown(before: Option<&Resource>, after: Option<&Resource>) -> Vec<String> {
        let show = |value: Option<String>| value.unwrap_or_default();
        let differences = differences(before, after).into_iter();
        differences
            .map(|Difference { path, before, after }| {
                format!("{path}: {} -> {}", show(before), show(after))
            })
            .collect()
    }

    #[test]
    fn only_what_differs_is_told() {
        let one = connector("t", &[("team", "a"), ("gone", "x")]);
        let other = connector("u", &[("team", "b c"), ("a.b", "\u{1b}[2J")]);
        assert_eq!(
            shown(Some(&one), Some(&other)),
            [
                "labels.\"a.b\":  -> \"\\u001b[2J\"",
                "labels.gone: x -> ",
                "labels.team: a -> \"b c\"",
                "spec.source.topic: t -> u",
            ]
        );
        assert!(shown(Some(&one), Some(&one)).is_empty());
    }

    #[test]
    fn one_that_is_new_or_gone_differs_in_all_that_it_has() {
        let one = connector("t", &[]);
        assert_eq!(shown(None, Some(&one)), ["spec.output:  -> {}", "spec.source.topic:  -> t"]);
        assert_eq!(shown(Some(&one), None), ["spec.output: {} -> ", "spec.source.topic: t -> "]);
    }
}
