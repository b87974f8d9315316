//! What the bytes of an object are, both ways.
//!
//! - `encoding`: [`Encoding`], what the extension of an object's key names.
//! - `record`: a record as it goes in: [`Record`].
//! - `encoder`: records to a body, without allocating; `json` are its strings
//!   and numbers, `escape` what is quick about the strings.
//! - `compression`: a whole body to what is stored, and back as a stream.
//! - `decoder`: a body back to records, one in memory at a time.
//!
//! A record is a JSON object on a line of its own, compact, with its fields in
//! this order:
//!
//! | field | is there | holds |
//! |---|---|---|
//! | `headers` | when included, and the record has some | objects of `key` or `keyBase64`, and `value` or `valueBase64` unless null |
//! | `key` or `keyBase64` | unless the key is null | the key as text or in base64 |
//! | `offset` | always | its offset |
//! | `overflowFlag` | always | whether the value is left out for its size |
//! | `partition` | always | its partition |
//! | `timestamp` | always | milliseconds since 1970, -1 for none |
//! | `topic` | always | its topic |
//! | `value` or `valueBase64` | unless the value is null or left out | the value as text or in base64 |
//! | `valueObject` | when the value stands in an object of its own | that object's key |
//! | `valueSize` | always | length of the value in bytes, 0 for null |
//!
//! [`Format::JsonArray`] frames them as `[{..},\n{..}]`, and no records as
//! `[]`; [`Format::JsonLines`] as `{..}\n` each, and no records as nothing.
//!
//! Nothing here does I/O but through the traits of [`std::io`], and the same
//! records always give the same bytes.

mod compression;
mod decoder;
mod encoder;
mod encoding;
mod escape;
mod json;
mod record;
mod utf8;

pub use compression::{compress, reader};
pub use decoder::{
    Contradiction, DEFAULT_MAX_LINE_BYTES, DecodeError, DecodedHeader, DecodedRecord, DecodedValue,
    Decoder, Fault,
};
pub use encoder::{Encoder, EncoderSettings};
pub use encoding::{Compression, Encoding, Format, TextEncoding};
pub use json::room_for;
pub use record::{Header, NotText, Part, Record, Value};
