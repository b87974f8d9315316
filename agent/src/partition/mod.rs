//! A record's way through one partition, in order: it is encoded straight
//! into the open object ([`encode`], [`object`]), the object is closed when a
//! rotation rule says so ([`rotation`]), becomes the next link of the chain
//! ([`chain`]), is put into the store and committed ([`deliver`]). [`run`] is
//! the loop that drives it; everything but `deliver`, `dead_letter` and `run`
//! is pure.

mod backoff;
pub mod chain;
mod dead_letter;
mod deliver;
pub mod encode;
mod object;
pub mod rotation;
mod run;
mod source_error;

pub(crate) use dead_letter::{DeadLetters, ErrorTopic};
pub(crate) use deliver::{CommitError, CommitRequest, Commits, Delivery};
pub(crate) use run::{Exit, PartitionLoop, Signal};
