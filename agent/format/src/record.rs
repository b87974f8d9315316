//! Records as they go into a body.

/// A record as the source delivers it.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Offset in its partition.
    pub offset: i64,
    /// Milliseconds since 1970; -1 when it has none.
    pub timestamp: i64,
    /// Its key; `None` is null.
    pub key: Option<&'a [u8]>,
    /// Its value, or what stands for it.
    pub value: Value<'a>,
    /// Its headers, in order, keys as often as they occur.
    pub headers: &'a [Header<'a>],
}

/// A record's value, or what stands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// There is none.
    Null,
    /// The value itself.
    Bytes(&'a [u8]),
    /// Too large, and left out.
    Omitted {
        /// Its length in bytes.
        size: u64,
    },
    /// Too large, and in an object of its own.
    Spilled {
        /// That object's key.
        object_key: &'a str,
        /// Its length in bytes.
        size: u64,
    },
}

/// A header of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// Its key.
    pub key: &'a [u8],
    /// Its value; `None` is null.
    pub value: Option<&'a [u8]>,
}

/// A record that cannot be text although it has to; the body is as it was
/// before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{part} is not UTF-8: {error}")]
pub struct NotText {
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
