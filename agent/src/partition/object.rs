//! The object that is being filled, and one that is complete.

use std::sync::Arc;
use std::time::Instant;

use kafka2oss_chain::{LogPosition, Pin, TimeBucket};
use kafka2oss_format::{NotText, Record, room_for};
use kafka2oss_sink::Sums;

use super::rotation::{OpenStats, Reason};
use super::shape::{Form, Shape};

/// By how much the room of an open object grows at least: small enough for many
/// partitions, large enough that it is asked for rarely.
const ROOM_STEP: usize = 64 << 10;

/// An object that is being filled: the extent from the chain's position on.
#[derive(Debug)]
pub(super) struct OpenObject {
    first_offset: i64,
    /// Behind the last record of its extent so far.
    end: LogPosition,
    form: Arc<Form>,
    /// Its key: known with its first record at the latest.
    pin: Option<Pin>,
    bucket: Option<TimeBucket>,
    body: Vec<u8>,
    /// Of the body, where that is put as it is.
    sums: Option<Sums>,
    records: u64,
    taken: u64,
    first_at: Instant,
    last_at: Instant,
    asked: Option<Reason>,
}

/// A complete object, ready to become a link.
#[derive(Debug)]
pub(super) struct ClosedObject {
    /// First offset of its extent.
    pub first_offset: i64,
    /// Behind the last record of its extent.
    pub end: LogPosition,
    /// How its records stand in it.
    pub form: Arc<Form>,
    /// The key that it gets unless another one has been announced.
    pub pin: Pin,
    /// Records in the content.
    pub records: u64,
    /// The content, not compressed.
    pub body: Vec<u8>,
    /// Of the content, where that is put as it is.
    pub sums: Option<Sums>,
    /// When its last record was taken in.
    pub last_at: Instant,
}

impl OpenObject {
    /// An empty one that starts at the chain's position. `pin` is its key where
    /// that has been announced.
    pub(super) fn new(first_offset: i64, form: Arc<Form>, pin: Option<Pin>, now: Instant) -> Self {
        Self {
            first_offset,
            end: first_offset.into(),
            sums: form.sums.clone(),
            form,
            pin,
            bucket: None,
            body: Vec::new(),
            records: 0,
            taken: 0,
            first_at: now,
            last_at: now,
            asked: None,
        }
    }

    /// Whether a record of this time (milliseconds since 1970) belongs into
    /// another object: it is of a later time bucket than the first one.
    pub(super) fn ends_before(&self, timestamp: i64, shape: &Shape) -> bool {
        self.taken > 0 && shape.layout.bucket(timestamp) > self.bucket
    }

    /// Takes a record in, which ends at `end`.
    ///
    /// # Errors
    /// When the format cannot hold it: nothing has changed then.
    pub(super) fn append(
        &mut self,
        record: &Record<'_>,
        end: LogPosition,
        shape: &Shape,
        now: Instant,
    ) -> Result<(), NotText> {
        self.form.encoder.append(&mut self.body, record)?;
        if let Some(sums) = &mut self.sums {
            sums.follow(&self.body);
        }
        self.records += 1;
        self.pass(end, record.timestamp, shape, now);
        Ok(())
    }

    /// Extends the extent over a record that goes elsewhere, up to its end.
    pub(super) fn pass(&mut self, end: LogPosition, timestamp: i64, shape: &Shape, now: Instant) {
        if self.taken == 0 {
            self.first_at = now;
            self.bucket = shape.layout.bucket(timestamp);
            let extension = self.form.encoding.extension();
            self.pin.get_or_insert_with(|| shape.key(self.first_offset, timestamp, extension));
        }
        self.taken += 1;
        self.last_at = now;
        self.end = end;
    }

    /// Extends the extent over offsets that hold no record, up to `offset`: nothing to
    /// an extent without a record.
    pub(super) fn reach(&mut self, offset: i64) {
        if self.taken > 0 {
            self.end.offset = self.end.offset.max(offset);
        }
    }

    /// Asks for it to be closed.
    pub(super) fn ask_to_close(&mut self, reason: Reason) {
        if self.taken > 0 {
            self.asked.get_or_insert(reason);
        }
    }

    /// The room that it needs for a record of about this size, if it has not
    /// enough.
    pub(super) fn lacks_room_for(&self, record_bytes: usize) -> Option<usize> {
        let needed = self.body.len() + room_for(record_bytes);
        (needed > self.body.capacity())
            .then(|| needed.max(self.body.capacity() + self.body.len() / 4) + ROOM_STEP)
    }

    /// Bytes that its content may have in the memory that it holds.
    pub(super) fn room(&self) -> usize {
        self.body.capacity()
    }

    /// Makes room for one record of about this size and no more, where its
    /// vector would double the content's memory.
    pub(super) fn make_room_for(&mut self, record_bytes: usize) {
        self.body.reserve_exact(room_for(record_bytes));
    }

    /// Makes room for this many bytes of content.
    pub(super) fn make_room(&mut self, bytes: usize) {
        self.body.reserve_exact(bytes.saturating_sub(self.body.len()));
    }

    /// Replaces the memory of its content, while it has none.
    pub(super) fn adopt(&mut self, body: Vec<u8>) {
        debug_assert!(self.body.is_empty() && body.is_empty(), "there is no content yet");
        self.body = body;
    }

    /// Whether its extent has no offset yet.
    pub(super) fn is_empty(&self) -> bool {
        self.taken == 0
    }

    /// The first offset of its extent.
    pub(super) fn first_offset(&self) -> i64 {
        self.first_offset
    }

    /// First offset after its extent so far.
    pub(super) fn next_offset(&self) -> i64 {
        self.end.offset
    }

    /// Its first offset and its key, once that is known.
    pub(super) fn announcement(&self) -> Option<(i64, Pin)> {
        Some((self.first_offset, self.pin.clone()?))
    }

    /// What rotation needs to know.
    pub(super) fn stats(&self) -> OpenStats {
        OpenStats {
            bytes: self.body.len() as u64,
            records: self.taken,
            first_at: self.first_at,
            last_at: self.last_at,
            asked: self.asked,
        }
    }

    /// Completes it; `None` when its extent has no offset.
    pub(super) fn close(mut self) -> Option<ClosedObject> {
        let pin = self.pin.filter(|_| self.taken > 0)?;
        self.form.encoder.finish(&mut self.body);
        Some(ClosedObject {
            first_offset: self.first_offset,
            end: self.end,
            form: self.form,
            pin,
            records: self.records,
            body: self.body,
            sums: self.sums,
            last_at: self.last_at,
        })
    }
}
