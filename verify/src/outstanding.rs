//! What of a partition no object stands for yet.

use std::fmt;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// What of a partition no object stands for yet: records that were in the topic when
/// the verification began. There is none where a reader finds no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Outstanding {
    /// Where the chain's links end, or the committed offset if that is higher.
    pub from: i64,
    /// Where the log ended when the verification began.
    pub end: i64,
    /// Offsets at which records may stand: at most as many records.
    pub offsets: u64,
    /// Offset of the first record that can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_record: Option<i64>,
    /// The timestamp of that record, if it has one.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub since: Option<Timestamp>,
    /// Offset of the first record of a transaction that was open: nobody reads on there
    /// before it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_transaction: Option<i64>,
    /// The first offset that the topic still has, where those before are gone: retention
    /// has overtaken the chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone_before: Option<i64>,
}

/// What a partition's topic held when the verification began, by which it is told
/// whether something is outstanding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Horizon {
    /// The log's end.
    pub(crate) end: i64,
    /// The last stable offset, asked for after the end: whatever is below both can be
    /// read, or is no record.
    pub(crate) stable_end: i64,
}

/// A record of the topic behind the end of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Beyond {
    pub(crate) offset: i64,
    /// Milliseconds since 1970; -1 when it has none.
    pub(crate) timestamp: i64,
}

impl Outstanding {
    /// From `from` on, where the topic starts at `log_start` by now and `record` is
    /// the first that can be read.
    pub(crate) fn new(
        from: i64,
        log_start: i64,
        Horizon { end, stable_end }: Horizon,
        record: Option<Beyond>,
    ) -> Option<Self> {
        let gone_to = (from < log_start).then_some(log_start.min(end)).filter(|to| *to > from);
        let open_transaction = (stable_end < end).then_some(stable_end.max(from));
        let open_transaction = open_transaction.filter(|first| *first < end);
        let first_record = record.map(|record| record.offset);
        let first = [first_record, open_transaction].into_iter().flatten().min();
        if first.is_none() && gone_to.is_none() {
            return None;
        }
        let gone = gone_to.map_or(0, |to| to.abs_diff(from));
        Some(Self {
            from,
            end,
            offsets: gone.saturating_add(first.map_or(0, |first| end.abs_diff(first))),
            first_record,
            since: record.and_then(|record| time_of(record.timestamp)),
            open_transaction,
            gone_before: gone_to,
        })
    }
}

/// Timestamps below 0 say that there is none.
fn time_of(timestamp: i64) -> Option<Timestamp> {
    Some(timestamp).filter(|it| *it >= 0).and_then(|it| Timestamp::from_millisecond(it).ok())
}

// serde passes what it serializes by reference.
#[allow(clippy::ref_option)]
fn as_text<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}

impl fmt::Display for Outstanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, end, offsets, first_record, since, open_transaction, gone_before } = self;
        let records = records(*offsets);
        write!(f, "no object yet for up to {records}, offsets {from} to {}", end - 1)?;
        if let Some(to) = gone_before {
            write!(f, "; the topic has none before {to} any more")?;
        }
        if let Some(offset) = first_record {
            write!(f, "; the first that is there, offset {offset}, ")?;
            match since {
                Some(since) => write!(f, "is of {since}")?,
                None => f.write_str("has no timestamp")?,
            }
        }
        if let Some(offset) = open_transaction {
            write!(f, "; a transaction is open from offset {offset} on, where nobody can read on")?;
        }
        Ok(())
    }
}

fn records(count: u64) -> String {
    format!("{count} record{}", if count == 1 { "" } else { "s" })
}

/// What is outstanding in all partitions together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Partitions of which something is outstanding.
    pub partitions: u64,
    /// At most as many records.
    pub offsets: u64,
    /// The timestamp of the oldest record that can be read and has one.
    pub since: Option<Timestamp>,
}

impl Backlog {
    pub(crate) fn of<'a>(outstanding: impl Iterator<Item = &'a Outstanding>) -> Self {
        outstanding.fold(Self::default(), |all, of_partition| Self {
            partitions: all.partitions + 1,
            offsets: all.offsets.saturating_add(of_partition.offsets),
            since: [all.since, of_partition.since].into_iter().flatten().min(),
        })
    }

    /// Whether nothing is outstanding.
    pub fn is_empty(&self) -> bool {
        self.partitions == 0
    }
}

impl fmt::Display for Backlog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partitions, offsets, since } = self;
        let (records, s) = (records(*offsets), if *partitions == 1 { "" } else { "s" });
        write!(f, "no object stands yet for up to {records} of {partitions} partition{s}")?;
        match since {
            Some(since) => write!(f, ", the oldest of {since}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STABLE: Horizon = Horizon { end: 20, stable_end: 25 };
    const HELD: Horizon = Horizon { end: 20, stable_end: 15 };

    fn record(offset: i64) -> Option<Beyond> {
        Some(Beyond { offset, timestamp: 1_603_779_578_478 })
    }

    #[test]
    fn only_what_may_be_a_record_is_outstanding() {
        let words = |from, log_start, horizon, record| {
            Outstanding::new(from, log_start, horizon, record).map(|it| it.to_string())
        };
        let cases = [
            // Nothing can be read: aborted records, markers, what was compacted away.
            (words(10, 0, STABLE, None), None),
            (words(20, 0, STABLE, None), None),
            (words(30, 0, STABLE, None), None),
            (words(20, 30, STABLE, None), None),
            (words(20, 0, HELD, None), None),
            (
                words(10, 0, STABLE, record(12)),
                Some(
                    "no object yet for up to 8 records, offsets 10 to 19; the first that is \
                     there, offset 12, is of 2020-10-27T06:19:38.478Z",
                ),
            ),
            (
                words(10, 0, HELD, None),
                Some(
                    "no object yet for up to 5 records, offsets 10 to 19; a transaction is open \
                     from offset 15 on, where nobody can read on",
                ),
            ),
            (
                words(17, 0, HELD, None),
                Some(
                    "no object yet for up to 3 records, offsets 17 to 19; a transaction is open \
                     from offset 17 on, where nobody can read on",
                ),
            ),
            (
                words(10, 14, STABLE, None),
                Some(
                    "no object yet for up to 4 records, offsets 10 to 19; the topic has none \
                     before 14 any more",
                ),
            ),
            (
                words(10, 14, HELD, Some(Beyond { offset: 14, timestamp: -1 })),
                Some(
                    "no object yet for up to 10 records, offsets 10 to 19; the topic has none \
                     before 14 any more; the first that is there, offset 14, has no timestamp; \
                     a transaction is open from offset 15 on, where nobody can read on",
                ),
            ),
            (
                words(10, 99, STABLE, None),
                Some(
                    "no object yet for up to 10 records, offsets 10 to 19; the topic has none \
                     before 20 any more",
                ),
            ),
        ];
        for (words, expected) in cases {
            assert_eq!(words.as_deref(), expected);
        }
    }

    #[test]
    fn partitions_are_summed_up_with_the_oldest_record() {
        let of = |first: i64, time: i64| {
            Outstanding::new(10, 0, STABLE, Some(Beyond { offset: first, timestamp: time }))
        };
        let all = [of(12, 2_000), of(19, -1), of(13, 1_000)];
        let backlog = Backlog::of(all.iter().flatten());
        assert_eq!(
            backlog.to_string(),
            "no object stands yet for up to 16 records of 3 partitions, the oldest of \
             1970-01-01T00:00:01Z"
        );
        assert!(!backlog.is_empty() && Backlog::of([].into_iter()).is_empty());
    }
}
