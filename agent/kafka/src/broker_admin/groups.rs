//! Requests about consumer groups. All block.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::bindings as c;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use super::Client;
use crate::admin::Committed;
use crate::classify;
use crate::config::OAUTHBEARER;
use crate::coordinator;
use crate::error_memory::ErrorMemory;
use crate::native::{Ask, Failure, Owned, REQUEST_TIMEOUT, c_string, call, items};
use crate::partition_list;
use c::rd_kafka_admin_op_t as Operation;

/// More log lines and errors than a client has in [`REQUEST_TIMEOUT`].
const EVENTS: usize = 1_000;

/// The first thing that it asks for is among so many events.
const FIRST_EVENTS: usize = 16;

/// Reads committed offsets as a consumer with the group's id that never joins.
///
/// The admin request ListConsumerGroupOffsets would need no consumer, but
/// librdkafka 2.12.1 ends the process (a null pointer: `rk_cgrp`) when the
/// coordinator answers it with an error such as "not coordinator" or "loading".
pub(super) fn committed(
    client: &Client,
    group: &str,
    topic: &str,
    partitions: &[i32],
) -> Result<BTreeMap<i32, Committed>, Failure> {
    if partitions.is_empty() {
        return Ok(BTreeMap::new());
    }
    let list = list_of(topic, partitions)?;
    let found = as_one_of(client, group, |consumer| {
        partition_list::committed_raw(consumer, &list, REQUEST_TIMEOUT)
            .map_err(|error| failure(&error))
    })?;
    let found = found.into_iter().filter_map(|found| {
        let offset = found.offset?;
        Some((found.partition, Committed { offset, metadata: found.metadata }))
    });
    Ok(found.collect())
}

fn failure(error: &KafkaError) -> Failure {
    match classify::native_code(error) {
        Some(code) => Failure::of(code),
        None => Failure::new(RDKafkaErrorCode::Fail, error.to_string()),
    }
}

/// Asks by a client of its own that has the group's id and never joins. It is gone when
/// this returns, and so is whatever it has not asked by then.
fn as_one_of<T>(
    client: &Client,
    group: &str,
    ask: impl FnOnce(&BaseConsumer<ErrorMemory>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let consumer: BaseConsumer<ErrorMemory> = client
        .config
        .clone()
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .create_with_context(client.memory.clone())
        .map_err(|error| failure(&error))?;
    // librdkafka asks for a token by an event, where brokers ask for one.
    if client.config.get("sasl.mechanism") == Some(OAUTHBEARER) {
        for _ in 0..FIRST_EVENTS {
            let _ = consumer.poll(Duration::ZERO);
        }
    }
    let outcome = ask(&consumer);
    // Nobody has served its events meanwhile; the cause of a time-out is
    // among them: where the right to the group is missing, its coordinator is looked
    // for until the time is over.
    let mut refused = None;
    for _ in 0..EVENTS {
        match consumer.poll(Duration::ZERO) {
            None if outcome.is_ok() => break,
            Some(Err(error)) if is_refused(&error) => refused = Some(error),
            _ => {}
        }
    }
    outcome.map_err(|error| refused.map_or(error, |refused| failure(&refused)))
}

fn is_refused(error: &KafkaError) -> bool {
    classify::native_code(error) == Some(RDKafkaErrorCode::GroupAuthorizationFailed)
}

/// Deletes a group, now or not at all: what is not carried out in its time is not later.
pub(super) fn delete(client: &Client, group: &str) -> Result<(), Failure> {
    let code = |failure: &Failure| Some(failure.code);
    as_one_of(client, group, |consumer| {
        coordinator::ask(REQUEST_TIMEOUT, code, |_| delete_once(consumer, group))
    })
}

fn delete_once(consumer: &BaseConsumer<ErrorMemory>, group: &str) -> Result<(), Failure> {
    let client = consumer.client().native_ptr();
    let name = c_string(group)?;
    // SAFETY: the name is copied.
    let group = unsafe {
        Owned::take(c::rd_kafka_DeleteGroup_new(name.as_ptr()), c::rd_kafka_DeleteGroup_destroy)
    }?;
    let mut groups = [group.as_ptr()];
    // SAFETY: the client is live; the request is of the kind named and copies
    // the one group.
    let event = unsafe {
        call(client, Operation::RD_KAFKA_ADMIN_OP_DELETEGROUPS, Ask::Coordinator, |to| {
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
