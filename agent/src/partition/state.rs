//! What a partition's loop holds: the object that is being filled, one that is
//! made ready and waits for its turn, one that is being delivered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka2oss_chain::{LogPosition, Owner, Pin};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_kafka::millis_since_1970;
use kafka2oss_memory::PartitionMemory;
use tokio_util::task::AbortOnDropHandle;

use super::aside::Aside;
use super::deliver::{Delivered, Delivery, Spare, Undelivered};
use super::exit::{Exit, OutOfRange};
use super::gap::Gap;
use super::object::OpenObject;
use super::prepare::Preparation;
use super::rotation::{self, Reason};
use super::shape::{Form, Shape};
use super::witness::Witness;
use crate::task::{Standing, TakenIn};

/// How long the memory of an object is kept for one that comes after it: at full
/// speed the next one is full by then.
const SPARE_FOR: Duration = Duration::from_secs(1);

/// What a partition's loop holds.
pub(super) struct State {
    /// The object that is being filled.
    pub open: OpenObject,
    /// What of its extent goes elsewhere.
    pub aside: Aside,
    /// What was taken in and nobody was told of yet.
    pub taken: TakenIn,
    /// Set when no further record may be taken: what is open is delivered,
    /// then the loop ends so.
    pub ending: Option<Ending>,
    /// The room for the open object that was refused: memory is short.
    pub refused: Option<usize>,
    /// What was passed behind the last object, and held no record.
    gap: Option<Gap>,
    /// Until a record was read.
    pub witness: Option<Witness>,
    memory: PartitionMemory,
    /// The chain's owner, while nothing is delivered.
    owner: Option<Owner>,
    delivering: Option<DeliveryHandle>,
    /// Where the object begins that is being delivered: the chain's position meanwhile.
    delivering_from: i64,
    /// End of the object that is being delivered.
    delivering_to: i64,
    /// Whether that one was closed since it was full.
    delivers_full: bool,
    /// The memory of the object that was delivered last, for a while: the next one
    /// may be filled into it.
    spare: Option<Spare>,
    /// A complete object whose delivery starts after that.
    waiting: Option<Waiting>,
}

struct Waiting {
    first_offset: i64,
    next_offset: i64,
    pin: Pin,
    /// It was closed since it was full: records come quicker than objects go.
    is_full: bool,
    preparation: Preparation,
}

/// How a loop ends once what is open is delivered.
pub(super) enum Ending {
    /// So.
    With(Exit),
    /// A record is in the way, at this offset: it waits for a decision.
    AtRecord { offset: i64, problem: Problem },
    /// It is taken up again where its chain is by then.
    Rewind,
    /// It is taken up again at the chain's position: the record before that, which would
    /// be read first, cannot be fetched.
    WithoutWitness,
    /// The broker has nothing at the offset to be read; where its log begins and ends
    /// is asked at once, since the log moves on while what is open is
    /// delivered.
    OutOfRange { log: AbortOnDropHandle<Result<(i64, i64), Problem>> },
}

impl State {
    /// At the owner's position, after `witness`; `form` is that of its first object.
    pub(super) fn new(
        owner: Owner,
        witness: Option<Witness>,
        form: Arc<Form>,
        memory: PartitionMemory,
    ) -> Self {
        let position = owner.position().offset;
        Self {
            open: OpenObject::new(position, form, owner.pin().cloned(), Instant::now()),
            aside: Aside::default(),
            taken: TakenIn::default(),
            ending: None,
            refused: None,
            gap: None,
            witness,
            memory,
            owner: Some(owner),
            delivering: None,
            delivering_from: position,
            delivering_to: position,
            delivers_full: false,
            spare: None,
            waiting: None,
        }
    }

    /// Whether another record may be taken in.
    pub(super) fn has_room(&self, shape: &Shape) -> bool {
        self.ending.is_none() && self.refused.is_none() && !self.is_full(shape)
    }

    /// Whether the open object is to be closed before another record.
    pub(super) fn is_full(&self, shape: &Shape) -> bool {
        self.waiting.is_some()
            || self.aside.is_full()
            || rotation::full(&shape.rotation, &self.open.stats()).is_some()
    }

    /// Whether nothing is open or on its way.
    pub(super) fn is_at_rest(&self) -> bool {
        self.delivering.is_none() && self.waiting.is_none() && self.open.is_empty()
    }

    /// Asks for the open object to be closed once everything below `target` was taken in,
    /// if any of it stands there: the one that follows begins at the target or behind it,
    /// so that a target closes no second one.
    pub(super) fn flush(&mut self, target: i64) {
        if self.open.first_offset() < target && target <= self.open.next_offset() {
            self.open.ask_to_close(Reason::Flush);
        }
    }

    /// Where the chain stands, and how far every record is in it.
    pub(super) fn standing(&self) -> Standing {
        let committed = match &self.owner {
            Some(owner) => owner.position().offset,
            None => self.delivering_from,
        };
        let passed = || self.gap.map_or(0, |gap| gap.to).max(self.open.next_offset());
        let complete_to = if self.is_at_rest() { passed() } else { committed };
        Standing { committed, complete_to }
    }

