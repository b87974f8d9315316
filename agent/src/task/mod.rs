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

/// Uid of the connector that has committed an offset with this metadata; `None`
/// where it is not of this service.
pub fn committed_by(metadata: &[u8]) -> Option<String> {
    crate::partition::chain::CommitMetadata::decode(metadata).map(|found| found.identity.uid)
}
