//! What is known of a connector.

use std::time::Duration;

use kafka2oss_domain::spec::Pool;
use kafka2oss_proto::agent;
use kafka2oss_proto::v1::{self, DeliveryGuarantee};
use prost_types::Timestamp;

use crate::model::flowing::{Memory, Moment};
use crate::model::lifecycle::DesiredState;

/// Everything that is known of one connector.
#[derive(Debug, Clone)]
pub(crate) struct Observation<'a> {
    /// The connector's uid: reports of another one are of a connector of the
    /// same name that was deleted.
    pub(crate) uid: &'a str,
    /// What the user wants.
    pub(crate) desired: DesiredState,
    /// The connector's generation.
    pub(crate) generation: i64,
    /// How many tasks it should have.
    pub(crate) spread: i32,
    /// Where its agents are.
    pub(crate) pool: &'a Pool,
    /// Whether an agent of the pool is connected, full or not.
    pub(crate) pool_has_agent: bool,
    /// The control plane no longer holds inline credentials of its store. An
    /// agent that holds them goes on.
    pub(crate) credentials_lost: bool,
    /// The epoch that Deploy opened, with its start once it is fixed
    /// (`fixed_time`).
    pub(crate) epoch: Option<&'a v1::Epoch>,
    /// What the last preparation of the epoch came to; `None` before one has
    /// come to an end.
    pub(crate) preparation: Option<Preparation<'a>>,
    /// What keeps a deleted connector from being gone.
    pub(crate) deletion_problems: &'a [agent::v1::Problem],
    /// Rises with each placement of the connector.
    pub(crate) placement_version: u64,
    /// Where its tasks are placed; a task that is not here has no agent.
    /// Tasks need not be placed before preparation is ready.
    pub(crate) placed: &'a [PlacedTask<'a>],
    /// The latest report of each agent, of any uid and placement version.
    pub(crate) reports: &'a [AgentReport<'a>],
    /// The latest refusal of each agent, of any placement and generation.
    pub(crate) nacks: &'a [AgentNack<'a>],
    /// A report that is at least as old as this tells nothing any more.
    pub(crate) lease: Duration,
    /// The status before, for what is carried over.
    pub(crate) previous: Option<&'a v1::ConnectorStatus>,
    /// What was remembered with it.
    pub(crate) memory: &'a Memory,
    /// Now.
    pub(crate) now: Moment,
}

/// What a preparation came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Preparation<'a> {
    /// Nothing is in the way any more.
    pub(crate) ready: bool,
    /// What must be cured first.
    pub(crate) problems: &'a [agent::v1::Problem],
    /// What is not as it should be, and stops nothing.
    pub(crate) warnings: &'a [agent::v1::Problem],
    /// What the user has to make by hand.
    pub(crate) missing_resources: &'a [v1::PlannedResource],
    /// As the probes found it.
    pub(crate) delivery_guarantee: DeliveryGuarantee,
    /// Why it is AT_LEAST_ONCE.
    pub(crate) delivery_guarantee_reason: &'a str,
}

/// A task and its agent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlacedTask<'a> {
    /// 0 to spread - 1.
    pub(crate) index: i32,
    /// Bare id of the agent.
    pub(crate) agent: &'a str,
    /// Whether the agent is there.
    pub(crate) liveness: Liveness,
    /// How long what the agent is to run has waited for its answer; zero when it does not.
    pub(crate) unanswered: Duration,
}

/// Whether an agent is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Liveness {
    /// Its stream is open.
    Connected,
    /// Its stream is closed and its lease runs; it may well go on.
    Disconnected,
}

/// What an agent last reported of the connector.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AgentReport<'a> {
    /// Bare id of the agent.
    pub(crate) agent: &'a str,
    /// When it came, by the control plane's clock.
    pub(crate) received: Timestamp,
    /// How long ago that is, by a clock that does not jump.
    pub(crate) age: Duration,
    /// What it says.
    pub(crate) report: &'a agent::v1::ConnectorReport,
}

/// An assignment of the connector that an agent could not take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AgentNack<'a> {
    /// Bare id of the agent.
    pub(crate) agent: &'a str,
    /// What it says.
    pub(crate) nack: &'a agent::v1::AssignmentNack,
}
