//! The queue of one partition, drained many records at a time: rdkafka hands over
//! each by itself, as an event of its own with allocations, clocks and locks, which
//! for small records costs more than everything else that is done with them.
//!
//! Not `rd_kafka_consume_batch_queue`, which is quick as well: it takes the offset
//! of an error, the end of the partition among them, for one that was consumed, and
//! after the next rebalance librdkafka fetches from behind it (2.12.1,
//! `rd_kafka_q_serve_rkmessages`).

use std::any::Any;
use std::ffi::{CString, c_void};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::Arc;

use rdkafka::bindings;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::{RDKafka, RDKafkaMessage, RDKafkaRespErr, RDKafkaTopic};

use super::message::Message;

/// `consume.callback.max.messages` of the consumers: so many records leave the
/// queue at once, whatever becomes of them. librdkafka does not count them as
/// fetched ahead meanwhile.
pub(crate) const AT_ONCE: u32 = 32;

/// The queue of one partition, split off from the consumer's own.
pub(crate) struct RecordQueue<C: ConsumerContext + 'static> {
    topic: *mut RDKafkaTopic,
    partition: i32,
    /// Keeps the queue split off and its callback registered.
    split: PartitionQueue<C>,
    /// Outlives the queue and its messages.
    consumer: Arc<BaseConsumer<C>>,
}

// SAFETY: librdkafka's topics may be used on any thread.
unsafe impl<C: ConsumerContext> Send for RecordQueue<C> {}

impl<C: ConsumerContext> RecordQueue<C> {
    /// Splits the queue off, before the partition is assigned: what is in it by
    /// now is of an earlier time, errors too, and dropped. `wake` is called when
    /// it is empty no more, on a thread of librdkafka's, and must not call
    /// librdkafka. `None` when there is no such partition.
    pub(crate) fn split(
        consumer: &Arc<BaseConsumer<C>>,
        topic: &str,
        partition: i32,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Option<Self> {
        let split = consumer.split_partition_queue(topic, partition)?;
        let topic = CString::new(topic).ok()?;
        // SAFETY: the client is live, the topic a C string; without settings it is
        // the client's own topic, which is counted once more.
        let topic = unsafe {
            let client = consumer.client().native_ptr();
            bindings::rd_kafka_topic_new(client, topic.as_ptr(), ptr::null_mut())
        };
        if topic.is_null() {
            return None;
        }
        let mut queue = Self { topic, partition, split, consumer: Arc::clone(consumer) };
        while queue.drain(|_| ControlFlow::Continue(())) {}
        queue.split.set_nonempty_callback(wake);
        Some(queue)
    }

    /// Hands [`AT_ONCE`] records at most to `each`, and whatever else librdkafka
    /// has to say about the partition, such as [`KafkaError::PartitionEOF`]; what
    /// comes after a break stays in the queue. Returns whether there was anything
    /// in it.
    pub(super) fn drain(
        &self,
        mut each: impl FnMut(Result<Message<'_>, KafkaError>) -> ControlFlow<()>,
    ) -> bool {
        let client = self.consumer.client();
        let mut each = |message: Message<'_>| {
            each(match message.error() {
                RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(message),
                RDKafkaRespErr::RD_KAFKA_RESP_ERR__PARTITION_EOF => {
                    Err(KafkaError::PartitionEOF(self.partition))
                }
                error => Err(match client.fatal_error() {
                    Some((fatal, _)) => KafkaError::MessageConsumptionFatal(fatal),
                    None => KafkaError::MessageConsumption(error.into()),
                }),
            })
        };
        let mut call = Call { client: client.native_ptr(), each: &mut each, panic: None };
        // SAFETY: the topic is live, and so is the call until this returns.
        let served = unsafe {
            let call = (&raw mut call).cast();
            bindings::rd_kafka_consume_callback(self.topic, self.partition, 0, Some(hand_on), call)
        };
        if let Some(panic) = call.panic {
            resume_unwind(panic);
        }
        served > 0
    }
}

/// One call of librdkafka's.
struct Call<'a> {
    client: *mut RDKafka,
    each: &'a mut dyn FnMut(Message<'_>) -> ControlFlow<()>,
    /// It must not unwind through librdkafka.
    panic: Option<Box<dyn Any + Send>>,
}

unsafe extern "C" fn hand_on(message: *mut RDKafkaMessage, call: *mut c_void) {
    // SAFETY: `drain` gave this pointer, and its call is under way, on this thread.
    let call = unsafe { &mut *call.cast::<Call<'_>>() };
    // SAFETY: librdkafka keeps the message until this returns.
    let message = unsafe { Message::new(message) };
    let flow = catch_unwind(AssertUnwindSafe(|| (call.each)(message)));
    let goes_on =
        flow.map_err(|panic| call.panic = Some(panic)).is_ok_and(|flow| flow.is_continue());
    if !goes_on {
        // SAFETY: the client is live; it says so to the thread that it is called on.
        unsafe { bindings::rd_kafka_yield(call.client) };
    }
}

impl<C: ConsumerContext> Drop for RecordQueue<C> {
    fn drop(&mut self) {
        // SAFETY: it was counted for this queue, and the consumer is live.
        unsafe { bindings::rd_kafka_topic_destroy(self.topic) };
    }
}
