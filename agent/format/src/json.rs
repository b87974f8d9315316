//! JSON's strings and numbers, appended to a body without a copy in between.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::encoding::TextEncoding;

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
            TextEncoding::Utf8 => std::str::from_utf8(bytes).map(Self::Plain),
            TextEncoding::Base64 => Ok(Self::Base64(bytes)),
            TextEncoding::Utf8OrBase64 => Ok(Self::text_or_base64(bytes)),
        }
    }

    /// `bytes` as text where they are UTF-8, else in base64.
    pub(crate) fn text_or_base64(bytes: &'a [u8]) -> Self {
        std::str::from_utf8(bytes).map_or(Self::Base64(bytes), Self::Plain)
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

/// Appends a string in quotes, with its escapes.
pub(crate) fn write_string(buffer: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(buffer, text).expect("a string is written to memory");
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