    /// Whether an object is being delivered.
    pub(super) fn is_delivering(&self) -> bool {
        self.delivering.is_some()
    }

    /// Asks for room for a record of about this size. Where it is refused, the
    /// record is taken all the same, and no other.
    pub(super) fn make_room(&mut self, record_bytes: usize) {
        if let Some(room) = self.open.lacks_room_for(record_bytes) {
            self.grow(room);
            if self.refused.is_some() {
                self.open.make_room_for(record_bytes);
            }
        }
    }

    /// Asks for the memory of what has just been sent aside.
    pub(super) fn hold_aside(&mut self) {
        if self.refused.is_none() {
            self.grow(self.open.room());
        }
    }

    fn grow(&mut self, room: usize) {
        if self.memory.try_grow((room + self.aside.bytes()) as u64) {
            self.open.make_room(room);
        } else {
            self.refused = Some(room);
        }
    }

    /// Fills the object that begins into the memory of the one that was delivered
    /// last: memory that is new costs the kernel a page fault for each 4 KiB.
    fn reuse(&mut self) {
        if !self.open.is_empty() || self.open.room() > 0 {
            return;
        }
        let Some(Spare { body, memory, .. }) = self.spare.take() else { return };
        drop(memory);
        if self.memory.try_grow((body.capacity() + self.aside.bytes()) as u64) {
            self.open.adopt(body);
        } else {
            self.memory.withdraw();
        }
    }

    /// Gives back what an object would have been filled into, if it is empty.
    pub(super) fn release(&mut self) {
        self.spare = None;
        if self.open.is_empty() && self.open.room() > 0 {
            self.open.adopt(Vec::new());
            drop(self.memory.close());
        }
    }

    /// Asks again for what was refused, and hears whether memory is short.
    pub(super) fn look_at_memory(&mut self) {
        if self.memory.should_close() {
            self.open.ask_to_close(Reason::Memory);
            self.release();
        }
        self.spare.take_if(|spare| spare.since.elapsed() >= SPARE_FOR);
        if let Some(room) = self.refused.take() {
            self.spare = None;
            self.grow(room);
        }
    }

    /// Takes no record for a while: others need not wait for this one.
    pub(super) fn withdraw(&mut self) {
        if self.refused.take().is_some() {
            self.memory.withdraw();
        }
    }

    /// Closes the open object, which is made ready at once; its delivery starts
    /// when that of the one before has ended.
    pub(super) fn close(&mut self, shape: &Shape, delivery: &Delivery) {
        let next_offset = self.open.next_offset();
        let reason = rotation::full(&shape.rotation, &self.open.stats());
        let is_full = matches!(reason, Some(Reason::Bytes | Reason::Records));
        let fresh = OpenObject::new(next_offset, Arc::clone(&shape.form), None, Instant::now());
        if let Some(object) = std::mem::replace(&mut self.open, fresh).close() {
            let (aside, memory) = (std::mem::take(&mut self.aside), self.memory.close());
            let (first_offset, pin) = (object.first_offset, object.pin.clone());
            let preparation = Preparation::begin(delivery.clone(), object, aside, memory);
            let waiting = Waiting { first_offset, next_offset, pin, is_full, preparation };
            self.waiting = Some(waiting);
            // What was refused was for that one.
            self.refused = None;
        }
    }

    /// What lies before `offset` and behind the last record that was taken holds none.
    pub(super) fn passed(&mut self, offset: i64, now: Instant) {
        if !self.open.is_empty() {
            self.open.reach(offset);
        } else if offset > self.open.next_offset() {
            self.gap = Some(Gap::reaching(self.gap, offset, now));
        }
    }

    /// When the gap behind the last object is to be covered by one without a record;
    /// not while anything is on its way.
    fn gap_deadline(&self, shape: &Shape) -> Option<Instant> {
        let is_next = self.open.is_empty() && self.waiting.is_none() && self.ending.is_none();
        let gap = self.gap.filter(|_| is_next && self.delivering.is_none())?;
        Some(gap.deadline(self.open.next_offset(), shape.rotation.max_age))
    }

    /// Covers the gap, if that is due.
    fn cover_gap(&mut self, shape: &Shape, delivery: &Delivery) {
        let now = Instant::now();
        if self.gap_deadline(shape).is_none_or(|deadline| deadline > now) {
            return;
        }
        let (Some(gap), Some(owner)) = (self.gap, &self.owner) else { return };
        // The last record is the same as before it.
        let leader_epoch = owner.position().leader_epoch;
        let end = LogPosition { offset: gap.to, leader_epoch };
        self.open.pass(end, millis_since_1970(), shape, now);
        delivery.board.consumed(gap.to, TakenIn::default());
        self.close(shape, delivery);
    }

