//! Where and how a connector runs.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::checks::{Checks, choice, duration_to_wire};
use super::text_rules;
use crate::v1;
use crate::violation::Violations;

/// Kafka's own limits are 6 s (`group.min.session.timeout.ms`) and 30 min
/// (`group.max.session.timeout.ms`).
const SESSION_TIMEOUT: RangeInclusive<Duration> =
    Duration::from_secs(6)..=Duration::from_secs(30 * 60);
const STORE_RETRY_TIME: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(24 * 60 * 60);

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

choice!(FailureHandlingPolicy { Log, Fail });

impl Pool {
    /// The pool of these IDs.
    pub fn new(vpc_id: impl Into<String>, vswitch_id: impl Into<String>) -> Self {
        Self { vpc_id: vpc_id.into(), vswitch_id: vswitch_id.into() }
    }

    /// From the fields `vpc_id` and `vswitch_id` of a message.
    pub(super) fn check(checks: &mut Checks, vpc_id: String, vswitch_id: String) -> Self {
        checks.legal("vpc_id", text_rules::network_id(&vpc_id));
        checks.legal("vswitch_id", text_rules::network_id(&vswitch_id));
        Self { vpc_id, vswitch_id }
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

impl TryFrom<v1::ConnectorRuntime> for Runtime {
    type Error = Violations;

    fn try_from(wire: v1::ConnectorRuntime) -> Result<Self, Violations> {
        let v1::ConnectorRuntime {
            vpc_id,
            vswitch_id,
            failure_handling_policy,
            session_timeout,
            store_retry_time,
        } = wire;
        let mut checks = Checks::default();
        let pool = Pool::check(&mut checks, vpc_id, vswitch_id);
        let failure_handling_policy =
            checks.choice("failure_handling_policy", failure_handling_policy);
        let session_timeout = checks.duration("session_timeout", session_timeout, SESSION_TIMEOUT);
        let store_retry_time =
            checks.duration("store_retry_time", store_retry_time, STORE_RETRY_TIME);
        let (Some(failure_handling_policy), Some(session_timeout), Some(store_retry_time)) =
            (failure_handling_policy, session_timeout, store_retry_time)
        else {
            return Err(checks.into_violations());
        };
        checks.finish(Self { pool, failure_handling_policy, session_timeout, store_retry_time })
    }
}

impl From<&Runtime> for v1::ConnectorRuntime {
    fn from(runtime: &Runtime) -> Self {
        let Runtime {
            pool: Pool { vpc_id, vswitch_id },
            failure_handling_policy,
            session_timeout,
            store_retry_time,
        } = runtime;
        Self {
            vpc_id: vpc_id.clone(),
            vswitch_id: vswitch_id.clone(),
            failure_handling_policy: v1::FailureHandlingPolicy::from(*failure_handling_policy)
                .into(),
            session_timeout: Some(duration_to_wire(*session_timeout)),
            store_retry_time: Some(duration_to_wire(*store_retry_time)),
        }
    }
}
