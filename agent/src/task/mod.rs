//! One task: one member of the connector's consumer group, with the
//! partitions that the group gives it.

mod actor;
mod backlog;
mod beginnings;
mod board;
mod checkpoints;
mod commits;
mod confirmation;
mod consumer;
mod context;
mod fetch_limit;
mod fetch_wait;
mod flushes;
mod group_look;
mod handle;
mod incarnation;
mod native;
mod partitions;
mod prefetch;
mod recovery;
mod renewal;
mod session;
mod settings;
mod snapshot;
mod starving;
mod stopping;
mod task_consumer;
mod unfetchable;

pub(crate) use board::{PartitionBoard, Reading};
pub(crate) use checkpoints::{Attempt, Checkpoints};
pub(crate) use consumer::LogRange;
pub(crate) use context::TaskContext;
pub(crate) use fetch_limit::FetchLimit;
pub(crate) use flushes::FlushPoint;
pub(crate) use incarnation::Incarnation;
pub(crate) use task_consumer::TaskConsumer;
pub(crate) use unfetchable::Unfetchable;

pub use confirmation::{ConfirmationDesk, Confirmations, confirmations};
pub use flushes::{Flush, FlushNews, Flushes, NewLink, Standing};
pub use group_look::{GroupLook, Holder, Unowned};
pub use handle::{
    Clients, CommitsSeen, Guidance, Membership, Mode, Resume, StopMode, TaskEnvironment,
    TaskHandle, TaskSpec, spawn,
};
pub use snapshot::{PartitionSnapshot, PartitionState, Snapshot, TakenIn, TaskState, Totals};

/// Uid of the connector that has committed an offset with this metadata; `None`
/// where it is not of this service.
pub fn committed_by(metadata: &[u8]) -> Option<String> {
    kafka2oss_chain::CommitMetadata::decode(metadata).map(|found| found.identity.uid)
}