    /// Closes the open object if it `must` be or is full, or is due while none is
    /// delivered, and starts the delivery of what waits.
    pub(super) fn advance(&mut self, shape: &Shape, delivery: &Delivery, must: bool) {
        if !self.open.is_empty() {
            // Its extent covers it.
            self.gap = None;
        } else if !must {
            self.cover_gap(shape, delivery);
        }
        if self.waiting.is_none() && !self.open.is_empty() {
            let is_due = || {
                let now = Instant::now();
                rotation::due(&shape.rotation, &self.open.stats(), now).is_some()
            };
            if must || self.is_full(shape) || self.delivering.is_none() && is_due() {
                self.close(shape, delivery);
            }
        }
        if self.delivering.is_some() {
            return;
        }
        let Some(waiting) = self.waiting.take() else { return };
        self.delivers_full = waiting.is_full;
        if waiting.is_full {
            // The next one will be as large.
            self.reuse();
        }
        let owner = self.owner.take().expect("the owner is here while nothing is delivered");
        self.delivering_from = owner.position().offset;
        self.delivering_to = waiting.next_offset;
        self.tell_following(delivery);
        let (delivery, preparation) = (delivery.clone(), waiting.preparation);
        self.delivering = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            delivery.deliver(owner, preparation).await
        })));
    }

    /// Tells a delivery under way the key of the link after it.
    pub(super) fn tell_following(&self, delivery: &Delivery) {
        let following = match &self.waiting {
            Some(waiting) => Some((waiting.first_offset, waiting.pin.clone())),
            None => self.open.announcement(),
        };
        delivery.following.set(following);
    }

    /// When the open object is to be closed, if nothing is delivered by then, or
    /// memory is to be given back, or, where it `is_running`, a gap to be covered.
    pub(super) fn deadline(&self, shape: &Shape, is_running: bool) -> Option<Instant> {
        let counts = self.delivering.is_none() && self.waiting.is_none() && !self.open.is_empty();
        let due = counts.then(|| rotation::deadline(&shape.rotation, &self.open.stats()));
        let spare = self.spare.as_ref().map(|spare| spare.since + SPARE_FOR);
        let gap = self.gap_deadline(shape).filter(|_| is_running);
        due.into_iter().chain(spare).chain(gap).min()
    }

    /// Gives up what is open or on its way. When this returns, no object is put and no
    /// offset is committed any more.
    pub(super) async fn abandon(self) {
        let Some(delivering) = self.delivering else { return };
        delivering.abort();
        // It was told to end; what it came to does not count.
        let _ = delivering.await;
    }

    /// How the loop ends, with everything delivered.
    pub(super) async fn exit(&self, ending: Ending) -> Exit {
        let owner = self.owner.as_ref().expect("the owner is here while nothing is delivered");
        let log = match ending {
            Ending::With(exit) => return exit,
            Ending::AtRecord { problem, .. } => return Exit::Stopped(problem),
            Ending::Rewind => return Exit::rewind(owner),
            Ending::WithoutWitness => return Exit::WithoutWitness(owner.standing().clone()),
            Ending::OutOfRange { log } => log.await,
        };
        match log {
            Ok(Ok(log)) => Exit::OutOfRange(OutOfRange {
                offset: self.witness.map_or(self.open.next_offset(), |witness| witness.offset()),
                log,
                standing: owner.standing().clone(),
            }),
            Ok(Err(problem)) => Exit::Broken(problem),
            Err(error) => {
                let message = format!("asking for the log's range ended without a result: {error}");
                Exit::Broken(Problem::new(ErrorCode::Internal, message))
            }
        }
    }

    /// Waits for the end of a delivery, or until it is worth looking at the
    /// memory again; for ever where there is neither. An `Err` ends the loop:
    /// the chain goes on elsewhere, or cannot go on.
    pub(super) async fn changed(&mut self) -> Result<(), Exit> {
        let holds = self.refused.is_some() || !self.open.is_empty() || self.open.room() > 0;
        let Self { delivering, memory, .. } = self;
        let outcome = tokio::select! {
            biased;
            outcome = ended(delivering) => outcome,
            () = memory.changed(), if holds => return Ok(()),
        };
        self.delivering = None;
        let Delivered { owner, spare } = outcome.map_err(Exit::from)?;
        self.spare = spare.filter(|_| self.delivers_full && self.memory.is_ample());
        if owner.position().offset != self.delivering_to {
            return Err(Exit::rewind(&owner));
        }
        self.owner = Some(owner);
        Ok(())
    }
}

type DeliveryHandle = AbortOnDropHandle<Result<Delivered, Undelivered>>;

/// Waits for the end of a delivery; for ever without one.
async fn ended(delivering: &mut Option<DeliveryHandle>) -> Result<Delivered, Undelivered> {
    let Some(delivering) = delivering else { return std::future::pending().await };
    delivering.await.unwrap_or_else(|error| {
        let message = format!("the delivery of an object ended without a result: {error}");
        Err(Undelivered::broken(Problem::new(ErrorCode::Internal, message)))
    })
}
