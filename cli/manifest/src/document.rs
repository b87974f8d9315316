//! Which resource a document describes.

use kafka2oss_domain::names::{ConnectorName, InstanceName};
use kafka2oss_proto::v1;
use prost_reflect::DynamicMessage;

use crate::node::{Content, Entry, Node};
use crate::resource::{API_VERSION, Kind, Resource};
use crate::typed::Reader;
use crate::{Problem, yaml};

/// A resource and its place in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// Which document of the text, counted from 1.
    pub document: usize,
    /// Its first line, counted from 1.
    pub line: usize,
    /// What it describes.
    pub resource: Resource,
}

/// Reads every document of a text of YAML or JSON; one that is a list holds a resource in
/// each item.
///
/// # Errors
/// Everything that is wrong with it; after an error of YAML's grammar nothing more is read.
pub fn read(text: &str) -> Result<Vec<Manifest>, Vec<Problem>> {
    let documents = yaml::documents(text).map_err(|problem| vec![problem])?;
    let (mut manifests, mut problems) = (Vec::new(), Vec::new());
    for (document, root) in documents {
        let items = match &root.content {
            Content::List(items) => items.clone(),
            Content::Map(_) | Content::Scalar { .. } => vec![root],
        };
        for node in items {
            let mut reader = Reader::new(document);
            let resource = resource(&node, &mut reader);
            problems.append(&mut reader.problems);
            manifests.extend(resource.map(|resource| Manifest {
                document,
                line: node.line,
                resource,
            }));
        }
    }
    if problems.is_empty() { Ok(manifests) } else { Err(problems) }
}

/// `None` where the reader has a problem with it.
fn resource(node: &Node, reader: &mut Reader) -> Option<Resource> {
    let Content::Map(entries) = &node.content else {
        reader.refuse(node.line, format!("is {}, not a map with a `kind`", node.is_what()));
        return None;
    };
    if let Some(text) = header(node, "apiVersion", reader)
        && text != API_VERSION
    {
        let line = node.get("apiVersion").map_or(node.line, |entry| entry.line);
        reader.refuse_field("apiVersion", line, format!("is not `{API_VERSION}`"));
    }
    let given = header(node, "kind", reader)?;
    let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == given) else {
        let line = node.get("kind").map_or(node.line, |entry| entry.line);
        reader.refuse_field("kind", line, "is neither Instance nor Connector");
        return None;
    };
    let name = header(node, "name", reader)?;
    let wrong = match kind {
        Kind::Instance => name.parse::<InstanceName>().err(),
        Kind::Connector => name.parse::<ConnectorName>().err(),
    };
    if let Some(wrong) = wrong {
        let line = node.get("name").map_or(node.line, |entry| entry.line);
        reader.refuse_field("name", line, wrong.to_string());
    }
    let descriptor = kind.descriptor();
    let is_skipped = |entry: &Entry| {
        let field = descriptor
            .get_field_by_json_name(&entry.key)
            .or_else(|| descriptor.get_field_by_name(&entry.key));
        matches!(entry.key.as_str(), "apiVersion" | "kind")
            || field.is_some_and(|field| kind.output_only().contains(&field.name()))
    };
    let settable = entries.iter().filter(|entry| !is_skipped(entry));
    let message = reader.message(settable, &descriptor);
    if !reader.problems.is_empty() {
        return None;
    }
    let resource = typed(kind, &message);
    if resource.is_none() {
        reader.refuse(node.line, format!("is no {kind}"));
    }
    resource
}

fn typed(kind: Kind, message: &DynamicMessage) -> Option<Resource> {
    Some(match kind {
        Kind::Instance => message.transcode_to::<v1::Instance>().ok()?.into(),
        Kind::Connector => message.transcode_to::<v1::Connector>().ok()?.into(),
    })
}

/// A text that has to be there.
fn header<'a>(node: &'a Node, key: &str, reader: &mut Reader) -> Option<&'a str> {
    match node.get(key).map(|entry| (entry, &entry.value.content)) {
        Some((entry, Content::Scalar { text, .. })) if !entry.value.is_null() => Some(text),
        Some((entry, _)) => {
            reader.refuse_field(key, entry.line, "is not a text");
            None
        }
        None => {
            reader.refuse_field(key, node.line, "is missing");
            None
        }
    }
}

#[cfg(test)]
mod tests;
