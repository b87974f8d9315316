//! One record: into the open object, or where else it belongs.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use kafka2oss_chain::{LogPosition, SPILLED_VALUE};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::{FailureHandlingPolicy, OverflowPolicy};
use kafka2oss_format::{Header, NotText, Part, Record, Value};
use kafka2oss_kafka::{ErrorStage, TEST_MESSAGE_HEADER, may_be_test_message, millis_since_1970};

use super::exit::Exit;
use super::message::{HeaderList, Message, Timestamp, UnreadableHeaders};
use super::rotation::Reason;
use super::run::PartitionLoop;
use super::state::{Ending, State};
use crate::report::Severity;

/// How long somebody may wait for a test message to become visible, in
/// milliseconds, with what clocks differ by.
const AWAITED_FOR: i64 = 5 * 60 * 1_000;

/// The moment at which records are taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    now: Instant,
    /// Test messages with an earlier timestamp nobody waits for, in milliseconds
    /// since 1970.
    awaited_from: i64,
}

impl Moment {
    /// This one.
    pub(super) fn begin() -> Self {
        Self { now: Instant::now(), awaited_from: millis_since_1970() - AWAITED_FOR }
    }

    /// It, by the clock that only goes on.
    pub(super) fn now(self) -> Instant {
        self.now
    }
}

/// Where and when a record has come.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    /// The place behind it.
    end: LogPosition,
    timestamp: Timestamp,
    moment: Moment,
}

impl Arrival {
    /// Whether it may be a test message that somebody waits for. One without a
    /// timestamp may be of any time.
    fn may_be_awaited(self) -> bool {
        let Timestamp { millis, is_producers } = self.timestamp;
        let may_be = || !is_producers || may_be_test_message(millis);
        millis == -1 || millis >= self.moment.awaited_from && may_be()
    }
}

impl PartitionLoop {
    /// Takes one record into the open object, or sends it where it belongs.
    pub(super) fn take(&self, state: &mut State, message: &Message<'_>, moment: Moment) {
        let (offset, end) = (message.offset(), message.end());
        if let Some(witness) = state.witness.take()
            && witness.is_another(end)
        {
            state.ending = Some(Ending::With(Exit::Truncated(truncated(offset))));
            return;
        }
        if offset < state.open.next_offset() {
            return;
        }
        state.taken.add_one(message.bytes());
        let timestamp = message.timestamp();
        let arrival = Arrival { end, timestamp, moment };
        if state.open.ends_before(timestamp.millis, &self.shape) {
            state.close(&self.shape, &self.delivery);
        }
        let first = state.open.is_empty();
        if self.skip == Some(offset) {
            self.skipped(offset);
            state.open.pass(end, timestamp.millis, &self.shape, moment.now);
        } else {
            self.encode(state, message, arrival);
        }
        if first && !state.open.is_empty() {
            self.board.begun(offset, timestamp.millis);
            if state.is_delivering() {
                state.tell_following(&self.delivery);
            }
        }
    }

