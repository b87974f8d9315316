//! What the objects of one partition look like, as the connector's spec says.

use std::sync::Arc;

use kafka2oss_chain::{AttemptId, ChainId, KeyLayout, Keys, Pin};
use kafka2oss_domain::spec::{self, ConnectorSpec, Overflow, OverflowPolicy, Rotation};
use kafka2oss_format::{Compression, Encoder, EncoderSettings, Encoding, Format, TextEncoding};
use kafka2oss_sink::Sums;
use ulid::Ulid;

/// What the objects of one partition look like.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// Where they stand.
    pub layout: KeyLayout,
    keys: Keys,
    /// When they are closed.
    pub rotation: Rotation,
    /// What becomes of very large values.
    pub overflow: Overflow,
    /// How records stand in them, where no key says otherwise.
    pub form: Arc<Form>,
    sums: Sums,
    topic: String,
    partition: i32,
    key_encoding: TextEncoding,
    value_encoding: TextEncoding,
    include_headers: bool,
}

/// How records stand in an object.
#[derive(Debug)]
pub(crate) struct Form {
    /// Format and compression.
    pub encoding: Encoding,
    /// Writes records.
    pub encoder: Encoder,
    /// What is summed up while it is written: nothing where it is compressed.
    pub sums: Option<Sums>,
}

impl Form {
    fn new(encoding: Encoding, encoder: Encoder, sums: &Sums) -> Self {
        let is_plain = encoding.compression == Compression::None;
        Self { encoding, encoder, sums: is_plain.then(|| sums.clone()) }
    }
}

impl Shape {
    /// Of `partition`'s objects, whose chain is `chain`, with a store's `sums`.
    pub(crate) fn new(
        spec: &ConnectorSpec,
        partition: i32,
        chain: ChainId,
        keys: Keys,
        sums: Sums,
    ) -> Self {
        let spec::Output {
            format,
            rotation,
            layout,
            overflow,
            compression,
            key_encoding,
            value_encoding,
            include_headers,
        } = &spec.output;
        let topic = spec.source.topic.clone();
        let (key_encoding, value_encoding) =
            (text_encoding(*key_encoding), text_encoding(*value_encoding));
        let settings = EncoderSettings {
            topic: &topic,
            partition,
            format: format_of(*format),
            key_encoding,
            value_encoding,
            include_headers: *include_headers,
        };
        let encoding =
            Encoding { format: settings.format, compression: compression_of(*compression) };
        let form = Form::new(encoding, Encoder::new(settings), &sums);
        Self {
            layout: KeyLayout::new(layout, &topic, partition, chain),
            keys,
            rotation: rotation.clone(),
            overflow: overflow.clone(),
            form: Arc::new(form),
            sums,
            topic,
            partition,
            key_encoding,
            value_encoding,
            include_headers: *include_headers,
        }
    }

    /// How records stand in the object of a key that was announced by whatever
    /// spec; `None` when this version does not know the key's extension.
    pub(crate) fn form_of(&self, extension: &str) -> Option<Arc<Form>> {
        let encoding = Encoding::from_extension(extension)?;
        if encoding == self.form.encoding {
            return Some(Arc::clone(&self.form));
        }
        let encoder = Encoder::new(EncoderSettings {
            topic: &self.topic,
            partition: self.partition,
            format: encoding.format,
            key_encoding: self.key_encoding,
            value_encoding: self.value_encoding,
            include_headers: self.include_headers,
        });
        Some(Arc::new(Form::new(encoding, encoder, &self.sums)))
    }

    /// A key for the object from `first` on, whose first record has this timestamp. Each
    /// object is to ask for its key once: where attempts have keys of their own, the next
    /// answer is another one.
    pub(crate) fn key(&self, first: i64, timestamp: i64, extension: &str) -> Pin {
        // The lower 80 bits of such an id are random, and the upper ones a time.
        let random = || AttemptId::of(Ulid::generate().0 as u64);
        let attempt = (self.keys == Keys::Own).then(random);
        self.layout.link(first, timestamp, extension, attempt)
    }

    /// Whether a record's headers stand in its object, or make it too large for one.
    pub(crate) fn counts_headers(&self) -> bool {
        self.include_headers || self.overflow.max_record_bytes.is_some()
    }

    /// Whether a value of this many bytes overflows, and what becomes of it.
    pub(crate) fn overflow_of(&self, value_bytes: usize) -> Option<OverflowPolicy> {
        (value_bytes as u64 > self.overflow.max_value_bytes).then_some(self.overflow.policy)
    }
}

fn format_of(format: spec::OutputFormat) -> Format {
    match format {
        spec::OutputFormat::JsonArray => Format::JsonArray,
        spec::OutputFormat::JsonLines => Format::JsonLines,
    }
}

fn compression_of(compression: spec::Compression) -> Compression {
    match compression {
        spec::Compression::None => Compression::None,
        spec::Compression::Gzip => Compression::Gzip,
        spec::Compression::Zstd => Compression::Zstd,
    }
}

fn text_encoding(encoding: spec::TextEncoding) -> TextEncoding {
    match encoding {
        spec::TextEncoding::Utf8 => TextEncoding::Utf8,
        spec::TextEncoding::Base64 => TextEncoding::Base64,
        spec::TextEncoding::Utf8OrBase64 => TextEncoding::Utf8OrBase64,
    }
}
