//! Requests about consumer groups. All block.

use std::collections::BTreeMap;

use rdkafka::TopicPartitionList;
use rdkafka::bindings as c;
use rdkafka::types::RDKafkaErrorCode;

use super::Client;
use crate::admin::Committed;
use crate::native::{Ask, Failure, Owned, c_string, call, items};
use crate::partition_list;
use c::rd_kafka_admin_op_t as Operation;

/// Reads committed offsets without being a member (OffsetFetch).
pub(super) fn committed(
    client: &Client,
    group: &str,
    topic: &str,
    partitions: &[i32],
) -> Result<BTreeMap<i32, Committed>, Failure> {
    if partitions.is_empty() {
        // librdkafka takes no empty list.
        return Ok(BTreeMap::new());
    }
    let list = list_of(topic, partitions)?;
    let group = c_string(group)?;
    // SAFETY: group and list are copied.
    let query = unsafe {
        Owned::take(
            c::rd_kafka_ListConsumerGroupOffsets_new(group.as_ptr(), list.ptr()),
            c::rd_kafka_ListConsumerGroupOffsets_destroy,
        )
    }?;
    let mut queries = [query.as_ptr()];
    // SAFETY: the client is live; the request is of the kind named and copies
    // the one query.
    let event = unsafe {
        call(client.ptr(), Operation::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, Ask::TheOneInCharge, |to| {
            c::rd_kafka_ListConsumerGroupOffsets(
                to.client,
                queries.as_mut_ptr(),
                queries.len(),
                to.options,
                to.queue,
            );
        })
    }?;
    // SAFETY: the event is live until the entries are copied, and answers this
    // request.
    let entries = unsafe {
        let result = c::rd_kafka_event_ListConsumerGroupOffsets_result(event.as_ptr());
        let group = only_group(result, c::rd_kafka_ListConsumerGroupOffsets_result_groups)?;
        partition_list::read(c::rd_kafka_group_result_partitions(group))
    };
    let mut committed = BTreeMap::new();
    for entry in entries {
        let entry = entry.committed()?;
        if let Some(offset) = entry.offset {
            committed.insert(entry.partition, Committed { offset, metadata: entry.metadata });
        }
    }
    Ok(committed)
}

pub(super) fn delete(client: &Client, group: &str) -> Result<(), Failure> {
    let name = c_string(group)?;
    // SAFETY: the name is copied.
    let group = unsafe {
        Owned::take(c::rd_kafka_DeleteGroup_new(name.as_ptr()), c::rd_kafka_DeleteGroup_destroy)
    }?;
    let mut groups = [group.as_ptr()];
    // SAFETY: the client is live; the request is of the kind named and copies
    // the one group.
    let event = unsafe {
        call(client.ptr(), Operation::RD_KAFKA_ADMIN_OP_DELETEGROUPS, Ask::TheOneInCharge, |to| {
            c::rd_kafka_DeleteGroups(
                to.client,
                groups.as_mut_ptr(),
                groups.len(),
                to.options,
                to.queue,
            );
        })
    }?;
    // SAFETY: the event is live and answers this request.
    let outcome = unsafe {
        let result = c::rd_kafka_event_DeleteGroups_result(event.as_ptr());
        only_group(result, c::rd_kafka_DeleteGroups_result_groups)
    };
    match outcome {
        Err(failure) if failure.code == RDKafkaErrorCode::GroupIdNotFound => Ok(()),
        outcome => outcome.map(|_| ()),
    }
}

/// A list of partitions of one topic.
pub(super) fn list_of(topic: &str, partitions: &[i32]) -> Result<TopicPartitionList, Failure> {
    // rdkafka expects that there is no zero byte, and would panic.
    c_string(topic)?;
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(topic, *partition);
    }
    Ok(list)
}

type GroupResults = unsafe extern "C" fn(
    *const c::rd_kafka_event_t,
    *mut usize,
) -> *mut *const c::rd_kafka_group_result_t;

/// The answer about one group, which lives as long as `result`.
///
/// # Safety
/// `result` is null or live, and `groups` reads it.
unsafe fn only_group(
    result: *const c::rd_kafka_event_t,
    groups: GroupResults,
) -> Result<*const c::rd_kafka_group_result_t, Failure> {
    if result.is_null() {
        return Err(Failure::of(RDKafkaErrorCode::InvalidType));
    }
    // SAFETY: the result is live, and so is what is in it.
    unsafe {
        let mut count = 0;
        let results = groups(result, &mut count);
        let Some(group) = items(results, count).first().copied() else {
            return Err(Failure::of(RDKafkaErrorCode::InvalidType));
        };
        Failure::from_error(c::rd_kafka_group_result_error(group)).map_or(Ok(group), Err)
    }
}
