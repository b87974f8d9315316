//! Family `0x04`: which agent runs which task.
//!
//! - Key: `instances/{instance_id}/connectors/{connector_id}`.
//! - Value: [`PlacementRecord`]. Form 2 added field 5, which is empty in form 1.
//! - Lifetime: from the first placement of a connector until Delete stops its
//!   tasks. It stays, empty, when no agent is there, so that its version
//!   never goes back.

/// Where the tasks of one connector run.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PlacementRecord {
    /// Form of this value.
    #[prost(uint32, tag = "1")]
    pub(crate) form: u32,
    /// The connector's uid.
    #[prost(string, tag = "2")]
    pub(crate) uid: String,
    /// Rises with each change of `tasks`.
    #[prost(uint64, tag = "3")]
    pub(crate) version: u64,
    /// In the order of their indexes; a task that no agent has is not here.
    #[prost(message, repeated, tag = "4")]
    pub(crate) tasks: Vec<PlacedTask>,
    /// Bare IDs of agents that had tasks before, and have not shown that they
    /// stopped them.
    #[prost(string, repeated, tag = "5")]
    pub(crate) former: Vec<String>,
}

/// One task and its agent.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct PlacedTask {
    /// 0 to spread - 1.
    #[prost(int32, tag = "1")]
    pub(crate) index: i32,
    /// Bare ID of the agent.
    #[prost(string, tag = "2")]
    pub(crate) agent: String,
}

impl PlacementRecord {
    /// Bare IDs of the agents that have tasks, or had some and have not shown
    /// that they stopped them; one may come more than once.
    pub(crate) fn may_run_on(&self) -> impl Iterator<Item = &str> {
        self.agents().chain(self.former.iter().map(String::as_str))
    }

    /// Bare IDs of the agents that have tasks; one may come more than once.
    pub(crate) fn agents(&self) -> impl Iterator<Item = &str> {
        self.tasks.iter().map(|task| task.agent.as_str())
    }
}

super::family! {
    /// Which agent runs which task.
    Placements = 0x04, form 2, PlacementRecord
}
