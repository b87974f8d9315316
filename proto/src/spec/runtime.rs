//! Where and how a connector runs.

use kafka2oss_domain::spec::{FailureHandlingPolicy, Pool, Runtime, text_rules};
use kafka2oss_domain::violation::Violations;

use super::checks::{Checks, choice, duration_to_wire};
use crate::v1;

choice!(FailureHandlingPolicy { Log, Fail });

/// The pool of the fields `vpc_id` and `vswitch_id` of a message.
pub(super) fn check_pool(checks: &mut Checks, vpc_id: String, vswitch_id: String) -> Pool {
    checks.legal("vpc_id", text_rules::network_id(&vpc_id));
    checks.legal("vswitch_id", text_rules::network_id(&vswitch_id));
    Pool { vpc_id, vswitch_id }
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
        let pool = check_pool(&mut checks, vpc_id, vswitch_id);
        let failure_handling_policy =
            checks.choice("failure_handling_policy", failure_handling_policy);
        let session_timeout =
            checks.duration("session_timeout", session_timeout, Runtime::SESSION_TIMEOUT);
        let store_retry_time =
            checks.duration("store_retry_time", store_retry_time, Runtime::STORE_RETRY_TIME);
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
