//! Calls of librdkafka that rdkafka does not wrap as they are needed here.

use std::ffi::CStr;
use std::ptr;

use rdkafka::TopicPartitionList;
use rdkafka::bindings;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use super::task_consumer::TaskConsumer;

/// Sends a commit. The broker's answer comes by the consumer's own queue, to
/// the context's `commit_callback`: rdkafka's asynchronous commit would send
/// it nowhere, since it sets no `offset_commit_cb` (librdkafka 2.12.1,
/// `rd_kafka_cgrp_propagate_commit_result`).
pub(super) fn commit(consumer: &TaskConsumer, offsets: &TopicPartitionList) -> KafkaResult<()> {
    let client = consumer.client().native_ptr();
    // SAFETY: the client is live. The queue is ours to destroy; the consumer
    // itself keeps it alive for the answer. The list is copied.
    let error = unsafe {
        let queue = bindings::rd_kafka_queue_get_consumer(client);
        if queue.is_null() {
            return Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::UnknownGroup));
        }
        let error =
            bindings::rd_kafka_commit_queue(client, offsets.ptr(), queue, None, ptr::null_mut());
        bindings::rd_kafka_queue_destroy(queue);
        error
    };
    match error {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        error => Err(KafkaError::ConsumerCommit(error.into())),
    }
}

/// Whether the consumer has a name in its group, and has not begun to leave it.
pub(super) fn is_member(consumer: &TaskConsumer) -> bool {
    let client = consumer.client().native_ptr();
    // SAFETY: the client is live. The member id is a C string, or null, and ours to free.
    unsafe {
        let id = bindings::rd_kafka_memberid(client);
        if id.is_null() {
            return false;
        }
        let is_member = !CStr::from_ptr(id).is_empty();
        bindings::rd_kafka_mem_free(client, id.cast());
        is_member
    }
}

/// Offset after the last record of a partition, as the last fetch showed it.
pub(super) fn known_end(consumer: &TaskConsumer, topic: &CStr, partition: i32) -> Option<i64> {
    let (mut low, mut high) = (-1, -1);
    // SAFETY: the client is live, the topic a C string, and the two integers
    // are written to before the call returns.
    let error = unsafe {
        bindings::rd_kafka_get_watermark_offsets(
            consumer.client().native_ptr(),
            topic.as_ptr(),
            partition,
            &raw mut low,
            &raw mut high,
        )
    };
    (error == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}
