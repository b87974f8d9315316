//! A record of a link, held against the topic's.

use std::sync::Arc;

use kafka2oss_chain::{ObjectMetadata, SPILLED_VALUE};
use kafka2oss_format::{DecodedRecord, DecodedValue};

use super::{ValueCheck, Walk};
use crate::compare::{SourceRecord, differences};
use crate::findings::Kind;

impl Walk<'_> {
    /// Takes the next record of the object, when no more of the topic's are
    /// wanted before it.
    pub(crate) fn record(&mut self, found: &DecodedRecord) {
        let Some(object) = &mut self.object else { return };
        object.records += 1;
        self.report.records += 1;
        let (key, offset) = (Arc::clone(&object.key), found.offset);
        if !object.stands_for(offset) {
            let ObjectMetadata { first_offset, next_offset, .. } = object.metadata;
            let detail = format!("the object is of offsets {first_offset} to {}", next_offset - 1);
            return self.add_at(Kind::OutOfOrder, offset, &key, detail);
        }
        let last = object.last;
        object.last = last.max(Some(offset));
        // By another attempt: this link or those before that hold it have own keys.
        let may_repeat = last.is_none_or(|last| offset > last)
            && (object.is_own || self.shared_frontier.is_none_or(|shared| offset > shared));
        if !object.is_own {
            self.shared_frontier = self.shared_frontier.max(Some(offset));
        }

        let source = self.awaited.take(offset);
        if let DecodedValue::Object(value) = &found.value {
            let expected = source.as_ref().and_then(|source| source.value.clone());
            self.refers_to(value, offset, expected, &key);
        }
        let is_new = self.frontier.is_none_or(|frontier| offset > frontier);
        self.frontier = self.frontier.max(Some(offset));
        match source {
            Some(source) => {
                if last.is_some_and(|last| offset < last) {
                    self.add_at(Kind::OutOfOrder, offset, &key, "it stands behind a higher offset");
                }
                self.compare(&source, found, &key);
            }
            None if is_new => self.without_original(offset, &key),
            None if offset < self.settings.log_start && last.is_some_and(|last| offset < last) => {
                self.add_at(Kind::OutOfOrder, offset, &key, "it stands behind a higher offset");
            }
            None if may_repeat => self.report.repeated += 1,
            None => self.add_at(Kind::Duplicated, offset, &key, "it stands in the chain before"),
        }
    }

    fn compare(&mut self, source: &SourceRecord, found: &DecodedRecord, key: &str) {
        self.report.compared += 1;
        let offset = source.offset;
        let expectation = self.settings.expectation;
        let fields = differences(source, found, expectation);
        if !fields.is_empty() {
            let detail = format!("not as in the topic: {}", fields.join(", "));
            self.add_at(Kind::Altered, offset, key, detail);
        }
        if self.settings.dead_letters.contains(expectation.partition, offset) {
            self.add_at(Kind::Duplicated, offset, key, "it stands in an error topic too");
        }
    }

    /// A record's value is in an object of its own, the key of which follows from
    /// the record.
    fn refers_to(&mut self, value: &str, offset: i64, expected: Option<Vec<u8>>, key: &str) {
        let chain = self.value_chain(value, offset, SPILLED_VALUE);
        if chain.is_some() && chain == self.settings.chain {
            self.checks.push(ValueCheck { offset, key: value.to_owned(), expected });
        } else {
            let detail = "`valueObject` is not the key of this record's value";
            self.add_at(Kind::Altered, offset, key, detail);
        }
    }

    /// A record of an offset at which the topic has none.
    fn without_original(&mut self, offset: i64, key: &str) {
        if offset < self.settings.log_start || self.settings.compacted {
            self.report.unverifiable += 1;
        } else {
            let detail = "the topic has no such record, or none that is committed";
            self.add_at(Kind::Unexpected, offset, key, detail);
        }
    }
}
