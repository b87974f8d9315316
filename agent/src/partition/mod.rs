//! A record's way through one partition, in order: it is taken out of its queue
//! ([`queue`], as a [`message`]; [`run`], [`take`]), encoded straight into the open
//! object ([`object`], as its [`shape`] says), which is closed when a rotation rule
//! says so ([`rotation`]), made ready for its turn ([`prepare`]), and becomes the next
//! link of the chain ([`deliver`]). Offsets without a record are a [`gap`]. What cannot
//! or should not stand in the object goes [`aside`]: [`dead_letter`] (told of in
//! [`turn`]), [`values`]. What cannot even be fetched is [`left_out`]. The record before
//! the first one is the [`witness`] that it follows on what was read. What a pause cannot
//! deliver in time is given up ([`pausing`]).

mod aside;
mod attempts;
mod commit;
mod dead_letter;
mod deliver;
mod exit;
mod gap;
mod hunger;
mod left_out;
mod lookahead;
mod message;
mod object;
mod pausing;
mod prepare;
mod queue;
pub mod rotation;
mod run;
mod shape;
mod source_error;
mod state;
mod take;
mod turn;
mod values;
mod witness;

pub(crate) use attempts::Patience;
pub(crate) use commit::{CommitError, CommitRequest, Commits};
pub(crate) use dead_letter::{DeadLetters, ErrorTopics};
pub(crate) use deliver::{Delivery, Following};
pub(crate) use exit::{Abandoned, Exit, OutOfRange};
pub(crate) use hunger::Stalls;
pub(crate) use lookahead::Batches;
pub(crate) use pausing::PAUSE_LIMIT;
pub(crate) use queue::RecordQueue;
pub(crate) use run::{PartitionLoop, Signal};
pub(crate) use shape::Shape;
pub(crate) use values::ValueObjects;
pub(crate) use witness::read_from;
