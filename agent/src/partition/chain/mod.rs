//! The chain of objects of one partition: pure decisions, no I/O and no
//! clock.
//!
//! Each object stands for the offsets `[first, next)` and starts where the one
//! before ended; the group's committed offset is the position of the chain.

mod commit_metadata;
mod conflict;
mod id;
mod key;
mod position;

pub use commit_metadata::CommitMetadata;
pub use conflict::{Conflict, resolve};
pub use id::chain_id;
pub use key::object_key;
pub use position::{Committed, Position, position};

/// Whose chain it is: a commit or an object of another one is not a link of
/// this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The connector's uid.
    pub uid: String,
    /// Kafka's id of the topic; empty where brokers have none.
    pub topic_id: String,
    /// Number of the epoch.
    pub epoch: u64,
}
