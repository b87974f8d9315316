//! Where and how a connector runs.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Where and how a connector runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// Agents that may run it.
    pub pool: Pool,
    /// What becomes of a record that cannot be delivered.
    pub failure_handling_policy: FailureHandlingPolicy,
    /// Kafka's `session.timeout.ms` of the tasks, 6 s to 30 min.
    pub session_timeout: Duration,
    /// How long the store may fail under FAIL before a partition stops, 1 s to
    /// 24 h.
    pub store_retry_time: Duration,
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

impl Runtime {
    /// What `session_timeout` may be. Kafka's own limits are 6 s
    /// (`group.min.session.timeout.ms`) and 30 min (`group.max.session.timeout.ms`).
    pub const SESSION_TIMEOUT: RangeInclusive<Duration> =
        Duration::from_secs(6)..=Duration::from_secs(30 * 60);
    /// What `store_retry_time` may be.
    pub const STORE_RETRY_TIME: RangeInclusive<Duration> =
        Duration::from_secs(1)..=Duration::from_secs(24 * 60 * 60);
}

impl Pool {
    /// The pool of these IDs.
    pub fn new(vpc_id: impl Into<String>, vswitch_id: impl Into<String>) -> Self {
        Self { vpc_id: vpc_id.into(), vswitch_id: vswitch_id.into() }
    }
}

/// `vpc-1/vsw-1`, or `default`.
impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { vpc_id, vswitch_id } = self;
        if vpc_id.is_empty() && vswitch_id.is_empty() {
            return f.write_str("default");
        }
        write!(f, "{vpc_id}/{vswitch_id}")
    }
}
