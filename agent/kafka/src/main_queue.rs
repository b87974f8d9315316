//! A client's main queue, which librdkafka puts logs, errors and deliveries
//! into, watched by its callback instead of by a thread that polls.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use rdkafka::bindings as c;
use rdkafka::types::RDKafka;
use tokio::sync::Notify;

use crate::native::{Failure, Owned};

/// The main queue of a client, which notifies when it is empty no more, and
/// when it is dropped.
pub(crate) struct MainQueue {
    queue: Owned<c::rd_kafka_queue_t>,
    /// Used by the callback for as long as it is registered.
    wake: Arc<Notify>,
}

// SAFETY: librdkafka's queues may be used on any thread.
unsafe impl Send for MainQueue {}
// SAFETY: as above, and by several at once.
unsafe impl Sync for MainQueue {}

impl MainQueue {
    /// Has `wake` notified from now on. What the queue holds by now nobody is
    /// told of.
    ///
    /// # Safety
    /// `client` is live, and outlives this.
    pub(crate) unsafe fn watch(client: *mut RDKafka, wake: Arc<Notify>) -> Result<Self, Failure> {
        // SAFETY: the client is live; each call counts the queue once more.
        let queue =
            unsafe { Owned::take(c::rd_kafka_queue_get_main(client), c::rd_kafka_queue_destroy) }?;
        // SAFETY: the queue is live, and `wake` until the callback is no more:
        // `drop` takes it back.
        unsafe {
            let wake = Arc::as_ptr(&wake).cast_mut().cast();
            c::rd_kafka_queue_cb_event_enable(queue.as_ptr(), Some(notify), wake);
        }
        Ok(Self { queue, wake })
    }

    pub(crate) fn is_empty(&self) -> bool {
        // SAFETY: live.
        unsafe { c::rd_kafka_queue_length(self.queue.as_ptr()) == 0 }
    }
}

/// Runs on a thread of librdkafka's, which holds the queue's lock.
unsafe extern "C" fn notify(_: *mut RDKafka, wake: *mut c_void) {
    // SAFETY: `watch` gave this pointer, and keeps what it points to.
    let wake = unsafe { &*wake.cast_const().cast::<Notify>() };
    wake.notify_one();
}

impl Drop for MainQueue {
    fn drop(&mut self) {
        // SAFETY: live. The queue's lock is taken, so that no call of the
        // callback is under way afterwards.
        unsafe {
            c::rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, ptr::null_mut());
        }
        self.wake.notify_one();
    }
}
