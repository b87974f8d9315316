//! Where partitions begin and end, and where a time is. All block.

use std::collections::BTreeMap;

use rdkafka::Offset;
use rdkafka::bindings as c;
use rdkafka::types::RDKafkaErrorCode;

use super::Client;
use super::groups::list_of;
use crate::admin::Watermarks;
use crate::native::{Ask, Failure, call, items};
use crate::partition_list;
use c::rd_kafka_IsolationLevel_t::{
    RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED as COMMITTED,
    RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED as UNCOMMITTED,
};
use c::rd_kafka_admin_op_t as Operation;

/// A place in a partition's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogPlace {
    /// Where it begins.
    Beginning,
    /// Where it ends, uncommitted records included.
    End,
    /// Its last stable offset, where those who read committed records only get to. The
    /// first record of the first open transaction stands there, or the log ends there.
    StableEnd,
}

pub(super) fn watermarks(
    client: &Client,
    topic: &str,
    partitions: &[i32],
) -> Result<BTreeMap<i32, Watermarks>, Failure> {
    // Beginnings first, so that no beginning is beyond its end.
    let beginnings = of(client, topic, partitions, LogPlace::Beginning)?;
    let ends = list(client, topic, partitions, Offset::End, UNCOMMITTED)?;
    beginnings
        .into_iter()
        .map(|(partition, beginning)| {
            let end = known(&ends, partition)?;
            Ok((partition, Watermarks { beginning, end }))
        })
        .collect()
}

/// Where a place is in these partitions.
pub(super) fn of(
    client: &Client,
    topic: &str,
    partitions: &[i32],
    place: LogPlace,
) -> Result<BTreeMap<i32, i64>, Failure> {
    let (which, isolation) = match place {
        LogPlace::Beginning => (Offset::Beginning, UNCOMMITTED),
        LogPlace::End => (Offset::End, UNCOMMITTED),
        LogPlace::StableEnd => (Offset::End, COMMITTED),
    };
    let found = list(client, topic, partitions, which, isolation)?;
    partitions.iter().map(|&partition| Ok((partition, known(&found, partition)?))).collect()
}

pub(super) fn for_times(
    client: &Client,
    topic: &str,
    partitions: &[i32],
    timestamp: i64,
) -> Result<BTreeMap<i32, i64>, Failure> {
    // Ends first: a record that comes in between is at or after the end.
    let ends = list(client, topic, partitions, Offset::End, UNCOMMITTED)?;
    // A number below 0 has other meanings.
    let time = Offset::Offset(timestamp.max(0));
    let found = list(client, topic, partitions, time, UNCOMMITTED)?;
    partitions
        .iter()
        .map(|&partition| match found.get(&partition) {
            Some(Some(offset)) => Ok((partition, *offset)),
            Some(None) => Ok((partition, known(&ends, partition)?)),
            None => Err(no_answer(partition)),
        })
        .collect()
}

fn known(offsets: &BTreeMap<i32, Option<i64>>, partition: i32) -> Result<i64, Failure> {
    offsets.get(&partition).copied().flatten().ok_or_else(|| no_answer(partition))
}

fn no_answer(partition: i32) -> Failure {
    let words = format!("no answer about partition {partition}");
    Failure::new(RDKafkaErrorCode::UnknownPartition, words)
}

/// One ListOffsets request a leader. [`UNCOMMITTED`]: the latest offset is the high
/// watermark; [`COMMITTED`]: it is the last stable offset. Its
/// `rd_kafka_OffsetSpec_t` has the numbers of `Offset::Beginning` and `End`, and
/// other numbers are timestamps in milliseconds since 1970. `None`: a partition
/// has no such offset.
fn list(
    client: &Client,
    topic: &str,
    partitions: &[i32],
    which: Offset,
    isolation: c::rd_kafka_IsolationLevel_t,
) -> Result<BTreeMap<i32, Option<i64>>, Failure> {
    if partitions.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut query = list_of(topic, partitions)?;
    query.set_all_offsets(which).map_err(|_| Failure::of(RDKafkaErrorCode::InvalidArgument))?;
    // SAFETY: the client is live; the request is of the kind named and copies
    // the list.
    let event = unsafe {
        call(client.ptr(), Operation::RD_KAFKA_ADMIN_OP_LISTOFFSETS, Ask::TheOneInCharge, |to| {
            // Refused for other requests only; null then is no error to destroy.
            let refused = c::rd_kafka_AdminOptions_set_isolation_level(to.options, isolation);
            c::rd_kafka_error_destroy(refused);
            c::rd_kafka_ListOffsets(to.client, query.ptr(), to.options, to.queue);
        })
    }?;
    // SAFETY: the event is live until the end of this function, and answers
    // this request; entries are copied.
    unsafe {
        let result = c::rd_kafka_event_ListOffsets_result(event.as_ptr());
        if result.is_null() {
            return Err(Failure::of(RDKafkaErrorCode::InvalidType));
        }
        let mut count = 0;
        let infos = c::rd_kafka_ListOffsets_result_infos(result, &mut count);
        items(infos, count)
            .iter()
            .filter_map(|info| c::rd_kafka_ListOffsetsResultInfo_topic_partition(*info).as_ref())
            .map(|element| partition_list::entry(element).offset())
            .collect()
    }
}
