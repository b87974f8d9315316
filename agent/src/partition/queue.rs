//! The queue of one partition: rdkafka hands over each record as an event of its
//! own, with allocations beside it; here it is librdkafka's message, and no more.
//!
//! One record a call. librdkafka's ways to take many at once (2.12.1) move the
//! position that a rebalance goes on from beyond records which nobody has seen:
//! `rd_kafka_consume_batch_queue` by the offset of an error or of the partition's
//! end, `rd_kafka_consume_callback` by a transaction's marker that is out of date
//! (`rd_kafka_op_handle_std`).

use std::ffi::CString;

use rdkafka::bindings;
use rdkafka::consumer::Consumer;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::KafkaError;
use rdkafka::types::{RDKafkaQueue, RDKafkaRespErr};

use super::message::Message;
use crate::task::{TaskConsumer, TaskContext};

/// The queue of one partition, split off from the consumer's own.
pub(crate) struct RecordQueue {
    native: *mut RDKafkaQueue,
    partition: i32,
    /// Keeps the queue split off and its callback registered.
    split: PartitionQueue<TaskContext>,
    /// Outlives the queue and its messages.
    consumer: TaskConsumer,
}

// SAFETY: librdkafka's queues may be used on any thread.
unsafe impl Send for RecordQueue {}
// SAFETY: as above, and by several at once.
unsafe impl Sync for RecordQueue {}

impl RecordQueue {
    /// Splits the queue off, before the partition is assigned: what is in it by
    /// now is of an earlier time, errors too, and dropped. `wake` is called when
    /// it is empty no more, on a thread of librdkafka's, and must not call
    /// librdkafka. `None` when there is no such partition.
    pub(crate) fn split(
        consumer: &TaskConsumer,
        topic: &str,
        partition: i32,
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
        let mut queue = Self { native, partition, split, consumer: consumer.clone() };
        while queue.take().is_some() {}
        queue.split.set_nonempty_callback(wake);
        Some(queue)
    }

    /// The next record, if one is there.
    ///
    /// # Errors
    /// What librdkafka has to say about the partition instead, such as
    /// [`KafkaError::PartitionEOF`].
    pub(super) fn take(&self) -> Option<Result<Message<'_>, KafkaError>> {
        // SAFETY: the queue is live.
        let message = unsafe { bindings::rd_kafka_consume_queue(self.native, 0) };
        if message.is_null() {
            return None;
        }
        // SAFETY: the message is live and nobody else's; the consumer outlives the
        // borrow.
        let message = unsafe { Message::new(message) };
        Some(match message.error() {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(message),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__PARTITION_EOF => {
                Err(KafkaError::PartitionEOF(self.partition))
            }
            error => Err(match self.consumer.client().fatal_error() {
                Some((fatal, _)) => KafkaError::MessageConsumptionFatal(fatal),
                None => KafkaError::MessageConsumption(error.into()),
            }),
        })
    }
}

impl Drop for RecordQueue {
    fn drop(&mut self) {
        // SAFETY: it was made with the queue, and the consumer is live.
        unsafe { bindings::rd_kafka_queue_destroy(self.native) };
    }
}
