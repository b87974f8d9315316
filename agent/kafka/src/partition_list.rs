//! Lists of partitions with offsets and metadata.
//!
//! Metadata of committed offsets is read as bytes: rdkafka's accessor, `==`
//! and `{:?}` panic where it is not UTF-8, and anyone may have committed such.

use std::slice;
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka::{Offset, TopicPartitionList};

use crate::native::{Failure, milliseconds, text};
use crate::{classify, coordinator};

/// What a group has committed for one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedPartition {
    /// Topic.
    pub topic: String,
    /// Partition of the topic.
    pub partition: i32,
    /// Offset of the next record to read; `None` when nothing is committed.
    pub offset: Option<i64>,
    /// Whatever the committer put there: any bytes.
    pub metadata: Vec<u8>,
}

/// Reads what the consumer's group has committed for these partitions, in
/// their order; offsets and metadata in `partitions` are not looked at. Blocks
/// up to `timeout` (rounded to milliseconds), a broker that just takes the
/// group over waited for.
///
/// # Errors
/// The first error of the request or of a partition: all or nothing.
pub fn committed_raw<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    partitions: &TopicPartitionList,
    timeout: Duration,
) -> KafkaResult<Vec<CommittedPartition>> {
    coordinator::ask(timeout, classify::native_code, |left| {
        committed_once(consumer, partitions, left)
    })
}

fn committed_once<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    partitions: &TopicPartitionList,
    timeout: Duration,
) -> KafkaResult<Vec<CommittedPartition>> {
    let list = partitions.clone();
    // SAFETY: client and list live for the whole call, and nobody else has
    // this copy of the list.
    let code = unsafe {
        c::rd_kafka_committed(consumer.client().native_ptr(), list.ptr(), milliseconds(timeout))
    };
    if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Err(KafkaError::OffsetFetch(code.into()));
    }
    // SAFETY: the list is live and not changed meanwhile.
    unsafe { read(list.ptr()) }
        .into_iter()
        .map(|entry| entry.committed().map_err(|failure| KafkaError::OffsetFetch(failure.code)))
        .collect()
}

/// A list to commit: one partition, its offset, and metadata in clear ASCII.
///
/// On a list of its own, since a commit of several partitions gives one error
/// for all, and since `set_metadata` on an element that has some leaks it.
///
/// # Errors
/// A topic with a zero byte, a negative offset.
pub fn offset_with_metadata(
    topic: &str,
    partition: i32,
    offset: i64,
    metadata: &str,
) -> KafkaResult<TopicPartitionList> {
    // rdkafka expects that there is none, and would panic.
    if topic.contains('\0') {
        return Err(KafkaError::SetPartitionOffset(RDKafkaErrorCode::InvalidArgument));
    }
    let mut list = TopicPartitionList::with_capacity(1);
    let mut element = list.add_partition(topic, partition);
    element.set_offset(Offset::Offset(offset))?;
    if !metadata.is_empty() {
        element.set_metadata(metadata);
    }
    Ok(list)
}

/// One element of a list, copied.
#[derive(Debug)]
pub(crate) struct Entry {
    topic: String,
    partition: i32,
    offset: i64,
    metadata: Vec<u8>,
    failure: Option<Failure>,
}

impl Entry {
    pub(crate) fn committed(self) -> Result<CommittedPartition, Failure> {
        let Self { topic, partition, offset, metadata, failure } = self;
        match failure {
            Some(failure) => Err(failure),
            // librdkafka says "none" as RD_KAFKA_OFFSET_INVALID; offsets of
            // records are never negative.
            None => Ok(CommittedPartition {
                topic,
                partition,
                offset: (offset >= 0).then_some(offset),
                metadata,
            }),
        }
    }

    /// The partition, where it is one of `topic`.
    pub(crate) fn of(&self, topic: &str) -> Option<i32> {
        (self.topic == topic).then_some(self.partition)
    }

    /// The partition and its offset, where that is an offset of a record.
    pub(crate) fn offset(self) -> Result<(i32, Option<i64>), Failure> {
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok((self.partition, (self.offset >= 0).then_some(self.offset))),
        }
    }
}

/// Copies a list, with its metadata as bytes.
///
/// # Safety
/// `list` is null or a live list that nobody changes during the call.
pub(crate) unsafe fn read(list: *const c::rd_kafka_topic_partition_list_t) -> Vec<Entry> {
    // SAFETY: null or live by this function's contract.
    let Some(list) = (unsafe { list.as_ref() }) else { return Vec::new() };
    let count = usize::try_from(list.cnt).unwrap_or(0);
    if list.elems.is_null() {
        return Vec::new();
    }
    // SAFETY: `elems` holds `cnt` elements.
    let elements = unsafe { slice::from_raw_parts(list.elems, count) };
    // SAFETY: each is a live element.
    elements.iter().map(|element| unsafe { entry(element) }).collect()
}

/// Copies one element.
///
/// # Safety
/// The element's topic is a C string, its metadata null or of its size.
pub(crate) unsafe fn entry(element: &c::rd_kafka_topic_partition_t) -> Entry {
    let metadata = if element.metadata.is_null() {
        Vec::new()
    } else {
        // SAFETY: not null, and of this size by the function's contract.
        unsafe { slice::from_raw_parts(element.metadata.cast::<u8>(), element.metadata_size) }
            .to_vec()
    };
    Entry {
        // SAFETY: a C string by the function's contract.
        topic: unsafe { text(element.topic) }.unwrap_or_default(),
        partition: element.partition,
        offset: element.offset,
        metadata,
        failure: Failure::from_code(element.err, None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_list_to_commit_holds_offset_and_metadata() {
        let list = offset_with_metadata("t", 3, 42, "k2o1;uid").unwrap();

        // SAFETY: the list is live.
        let mut entries = unsafe { read(list.ptr()) };
        let entry = entries.pop().unwrap();
        assert!(entries.is_empty());
        assert_eq!(
            entry.committed(),
            Ok(CommittedPartition {
                topic: "t".into(),
                partition: 3,
                offset: Some(42),
                metadata: b"k2o1;uid".to_vec(),
            })
        );
    }

    #[test]
    fn what_cannot_be_committed_is_an_error_and_no_panic() {
        assert!(offset_with_metadata("t", 0, -1, "").is_err());
        assert!(offset_with_metadata("t\0", 0, 1, "").is_err());
    }
}
