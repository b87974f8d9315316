//! The judgement over one partition of one chain: one pass over its objects and
//! its topic's records, both in the order of offsets. No I/O.
//!
//! Whoever drives it says what the objects hold, feeds it the topic's records
//! as far as it [wants](Walk::wants) them, and carries out the
//! [`ValueCheck`]s that it asks for.
//!
//! Records of the topic that no object has held so far are awaited until no
//! object to come can hold them; then they are looked for in the error topics.
//! So a record that stands a little out of order is not taken for missing. At
//! most 1,000 records and 8 MiB of them are awaited: the lowest are given up
//! first, and one that turns up after all is then called duplicated.
//!
//! Behind the chain's end the topic is read to the first record, or to where it ended
//! when the verification began: only so is it known whether something is outstanding.

mod awaited;
mod link;
#[cfg(test)]
mod naive;
mod record;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use kafka2oss_chain::{ChainId, DETACHED_VALUE, ObjectKey, ObjectMetadata};
use kafka2oss_format::DecodedRecord;

use crate::compare::{Expectation, SourceRecord};
use crate::dead_letters::{DeadLetters, Found};
use crate::findings::{Collector, Finding, Kind};
use crate::outstanding::{Beyond, Horizon, Outstanding};
use crate::report::PartitionReport;
use awaited::Awaited;

/// What a walk is told of its partition.
#[derive(Debug)]
pub(crate) struct WalkSettings<'a> {
    /// The chain; `None` when nothing is known of any.
    pub(crate) chain: Option<ChainId>,
    /// Where the chain has to start; `None`: where its first link does.
    pub(crate) start: Option<i64>,
    /// The first offset of which nothing has to be in the chain yet; `None`:
    /// the end of its last link.
    pub(crate) bound: Option<i64>,
    /// The group's committed offset, if it is of this chain.
    pub(crate) committed: Option<i64>,
    /// What is looked for behind the chain's end; `None`: nothing is.
    pub(crate) horizon: Option<Horizon>,
    /// Offset of the first record that the topic still has.
    pub(crate) log_start: i64,
    /// The topic's cleaner takes records away.
    pub(crate) compacted: bool,
    pub(crate) expectation: &'a Expectation,
    pub(crate) dead_letters: &'a DeadLetters,
    /// Examples of each kind of finding.
    pub(crate) examples: usize,
}

/// What the topic gives.
#[derive(Debug)]
pub(crate) enum SourceEvent {
    /// Its next record.
    Record(SourceRecord),
    /// It starts there by now.
    LogStart(i64),
    /// It has no more.
    End,
}

/// What the topic's records are wanted before.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Before<'a> {
    /// A record of the open object.
    Record(&'a DecodedRecord),
    /// The end of the chain.
    End,
}

/// How an object ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// It was read to its end; its bytes have this CRC-64/XZ.
    Whole { crc64: u64 },
    /// It cannot be read on: why.
    Damaged(String),
}

/// An object that holds a value has to be looked at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ValueCheck {
    /// The record whose value it is.
    pub(crate) offset: i64,
    /// The object's key.
    pub(crate) key: String,
    /// What it has to hold; `None` when that is not known.
    pub(crate) expected: Option<Vec<u8>>,
}

/// The pass over one partition of one chain.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    settings: WalkSettings<'a>,
    findings: Collector,
    report: PartitionReport,
    /// End of the links so far; where the next one has to start.
    position: Option<i64>,
    /// The same of the links whose keys are no attempt's own.
    shared_position: Option<i64>,
    /// Highest offset that a link has held so far.
    frontier: Option<i64>,
    /// The same of the links whose keys are no attempt's own.
    shared_frontier: Option<i64>,
    awaited: Awaited,
    /// Records below are in no object to come.
    settled: i64,
    /// The topic's records are known up to here.
    source_next: i64,
    source_ended: bool,
    object: Option<OpenObject>,
    /// The committed offset is where the chain starts or a link ends.
    committed_met: bool,
    uid: Option<String>,
    is_at_end: bool,
    /// Offsets of which no link was read whole.
    unread: Vec<(i64, i64)>,
    /// The first record behind the end of the chain so far that was given up.
    beyond: Option<Beyond>,
    checks: Vec<ValueCheck>,
}

#[derive(Debug)]
struct OpenObject {
    key: Arc<str>,
    /// Its key is an attempt's own.
    is_own: bool,
    metadata: ObjectMetadata,
    records: u64,
    /// Highest offset so far.
    last: Option<i64>,
}

