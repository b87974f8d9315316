//! The loop of one partition: drains its queue a bounded batch at a time,
//! fills the open object, hands closed ones to their delivery, and never waits
//! for the network while there is room to go on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka2oss_kafka::ErrorStage;
use kafka2oss_proto::ErrorCode;
use kafka2oss_proto::error_code::Problem;
use kafka2oss_proto::spec::{FailureHandlingPolicy, Rotation};
use rdkafka::Message;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::message::BorrowedMessage;
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::task::AbortOnDropHandle;

use super::dead_letter::{DeadLetters, PendingLetters};
use super::deliver::{CommitError, Delivery, Link, Undelivered};
use super::encode::{JsonArray, NotUtf8, Part, Record};
use super::object::OpenObject;
use super::rotation;
use super::source_error::{self, SourceError};
use crate::task::{LogRange, PartitionBoard, TaskContext};

/// Records drained before other loops get their turn.
const BATCH_RECORDS: usize = 1_000;

/// What a loop should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Take records.
    Run,
    /// Deliver what is open and take no record.
    Pause,
    /// Deliver what is open and end.
    Close,
}

/// Why a loop ended.
#[derive(Debug, Clone)]
pub(crate) enum Exit {
    /// It was told to; everything is delivered.
    Closed,
    /// The chain goes on at another offset than its own next one.
    Rewind(i64),
    /// It waits for a decision; what stands before is delivered.
    Stopped(Problem),
    /// The broker has no record at the position.
    OutOfRange {
        /// The position.
        position: i64,
        /// Beginning and end of the partition's log when it said so.
        log: (i64, i64),
    },
    /// The partition is another's, by now.
    Revoked,
    /// The consumer is of no more use.
    Broken(Problem),
}

/// One partition, from one position on.
pub(crate) struct PartitionLoop {
    /// Its records; the consumer feeds it.
    pub queue: PartitionQueue<TaskContext>,
    /// Notified when the queue is no longer empty.
    pub wake: Arc<Notify>,
    /// What to do.
    pub signal: watch::Receiver<Signal>,
    /// The task's share of the connector's thread concurrency.
    pub drain_slots: Arc<Semaphore>,
    /// How records are encoded.
    pub format: JsonArray,
    /// When objects are closed.
    pub rotation: Rotation,
    /// What becomes of records that cannot be encoded.
    pub policy: FailureHandlingPolicy,
    /// How objects become links.
    pub delivery: Delivery,
    /// How records get to their error topic.
    pub dead_letters: DeadLetters,
    /// Asks where the partition's log begins and ends.
    pub log_range: LogRange,
    /// What is seen of the partition.
    pub board: Arc<PartitionBoard>,
}

/// What a batch came to.
enum Drained {
    /// The queue is empty.
    Empty,
    /// There may be more.
    More,
}

struct State {
    open: OpenObject,
    letters: PendingLetters,
    delivering: Option<AbortOnDropHandle<Result<Link, Undelivered>>>,
    /// End of the object that is being delivered.
    delivering_to: i64,
    /// Set when no further record may be taken: what is open is delivered,
    /// then the loop ends so.
    ending: Option<Ending>,
}

/// How a loop ends once what is open is delivered.
enum Ending {
    /// So.
    With(Exit),
    /// The broker has no record at the position; where its log begins and ends
    /// is asked at once, since the log moves on while what is open is
    /// delivered.
    OutOfRange { position: i64, log: AbortOnDropHandle<Result<(i64, i64), Problem>> },
}

impl Ending {
    async fn exit(self) -> Exit {
        match self {
            Self::With(exit) => exit,
            Self::OutOfRange { position, log } => match log.await {
                Ok(Ok(log)) => Exit::OutOfRange { position, log },
                Ok(Err(problem)) => Exit::Broken(problem),
                Err(error) => Exit::Broken(Problem::new(
                    ErrorCode::Internal,
                    format!("asking for the log's range ended without a result: {error}"),
                )),
            },
        }
    }
}

impl PartitionLoop {
    /// Runs from `position` on until it is told to end or cannot go on.
    pub(crate) async fn run(mut self, position: i64) -> Exit {
        let mut state = State {
            open: OpenObject::new(position, Instant::now()),
            letters: PendingLetters::default(),
            delivering: None,
            delivering_to: position,
            ending: None,
        };
        loop {
            let signal = *self.signal.borrow_and_update();
            let drained = if signal == Signal::Run && self.has_room(&state) {
                self.drain(&mut state).await
            } else {
                Drained::Empty
            };
            self.close_if_due(&mut state, signal);
            if state.delivering.is_none() && state.open.is_empty() {
                match (state.ending.take(), signal) {
                    (Some(ending), _) => return ending.exit().await,
                    (None, Signal::Close) => return Exit::Closed,
                    (None, Signal::Pause) => self.board.paused(),
                    (None, Signal::Run) => {}
                }
            }
            if let Err(exit) = self.wait(&mut state, drained).await {
                return exit;
            }
        }
    }

    /// Whether another record may be taken in.
    fn has_room(&self, state: &State) -> bool {
        state.ending.is_none() && (state.delivering.is_none() || !self.is_full(state))
    }

    /// Whether the open object is to be closed before another record.
    fn is_full(&self, state: &State) -> bool {
        state.letters.is_full() || rotation::full(&self.rotation, &state.open.stats()).is_some()
    }

