//! librdkafka's C API where rdkafka does not wrap it, or wraps it so that the
//! broker's words, topic ids or raw metadata are lost.

use std::ffi::{CStr, CString, c_char};
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::types::{RDKafka, RDKafkaErrorCode, RDKafkaRespErr};

/// How long a request may take before librdkafka gives it up, connecting
/// included.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a broker may take to carry a creation or deletion out; shorter, so
/// that its own answer comes before ours is given up.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(8);
/// librdkafka answers every request itself once its time is over; this is only
/// so that nothing ever waits for ever.
const ANSWER_MARGIN: Duration = Duration::from_secs(5);

/// An error of the C API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: RDKafkaErrorCode,
    /// The broker's or librdkafka's own words.
    pub(crate) words: String,
}

impl Failure {
    pub(crate) fn new(code: RDKafkaErrorCode, words: impl Into<String>) -> Self {
        Self { code, words: words.into() }
    }

    /// `code` in the words of librdkafka.
    pub(crate) fn of(code: RDKafkaErrorCode) -> Self {
        Self::new(code, code.to_string())
    }

    /// The failure that an error object stands for; `None` when it stands for
    /// none.
    ///
    /// # Safety
    /// `error` is null or points to a live error.
    pub(crate) unsafe fn from_error(error: *const c::rd_kafka_error_t) -> Option<Self> {
        if error.is_null() {
            return None;
        }
        // SAFETY: not null, and live by this function's contract.
        let (code, words) =
            unsafe { (c::rd_kafka_error_code(error), text(c::rd_kafka_error_string(error))) };
        Self::from_code(code, words)
    }

    /// The failure of this code; `None` for success.
    pub(crate) fn from_code(code: RDKafkaRespErr, words: Option<String>) -> Option<Self> {
        if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return None;
        }
        let code = RDKafkaErrorCode::from(code);
        Some(Self::new(code, words.unwrap_or_else(|| code.to_string())))
    }
}

/// Something of librdkafka's that is ours to free.
pub(crate) struct Owned<T> {
    pointer: NonNull<T>,
    free: unsafe extern "C" fn(*mut T),
}

impl<T> Owned<T> {
    /// Takes what `new` made; a failure when it made nothing, which the calls
    /// used here do only for arguments that they do not take.
    ///
    /// # Safety
    /// `pointer` is null or an object that nobody else frees, and `free` frees
    /// it.
    pub(crate) unsafe fn take(
        pointer: *mut T,
        free: unsafe extern "C" fn(*mut T),
    ) -> Result<Self, Failure> {
        NonNull::new(pointer)
            .map(|pointer| Self { pointer, free })
            .ok_or_else(|| Failure::of(RDKafkaErrorCode::InvalidArgument))
    }

    pub(crate) fn as_ptr(&self) -> *mut T {
        self.pointer.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: `take` was told that this frees it, and that nobody else does.
        unsafe { (self.free)(self.pointer.as_ptr()) }
    }
}

/// The answer to a request; what is read from it points into it.
pub(crate) type Event = Owned<c::rd_kafka_event_t>;

/// Where a request is to be sent from and its answer to go.
pub(crate) struct Submission {
    pub(crate) client: *mut RDKafka,
    pub(crate) options: *mut c::rd_kafka_AdminOptions_t,
    pub(crate) queue: *mut c::rd_kafka_queue_t,
}

/// How long librdkafka may take for a request to a coordinator, at most: the longest time
/// that it takes for any.
const COORDINATOR_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// Who answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Whom librdkafka chooses: the controller or the partitions' leaders.
    TheOneInCharge,
    /// The group's coordinator. librdkafka 2.12.1 goes on looking for it after the
    /// request's time, and once it is found touches what was freed then, which ends the
    /// process (`rd_kafka_coord_req_fail` calls back with the freed `eonce`). So its own
    /// time is an hour, of which [`REQUEST_TIMEOUT`] is waited for: where that was not
    /// enough, the client is to be gone before the hour is over. Until then the request
    /// may still be carried out.
    Coordinator,
    /// The broker of this id, for so long. Whatever all brokers know is asked so: the
    /// embedded Kafka has no controller, and others' has enough to do.
    Broker(i32, Duration),
}