    /// The record's headers, where anybody looks at them: librdkafka takes a while
    /// and some memory to say that there are none.
    ///
    /// # Errors
    /// They cannot be read, and do not only tell whether somebody waits for the record.
    fn headers<'a>(
        &self,
        message: &'a Message<'_>,
        arrival: Arrival,
    ) -> Result<HeaderList<'a>, UnreadableHeaders> {
        if self.shape.counts_headers() {
            return message.headers();
        }
        // A test message has few.
        let looked_at = arrival.may_be_awaited().then(|| message.headers().ok()).flatten();
        Ok(looked_at.unwrap_or_default())
    }

    fn encode(&self, state: &mut State, message: &Message<'_>, arrival: Arrival) {
        let Arrival { end, timestamp: Timestamp { millis: timestamp, .. }, moment } = arrival;
        let offset = message.offset();
        let headers = match self.headers(message, arrival) {
            Ok(headers) => headers,
            Err(unreadable) => {
                let words = format!("record at offset {offset}: {unreadable}");
                let problem = Problem::new(ErrorCode::RecordHeadersUnreadable, words);
                return self.bad(state, message, ErrorStage::HeaderConverter, problem, arrival);
            }
        };
        let bytes = message.bytes() + bytes_of(&headers);
        if let Some(problem) = self.too_large(offset, bytes) {
            return self.bad(state, message, ErrorStage::TaskPut, problem, arrival);
        }
        let (key, value) = (message.key(), message.value());
        let overflow = value.and_then(|value| self.shape.overflow_of(value.len()));
        let size = value.map_or(0, <[u8]>::len) as u64;
        let spilled = match overflow {
            Some(OverflowPolicy::Spill) => self.shape.layout.value(offset, SPILLED_VALUE),
            _ => String::new(),
        };
        let value = match (overflow, value) {
            (None, None) => Value::Null,
            (None, Some(value)) => Value::Bytes(value),
            (Some(OverflowPolicy::Omit), _) => Value::Omitted { size },
            (Some(OverflowPolicy::Spill), _) => Value::Spilled { object_key: &spilled, size },
        };
        let record = Record { offset, timestamp, key, value, headers: &headers };
        let taken_in =
            if overflow.is_some() { bytes - size as usize + spilled.len() } else { bytes };
        state.make_room(taken_in);
        match state.open.append(&record, end, &self.shape, moment.now) {
            Ok(()) => {
                if overflow == Some(OverflowPolicy::Spill) {
                    self.spill(state, message);
                }
                if headers.iter().any(|header| header.key == TEST_MESSAGE_HEADER.as_bytes()) {
                    self.board.awaits(offset);
                    state.open.ask_to_close(Reason::TestMessage);
                }
            }
            Err(error) => {
                let (stage, problem) = not_text(offset, error);
                self.bad(state, message, stage, problem, arrival);
            }
        }
    }

    fn too_large(&self, offset: i64, bytes: usize) -> Option<Problem> {
        let limit = self.shape.overflow.max_record_bytes?;
        (bytes as u64 > limit).then(|| {
            let message = format!(
                "record at offset {offset}: key, value and headers are {bytes} bytes, above \
                 max_record_bytes, which is {limit}"
            );
            Problem::new(ErrorCode::RecordTooLarge, message)
        })
    }

    /// A record that cannot stand in an object.
    fn bad(
        &self,
        state: &mut State,
        message: &Message<'_>,
        stage: ErrorStage,
        problem: Problem,
        Arrival { end, timestamp, moment }: Arrival,
    ) {
        match self.policy {
            FailureHandlingPolicy::Log => {
                let (aside, slots) = (&mut state.aside, &self.aside_slots);
                self.dead_letters.send(aside, slots, message, stage, problem);
                state.hold_aside();
                state.open.pass(end, timestamp.millis, &self.shape, moment.now);
            }
            FailureHandlingPolicy::Fail => {
                state.ending = Some(Ending::AtRecord { offset: message.offset(), problem });
            }
        }
    }

    fn spill(&self, state: &mut State, message: &Message<'_>) {
        let Some(value) = message.value().map(Bytes::copy_from_slice) else { return };
        let (values, offset) = (self.values.clone(), message.offset());
        let slots = Arc::clone(&self.aside_slots);
        state.aside.send(value.len(), async move {
            let _slot = slots.acquire_owned().await;
            values.put(offset, SPILLED_VALUE, value).await.map(drop)
        });
        state.hold_aside();
    }

    pub(super) fn skipped(&self, offset: i64) {
        let message = format!("record at offset {offset} is left out");
        let problem = Problem::new(ErrorCode::RecordSkipped, message.clone());
        self.board.log(Severity::Warn, Some(offset), Some(&problem), message);
    }
}

fn truncated(offset: i64) -> Problem {
    let message = format!(
        "the brokers have another record at offset {offset} than the one that was read: the log \
         was truncated, and what took the place of lost records before the position was never read"
    );
    Problem::new(ErrorCode::KafkaLogTruncated, message)
}

fn bytes_of(headers: &[Header<'_>]) -> usize {
    headers.iter().map(|header| header.key.len() + header.value.map_or(0, <[u8]>::len)).sum()
}

fn not_text(offset: i64, error: NotText) -> (ErrorStage, Problem) {
    let stage = match error.part {
        Part::Key => ErrorStage::KeyConverter,
        Part::Value => ErrorStage::ValueConverter,
    };
    let message = format!("record at offset {offset}: {error}");
    (stage, Problem::new(ErrorCode::RecordNotUtf8, message))
}
