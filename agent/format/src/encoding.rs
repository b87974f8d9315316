//! What an object's bytes are, and how its name says so.

/// How records are framed in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON array, one record a line.
    JsonArray,
    /// One JSON object a line.
    JsonLines,
}

/// How a body is compressed as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// One gzip member (RFC 1952).
    Gzip,
    /// One Zstandard frame (RFC 8878).
    Zstd,
}

/// How keys, or values, become JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextEncoding {
    /// As text; what is not UTF-8 is refused.
    Utf8,
    /// In base64, whatever they hold.
    Base64,
    /// As text where they are UTF-8, else in base64.
    Utf8OrBase64,
}

/// What an object's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Encoding {
    /// How its records are framed.
    pub format: Format,
    /// How its body is compressed.
    pub compression: Compression,
}

impl Encoding {
    /// Every encoding there is.
    pub const ALL: [Self; 6] = [
        Self { format: Format::JsonArray, compression: Compression::None },
        Self { format: Format::JsonArray, compression: Compression::Gzip },
        Self { format: Format::JsonArray, compression: Compression::Zstd },
        Self { format: Format::JsonLines, compression: Compression::None },
        Self { format: Format::JsonLines, compression: Compression::Gzip },
        Self { format: Format::JsonLines, compression: Compression::Zstd },
    ];

    /// Extension of an object's key, without the dot in front of it.
    pub const fn extension(self) -> &'static str {
        match (self.format, self.compression) {
            (Format::JsonArray, Compression::None) => "json",
            (Format::JsonArray, Compression::Gzip) => "json.gz",
            (Format::JsonArray, Compression::Zstd) => "json.zst",
            (Format::JsonLines, Compression::None) => "jsonl",
            (Format::JsonLines, Compression::Gzip) => "jsonl.gz",
            (Format::JsonLines, Compression::Zstd) => "jsonl.zst",
        }
    }

    /// The encoding that has exactly this [`extension`](Self::extension).
    pub fn from_extension(extension: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|encoding| encoding.extension() == extension)
    }

    /// Media type of an object.
    ///
    /// A compressed object is a compressed file: its `Content-Encoding` stays
    /// unset, or clients would decompress what they download.
    pub const fn content_type(self) -> &'static str {
        match (self.compression, self.format) {
            (Compression::None, Format::JsonArray) => "application/json",
            (Compression::None, Format::JsonLines) => "application/x-ndjson",
            (Compression::Gzip, _) => "application/gzip",
            (Compression::Zstd, _) => "application/zstd",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_and_a_content_type_name_each_encoding() {
        let named = Encoding::ALL.map(|encoding| (encoding.extension(), encoding.content_type()));
        assert_eq!(
            named,
            [
                ("json", "application/json"),
                ("json.gz", "application/gzip"),
                ("json.zst", "application/zstd"),
                ("jsonl", "application/x-ndjson"),
                ("jsonl.gz", "application/gzip"),
                ("jsonl.zst", "application/zstd"),
            ]
        );
    }

    #[test]
    fn every_encoding_is_read_back_from_its_extension() {
        for encoding in Encoding::ALL {
            assert_eq!(Encoding::from_extension(encoding.extension()), Some(encoding));
        }
    }

    #[test]
    fn nothing_else_is_an_extension() {
        for text in ["", ".json", "JSON", "json.", "gz", "json.gz.gz", "json.zstd", "ndjson"] {
            assert_eq!(Encoding::from_extension(text), None, "{text}");
        }
    }
}