impl OpenObject {
    fn stands_for(&self, offset: i64) -> bool {
        (self.metadata.first_offset..self.metadata.next_offset).contains(&offset)
    }
}

/// What a walk came to.
#[derive(Debug)]
pub(crate) struct Walked {
    pub(crate) report: PartitionReport,
    pub(crate) findings: Collector,
    /// Offsets of which no link was read whole.
    pub(crate) unread: Vec<(i64, i64)>,
}

impl<'a> Walk<'a> {
    /// A pass in which the first link stands for `first` and what follows;
    /// `None` when there is no link.
    pub(crate) fn new(settings: WalkSettings<'a>, first: Option<i64>) -> Self {
        let start = settings.start.or(first);
        let report = PartitionReport {
            chain: settings.chain.map(|chain| chain.to_string()),
            partition: settings.expectation.partition,
            start,
            bound: settings.bound,
            committed: settings.committed,
            log_start: settings.log_start,
            ..PartitionReport::default()
        };
        // Nothing is known that it could contradict.
        let committed_met = start.is_none() || settings.committed == start;
        let from = [start, first].into_iter().flatten().min().or(settings.committed);
        Self {
            findings: Collector::new(settings.examples),
            report,
            position: start,
            shared_position: start,
            frontier: None,
            shared_frontier: None,
            awaited: Awaited::default(),
            settled: i64::MIN,
            source_next: from.unwrap_or(settings.log_start).max(settings.log_start),
            source_ended: start.is_none() && settings.horizon.is_none(),
            object: None,
            committed_met,
            uid: None,
            is_at_end: false,
            unread: Vec::new(),
            beyond: None,
            checks: Vec::new(),
            settings,
        }
    }

    /// Where the topic is to be read from.
    pub(crate) fn source_start(&self) -> i64 {
        self.source_next
    }

    /// Whether the topic's next record is wanted before a record of the open
    /// object, or before the end.
    pub(crate) fn wants(&self, before: Before<'_>) -> bool {
        let is_wanted = match (before, &self.object) {
            // What an object does not stand for is not looked up.
            (Before::Record(found), Some(object)) if !object.stands_for(found.offset) => false,
            (Before::Record(found), _) => self.source_next <= found.offset,
            // Without a start nothing has to be there.
            (Before::End, _) => {
                (self.position.is_some() && self.source_next < self.base()) || self.looks_beyond()
            }
        };
        is_wanted && !self.source_ended
    }

    /// Whether it is not known yet if there is a record behind the chain's end.
    fn looks_beyond(&self) -> bool {
        let base = self.base();
        let is_known = self.beyond.is_some_and(|beyond| beyond.offset >= base)
            || self.awaited.last().is_some_and(|offset| offset >= base);
        !is_known && self.settings.horizon.is_some_and(|horizon| self.source_next < horizon.end)
    }

    /// Where what is outstanding starts: behind what the chain stands for and what has
    /// to be there.
    fn base(&self) -> i64 {
        let Self { position, settings, .. } = self;
        match position {
            Some(position) => settings.bound.map_or(*position, |bound| bound.max(*position)),
            None => settings.committed.unwrap_or(settings.log_start),
        }
    }

    /// Takes what the topic gives next.
    pub(crate) fn source(&mut self, event: SourceEvent) {
        match event {
            SourceEvent::End => self.source_ended = true,
            SourceEvent::LogStart(offset) => {
                self.settings.log_start = self.settings.log_start.max(offset);
                self.report.log_start = self.settings.log_start;
                self.source_next = self.source_next.max(offset);
            }
            SourceEvent::Record(record) => {
                self.source_next = self.source_next.max(record.offset.saturating_add(1));
                if record.offset < self.settled {
                    return self.settle(&record);
                }
                for given_up in self.awaited.push(record) {
                    self.settle(&given_up);
                }
            }
        }
    }

    /// What stands under the key of a link, and is none.
    pub(crate) fn foreign(&mut self, key: &str, detail: impl Into<String>) {
        self.add(Kind::Foreign, Finding::of_object(key, detail));
    }

    /// What an object that holds a value has turned out to be.
    pub(crate) fn value(&mut self, kind: Kind, offset: i64, key: &str, detail: impl Into<String>) {
        self.add_at(kind, offset, key, detail);
    }

    /// The values to be checked by now.
    pub(crate) fn take_checks(&mut self) -> Vec<ValueCheck> {
        std::mem::take(&mut self.checks)
    }

