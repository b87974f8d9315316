//! A record as librdkafka has fetched it, in librdkafka's own memory.

use std::ffi::c_void;
use std::fmt;
use std::marker::PhantomData;
use std::ptr;
use std::slice;

use kafka2oss_chain::LogPosition;
use kafka2oss_format::Header;
use rdkafka::bindings;
use rdkafka::bindings::rd_kafka_timestamp_type_t as RDKafkaTimestampType;
use rdkafka::message::{BorrowedHeaders, OwnedHeaders};
use rdkafka::types::{RDKafkaHeaders, RDKafkaMessage, RDKafkaRespErr};
use smallvec::SmallVec;

/// Headers of a record; most have fewer than these.
pub(super) type HeaderList<'a> = SmallVec<[Header<'a>; 8]>;

/// librdkafka (2.12.1) gives no headers of a record that has more than 100,000 of them,
/// or such as it cannot decode (`rd_kafka_msg_headers_parse`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnreadableHeaders;

impl fmt::Display for UnreadableHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its headers cannot be read: more than 100,000, or damaged ones")
    }
}

/// When a record was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timestamp {
    /// Milliseconds since 1970; -1 when it has none.
    pub(super) millis: i64,
    /// Whether its producer has chosen it, and not the broker.
    pub(super) is_producers: bool,
}

/// A record as librdkafka has fetched it, or what it says instead.
pub(super) struct Message<'a> {
    native: *mut RDKafkaMessage,
    _consumer: PhantomData<&'a ()>,
}

impl Message<'_> {
    /// # Safety
    /// `native` is a live message that nobody else destroys, and its consumer
    /// outlives `'a`.
    pub(super) unsafe fn new(native: *mut RDKafkaMessage) -> Self {
        Self { native, _consumer: PhantomData }
    }

    fn get(&self) -> &RDKafkaMessage {
        // SAFETY: live until this is dropped.
        unsafe { &*self.native }
    }

    /// What it says instead of being a record.
    pub(super) fn error(&self) -> RDKafkaRespErr {
        self.get().err
    }

    /// Its offset.
    pub(super) fn offset(&self) -> i64 {
        self.get().offset
    }

    /// The place behind it in the partition's log.
    pub(super) fn end(&self) -> LogPosition {
        // SAFETY: the message is live.
        let leader_epoch = unsafe { bindings::rd_kafka_message_leader_epoch(self.native) };
        // Formats before that of Kafka 0.11 have none, and -1 stands in its place.
        let leader_epoch = (leader_epoch >= 0).then_some(leader_epoch);
        LogPosition { offset: self.offset() + 1, leader_epoch }
    }

    /// When it was written.
    pub(super) fn timestamp(&self) -> Timestamp {
        use RDKafkaTimestampType as Kind;
        let mut kind = Kind::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is live; the kind is written to.
        let millis = unsafe { bindings::rd_kafka_message_timestamp(self.native, &raw mut kind) };
        match kind {
            Kind::RD_KAFKA_TIMESTAMP_CREATE_TIME => Timestamp { millis, is_producers: true },
            Kind::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => Timestamp { millis, is_producers: false },
            // Formats before Kafka 0.10 have none, and 0 stands in its place.
            Kind::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE => Timestamp { millis: -1, is_producers: false },
        }
    }

    /// Its key; `None` is null.
    pub(super) fn key(&self) -> Option<&[u8]> {
        let message = self.get();
        // SAFETY: librdkafka's pointer and length, valid as long as the message.
        unsafe { bytes(message.key, message.key_len) }
    }

    /// Its value; `None` is null.
    pub(super) fn value(&self) -> Option<&[u8]> {
        let message = self.get();
        // SAFETY: librdkafka's pointer and length, valid as long as the message.
        unsafe { bytes(message.payload, message.len) }
    }

    /// Bytes of its key and its value.
    pub(super) fn bytes(&self) -> usize {
        self.get().key_len + self.get().len
    }

    fn native_headers(&self) -> Result<Option<*mut RDKafkaHeaders>, UnreadableHeaders> {
        let mut headers = ptr::null_mut();
        // SAFETY: the message is live, and with it what librdkafka parses of its
        // headers.
        match unsafe { bindings::rd_kafka_message_headers(self.native, &raw mut headers) } {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(Some(headers)),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__NOENT => Ok(None),
            _ => Err(UnreadableHeaders),
        }
    }

    /// Its headers, in their order, as bytes: rdkafka's own iterator panics on
    /// names that are not UTF-8, and cuts those with a zero byte.
    pub(super) fn headers(&self) -> Result<HeaderList<'_>, UnreadableHeaders> {
        let Some(headers) = self.native_headers()? else { return Ok(HeaderList::new()) };
        // SAFETY: the headers are the message's, which nobody changes while it is
        // borrowed; the consumer was made after the layout was seen to be known.
        let header = |index| unsafe { kafka2oss_kafka::headers::header(headers, index) };
        Ok((0..).map_while(header).map(|(key, value)| Header { key, value }).collect())
    }

    /// A copy of its headers, byte for byte.
    pub(super) fn copy_headers(&self) -> Result<Option<OwnedHeaders>, UnreadableHeaders> {
        let Some(headers) = self.native_headers()? else { return Ok(None) };
        // SAFETY: rdkafka's type is this pointer by another name, and never read
        // through as anything else (0.39.0, `BorrowedHeaders::from_native_ptr`).
        let headers = unsafe { &*headers.cast::<BorrowedHeaders>() };
        Ok(Some(headers.detach()))
    }
}

impl Drop for Message<'_> {
    fn drop(&mut self) {
        // SAFETY: `new` demands that nobody else does.
        unsafe { bindings::rd_kafka_message_destroy(self.native) };
    }
}

/// # Safety
/// Unless `start` is null, `length` bytes from it on are valid for `'a`.
unsafe fn bytes<'a>(start: *const c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: demanded of the caller.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start.cast(), length) })
}
