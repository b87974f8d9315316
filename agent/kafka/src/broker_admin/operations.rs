//! Operations that the brokers allow, as answers list them.

use rdkafka::bindings as c;

use crate::admin::Operations;
use crate::native::{Submission, text};

/// Has the answer to a request list them.
///
/// # Safety
/// All that `to` names is live.
pub(super) unsafe fn ask_for(to: &Submission) {
    // SAFETY: by this function's contract; an error is ours to free.
    unsafe {
        let error = c::rd_kafka_AdminOptions_set_include_authorized_operations(to.options, 1);
        if !error.is_null() {
            // Not for this kind of request: then the answer lists none.
            c::rd_kafka_error_destroy(error);
        }
    }
}

/// Those of a list; `None` where the brokers gave none. Whoever may describe something is
/// told at least that.
///
/// # Safety
/// `listed` is null or holds `count` operations.
pub(super) unsafe fn read(
    listed: *const c::rd_kafka_AclOperation_t,
    count: usize,
) -> Option<Operations> {
    if listed.is_null() || count == 0 {
        return None;
    }
    // SAFETY: by this function's contract; names are static texts.
    let names = unsafe {
        let listed = std::slice::from_raw_parts(listed, count);
        listed.iter().filter_map(|one| text(c::rd_kafka_AclOperation_name(*one)))
    };
    Some(names.collect())
}
