//! The queue of one partition: rdkafka hands over each record as an event of its
//! own, with allocations beside it; here it is librdkafka's message, and no more.
//!
//! One record a call, or many where [`Lookahead`] says so. Not by
//! `rd_kafka_consume_callback`: there, a transaction's marker that is out of date moves
//! the position that a rebalance goes on from beyond records which nobody has seen
//! (librdkafka 2.12.1, `rd_kafka_op_handle_std`).

use std::ffi::CString;
use std::ptr;

use rdkafka::bindings;
use rdkafka::consumer::Consumer;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::KafkaError;
use rdkafka::types::{RDKafkaMessage, RDKafkaQueue, RDKafkaRespErr};

use super::lookahead::{Batches, Lookahead};
use super::message::Message;
use crate::task::{TaskConsumer, TaskContext};

/// What is taken out of a queue.
pub(super) enum Taken<'a> {
    /// The next record.
    Record(Message<'a>),
    /// Every record before this offset, where the log ended, has been taken: what
    /// lies between the last one and here holds none.
    End(i64),
    /// What librdkafka has to say about the partition.
    Failed(KafkaError),
}

/// The queue of one partition, split off from the consumer's own.
pub(crate) struct RecordQueue {
    native: *mut RDKafkaQueue,
    /// What was taken out of it ahead, in its order.
    ahead: Ahead,
    lookahead: Lookahead,
    is_displaced: bool,
    /// Keeps the queue split off and its callback registered.
    split: PartitionQueue<TaskContext>,
    /// Outlives the queue and its messages.
    consumer: TaskConsumer,
}

// SAFETY: librdkafka's queues and messages may be used on any thread.
unsafe impl Send for RecordQueue {}

impl RecordQueue {
    /// Splits the queue off, before the partition is assigned: what is in it by
    /// now is of an earlier time, errors too, and dropped. `wake` is called when
    /// it is empty no more, on a thread of librdkafka's, and must not call
    /// librdkafka. `None` when there is no such partition.
    pub(crate) fn split(
        consumer: &TaskConsumer,
        topic: &str,
        partition: i32,
        batches: Batches,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Option<Self> {
        let split = consumer.base().split_partition_queue(topic, partition)?;
        let topic = CString::new(topic).ok()?;
        // SAFETY: the client is live, the topic a C string.
        let native = unsafe {
            let client = consumer.client().native_ptr();
            bindings::rd_kafka_queue_get_partition(client, topic.as_ptr(), partition)
        };
        if native.is_null() {
            return None;
        }
        let (ahead, lookahead) = (Ahead::default(), Lookahead::new(batches));
        let (is_displaced, consumer) = (false, consumer.clone());
        let mut queue = Self { native, ahead, lookahead, is_displaced, split, consumer };
        while queue.take(0).is_some() {}
        queue.split.set_nonempty_callback(wake);
        Some(queue)
    }

    /// What comes next, if anything is there, where so many offsets lie `before` the
    /// log's end, as far as that is known.
    pub(super) fn take(&mut self, before: usize) -> Option<Taken<'_>> {
        let message = match self.ahead.next() {
            Some(message) => message,
            None => match self.lookahead.next(before) {
                1 => self.take_one()?,
                many => self.take_many(many)?,
            },
        };
        // SAFETY: the message is live and nobody else's; the consumer outlives the
        // borrow.
        let message = unsafe { Message::new(message) };
        let error = message.error();
        if error == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            self.lookahead.record(message.bytes());
            return Some(Taken::Record(message));
        }
        self.is_displaced |= self.ahead.was_last();
        self.lookahead.interrupted(self.is_displaced);
        if error == RDKafkaRespErr::RD_KAFKA_RESP_ERR__PARTITION_EOF {
            return Some(Taken::End(message.offset()));
        }
        Some(Taken::Failed(match self.consumer.client().fatal_error() {
            Some((fatal, _)) => KafkaError::MessageConsumptionFatal(fatal),
            None => KafkaError::MessageConsumption(error.into()),
        }))
    }

    /// Whether librdkafka goes on behind a record that was not taken, perhaps: whatever
    /// comes out of this queue after what was taken last may be beyond it.
    pub(super) fn is_displaced(&self) -> bool {
        self.is_displaced
    }

    fn take_one(&mut self) -> Option<*mut RDKafkaMessage> {
        self.ahead.clear();
        // SAFETY: the queue is live.
        let message = unsafe { bindings::rd_kafka_consume_queue(self.native, 0) };
        (!message.is_null()).then_some(message)
    }

    fn take_many(&mut self, many: usize) -> Option<*mut RDKafkaMessage> {
        self.ahead.fill(many, |messages, size| {
            // SAFETY: the queue is live, and there is room for so many.
            let taken =
                unsafe { bindings::rd_kafka_consume_batch_queue(self.native, 0, messages, size) };
            // It says -1 of a queue that is none.
            usize::try_from(taken).unwrap_or(0)
        });
        self.ahead.next()
    }
}

impl Drop for RecordQueue {
    fn drop(&mut self) {
        self.ahead.clear();
        // SAFETY: it was made with the queue, and the consumer is live.
        unsafe { bindings::rd_kafka_queue_destroy(self.native) };
    }
}

/// Messages that one call has taken out of a queue.
#[derive(Default)]
struct Ahead {
    messages: Vec<*mut RDKafkaMessage>,
    /// Where the next one stands; those before it are somebody else's.
    next: usize,
}

impl Ahead {
    /// The next one, which is the caller's.
    fn next(&mut self) -> Option<*mut RDKafkaMessage> {
        let message = *self.messages.get(self.next)?;
        self.next += 1;
        if let Some(following) = self.messages.get(self.next) {
            // SAFETY: it is live, and this one's.
            let following = unsafe { &**following };
            prefetch(following.payload.cast(), following.len);
        }
        Some(message)
    }

    /// Whether the one that [`Ahead::next`] has given was the last of its call.
    fn was_last(&self) -> bool {
        self.next > 0 && self.next == self.messages.len()
    }

    /// Takes up to `many` by a call that writes them where it is told, and returns how
    /// many it has written.
    fn fill(&mut self, many: usize, call: impl FnOnce(*mut *mut RDKafkaMessage, usize) -> usize) {
        self.clear();
        self.messages.resize(many, ptr::null_mut());
        let taken = call(self.messages.as_mut_ptr(), self.messages.len());
        self.messages.truncate(taken);
    }

    /// Gives those back that nobody has taken.
    fn clear(&mut self) {
        for message in self.messages.drain(..).skip(std::mem::take(&mut self.next)) {
            // SAFETY: it is live, and this one's.
            unsafe { bindings::rd_kafka_message_destroy(message) };
        }
    }
}

/// Has the processor fetch the beginning of a value that is read soon: another
/// thread has written it.
fn prefetch(value: *const i8, length: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

        /// What the processor's own prefetching follows from there on.
        const BEGINNING: usize = 1_024;
        const LINE: usize = 64;
        for offset in (0..length.min(BEGINNING)).step_by(LINE) {
            // SAFETY: of any processor of this kind; nothing is read.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(value.wrapping_add(offset)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (value, length);
}
