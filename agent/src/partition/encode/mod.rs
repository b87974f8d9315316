//! Records as bytes of an object.

mod json;

pub use json::JsonArray;

/// A record as the source delivers it.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Offset in its partition.
    pub offset: i64,
    /// Milliseconds since 1970; -1 when it has none.
    pub timestamp: i64,
    /// Its key; `None` is null.
    pub key: Option<&'a [u8]>,
    /// Its value; `None` is null.
    pub value: Option<&'a [u8]>,
}

/// A record that the format cannot hold; the buffer is as it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{part} is not UTF-8: {error}")]
pub struct NotUtf8 {
    /// What is not UTF-8.
    pub part: Part,
    /// Where it stops being UTF-8.
    pub error: std::str::Utf8Error,
}

/// A part of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its key.
    Key,
    /// Its value.
    Value,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Key => "key",
            Self::Value => "value",
        })
    }
}