    async fn drain(&self, state: &mut State) -> Drained {
        let Ok(_slot) = self.drain_slots.acquire().await else {
            return Drained::Empty;
        };
        let before = state.open.next_offset();
        let mut drained = Drained::More;
        for _ in 0..BATCH_RECORDS {
            match self.queue.poll(Duration::ZERO) {
                None => {
                    drained = Drained::Empty;
                    break;
                }
                Some(Ok(message)) => self.take(state, &message),
                Some(Err(error)) => self.source_failed(state, &error),
            }
            if state.ending.is_some() || self.is_full(state) {
                break;
            }
        }
        let position = state.open.next_offset();
        if position != before {
            if state.delivering.is_none() {
                self.board.recovered();
            }
            self.board.consumed(position);
        }
        drained
    }

    /// Takes one record into the open object, or sends it where it belongs.
    fn take(&self, state: &mut State, message: &BorrowedMessage<'_>) {
        let offset = message.offset();
        if offset < state.open.next_offset() {
            return;
        }
        let now = Instant::now();
        let record = Record {
            offset,
            timestamp: message.timestamp().to_millis().unwrap_or(-1),
            key: message.key(),
            value: message.payload(),
        };
        match state.open.append(&self.format, record, now) {
            Ok(()) => {}
            Err(error) => self.not_utf8(state, message, error, now),
        }
    }

    fn not_utf8(
        &self,
        state: &mut State,
        message: &BorrowedMessage<'_>,
        error: NotUtf8,
        now: Instant,
    ) {
        let offset = message.offset();
        let problem =
            Problem::new(ErrorCode::RecordNotUtf8, format!("record at offset {offset}: {error}"));
        match self.policy {
            FailureHandlingPolicy::Log => {
                let stage = match error.part {
                    Part::Key => ErrorStage::KeyConverter,
                    Part::Value => ErrorStage::ValueConverter,
                };
                state.letters.send(&self.dead_letters, message, stage, problem);
                state.open.pass(offset, now);
            }
            FailureHandlingPolicy::Fail => {
                state.ending = Some(Ending::With(Exit::Stopped(problem)));
            }
        }
    }

    fn source_failed(&self, state: &mut State, error: &rdkafka::error::KafkaError) {
        let ending = match source_error::classify(error) {
            SourceError::Passing(problem) => return self.board.retrying(&problem),
            SourceError::OutOfRange => Ending::OutOfRange {
                position: state.open.next_offset(),
                log: AbortOnDropHandle::new(tokio::spawn(self.log_range.clone().ask())),
            },
            SourceError::Stop(problem) => Ending::With(Exit::Stopped(problem)),
            SourceError::Broken(problem) => Ending::With(Exit::Broken(problem)),
        };
        state.ending = Some(ending);
    }

    /// Starts the delivery of the open object when it is due and none is under
    /// way.
    fn close_if_due(&self, state: &mut State, signal: Signal) {
        if state.delivering.is_some() || state.open.is_empty() {
            return;
        }
        let now = Instant::now();
        let must = signal != Signal::Run || state.ending.is_some() || self.is_full(state);
        if !must && rotation::due(&self.rotation, &state.open.stats(), now).is_none() {
            return;
        }
        let next = state.open.next_offset();
        let object = std::mem::replace(&mut state.open, OpenObject::new(next, now)).close();
        let letters = std::mem::take(&mut state.letters);
        let delivery = self.delivery.clone();
        state.delivering_to = next;
        state.delivering = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            delivery.deliver(object, letters).await
        })));
    }

    /// Waits until there is something to do; an `Err` ends the loop.
    async fn wait(&mut self, state: &mut State, drained: Drained) -> Result<(), Exit> {
        let room = self.has_room(state);
        let more = matches!(drained, Drained::More) && room;
        let deadline = (state.delivering.is_none() && !state.open.is_empty())
            .then(|| rotation::deadline(&self.rotation, &state.open.stats()));
        if more {
            tokio::task::yield_now().await;
        }
        tokio::select! {
            biased;
            outcome = finished(&mut state.delivering), if state.delivering.is_some() => {
                state.delivering = None;
                self.delivered(state, outcome)
            }
            changed = self.signal.changed() => {
                changed.map_err(|_| Exit::Revoked)?;
                if *self.signal.borrow() == Signal::Run {
                    self.board.running();
                }
                Ok(())
            }
            () = std::future::ready(()), if more => Ok(()),
            () = self.wake.notified(), if room => Ok(()),
            () = sleep_until(deadline), if deadline.is_some() => Ok(()),
        }
    }

    /// The chain has a new link, or cannot get one.
    fn delivered(&self, state: &mut State, outcome: Result<Link, Undelivered>) -> Result<(), Exit> {
        match outcome {
            Ok(link) if link.next_offset == state.delivering_to => Ok(()),
            Ok(link) => Err(Exit::Rewind(link.next_offset)),
            Err(Undelivered::Stop(problem)) => Err(Exit::Stopped(problem)),
            Err(Undelivered::Commit(CommitError::Revoked)) => Err(Exit::Revoked),
            Err(Undelivered::Commit(CommitError::Failed(problem))) => Err(Exit::Broken(problem)),
        }
    }
}

async fn finished(
    delivering: &mut Option<AbortOnDropHandle<Result<Link, Undelivered>>>,
) -> Result<Link, Undelivered> {
    match delivering {
        Some(delivering) => delivering.await.unwrap_or_else(|error| {
            Err(Undelivered::Commit(CommitError::Failed(Problem::new(
                ErrorCode::Internal,
                format!("the delivery of an object ended without a result: {error}"),
            ))))
        }),
        None => std::future::pending().await,
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
