//! The chain of objects of one partition: what decides that each record stands
//! in exactly one object. Pure: no I/O, no clock; what is seen comes in as
//! values, what is to be done goes out as values.
//!
//! Each object stands for the offsets `[first, next)` and starts where the one
//! before ended; the group's committed offset is the position of the chain, and
//! its metadata names the key of the next object, the [`Pin`].
//!
//! - [`Identity`], [`ChainId`]: whose chain it is.
//! - [`ObjectKey`], [`KeyLayout`]: where its objects stand; [`Keys`], [`AttemptId`]:
//!   whether all who add a link share one key.
//! - [`CommitMetadata`], [`Checkpoint`], [`ObjectMetadata`]: what commits, the
//!   offset topic's records and objects say.
//! - [`position`](position()), [`recover`]: where an owner goes on: a
//!   [`LogPosition`].
//! - [`Owner`]: what an owner does, in which order, to add a link.
//! - [`Tally`]: what it has come to, which decides nothing.
//! - [`resolve`]: what an object that is already there means.

mod attempt_id;
mod base32;
mod chain_id;
mod checkpoint;
mod commit_metadata;
mod conflict;
mod identity;
mod layout;
mod log_position;
mod object_key;
mod object_metadata;
mod owner;
mod pin;
mod position;
mod tally;
mod time_bucket;

pub use attempt_id::AttemptId;
pub use chain_id::{ChainId, InvalidChainId};
pub use checkpoint::{Checkpoint, CheckpointKey};
pub use commit_metadata::CommitMetadata;
pub use conflict::{Conflict, resolve};
pub use identity::Identity;
pub use layout::KeyLayout;
pub use log_position::LogPosition;
pub use object_key::{DETACHED_VALUE, ObjectKey, SPILLED_VALUE};
pub use object_metadata::{MetadataError, ObjectMetadata};
pub use owner::{Commit, Keys, Moment, Owner, Step};
pub use pin::Pin;
pub use position::{Committed, Position, Recovery, position, recover};
pub use tally::{Link, Tally};
pub use time_bucket::TimeBucket;