/// Sends one admin request and waits for its answer, up to [`REQUEST_TIMEOUT`] or as
/// long as a certain broker may take, and a margin where librdkafka tells that this time is
/// over. Blocks.
///
/// # Safety
/// `client` is a live client for the whole call. `submit` makes the request of
/// kind `operation` with what the submission holds.
pub(crate) unsafe fn call(
    client: *mut RDKafka,
    operation: c::rd_kafka_admin_op_t,
    ask: Ask,
    submit: impl FnOnce(&Submission),
) -> Result<Event, Failure> {
    // SAFETY: the client is live; both objects are ours.
    let (options, queue) = unsafe {
        (
            Owned::take(
                c::rd_kafka_AdminOptions_new(client, operation),
                c::rd_kafka_AdminOptions_destroy,
            )?,
            Owned::take(c::rd_kafka_queue_new(client), c::rd_kafka_queue_destroy)?,
        )
    };
    let (timeout, patience) = match ask {
        Ask::TheOneInCharge => (REQUEST_TIMEOUT, REQUEST_TIMEOUT + ANSWER_MARGIN),
        Ask::Coordinator => (COORDINATOR_TIMEOUT, REQUEST_TIMEOUT),
        Ask::Broker(broker, timeout) => {
            set_broker(&options, broker)?;
            (timeout, timeout + ANSWER_MARGIN)
        }
    };
    set_timeouts(&options, operation, timeout)?;
    submit(&Submission { client, options: options.as_ptr(), queue: queue.as_ptr() });
    let patience = milliseconds(patience);
    // SAFETY: the queue is live; an event that it gives is ours.
    let event = unsafe {
        Owned::take(c::rd_kafka_queue_poll(queue.as_ptr(), patience), c::rd_kafka_event_destroy)
    }
    .map_err(|_| Failure::of(RDKafkaErrorCode::OperationTimedOut))?;
    // SAFETY: the event is live, and its words are copied.
    let failure = unsafe {
        Failure::from_code(
            c::rd_kafka_event_error(event.as_ptr()),
            text(c::rd_kafka_event_error_string(event.as_ptr())),
        )
    };
    failure.map_or(Ok(event), Err)
}

fn set_timeouts(
    options: &Owned<c::rd_kafka_AdminOptions_t>,
    operation: c::rd_kafka_admin_op_t,
    timeout: Duration,
) -> Result<(), Failure> {
    use c::rd_kafka_admin_op_t as Operation;
    let mut words: [c_char; 256] = [0; 256];
    // SAFETY: options and buffer live, and the buffer's size is told.
    let code = unsafe {
        c::rd_kafka_AdminOptions_set_request_timeout(
            options.as_ptr(),
            milliseconds(timeout),
            words.as_mut_ptr(),
            words.len(),
        )
    };
    Failure::from_code(code, None).map_or(Ok(()), Err)?;
    if !matches!(
        operation,
        Operation::RD_KAFKA_ADMIN_OP_CREATETOPICS | Operation::RD_KAFKA_ADMIN_OP_DELETETOPICS
    ) {
        return Ok(());
    }
    // SAFETY: as above.
    let code = unsafe {
        c::rd_kafka_AdminOptions_set_operation_timeout(
            options.as_ptr(),
            milliseconds(OPERATION_TIMEOUT),
            words.as_mut_ptr(),
            words.len(),
        )
    };
    Failure::from_code(code, None).map_or(Ok(()), Err)
}

fn set_broker(options: &Owned<c::rd_kafka_AdminOptions_t>, broker: i32) -> Result<(), Failure> {
    let mut words: [c_char; 256] = [0; 256];
    // SAFETY: options and buffer live, and the buffer's size is told.
    let code = unsafe {
        c::rd_kafka_AdminOptions_set_broker(
            options.as_ptr(),
            broker,
            words.as_mut_ptr(),
            words.len(),
        )
    };
    Failure::from_code(code, None).map_or(Ok(()), Err)
}

