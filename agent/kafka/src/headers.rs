//! A fetched record's headers, byte for byte.
//!
//! librdkafka's own call gives a header's name as a C string, which ends at its first
//! zero byte; Kafka allows such bytes, and librdkafka (2.12.1) keeps the length beside
//! the name, without a call that tells it (`rd_kafka_header_t`). It is read from there,
//! in a layout that [`check_layout`] holds against the library in use.

use std::ffi::{c_char, c_void};
use std::mem::offset_of;
use std::sync::LazyLock;
use std::{ptr, slice};

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use rdkafka::bindings as c;

/// librdkafka's `rd_kafka_header_t` (src/rdkafka_header.h).
#[repr(C)]
struct NativeHeader {
    serialized_size: usize,
    value_size: usize,
    name_size: usize,
    value: *const c_char,
    /// The name's first byte; it is followed by a zero byte and the value.
    name: [c_char; 1],
}

/// From a header's name back to the name's length.
const TO_NAME_SIZE: usize = offset_of!(NativeHeader, name) - offset_of!(NativeHeader, name_size);

/// The header of this index, counted from 0: its name, and its value unless that is
/// null. `None` behind the last one.
///
/// # Safety
/// `headers` is live, and is not changed for `'a`; [`check_layout`] has succeeded.
pub unsafe fn header<'a>(
    headers: *const c::rd_kafka_headers_t,
    index: usize,
) -> Option<(&'a [u8], Option<&'a [u8]>)> {
    // SAFETY: by this function's contract. The name has its length, and lives as long as
    // the headers.
    unsafe {
        let Parts { name, value } = parts(headers, index)?;
        Some((slice::from_raw_parts(name.cast::<u8>(), name_size(name)), value))
    }
}

/// A header as librdkafka's own call gives it.
struct Parts<'a> {
    /// Without its length.
    name: *const c_char,
    value: Option<&'a [u8]>,
}

/// # Safety
/// `headers` is live, and is not changed for `'a`.
unsafe fn parts<'a>(headers: *const c::rd_kafka_headers_t, index: usize) -> Option<Parts<'a>> {
    let (mut name, mut value, mut size) = (ptr::null::<c_char>(), ptr::null::<c_void>(), 0);
    // SAFETY: the headers are live; the three are written to where there is a header of
    // this index. The value has its length, and lives as long as the headers.
    unsafe {
        let code = c::rd_kafka_header_get_all(
            headers,
            index,
            &raw mut name,
            &raw mut value,
            &raw mut size,
        );
        if code != c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
            return None;
        }
        let value = (!value.is_null()).then(|| slice::from_raw_parts(value.cast::<u8>(), size));
        Some(Parts { name, value })
    }
}

/// What stands where a name's length is expected.
///
/// # Safety
/// `name` is that of a live header. What stands in front of it is within its allocation:
/// librdkafka's list needs no less than three words there for any layout with these
/// fields.
unsafe fn name_size(name: *const c_char) -> usize {
    // SAFETY: by this function's contract.
    unsafe { name.byte_sub(TO_NAME_SIZE).cast::<usize>().read() }
}

/// Whether librdkafka keeps headers as they are read here. Asked once a process; to be
/// asked before the first header is read.
///
/// # Errors
/// `INTERNAL`: this is another librdkafka than the one that this was written for, and
/// names of headers could be cut.
pub fn check_layout() -> Result<(), Problem> {
    static IS_KNOWN: LazyLock<bool> = LazyLock::new(is_layout_known);
    if *IS_KNOWN {
        return Ok(());
    }
    let message = "this librdkafka keeps headers of records in another form than is known";
    Err(Problem::new(ErrorCode::Internal, message))
}

/// What the check writes and reads back. Whatever stands at the length's place, it is
/// not taken for a length before its number is right for each of them.
const SAMPLES: [(&[u8], Option<&[u8]>); 4] =
    [(b"a\0b", None), (b"", Some(b"")), (b"\0", Some(b"v\0")), (b"a long name, no zero", None)];

fn is_layout_known() -> bool {
    // SAFETY: made and freed here; the texts are copied.
    unsafe {
        let headers = c::rd_kafka_headers_new(SAMPLES.len());
        let known = SAMPLES.iter().enumerate().all(|(index, (name, value))| {
            add(headers, name, *value);
            parts(headers, index).is_some_and(|parts| name_size(parts.name) == name.len())
                && header(headers, index) == Some((name, *value))
        });
        c::rd_kafka_headers_destroy(headers);
        known
    }
}

/// # Safety
/// `headers` is live.
unsafe fn add(headers: *mut c::rd_kafka_headers_t, name: &[u8], value: Option<&[u8]>) {
    let size = |bytes: &[u8]| isize::try_from(bytes.len()).expect("a slice's length fits");
    let (start, length) = match value {
        Some(value) => (value.as_ptr(), size(value)),
        None => (ptr::null(), 0),
    };
    // SAFETY: by this function's contract; both texts are of their lengths, and copied.
    unsafe {
        c::rd_kafka_header_add(headers, name.as_ptr().cast(), size(name), start.cast(), length);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_layout_is_that_of_the_library_in_use() {
        assert_eq!(check_layout(), Ok(()));
    }

    proptest! {
        #[test]
        fn names_and_values_are_read_byte_for_byte(
            all: Vec<(Vec<u8>, Option<Vec<u8>>)>,
        ) {
            // SAFETY: made and freed here; what is read is compared before that.
            unsafe {
                let headers = c::rd_kafka_headers_new(all.len());
                for (name, value) in &all {
                    add(headers, name, value.as_deref());
                }
                let read: Vec<_> = (0..).map_while(|index| header(headers, index))
                    .map(|(name, value)| (name.to_vec(), value.map(<[u8]>::to_vec)))
                    .collect();
                c::rd_kafka_headers_destroy(headers);
                prop_assert_eq!(read, all);
            }
        }
    }
}
