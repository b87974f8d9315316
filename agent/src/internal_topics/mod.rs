//! What a connector's configuration topic and status topic hold, in the form of
//! Kafka Connect's: for other tools to read, and for people. The data path runs
//! without them, and nothing here holds it up.
//!
//! - [`properties`]: the specification as string properties, without secrets.
//! - [`records`]: keys and values. Pure.
//! - [`ledger`]: which of them are to be written now. Pure.
//! - [`writer`]: follows one task and writes.
//!
//! The offset topic is written by the task itself (`task::checkpoints`).

mod ledger;
mod properties;
mod records;
mod writer;

pub(crate) use writer::follow;
