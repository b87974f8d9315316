//! One memory budget an agent, shared by all its connectors and fair among
//! them: a connector whose store hangs can never keep others from working.
//!
//! It accounts what partitions say they hold; it allocates nothing itself.
//! What is counted are open objects, objects under way to the store, and fixed
//! parts such as librdkafka's prefetch. [`give_back_large_blocks`] makes it true of
//! the process, too.

mod budget;
mod handle;
mod heap;
mod limit;

pub use budget::{ConnectorUsage, Usage};
pub use handle::{ConnectorMemory, FixedReservation, InFlight, MemoryBudget, PartitionMemory};
pub use heap::give_back_large_blocks;
pub use limit::{available_memory, default_budget};
