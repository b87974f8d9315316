//! What is decided about where a connector's chains start: no I/O.

use std::collections::BTreeMap;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::ConsumerOffset;
use kafka2oss_proto::v1::StartOrigin;

use crate::admin::{Committed, Watermarks};

/// Where an epoch starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StartAt {
    /// As the spec says: at offsets of the group that another program has
    /// committed, else at the connector's `consumer_offset`.
    #[default]
    Configured,
    /// At each partition's beginning, whatever the group holds.
    Earliest,
    /// At each partition's end, whatever the group holds.
    Latest,
    /// At each partition's first record at this time or later (milliseconds
    /// since 1970), at its end where there is none, whatever the group holds.
    Timestamp(i64),
    /// At these offsets, which must lie between beginning and end (both
    /// included) of a partition that exists. A partition that is not named
    /// goes on at the connector's own committed offset, moved into the log with
    /// a warning where it lies outside; without one it starts at the
    /// connector's `consumer_offset`.
    Explicit(BTreeMap<i32, i64>),
}

/// Origin of a start that a user has named: v1 has no value of its own for it.
const NAMED: StartOrigin = StartOrigin::Unspecified;

/// Where the chain of each partition starts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) offsets: BTreeMap<i32, i64>,
    pub(crate) origin: StartOrigin,
    pub(crate) warnings: Vec<Problem>,
}

/// At these offsets, which a user's time stands for.
pub(crate) fn at_time(offsets: BTreeMap<i32, i64>) -> Start {
    Start { offsets, origin: NAMED, warnings: Vec::new() }
}

/// At the beginning or end of each partition.
pub(crate) fn everywhere(
    consumer_offset: ConsumerOffset,
    watermarks: &BTreeMap<i32, Watermarks>,
) -> Start {
    let (edge, origin): (fn(&Watermarks) -> i64, _) = match consumer_offset {
        ConsumerOffset::Latest => (|marks| marks.end, StartOrigin::Latest),
        ConsumerOffset::Earliest => (|marks| marks.beginning, StartOrigin::Earliest),
    };
    let offsets = watermarks.iter().map(|(partition, marks)| (*partition, edge(marks))).collect();
    Start { offsets, origin, warnings: Vec::new() }
}

/// Decides where the chain of each partition starts by the spec: at the group's
/// offset where it holds one that is not ours, else at the partition's
/// beginning or end. An offset of ours is another connector's of the same name,
/// deleted since, or one of an epoch before: absent.
pub(crate) fn configured(
    consumer_offset: ConsumerOffset,
    watermarks: &BTreeMap<i32, Watermarks>,
    committed: &BTreeMap<i32, Committed>,
    is_ours: impl Fn(&[u8]) -> bool,
) -> Start {
    let mut start = everywhere(consumer_offset, watermarks);
    for (partition, marks) in watermarks {
        let Some(found) = committed.get(partition).filter(|found| !is_ours(&found.metadata)) else {
            continue;
        };
        let offset = start.offsets.entry(*partition).or_default();
        if (marks.beginning..=marks.end).contains(&found.offset) {
            *offset = found.offset;
            start.origin = StartOrigin::Group;
        } else {
            start.warnings.push(outside(*partition, marks, found.offset, *offset));
        }
    }
    start
}

/// Decides where the chain of each partition starts when some are named:
/// [`StartAt::Explicit`] says how.
///
/// # Errors
/// Every offset that cannot be.
pub(crate) fn explicit(
    named: &BTreeMap<i32, i64>,
    consumer_offset: ConsumerOffset,
    watermarks: &BTreeMap<i32, Watermarks>,
    committed: &BTreeMap<i32, Committed>,
    is_own: impl Fn(&[u8]) -> bool,
) -> Result<Start, Vec<Problem>> {
    let problems: Vec<_> = named
        .iter()
        .filter_map(|(partition, offset)| refused(*partition, *offset, watermarks.get(partition)))
        .collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut start = everywhere(consumer_offset, watermarks);
    start.origin = NAMED;
    for (partition, marks) in watermarks {
        let own = committed.get(partition).filter(|found| is_own(&found.metadata));
        let offset = match (named.get(partition), own) {
            (Some(offset), _) => *offset,
            (None, None) => continue,
            (None, Some(own)) => {
                let kept = own.offset.clamp(marks.beginning, marks.end.max(marks.beginning));
                if kept != own.offset {
                    start.warnings.push(outside(*partition, marks, own.offset, kept));
                }
                kept
            }
        };
        start.offsets.insert(*partition, offset);
    }
    Ok(start)
}

/// Why a partition cannot start at an offset that was named, if it cannot.
fn refused(partition: i32, offset: i64, marks: Option<&Watermarks>) -> Option<Problem> {
    let message = match marks {
        None => format!("partition {partition} does not exist"),
        Some(Watermarks { beginning, end }) if !(*beginning..=*end).contains(&offset) => format!(
            "partition {partition} cannot start at offset {offset}: it holds {beginning} to {end}"
        ),
        Some(_) => return None,
    };
    Some(Problem::new(ErrorCode::FieldInvalid, message))
}

fn outside(partition: i32, marks: &Watermarks, committed: i64, start: i64) -> Problem {
    let Watermarks { beginning, end } = marks;
    Problem::new(
        ErrorCode::KafkaOffsetOutOfRange,
        format!(
            "partition {partition}: the group's committed offset {committed} is outside of \
             {beginning} to {end}, so it starts at {start}"
        ),
    )
}

#[cfg(test)]
mod tests;
