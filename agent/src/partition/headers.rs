//! A record's headers as bytes: rdkafka's own iterator panics on names that are
//! not UTF-8.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use kafka2oss_format::Header;
use rdkafka::bindings;
use rdkafka::message::BorrowedMessage;
use rdkafka::types::RDKafkaRespErr;

/// The headers of `message`, in their order.
pub(super) fn headers<'a>(message: &'a BorrowedMessage<'_>) -> Vec<Header<'a>> {
    let mut headers = ptr::null_mut();
    // SAFETY: the message is live as long as its borrow, and with it what
    // librdkafka parses of its headers.
    let found = unsafe { bindings::rd_kafka_message_headers(message.ptr(), &raw mut headers) };
    let mut all = Vec::new();
    if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        return all;
    }
    loop {
        let (mut name, mut value, mut size) = (ptr::null::<c_char>(), ptr::null::<c_void>(), 0);
        // SAFETY: `headers` was given by the message; the three are written to
        // when there is a header of this index.
        let header = unsafe {
            let error = bindings::rd_kafka_header_get_all(
                headers,
                all.len(),
                &raw mut name,
                &raw mut value,
                &raw mut size,
            );
            if error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return all;
            }
            Header {
                key: CStr::from_ptr(name).to_bytes(),
                value: (!value.is_null())
                    .then(|| std::slice::from_raw_parts(value.cast::<u8>(), size)),
            }
        };
        all.push(header);
    }
}
