//! Where and how a connector runs.

/// Where and how a connector runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// Agents that may run it.
    pub pool: Pool,
    /// What becomes of a record that cannot be delivered.
    pub failure_handling_policy: FailureHandlingPolicy,
}

/// All agents with the same VPC ID and vSwitch ID; both empty is the pool
/// `default`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Pool {
    /// VPC ID; may be empty.
    pub vpc_id: String,
    /// vSwitch ID; may be empty.
    pub vswitch_id: String,
}

/// What becomes of a record that cannot be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureHandlingPolicy {
    /// It goes to its error topic and is logged; the partition goes on.
    Log,
    /// Its partition stops before it.
    Fail,
}
