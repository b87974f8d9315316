//! The same judgement by someone who has everything in memory.

use std::collections::{BTreeMap, BTreeSet};

use kafka2oss_chain::ObjectMetadata;
use kafka2oss_format::DecodedRecord;

use super::WalkSettings;
use crate::compare::{SourceRecord, differences};
use crate::dead_letters::Found;
use crate::findings::Kind;

/// A link with what it holds; `damaged` when it cannot be read on after that.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) metadata: ObjectMetadata,
    pub(super) records: Vec<DecodedRecord>,
    pub(super) damaged: bool,
    /// Its key is an attempt's own.
    pub(super) is_own: bool,
}

/// What is wrong with `links`, which are in the order of their first offsets.
pub(super) fn judge(
    settings: &WalkSettings<'_>,
    links: &[Link],
    topic: &[SourceRecord],
) -> Vec<(Kind, Option<i64>)> {
    let partition = settings.expectation.partition;
    let first = links.first().map(|link| link.metadata.first_offset);
    let start = settings.start.or(first);
    let originals: BTreeMap<i64, &SourceRecord> = topic
        .iter()
        .filter(|record| record.offset >= settings.log_start)
        .map(|record| (record.offset, record))
        .collect();
    let mut findings = Vec::new();
    let (mut position, mut shared_position) = (start, start);
    let mut ends = BTreeSet::from_iter(start);
    let (mut held, mut held_shared) = (BTreeSet::new(), BTreeSet::new());
    let mut unread = Vec::new();

    for Link { metadata, records, damaged, is_own } in links {
        let (first, next) = (metadata.first_offset, metadata.next_offset);
        if let Some(position) = position.filter(|position| first > *position) {
            unread.push(position..first);
            findings.push((Kind::Hole, Some(position)));
        }
        let not_before = if *is_own { start } else { shared_position };
        if not_before.is_some_and(|position| first < position) {
            findings.push((Kind::Overlap, Some(first)));
        }
        position = position.max(Some(next));
        if !is_own {
            shared_position = shared_position.max(Some(next));
        }
        ends.insert(next);
        let mut highest_here = None;
        for record in records {
            let offset = record.offset;
            if !(first..next).contains(&offset) {
                findings.push((Kind::OutOfOrder, Some(offset)));
                continue;
            }
            let is_behind = highest_here.is_some_and(|highest| offset < highest);
            let highest_anywhere = held.last().copied();
            let is_again = held.contains(&offset);
            // Once in this link, and in none before whose key is shared, unless this
            // one's is not.
            let may_repeat = highest_here.is_none_or(|highest| offset > highest)
                && (*is_own || held_shared.last().is_none_or(|shared| offset > *shared));
            if !is_own {
                held_shared.insert(offset);
            }
            highest_here = highest_here.max(Some(offset));
            held.insert(offset);
            match originals.get(&offset) {
                Some(_) if is_again && may_repeat => {}
                Some(_) if is_again => findings.push((Kind::Duplicated, Some(offset))),
                Some(original) => {
                    if is_behind {
                        findings.push((Kind::OutOfOrder, Some(offset)));
                    }
                    if !differences(original, record, settings.expectation).is_empty() {
                        findings.push((Kind::Altered, Some(offset)));
                    }
                    if settings.dead_letters.contains(partition, offset) {
                        findings.push((Kind::Duplicated, Some(offset)));
                    }
                }
                None if highest_anywhere.is_none_or(|highest| offset > highest) => {
                    if offset >= settings.log_start && !settings.compacted {
                        findings.push((Kind::Unexpected, Some(offset)));
                    }
                }
                None if offset < settings.log_start && is_behind => {
                    findings.push((Kind::OutOfOrder, Some(offset)));
                }
                None if may_repeat => {}
                None => findings.push((Kind::Duplicated, Some(offset))),
            }
        }
        if *damaged {
            unread.push(first..next);
            findings.push((Kind::Damaged, None));
        } else if records.len() as u64 != metadata.records {
            findings.push((Kind::Contradictory, None));
        }
    }
    for (offset, original) in originals {
        let is_below_end = position.is_some_and(|position| offset < position);
        let is_due = match settings.bound {
            None => is_below_end,
            Some(bound) if offset < bound => true,
            Some(_) => is_below_end && !unread.iter().any(|offsets| offsets.contains(&offset)),
        };
        if start.is_some_and(|start| offset >= start) && is_due && !held.contains(&offset) {
            match settings.dead_letters.find(partition, original) {
                Found::Nowhere => findings.push((Kind::Missing, Some(offset))),
                Found::Altered(_) => findings.push((Kind::Altered, Some(offset))),
                Found::Faithful { .. } => {}
            }
        }
    }
    if let Some(committed) = settings.committed
        && start.is_some()
        && !ends.contains(&committed)
    {
        findings.push((Kind::CommittedOffset, Some(committed)));
    }
    findings.sort();
    findings
}

/// The first record behind the chain's end that was in the topic when the verification
/// began.
pub(super) fn first_beyond(
    settings: &WalkSettings<'_>,
    links: &[Link],
    topic: &[SourceRecord],
) -> Option<i64> {
    let WalkSettings { bound, committed, log_start, .. } = *settings;
    let start = settings.start.or(links.first().map(|link| link.metadata.first_offset));
    let ends = links.iter().map(|link| link.metadata.next_offset);
    let from = match start {
        Some(start) => ends.chain(bound).fold(start, i64::max),
        None => committed.unwrap_or(log_start),
    };
    let end = settings.horizon?.end;
    let mut offsets = topic.iter().map(|record| record.offset);
    offsets.find(|offset| *offset >= from.max(log_start) && *offset < end)
}
