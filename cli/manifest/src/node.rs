//! A document as it stands in its text, before it means anything.

use std::rc::Rc;

/// A part of a document. What an alias repeats is shared, and counted each time.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) content: Content,
    pub(crate) size: Size,
}

/// What a part holds.
#[derive(Debug)]
pub(crate) enum Content {
    /// A text; a plain one has no quotes and may mean something else.
    Scalar {
        text: String,
        is_plain: bool,
    },
    List(Vec<Rc<Node>>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) line: usize,
    pub(crate) value: Rc<Node>,
}

/// How much a part is with all that is in it, aliases written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) nodes: usize,
    pub(crate) bytes: usize,
    pub(crate) depth: usize,
}

impl Node {
    pub(crate) fn new(line: usize, content: Content) -> Self {
        let mut size = Size { nodes: 1, bytes: 0, depth: 0 };
        match &content {
            Content::Scalar { text, .. } => size.bytes = text.len(),
            Content::List(items) => items.iter().for_each(|item| size.add(item.size)),
            Content::Map(entries) => entries.iter().for_each(|Entry { key, value, .. }| {
                size.bytes = size.bytes.saturating_add(key.len());
                size.add(value.size);
            }),
        }
        size.depth += 1;
        Self { line, content, size }
    }

    /// Whether it says that there is nothing.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar { text, is_plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The value of a key of a map.
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        match &self.content {
            Content::Map(entries) => entries.iter().find(|entry| entry.key == key),
            Content::Scalar { .. } | Content::List(_) => None,
        }
    }

    /// What it is, in words.
    pub(crate) fn is_what(&self) -> &'static str {
        match &self.content {
            Content::Scalar { .. } if self.is_null() => "nothing",
            Content::Scalar { .. } => "a single value",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }
}

impl Size {
    fn add(&mut self, part: Self) {
        self.nodes = self.nodes.saturating_add(part.nodes);
        self.bytes = self.bytes.saturating_add(part.bytes);
        self.depth = self.depth.max(part.depth);
    }
}
