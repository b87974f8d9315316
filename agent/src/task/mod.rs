//! One task: one member of the connector's consumer group, with the
//! partitions that the group gives it.

mod handle;
mod snapshot;

pub use handle::{Mode, StopMode, TaskEnvironment, TaskHandle, TaskSpec, spawn};
pub use snapshot::{PartitionSnapshot, PartitionState, Snapshot, TaskState, Totals};
