//! The object that is being filled, and one that is complete.

use std::time::Instant;

use bytes::Bytes;

use super::encode::{JsonArray, NotUtf8, Record};
use super::rotation::OpenStats;

/// An object that is being filled: the extent from the chain's position on.
#[derive(Debug)]
pub(crate) struct OpenObject {
    first_offset: i64,
    next_offset: i64,
    body: Vec<u8>,
    records: u64,
    taken: u64,
    first_at: Instant,
    last_at: Instant,
}

/// A complete object, ready to become a link.
#[derive(Debug, Clone)]
pub(crate) struct ClosedObject {
    /// First offset of its extent.
    pub first_offset: i64,
    /// First offset after its extent.
    pub next_offset: i64,
    /// Records in the body.
    pub records: u64,
    /// The body.
    pub body: Bytes,
    /// When its last record was taken in.
    pub last_at: Instant,
}

impl OpenObject {
    /// An empty one that starts at the chain's position.
    pub(crate) fn new(first_offset: i64, now: Instant) -> Self {
        Self {
            first_offset,
            next_offset: first_offset,
            body: Vec::new(),
            records: 0,
            taken: 0,
            first_at: now,
            last_at: now,
        }
    }

    /// Takes a record in.
    ///
    /// # Errors
    /// When the format cannot hold it: nothing has changed then.
    pub(crate) fn append(
        &mut self,
        format: &JsonArray,
        record: Record<'_>,
        now: Instant,
    ) -> Result<(), NotUtf8> {
        format.append(&mut self.body, record)?;
        self.records += 1;
        self.pass(record.offset, now);
        Ok(())
    }

    /// Extends the extent over a record that goes elsewhere.
    pub(crate) fn pass(&mut self, offset: i64, now: Instant) {
        if self.taken == 0 {
            self.first_at = now;
        }
        self.taken += 1;
        self.last_at = now;
        self.next_offset = offset + 1;
    }

    /// Whether its extent has no offset yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.taken == 0
    }

    /// First offset after its extent so far.
    pub(crate) fn next_offset(&self) -> i64 {
        self.next_offset
    }

    /// What rotation needs to know.
    pub(crate) fn stats(&self) -> OpenStats {
        OpenStats {
            bytes: self.body.len() as u64,
            records: self.taken,
            first_at: self.first_at,
            last_at: self.last_at,
        }
    }

    /// Completes it.
    pub(crate) fn close(mut self) -> ClosedObject {
        JsonArray::finish(&mut self.body);
        ClosedObject {
            first_offset: self.first_offset,
            next_offset: self.next_offset,
            records: self.records,
            body: Bytes::from(self.body),
            last_at: self.last_at,
        }
    }
}
