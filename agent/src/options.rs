//! What an operator sets about an agent.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use kafka2oss_domain::names::AgentName;
use kafka2oss_domain::spec::Pool;
use kafka2oss_memory::MemoryBudget;

/// What an operator sets about an agent: each by flag or by environment
/// variable.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// URL of the control plane
    #[arg(long, env = "KAFKA2OSS_AGENT_CONTROL_PLANE", default_value = DEFAULT_CONTROL_PLANE)]
    pub control_plane: String,

    /// Id of this agent: 1 to 64 of A-Z, a-z, 0-9, `_`, `.` and `-`, not starting
    /// with `.` or `-`; the same after each restart, and no other agent's
    #[arg(long, env = "KAFKA2OSS_AGENT_ID")]
    pub agent_id: String,

    /// VPC that this agent is in; together with the vSwitch its pool
    #[arg(long, env = "KAFKA2OSS_AGENT_VPC_ID", default_value = "")]
    pub vpc_id: String,

    /// vSwitch that this agent is in; together with the VPC its pool
    #[arg(long, env = "KAFKA2OSS_AGENT_VSWITCH_ID", default_value = "")]
    pub vswitch_id: String,

    /// Region that this agent is in
    #[arg(long, env = "KAFKA2OSS_AGENT_REGION_ID", default_value = "")]
    pub region_id: String,

    /// Tasks that this agent takes at most
    #[arg(long, env = "KAFKA2OSS_AGENT_CAPACITY", default_value_t = DEFAULT_CAPACITY,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub capacity: u32,

    /// Directory in which assignments are kept, so that a restart goes on
    /// without the control plane; without one they are not kept
    #[arg(long, env = "KAFKA2OSS_AGENT_STATE_DIR")]
    pub state_dir: Option<PathBuf>,

    /// Threads that take in and encode records [default: one a core]
    #[arg(long, env = "KAFKA2OSS_AGENT_DATA_THREADS")]
    pub data_threads: Option<usize>,

    /// Bytes of memory for what has been read and does not stand in the store
    /// yet, shared by all tasks [default: a quarter of what this process may
    /// use]
    #[arg(long, env = "KAFKA2OSS_AGENT_MEMORY_BUDGET_BYTES",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub memory_budget_bytes: Option<u64>,

    /// What becomes of the tasks when this process is told to end
    #[arg(long, env = "KAFKA2OSS_AGENT_ON_SHUTDOWN", value_enum, default_value_t = OnShutdown::Leave)]
    pub on_shutdown: OnShutdown,

    /// Seconds that closing and committing what is open may take at the end
    #[arg(long, env = "KAFKA2OSS_AGENT_SHUTDOWN_SECONDS", default_value_t = DEFAULT_SHUTDOWN_SECONDS)]
    pub shutdown_seconds: u64,

    /// Takes assignments of a control plane with another store than the one
    /// that this agent's tasks come from; what that one does not list stops
    #[arg(long, env = "KAFKA2OSS_AGENT_ADOPT_STORE")]
    pub adopt_store: bool,
}

/// What becomes of the tasks when an agent is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnShutdown {
    /// They are given back, and move to other agents at once.
    Leave,
    /// They stay this agent's for a lease, for a restart that moves nothing.
    Restart,
}

/// Where `kafka2oss dev` and a control plane without settings listen.
pub const DEFAULT_CONTROL_PLANE: &str = "http://127.0.0.1:7250";
const DEFAULT_CAPACITY: u32 = 64;
const DEFAULT_SHUTDOWN_SECONDS: u64 = 25;

impl Options {
    /// The defaults, for the agent of this id in the pool `default`.
    pub fn new(agent_id: impl Into<String>) -> Self {
        Self {
            control_plane: DEFAULT_CONTROL_PLANE.to_owned(),
            agent_id: agent_id.into(),
            vpc_id: String::new(),
            vswitch_id: String::new(),
            region_id: String::new(),
            capacity: DEFAULT_CAPACITY,
            state_dir: None,
            data_threads: None,
            memory_budget_bytes: None,
            on_shutdown: OnShutdown::Leave,
            shutdown_seconds: DEFAULT_SHUTDOWN_SECONDS,
            adopt_store: false,
        }
    }

    pub(crate) fn identity(&self) -> anyhow::Result<Identity> {
        Ok(Identity {
            agent: AgentName::from_id(&self.agent_id)?,
            pool: Pool { vpc_id: self.vpc_id.clone(), vswitch_id: self.vswitch_id.clone() },
            region_id: self.region_id.clone(),
            capacity: self.capacity,
        })
    }

    pub(crate) fn budget_bytes(&self) -> u64 {
        self.memory_budget_bytes.unwrap_or_else(kafka2oss_memory::default_budget)
    }

    pub(crate) fn memory_budget(&self) -> MemoryBudget {
        let bytes = self.budget_bytes();
        tracing::info!(bytes, "memory budget");
        MemoryBudget::new(bytes)
    }

    pub(crate) fn shutdown_deadline(&self) -> Duration {
        Duration::from_secs(self.shutdown_seconds)
    }
}

/// Who an agent is, the same for its life.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) agent: AgentName,
    pub(crate) pool: Pool,
    pub(crate) region_id: String,
    pub(crate) capacity: u32,
}
