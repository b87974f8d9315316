//! JSON's strings and numbers, appended to a body without a copy in between.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::encoding::TextEncoding;
use crate::{escape, utf8};

/// Bytes in the form in which they are written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Text<'a> {
    /// A field that holds them as they are.
    Plain(&'a str),
    /// A field that holds them in base64, and says so by its name.
    Base64(&'a [u8]),
}

impl<'a> Text<'a> {
    /// `bytes` as `encoding` wants them.
    ///
    /// # Errors
    /// When they have to be UTF-8 and are not.
    pub(crate) fn new(
        encoding: TextEncoding,
        bytes: &'a [u8],
    ) -> Result<Self, std::str::Utf8Error> {
        match encoding {
            TextEncoding::Utf8 => utf8::from_utf8(bytes).map(Self::Plain),
            TextEncoding::Base64 => Ok(Self::Base64(bytes)),
            TextEncoding::Utf8OrBase64 => Ok(Self::text_or_base64(bytes)),
        }
    }

    /// `bytes` as text where they are UTF-8, else in base64.
    pub(crate) fn text_or_base64(bytes: &'a [u8]) -> Self {
        utf8::text(bytes).map_or(Self::Base64(bytes), Self::Plain)
    }

    /// Appends `"name":"text"`, or `"nameBase64":"base64"`; `name` needs no
    /// escapes.
    pub(crate) fn write_field(self, buffer: &mut Vec<u8>, name: &str) {
        buffer.push(b'"');
        buffer.extend_from_slice(name.as_bytes());
        match self {
            Self::Plain(text) => {
                buffer.extend_from_slice(b"\":");
                write_string(buffer, text);
            }
            Self::Base64(bytes) => {
                buffer.extend_from_slice(b"Base64\":\"");
                write_base64(buffer, bytes);
                buffer.push(b'"');
            }
        }
    }
}

/// Longest text that is escaped with SIMD, in bytes: for that, there has to be
/// room as if each byte of it became six.
const ESCAPED_AT_ONCE: usize = 32 << 10;

/// Bytes of a record's JSON besides its key, value and headers, about.
const RECORD_OVERHEAD: usize = 384;

/// Room that a buffer should have before a record is appended whose key, value and
/// headers have `bytes` bytes: with less, the buffer grows as it pleases. Only
/// where most of a record's bytes become escapes, or a very long text has many, is
/// it not enough.
pub const fn room_for(bytes: usize) -> usize {
    let at_once = if bytes < ESCAPED_AT_ONCE { bytes } else { ESCAPED_AT_ONCE };
    let rest = bytes - at_once;
    escape::room(at_once) + rest + rest / 8 + RECORD_OVERHEAD
}

/// Appends a string in quotes, with its escapes: the same for both ways.
pub(crate) fn write_string(buffer: &mut Vec<u8>, text: &str) {
    if text.len() <= ESCAPED_AT_ONCE {
        escape::append(buffer, text);
    } else {
        serde_json::to_writer(buffer, text).expect("a string is written to memory");
    }
}

/// Appends a number.
pub(crate) fn write_integer(buffer: &mut Vec<u8>, number: impl itoa::Integer) {
    buffer.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn write_base64(buffer: &mut Vec<u8>, bytes: &[u8]) {
    let start = buffer.len();
    let length = base64::encoded_len(bytes.len(), true)
        .expect("a slice is at most isize::MAX bytes, of which 4/3 fit a usize");
    buffer.resize(start + length, 0);
    let written = STANDARD
        .encode_slice(bytes, &mut buffer[start..])
        .expect("there is room for exactly the encoded bytes");
    debug_assert_eq!(written, length, "standard base64 is padded");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        let mut buffer = b"before".to_vec();
        write_string(&mut buffer, text);
        String::from_utf8(buffer).expect("JSON is text")
    }

    proptest! {
        #[test]
        fn strings_are_what_serde_json_writes(
            text in prop_oneof![
                // Around the width of every vector.
                "[a-z]{0,200}",
                "\\PC{0,100}",
                "[\"\\\\/\u{0}-\u{20}\u{7f}é€😀a-c]{0,150}",
            ],
        ) {
            let expected = serde_json::to_string(&text).expect("a string is JSON");
            prop_assert_eq!(written(&text), format!("before{expected}"));
        }
    }

    #[test]
    fn every_character_is_escaped_as_serde_json_does_at_every_place() {
        for code in (0..0x100).chain([0x7ff, 0x800, 0x2028, 0xffff, 0x1_0000, 0x10_ffff]) {
            let Some(character) = char::from_u32(code) else { continue };
            for place in 0..70 {
                let text = format!("{}{character}{}", "x".repeat(place), "y".repeat(70 - place));
                let expected = serde_json::to_string(&text).expect("a string is JSON");
                assert_eq!(written(&text), format!("before{expected}"), "{code:#x} at {place}");
            }
        }
    }

    #[test]
    fn long_texts_are_written_alike_on_both_sides_of_the_limit() {
        for length in ESCAPED_AT_ONCE - 2..ESCAPED_AT_ONCE + 3 {
            let text = "a\"b\n€".chars().cycle().scan(0, |bytes, character| {
                *bytes += character.len_utf8();
                (*bytes <= length).then_some(character)
            });
            let text: String = text.collect();
            let expected = serde_json::to_string(&text).expect("a string is JSON");
            assert_eq!(written(&text), format!("before{expected}"), "{length}");
        }
    }

    #[test]
    fn a_buffer_with_room_does_not_grow() {
        for bytes in [0, 1, 100, 10_000, ESCAPED_AT_ONCE, ESCAPED_AT_ONCE + 1, 1 << 20] {
            let mut buffer = Vec::with_capacity(room_for(bytes));
            let capacity = buffer.capacity();
            write_string(&mut buffer, &"x".repeat(bytes));
            assert_eq!(buffer.capacity(), capacity, "{bytes}");
        }
    }
}
