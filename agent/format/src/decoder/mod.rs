//! A body back to records.
//!
//! What is read is the form that [`Encoder`](crate::Encoder) writes, and
//! nothing but that: one record a line, no white space around it, each field
//! at most once and none besides. Only the order of the fields and white space
//! between them are not looked at. What another program wrote, or changed, is
//! so found rather than read as if it were ours.

mod error;
mod fields;
mod frame;

use std::io::{BufRead, Read as _};

pub use error::{Contradiction, DecodeError, Fault};

use crate::encoding::Format;
use frame::Line;

/// The longest line that a [`Decoder`] takes in unless told otherwise, in
/// bytes: 1 GiB.
pub const DEFAULT_MAX_LINE_BYTES: u64 = 1 << 30;

/// A record as it stands in a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedRecord {
    /// Its headers in order; `None` when the field is absent: there were none,
    /// or they were not included.
    pub headers: Option<Vec<DecodedHeader>>,
    /// Its key; `None` is null.
    pub key: Option<Vec<u8>>,
    /// Offset in its partition.
    pub offset: i64,
    /// Whether the value was left out for its size.
    pub overflow: bool,
    /// Its partition.
    pub partition: i32,
    /// Milliseconds since 1970; -1 when it has none.
    pub timestamp: i64,
    /// Its topic.
    pub topic: String,
    /// Its value, or what stands for it.
    pub value: DecodedValue,
    /// Length of the value in bytes, wherever it is; 0 for null.
    pub value_size: u64,
}

/// A header of a [`DecodedRecord`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedHeader {
    /// Its key.
    pub key: Vec<u8>,
    /// Its value; `None` is null.
    pub value: Option<Vec<u8>>,
}

/// The value of a [`DecodedRecord`], or what stands for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecodedValue {
    /// Null, or left out if [`DecodedRecord::overflow`].
    Absent,
    /// The value itself.
    Bytes(Vec<u8>),
    /// The key of the object that holds it.
    Object(String),
}

/// Reads the records of a body one after the other, with one of them in memory
/// at a time. After an error it ends.
///
/// It yields `None` only at the end of `source`, so that a
/// [`reader`](crate::reader) below it has checked its checksum by then. JSON
/// lines that were cut off between two records are a whole body of fewer; an
/// array that was cut off is an error wherever it was.
#[derive(Debug)]
pub struct Decoder<R> {
    format: Format,
    source: R,
    max_line_bytes: u64,
    line: Vec<u8>,
    /// Records read so far.
    records: u64,
    ended: bool,
}

impl<R: BufRead> Decoder<R> {
    /// Reads `source`, an uncompressed body.
    pub fn new(format: Format, source: R) -> Self {
        Self {
            format,
            source,
            max_line_bytes: DEFAULT_MAX_LINE_BYTES,
            line: Vec::new(),
            records: 0,
            ended: false,
        }
    }

    /// With another limit than [`DEFAULT_MAX_LINE_BYTES`] on a record as it
    /// stands in the body, the line's brackets, comma and end counted in.
    #[must_use]
    pub fn with_max_line_bytes(mut self, max_line_bytes: u64) -> Self {
        self.max_line_bytes = max_line_bytes;
        self
    }

    fn read(&mut self) -> Result<Option<DecodedRecord>, Fault> {
        self.line.clear();
        let limit = self.max_line_bytes.saturating_add(1);
        (&mut self.source).take(limit).read_until(b'\n', &mut self.line).map_err(Fault::Read)?;
        if self.line.len() as u64 > self.max_line_bytes {
            return Err(Fault::LineTooLong { max_line_bytes: self.max_line_bytes });
        }
        let json = match frame::line(self.format, self.records == 0, &self.line)? {
            Line::Record(json) => json,
            Line::LastRecord(json) => {
                self.ended = true;
                json
            }
            Line::End => {
                self.ended = true;
                return Ok(None);
            }
        };
        let record = fields::record(json)?;
        self.records += 1;
        Ok(Some(record))
    }
}

impl<R: BufRead> Iterator for Decoder<R> {
    type Item = Result<DecodedRecord, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        self.read().transpose().map(|read| {
            read.map_err(|fault| {
                self.ended = true;
                DecodeError { record: self.records + 1, fault }
            })
        })
    }
}

impl<R: BufRead> std::iter::FusedIterator for Decoder<R> {}

#[cfg(test)]
mod tests;
