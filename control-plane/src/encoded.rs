//! Messages whose parts are encoded once, shared, and put together each time that they
//! are sent. The fields of a protobuf message may stand in any order, so that a message
//! is its parts one after the other
//! (<https://protobuf.dev/programming-guides/encoding/#order>).

use bytes::BufMut;

/// A message that is bytes already.
pub(crate) trait Encoded {
    /// Its length in bytes.
    fn len(&self) -> usize;

    /// Writes it.
    fn put(&self, buffer: &mut impl BufMut);
}

/// The length of field `NUMBER`, a message of `length` bytes, with what stands before it.
pub(crate) fn field_len<const NUMBER: u8>(length: usize) -> usize {
    1 + prost::length_delimiter_len(length) + length
}

/// Writes what stands before field `NUMBER`, a message of `length` bytes.
pub(crate) fn begin_field<const NUMBER: u8>(length: usize, buffer: &mut impl BufMut) {
    const { assert!(NUMBER > 0 && NUMBER < 16, "the keys of others are longer than a byte") };
    // Wire type 2: the length comes before the bytes.
    buffer.put_u8(NUMBER << 3 | 2);
    prost::encode_length_delimiter(length, buffer).expect("buffers of messages grow");
}
