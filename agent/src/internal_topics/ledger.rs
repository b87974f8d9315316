//! Which records are to be written now: those that have changed, but for topics
//! that have just failed. Pure, but for the jitter of the waits.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::records::{Record, Topic};
use crate::backoff::Backoff;

/// Waits before a topic that has failed is written again: from the first to the
/// longest. One that was never made may be missing for good.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// What this task has written, and which topics fail.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// By key; `None` while it is open what stands there.
    written: BTreeMap<String, Option<Value>>,
    troubles: BTreeMap<Topic, Trouble>,
}

#[derive(Debug)]
struct Trouble {
    backoff: Backoff,
    until: Instant,
}

impl Ledger {
    /// Whether the record is to be written now.
    pub(super) fn is_due(&self, record: &Record, now: Instant) -> bool {
        let waits = self.troubles.get(&record.topic).is_some_and(|trouble| now < trouble.until);
        !waits && !self.is_written(record)
    }

    fn is_written(&self, record: &Record) -> bool {
        matches!(self.written.get(&record.key), Some(Some(value)) if *value == record.value)
    }

    /// Whether a value of this task's may stand under the record's key.
    pub(super) fn holds(&self, record: &Record) -> bool {
        self.written.contains_key(&record.key)
    }

    /// The record is being written: whatever becomes of that, it may stand in
    /// its topic from now on.
    pub(super) fn attempted(&mut self, record: &Record) {
        self.written.insert(record.key.clone(), None);
    }

    /// The record stands in its topic.
    pub(super) fn written(&mut self, record: &Record) {
        self.troubles.remove(&record.topic);
        self.written.insert(record.key.clone(), Some(record.value.clone()));
    }

    /// The topic did not take a record.
    pub(super) fn failed(&mut self, topic: Topic, now: Instant) {
        let trouble = self
            .troubles
            .entry(topic)
            .or_insert_with(|| Trouble { backoff: Backoff::new(BACKOFF.0, BACKOFF.1), until: now });
        trouble.until = now + trouble.backoff.next_delay();
    }

    /// Others may have written since: everything is to be written again.
    pub(super) fn forget_written(&mut self) {
        self.written.clear();
    }

    /// When the first of these that waits for its topic is due.
    pub(super) fn next_due(&self, wanted: &[Record]) -> Option<Instant> {
        let unwritten = wanted.iter().filter(|record| !self.is_written(record));
        unwritten.filter_map(|record| Some(self.troubles.get(&record.topic)?.until)).min()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(topic: Topic, key: &str, value: u32) -> Record {
        Record { topic, key: key.to_owned(), value: json!(value) }
    }

    #[test]
    fn a_record_is_due_until_it_is_written_and_again_when_it_changes() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        let (one, other) = (record(Topic::Status, "k", 1), record(Topic::Status, "k", 2));
        assert!(ledger.is_due(&one, now) && !ledger.holds(&one));

        ledger.written(&one);
        assert!(!ledger.is_due(&one, now) && ledger.holds(&one));
        assert!(ledger.is_due(&other, now) && ledger.holds(&other));

        ledger.forget_written();
        assert!(ledger.is_due(&one, now) && !ledger.holds(&one));
    }

    #[test]
    fn a_topic_that_fails_waits_longer_each_time_and_the_other_does_not() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        let status = record(Topic::Status, "s", 1);
        let configuration = record(Topic::Configuration, "c", 1);
        let wanted = [configuration.clone(), status.clone()];
        assert_eq!(ledger.next_due(&wanted), None);

        let mut now = start;
        let mut waits = Vec::new();
        for _ in 0..12 {
            ledger.failed(Topic::Configuration, now);
            assert!(!ledger.is_due(&configuration, now));
            assert!(ledger.is_due(&status, now));
            let until = ledger.next_due(&wanted).expect("it waits");
            assert!(ledger.is_due(&configuration, until));
            waits.push(until - now);
            now = until;
        }
        assert!(waits[0] >= BACKOFF.0 && waits[11] >= BACKOFF.1, "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= 2 * BACKOFF.1), "{waits:?}");

        ledger.written(&configuration);
        assert_eq!(ledger.next_due(&wanted), None);
        ledger.attempted(&configuration);
        ledger.failed(Topic::Configuration, now);
        let until = ledger.next_due(&wanted).expect("it waits");
        assert!(until - now <= 2 * BACKOFF.0, "the waits start anew");
    }

    #[test]
    fn what_was_attempted_may_stand_there_so_that_the_value_before_is_written_again() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        let (one, other) = (record(Topic::Status, "k", 1), record(Topic::Status, "k", 2));
        ledger.written(&one);
        ledger.attempted(&other);

        assert!(ledger.is_due(&one, now) && ledger.is_due(&other, now));
        assert!(ledger.holds(&one));
    }
}
