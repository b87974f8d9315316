//! What is wrong with a body.

/// A body that cannot be read on.
#[derive(Debug, thiserror::Error)]
#[error("record {record}: {fault}")]
pub struct DecodeError {
    /// The record at which it is wrong, counted from 1; one more than there
    /// are if it is the end.
    pub record: u64,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a body.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It cannot be read, or not be decompressed.
    #[error("the body cannot be read: {0}")]
    Read(std::io::Error),
    /// A line is longer than the decoder takes in.
    #[error("the line is longer than {max_line_bytes} bytes")]
    LineTooLong {
        /// The limit, in bytes.
        max_line_bytes: u64,
    },
    /// It is no array.
    #[error("the body does not start with `[`")]
    NoArray,
    /// A line of an array neither ends in a comma nor is the last.
    #[error("the line does not end in `,`")]
    NoComma,
    /// An array does not end in `]`, or a line of JSON lines does not end.
    #[error("the body is cut off, or something follows its end")]
    CutOff,
    /// A line does not start with `{`.
    #[error("the line is not a JSON object")]
    NoObject,
    /// A line is not JSON, or lacks a field, or has one twice or too many.
    #[error("{0}")]
    Json(serde_json::Error),
    /// A field that should hold base64 holds something else.
    #[error("`{field}` is not base64: {error}")]
    NotBase64 {
        /// The field's name.
        field: &'static str,
        /// Where it stops being base64.
        error: base64::DecodeError,
    },
    /// Each field is right, but they do not go together.
    #[error("{0}")]
    Contradiction(Contradiction),
}

/// Fields of a record that do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// Something is there both as text and in base64.
    #[error("`{0}` and `{0}Base64` are both there")]
    TextAndBase64(&'static str),
    /// A header has neither a key nor one in base64.
    #[error("a header has no key")]
    HeaderWithoutKey,
    /// The field of the headers is there although there are none.
    #[error("`headers` is empty")]
    NoHeaders,
    /// A value is there although it is said to be left out.
    #[error("a value is there in spite of `overflowFlag`")]
    ValueInSpiteOfOverflow,
    /// A value has an object of its own although it is not left out.
    #[error("`valueObject` is there without `overflowFlag`")]
    ObjectWithoutOverflow,
    /// A value is not as long as it is said to be.
    #[error("the value has {bytes} bytes, but `valueSize` is {value_size}")]
    Size {
        /// Length of the value, 0 for null.
        bytes: u64,
        /// What the record says.
        value_size: u64,
    },
}
