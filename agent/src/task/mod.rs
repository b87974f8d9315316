//! One task: one member of the connector's consumer group, with the
//! partitions that the group gives it.

mod actor;
mod board;
mod commits;
mod consumer;
mod context;
mod handle;
mod incarnation;
mod native;
mod partitions;
mod session;
mod settings;
mod snapshot;
mod stopping;

pub(crate) use board::PartitionBoard;
pub(crate) use consumer::LogRange;
pub(crate) use context::TaskContext;
pub(crate) use incarnation::Incarnation;

pub use handle::{Membership, Mode, StopMode, TaskEnvironment, TaskHandle, TaskSpec, spawn};
pub use snapshot::{PartitionSnapshot, PartitionState, Snapshot, TaskState, Totals};

/// Whether a committed offset's metadata is of this service, whichever
/// connector's.
pub fn metadata_is_ours(metadata: &[u8]) -> bool {
    crate::partition::chain::CommitMetadata::decode(metadata).is_some()
}