/// The id of a broker that answers.
///
/// # Safety
/// `client` is live.
pub(crate) unsafe fn answering_broker(client: *mut RDKafka) -> Result<i32, Failure> {
    // SAFETY: by this function's contract.
    let metadata = unsafe { cluster(client) }?;
    // SAFETY: live.
    let answering = unsafe { (*metadata.as_ptr()).orig_broker_id };
    // Negative where a bootstrap address has answered that is not known as a
    // broker yet.
    if answering >= 0 {
        return Ok(answering);
    }
    ids(&metadata).first().copied().ok_or_else(|| Failure::of(RDKafkaErrorCode::BrokerNotAvailable))
}

/// The ids of all brokers that are alive.
///
/// # Safety
/// `client` is live.
pub(crate) unsafe fn brokers(client: *mut RDKafka) -> Result<Vec<i32>, Failure> {
    // SAFETY: by this function's contract.
    Ok(ids(&unsafe { cluster(client) }?))
}

/// The ids of all brokers that are alive, each with its address.
///
/// # Safety
/// `client` is live.
pub(crate) unsafe fn addresses(client: *mut RDKafka) -> Result<Vec<(i32, String)>, Failure> {
    // SAFETY: by this function's contract.
    let metadata = unsafe { cluster(client) }?;
    let address = |one: &c::rd_kafka_metadata_broker| {
        // SAFETY: the metadata is live, and its texts with it.
        let host = unsafe { text(one.host) }.unwrap_or_default();
        (one.id, format!("{host}:{}", one.port))
    };
    Ok(listed(&metadata).iter().map(address).collect())
}

fn ids(metadata: &Owned<c::rd_kafka_metadata_t>) -> Vec<i32> {
    listed(metadata).iter().map(|one| one.id).collect()
}

fn listed(metadata: &Owned<c::rd_kafka_metadata_t>) -> &[c::rd_kafka_metadata_broker] {
    // SAFETY: live, and `brokers` holds `broker_cnt` of them.
    unsafe {
        let metadata = &*metadata.as_ptr();
        let count = usize::try_from(metadata.broker_cnt).unwrap_or(0);
        if metadata.brokers.is_null() {
            return &[];
        }
        std::slice::from_raw_parts(metadata.brokers, count)
    }
}

/// Asks for metadata of no topic.
///
/// # Safety
/// `client` is live.
unsafe fn cluster(client: *mut RDKafka) -> Result<Owned<c::rd_kafka_metadata_t>, Failure> {
    let mut metadata: *const c::rd_kafka_metadata_t = std::ptr::null();
    // SAFETY: the client is live; without "all topics" and without a topic only
    // those that it knows are asked for.
    let code = unsafe {
        c::rd_kafka_metadata(
            client,
            0,
            std::ptr::null_mut(),
            &mut metadata,
            milliseconds(REQUEST_TIMEOUT),
        )
    };
    Failure::from_code(code, None).map_or(Ok(()), Err)?;
    // SAFETY: what it made is ours; freeing takes it as const.
    unsafe { Owned::take(metadata.cast_mut(), destroy_metadata) }
}

unsafe extern "C" fn destroy_metadata(metadata: *mut c::rd_kafka_metadata_t) {
    // SAFETY: `Owned` passes what `rd_kafka_metadata` made, once.
    unsafe { c::rd_kafka_metadata_destroy(metadata) }
}

/// A copy of a C string; `None` for null.
///
/// # Safety
/// `pointer` is null or a C string.
pub(crate) unsafe fn text(pointer: *const c_char) -> Option<String> {
    // SAFETY: by this function's contract.
    (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned())
}

/// A C string; a failure for text with a zero byte in it, which no name has.
pub(crate) fn c_string(text: &str) -> Result<CString, Failure> {
    CString::new(text).map_err(|_| Failure::of(RDKafkaErrorCode::InvalidArgument))
}

/// The items of an array of pointers.
///
/// # Safety
/// `array` is null or holds `count` pointers for as long as `'a`.
pub(crate) unsafe fn items<'a, T>(array: *const *const T, count: usize) -> &'a [*const T] {
    if array.is_null() || count == 0 {
        return &[];
    }
    // SAFETY: by this function's contract.
    unsafe { std::slice::from_raw_parts(array, count) }
}

/// librdkafka's way to give times: whole milliseconds, and no negative ones,
/// which mean "for ever".
pub(crate) fn milliseconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}
