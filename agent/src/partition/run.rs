//! The loop of one partition: drains its queue a bounded batch at a time,
//! fills the open object, hands closed ones to their delivery, and never waits
//! for the network while there is room to go on.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use kafka2oss_chain::{ObjectKey, Owner, Pin};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::FailureHandlingPolicy;
use kafka2oss_memory::PartitionMemory;
use rdkafka::error::KafkaError;
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::task::AbortOnDropHandle;

use super::dead_letter::DeadLetters;
use super::deliver::Delivery;
use super::exit::{Abandoned, Exit};
use super::hunger::{Hunger, Stalls};
use super::pausing::Pausing;
use super::queue::{RecordQueue, Taken};
use super::shape::{Form, Shape};
use super::source_error::{self, SourceError};
use super::state::{Ending, State};
use super::take::Moment;
use super::values::ValueObjects;
use super::witness::Witness;
use crate::task::{FetchLimit, FlushPoint, LogRange, PartitionBoard, Unfetchable};

/// Records drained before other loops get their turn.
const BATCH_RECORDS: usize = 1_000;

/// What a loop should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Take records.
    Run,
    /// Deliver what is open, or give it up after a while, and take no record.
    Pause,
    /// Deliver what is open and end.
    Close,
}

/// One partition, from one position on.
pub(crate) struct PartitionLoop {
    /// Notified when the queue is no longer empty.
    pub wake: Arc<Notify>,
    /// What to do.
    pub signal: watch::Receiver<Signal>,
    /// What the brokers have next, where that cannot be fetched.
    pub unfetchable: watch::Receiver<Option<Unfetchable>>,
    /// Up to where it is to be flushed.
    pub flush: FlushPoint,
    /// How large an answer of the brokers may be.
    pub fetch_limit: FetchLimit,
    /// The task's share of the connector's thread concurrency.
    pub drain_slots: Arc<Semaphore>,
    /// Dead letters and values of the task that are on their way at once.
    pub aside_slots: Arc<Semaphore>,
    /// What objects look like.
    pub shape: Shape,
    /// What becomes of records that cannot stand in an object.
    pub policy: FailureHandlingPolicy,
    /// A record that is left out.
    pub skip: Option<i64>,
    /// The first offset that is read.
    pub read_from: i64,
    /// How objects become links.
    pub delivery: Delivery,
    /// Where values go that are too large for an object of many.
    pub values: ValueObjects,
    /// How records get to their error topic.
    pub dead_letters: DeadLetters,
    /// Where it counts long waits for records that are there.
    pub stalls: Stalls,
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

impl PartitionLoop {
    /// Carries the owner's chain on with what the consumer feeds to the queue, until
    /// it is told to end or cannot go on.
    pub(crate) async fn run(
        mut self,
        mut queue: RecordQueue,
        owner: Owner,
        memory: PartitionMemory,
    ) -> Exit {
        let mut state = match self.settle(owner, memory).await {
            Ok(state) => state,
            Err(exit) => return exit,
        };
        let from = state.open.next_offset();
        let mut last = None;
        let mut pausing = Pausing::default();
        let mut hunger = Hunger::new(self.stalls.clone());
        let mut asked = None;
        loop {
            let signal = *self.signal.borrow_and_update();
            if signal == Signal::Run && last != Some(Signal::Run) {
                self.board.running();
            }
            last = Some(signal);
            pausing.told(signal, Instant::now());
            state.look_at_memory();
            let drained = match signal {
                Signal::Run if state.has_room(&self.shape) => {
                    let drained = self.drain(&mut queue, &mut state, &mut hunger).await;
                    if matches!(drained, Drained::Empty) {
                        self.look_at_unfetchable(&mut state);
                    }
                    drained
                }
                // There may be room once what is full is closed.
                Signal::Run => {
                    hunger.rests();
                    Drained::More
                }
                Signal::Pause | Signal::Close => {
                    hunger.rests();
                    Drained::Empty
                }
            };
            if let Some(target) = self.flush.target() {
                state.flush(target);
            }
            let must = signal != Signal::Run || state.ending.is_some();
            state.advance(&self.shape, &self.delivery, must);
            self.flush.tell(state.standing());
            if signal != Signal::Run {
                state.withdraw();
            }
            if state.is_at_rest() {
                state.release();
                match (state.ending.take(), signal) {
                    (Some(ending), _) => {
                        if let Ending::AtRecord { offset, .. } = ending {
                            self.board.consumed(offset, std::mem::take(&mut state.taken));
                        }
                        return state.exit(ending).await;
                    }
                    (None, Signal::Close) => return Exit::Closed,
                    (None, Signal::Pause) => self.board.paused(),
                    (None, Signal::Run) => {}
                }
            } else if pausing.is_over(Instant::now()) {
                let to = state.open.next_offset();
                state.abandon().await;
                return Exit::Abandoned(Abandoned { from, to });
            }
            let asks = signal == Signal::Run && state.has_room(&self.shape);
            if asked.replace(asks) != Some(asks) {
                self.board.asks(asks);
            }
            let abandons = pausing.deadline().filter(|_| !state.is_at_rest());
            if let Err(exit) = self.wait(&mut state, drained, abandons).await {
                return exit;
            }
        }
    }