    /// Judges what no object has held, when no more of the topic's records are
    /// wanted. There may be values to check then.
    pub(crate) fn finish(&mut self) {
        self.is_at_end = true;
        self.settle_below(i64::MAX);
        if let (Some(committed), false) = (self.settings.committed, self.committed_met) {
            let detail = "the group has committed it, and no link ends there";
            self.add(Kind::CommittedOffset, Finding::of_offsets(committed, committed, detail));
        }
        let (base, log_start) = (self.base(), self.settings.log_start);
        let beyond = self.beyond.filter(|beyond| beyond.offset >= base);
        self.report.outstanding = (self.settings.horizon)
            .and_then(|horizon| Outstanding::new(base, log_start, horizon, beyond));
        self.report.end = self.position;
        self.report.uid.clone_from(&self.uid);
    }

    /// What it came to, after [`Walk::finish`].
    pub(crate) fn into_walked(self) -> Walked {
        Walked { report: self.report, findings: self.findings, unread: self.unread }
    }

    /// Records that are awaited, and bytes of theirs.
    #[cfg(test)]
    pub(crate) fn held(&self) -> (usize, usize) {
        self.awaited.held()
    }

    fn settle_below(&mut self, offset: i64) {
        self.settled = self.settled.max(offset);
        while let Some(record) = self.awaited.take_first_below(offset) {
            self.settle(&record);
        }
    }

    /// Keeps the first record behind the end of the chain, which later links may move.
    fn look_beyond(&mut self, record: &SourceRecord) {
        let (base, offset, timestamp) = (self.base(), record.offset, record.timestamp);
        let is_beyond = offset >= base
            && self.settings.horizon.is_some_and(|horizon| offset < horizon.end)
            && self.beyond.is_none_or(|beyond| beyond.offset < base);
        if is_beyond {
            self.beyond = Some(Beyond { offset, timestamp });
        }
    }

    /// Whether the chain has to hold the record of this offset, which it does not.
    fn has_to_be_there(&self, offset: i64) -> bool {
        let is_below_end = self.position.is_some_and(|position| offset < position);
        match self.settings.bound {
            // Whatever is judged before the end is below a link, and so below the
            // chain's own end.
            None => !self.is_at_end || is_below_end,
            // A link that stands behind the bound all the same is to be whole.
            Some(bound) => offset < bound || (is_below_end && !self.is_unread(offset)),
        }
    }

    fn is_unread(&self, offset: i64) -> bool {
        self.unread.iter().any(|(first, next)| (*first..*next).contains(&offset))
    }

    /// A record of the topic that no link has held.
    fn settle(&mut self, record: &SourceRecord) {
        let offset = record.offset;
        self.look_beyond(record);
        if !self.has_to_be_there(offset) || self.report.start.is_none_or(|start| offset < start) {
            return;
        }
        let expectation = self.settings.expectation;
        match self.settings.dead_letters.find(expectation.partition, record) {
            Found::Nowhere => {
                let detail = "it stands in no object of the chain";
                self.add(Kind::Missing, Finding::of_offsets(offset, offset, detail));
            }
            Found::Altered(detail) => {
                self.report.dead_letters += 1;
                self.add(Kind::Altered, Finding::of_offsets(offset, offset, detail));
            }
            Found::Faithful { objects } => {
                self.report.dead_letters += 1;
                for key in objects {
                    // By whichever chain: dead letters of earlier ones count.
                    if self.value_chain(&key, offset, DETACHED_VALUE).is_some() {
                        let expected = record.value.clone();
                        self.checks.push(ValueCheck { offset, key, expected });
                    } else {
                        // Anybody may have written it: it is not even asked for.
                        let detail = "its dead letter names an object that is not of its value";
                        self.add(Kind::Altered, Finding::of_offsets(offset, offset, detail));
                    }
                }
            }
        }
    }

    /// The chain of a key that is one of this record's value, with this
    /// extension.
    fn value_chain(&self, key: &str, offset: i64, extension: &str) -> Option<ChainId> {
        let parsed = ObjectKey::parse(key)?;
        let is_of_the_record = parsed.extension == extension
            && parsed.topic == self.settings.expectation.topic
            && parsed.partition == self.report.partition
            && parsed.offset == offset;
        is_of_the_record.then_some(parsed.chain)
    }

    fn add(&mut self, kind: Kind, finding: Finding) {
        let (chain, partition) = (self.settings.chain, self.report.partition);
        self.findings.add(kind, finding.of_partition(chain, partition));
    }

    fn add_at(&mut self, kind: Kind, offset: i64, key: &str, detail: impl Into<String>) {
        self.add(kind, Finding::of_object(key, detail).at(offset));
    }
}
