//! Family `0x05`: agents that have been seen, so that a control plane that
//! was just started knows whom to wait for.
//!
//! - Key: the agent's bare ID.
//! - Value: [`AgentRecord`]. Form 2 added field 11, which is absent in form 1.
//! - Lifetime: written at Hello, when the agent is gone, and when it is to drain
//!   or to take tasks again; removed by ForgetAgent, when it has been gone for a
//!   week, and when too many others without a task were heard of later.

use kafka2oss_domain::spec::Pool;
use prost_types::Timestamp;

/// An agent as it was last seen.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AgentRecord {
    /// Form of this value.
    #[prost(uint32, tag = "1")]
    pub(crate) form: u32,
    /// Of its last process that was let in.
    #[prost(uint64, tag = "2")]
    pub(crate) boot_nonce: u64,
    /// Its pool: VPC.
    #[prost(string, tag = "3")]
    pub(crate) vpc_id: String,
    /// Its pool: vSwitch.
    #[prost(string, tag = "4")]
    pub(crate) vswitch_id: String,
    /// Its region.
    #[prost(string, tag = "5")]
    pub(crate) region_id: String,
    /// Version of the agent.
    #[prost(string, tag = "6")]
    pub(crate) version: String,
    /// Tasks that it takes at most.
    #[prost(int32, tag = "7")]
    pub(crate) capacity: i32,
    /// What it can do, by name.
    #[prost(string, repeated, tag = "8")]
    pub(crate) features: Vec<String>,
    /// When its last stream was opened.
    #[prost(message, optional, tag = "9")]
    pub(crate) connect_time: Option<Timestamp>,
    /// Its lease ran out or it left, then; absent while it has its tasks.
    #[prost(message, optional, tag = "10")]
    pub(crate) gone_time: Option<Timestamp>,
    /// It is to give its tasks to others, since then; absent while it takes some.
    #[prost(message, optional, tag = "11")]
    pub(crate) drain_time: Option<Timestamp>,
}

impl AgentRecord {
    /// Whether it is to give its tasks to others.
    pub(crate) fn drains(&self) -> bool {
        self.drain_time.is_some()
    }

    /// Its pool.
    pub(crate) fn pool(&self) -> Pool {
        Pool::new(&*self.vpc_id, &*self.vswitch_id)
    }
}

super::family! {
    /// Agents that have been seen.
    Agents = 0x05, form 2, AgentRecord
}