    /// Finds out what became of a link that an earlier owner has announced, and
    /// starts where it ends.
    async fn settle(&mut self, owner: Owner, memory: PartitionMemory) -> Result<State, Exit> {
        let position = owner.position();
        let delivery = self.delivery.clone();
        let mut settling = pin!(delivery.settle(owner));
        let owner = loop {
            // Nothing of this loop's own is open.
            match *self.signal.borrow_and_update() {
                Signal::Close => return Err(Exit::Closed),
                Signal::Pause => self.board.paused(),
                Signal::Run => self.board.running(),
            }
            tokio::select! {
                biased;
                settled = &mut settling => break settled.map_err(Exit::from)?,
                changed = self.signal.changed() => changed.map_err(|_| Exit::Revoked)?,
            }
        };
        if owner.position() != position {
            return Err(Exit::rewind(&owner));
        }
        let form = self.form_of(owner.pin()).map_err(Exit::Stopped)?;
        let witness = Witness::of(position).filter(|_| self.read_from < position.offset);
        Ok(State::new(owner, witness, form, memory))
    }

    /// The form that the key of the first object names; the own one without.
    fn form_of(&self, pin: Option<&Pin>) -> Result<Arc<Form>, Problem> {
        let Some(pin) = pin else { return Ok(Arc::clone(&self.shape.form)) };
        let form = ObjectKey::parse(pin.key()).and_then(|key| self.shape.form_of(key.extension));
        form.ok_or_else(|| {
            let message = format!("this agent does not know the format of `{pin}`");
            Problem::new(ErrorCode::AgentUnsupported, message)
        })
    }

    async fn drain(
        &self,
        queue: &mut RecordQueue,
        state: &mut State,
        hunger: &mut Hunger,
    ) -> Drained {
        // Whoever waits for its turn has been fed by then.
        let asked = Instant::now();
        let Ok(_slot) = self.drain_slots.acquire().await else {
            return Drained::Empty;
        };
        let moment = Moment::begin();
        let before = state.open.next_offset();
        let end = self.log_range.known_end().unwrap_or_default();
        let mut drained = Drained::More;
        // The end that was told, if nothing has come since.
        let mut at_end = None;
        for _ in 0..BATCH_RECORDS {
            let left = usize::try_from(end - state.open.next_offset()).unwrap_or(0);
            match queue.take(left) {
                None => {
                    drained = Drained::Empty;
                    break;
                }
                Some(Taken::Record(message)) => {
                    at_end = None;
                    self.take(state, &message, moment);
                }
                Some(Taken::End(offset)) => {
                    at_end = Some(offset);
                    state.passed(offset, moment.now());
                }
                Some(Taken::Failed(error)) => {
                    at_end = None;
                    self.source_failed(state, &error);
                }
            }
            if queue.is_displaced() {
                state.ending.get_or_insert(Ending::Rewind);
            }
            if !state.has_room(&self.shape) {
                break;
            }
        }
        let position = state.open.next_offset();
        if position != before {
            if !state.is_delivering() {
                self.board.recovered();
            }
            self.board.consumed(position, std::mem::take(&mut state.taken));
            hunger.fed(asked);
        }
        if let Some(offset) = at_end.filter(|_| matches!(drained, Drained::Empty)) {
            hunger.ended();
            self.board.caught_up(offset, self.log_range.known_end());
            if !state.is_delivering() {
                self.board.recovered();
            }
        }
        if matches!(drained, Drained::Empty) {
            let behind = || self.log_range.known_end().is_some_and(|end| end > position);
            hunger.empty(Instant::now(), behind);
        }
        drained
    }

    fn source_failed(&self, state: &mut State, error: &KafkaError) {
        let ending = match source_error::classify(&self.log_range.topic(), error) {
            SourceError::Passing(problem) => return self.board.retrying(&problem),
            SourceError::OutOfRange => Ending::OutOfRange {
                log: AbortOnDropHandle::new(tokio::spawn(self.log_range.clone().ask())),
            },
            SourceError::Stop(problem) => Ending::With(Exit::Stopped(problem)),
            SourceError::Broken(problem) => Ending::With(Exit::Broken(problem)),
        };
        state.ending = Some(ending);
    }

    /// Waits until there is something to do, or until what is open is to be given up; an
    /// `Err` ends the loop.
    async fn wait(
        &mut self,
        state: &mut State,
        drained: Drained,
        abandons: Option<Instant>,
    ) -> Result<(), Exit> {
        let room = state.has_room(&self.shape);
        let more = matches!(drained, Drained::More) && room;
        let is_running = *self.signal.borrow() == Signal::Run;
        let deadline = state.deadline(&self.shape, is_running).into_iter().chain(abandons).min();
        if more {
            tokio::task::yield_now().await;
        }
        tokio::select! {
            biased;
            changed = state.changed() => changed?,
            changed = self.signal.changed() => {
                changed.map_err(|_| Exit::Revoked)?;
            }
            changed = self.unfetchable.changed() => changed.map_err(|_| Exit::Revoked)?,
            () = self.flush.changed() => {}
            () = std::future::ready(()), if more => {}
            () = self.wake.notified(), if room => {}
            () = sleep_until(deadline) => {}
        }
        Ok(())
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
