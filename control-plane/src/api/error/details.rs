//! What goes with an error for programs: the details of google.rpc (AIP-193).

use std::collections::HashMap;
use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::violation::{Violation, Violations};
use kafka2oss_proto::v1;
use tonic::Code;
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation};

use super::{ApiError, Unflushed, stands, state_of};
use crate::text::shortened;

/// Domain of the reasons in ErrorInfo, as of the types of resources in the .proto files: in
/// the zone `internal`, which is nobody's on the Internet.
pub(super) const DOMAIN: &str = "kafka2oss.internal";

const MAX_DETAILS: usize = 6_000;
const MAX_FIELD: usize = 120;
pub(super) const MAX_VIOLATIONS: usize = 50;
const MIN_DESCRIPTION: usize = 40;
/// Length of a part of the message, and of what a precondition says.
const MAX_PART: usize = 300;

/// When a request that found no room may find some.
const SOON: Duration = Duration::from_secs(1);
/// When what was away may be back.
const LATER: Duration = Duration::from_secs(5);

/// ErrorInfo, with the code as its reason, the remedy and the parts of the message; and what
/// the error is about, whether and when to repeat the request, and which fields are wrong.
pub(super) fn details(error: &ApiError, code: Code, reason: ErrorCode) -> ErrorDetails {
    let mut details = ErrorDetails::new();
    // That a client's own time is over is no error of ours.
    if matches!(error, ApiError::DeadlineExceeded) {
        return details;
    }
    let mut metadata: HashMap<String, String> = parts(error)
        .into_iter()
        .map(|(name, part)| (name.to_owned(), shortened(&part, MAX_PART)))
        .collect();
    metadata.insert("remedy".to_owned(), reason.remedy().to_owned());
    details.set_error_info(reason.as_str(), DOMAIN, metadata);
    if let ApiError::QuotaExceeded { instance, .. } = error {
        details.add_quota_failure_violation(instance, shortened(&error.to_string(), MAX_PART));
    } else if let Some(name) = resource(error) {
        let description = shortened(&error.to_string(), MAX_PART);
        if code == Code::FailedPrecondition {
            let violation = PreconditionViolation::new(reason.as_str(), name, description);
            details.set_precondition_failure(vec![violation]);
        } else {
            details.set_resource_info(kind(name), name, "", description);
        }
    }
    if let Some(delay) = retry_delay(error, code) {
        details.set_retry_info(Some(delay));
    }
    if let ApiError::Invalid(violations) = error {
        details.set_bad_request(field_violations(violations));
    }
    match error {
        ApiError::PreflightFailed(checks) => {
            details.set_precondition_failure(preconditions(checks));
        }
        ApiError::FlushIncomplete(left) => {
            details.set_precondition_failure(unflushed(left));
        }
        _ => {}
    }
    details
}

/// The resource that an error is about.
fn resource(error: &ApiError) -> Option<&str> {
    match error {
        ApiError::NotFound(name)
        | ApiError::Exists(name)
        | ApiError::EtagMismatch(name)
        | ApiError::StartNotFixed(name)
        | ApiError::ConnectorsDisabled(name)
        | ApiError::WrongState { name, .. }
        | ApiError::InstanceHasConnectors { instance: name, .. }
        | ApiError::QuotaExceeded { instance: name, .. }
        | ApiError::AgentNotGone { agent: name, .. }
        | ApiError::AgentHasTasks { agent: name, .. }
        | ApiError::FlushIncomplete(Unflushed { name, .. }) => Some(name),
        _ => None,
    }
}

/// The type of a resource, by its name.
fn kind(name: &str) -> String {
    let kind = match (name.starts_with("agents/"), name.contains("/connectors/")) {
        (true, _) => "Agent",
        (false, true) => "Connector",
        (false, false) => "Instance",
    };
    format!("{DOMAIN}/{kind}")
}

/// What the message has in it besides words, so that nobody has to take it apart.
fn parts(error: &ApiError) -> Vec<(&'static str, String)> {
    let mut parts: Vec<_> =
        resource(error).map(|name| ("resource", name.to_owned())).into_iter().collect();
    match error {
        ApiError::InstanceHasConnectors { count, example, .. }
        | ApiError::AgentHasTasks { count, example, .. } => {
            parts.push(("count", count.to_string()));
            parts.push(("example", example.clone()));
        }
        ApiError::TooManyRequests(limit)
        | ApiError::TooManyStreams(limit)
        | ApiError::TooManyWatches(limit)
        | ApiError::TooLong(limit) => parts.push(("limit", limit.to_string())),
        ApiError::QuotaExceeded { what, most, held, .. } => {
            parts.push(("quota", (*what).to_owned()));
            parts.push(("limit", most.to_string()));
            parts.push(("count", held.to_string()));
        }
        ApiError::NoAgent(pool) => parts.push(("pool", pool.clone())),
        ApiError::AgentsUnable { feature, agents } => {
            parts.push(("feature", (*feature).to_owned()));
            parts.push(("agents", agents.join(", ")));
        }
        ApiError::FlushIncomplete(left) => {
            parts.push(("count", left.count.to_string()));
            parts.push(("total", left.total.to_string()));
        }
        _ => {}
    }
    parts
}

/// When the same request may be answered otherwise, where time alone may help.
fn retry_delay(error: &ApiError, code: Code) -> Option<Duration> {
    match (error, code) {
        // Only somebody's decision helps.
        (ApiError::QuotaExceeded { .. }, _) => None,
        (ApiError::TooManyRequests(_) | ApiError::NoRoom, _) => Some(SOON),
        (_, Code::Unavailable | Code::ResourceExhausted) => Some(LATER),
        _ => None,
    }
}

/// All of them, as far as they fit; where they are many or long, each with less
/// text.
fn field_violations(violations: &Violations) -> Vec<FieldViolation> {
    let share = MAX_DETAILS / violations.len().clamp(1, MAX_VIOLATIONS);
    let violation = |violation: &Violation| {
        let field = shortened(&violation.field, MAX_FIELD);
        let reason = violation.code.as_str().to_owned();
        let left = share.saturating_sub(field.len() + reason.len()).max(MIN_DESCRIPTION);
        let description = shortened(&violation.message, left);
        FieldViolation { field, description, reason, localized_message: None }
    };
    violations.iter().take(MAX_VIOLATIONS).map(violation).collect()
}

/// One for each check that failed, of which the first are told.
fn preconditions(checks: &[v1::PreflightCheck]) -> Vec<PreconditionViolation> {
    let share = MAX_DETAILS / checks.len().clamp(1, MAX_VIOLATIONS);
    let violation = |check: &v1::PreflightCheck| {
        let subject = shortened(&check.subject, MAX_FIELD);
        let left = share.saturating_sub(check.name.len() + subject.len()).max(MIN_DESCRIPTION);
        PreconditionViolation::new(&check.name, subject, shortened(&check.detail, left))
    };
    checks.iter().take(MAX_VIOLATIONS).map(violation).collect()
}

/// One for each partition that was not reached, of which the first are told: by what is
/// wrong with it, or what it does.
fn unflushed(left: &Unflushed) -> Vec<PreconditionViolation> {
    let share = MAX_DETAILS / left.partitions.len().clamp(1, MAX_VIOLATIONS);
    let violation = |one: &v1::FlushedPartition| {
        let kind = if one.error_code.is_empty() { state_of(one) } else { &one.error_code };
        let subject = format!("partition {}", one.partition);
        let room = share.saturating_sub(kind.len() + subject.len()).max(MIN_DESCRIPTION);
        PreconditionViolation::new(
            shortened(kind, MAX_FIELD),
            subject,
            shortened(&stands(one), room),
        )
    };
    left.partitions.iter().take(MAX_VIOLATIONS).map(violation).collect()
}

#[cfg(test)]
mod tests {
    use kafka2oss_proto::agent;
    use tonic::Status;
    use tonic_types::StatusExt;

    use super::super::to_status;
    use super::*;

    const NAME: &str = "instances/i/connectors/c";

    fn status(error: &ApiError) -> Status {
        to_status(error)
    }

    #[test]
    fn what_is_not_there_or_has_changed_is_named() {
        for error in [
            ApiError::NotFound(NAME.to_owned()),
            ApiError::Exists(NAME.to_owned()),
            ApiError::EtagMismatch(NAME.to_owned()),
        ] {
            let status = status(&error);
            let info = status.get_details_resource_info().expect("a ResourceInfo");
            let expected = ("kafka2oss.internal/Connector", NAME);
            assert_eq!((info.resource_type.as_str(), info.resource_name.as_str()), expected);
            assert!(status.get_details_retry_info().is_none());
        }
        assert_eq!(kind("instances/i"), "kafka2oss.internal/Instance");
        assert_eq!(kind("agents/a"), "kafka2oss.internal/Agent");
    }

    #[test]
    fn a_precondition_names_what_it_is_of_and_the_parts_of_the_message() {
        let status = status(&ApiError::AgentHasTasks {
            agent: "agents/a".to_owned(),
            count: 7,
            example: NAME.to_owned(),
        });
        let failure = status.get_details_precondition_failure().expect("a PreconditionFailure");
        let [violation] = &failure.violations[..] else { panic!("{failure:?}") };
        assert_eq!((&*violation.r#type, &*violation.subject), ("AGENT_HAS_TASKS", "agents/a"));
        let info = status.get_details_error_info().expect("an ErrorInfo");
        let part = |name: &str| info.metadata.get(name).map(String::as_str);
        assert_eq!(part("resource"), Some("agents/a"));
        assert_eq!((part("count"), part("example")), (Some("7"), Some(NAME)));
    }

    #[test]
    fn a_flush_that_was_late_names_the_partitions_and_fits_however_many_they_are() {
        let partition = |partition| v1::FlushedPartition {
            partition,
            target_offset: 9,
            committed_offset: Some(5),
            state: v1::PartitionState::Retrying.into(),
            error_code: if partition == 1 { "STORE_UNREACHABLE" } else { "" }.to_owned(),
            error_message: "x".repeat(9_000),
            ..v1::FlushedPartition::default()
        };
        let status = status(&ApiError::FlushIncomplete(Unflushed {
            name: NAME.to_owned(),
            timeout: Duration::from_secs(5),
            total: 9_000,
            count: 1_000,
            partitions: (0..1_000).map(partition).collect(),
        }));
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert!(status.message().starts_with("1000 of 9000 partitions of instances/i"));
        assert!(status.message().len() < 2_000 && status.details().len() < 12_000);
        let failure = status.get_details_precondition_failure().expect("a PreconditionFailure");
        assert_eq!(failure.violations.len(), MAX_VIOLATIONS);
        let of = |index: usize| {
            let one: &PreconditionViolation = &failure.violations[index];
            (one.r#type.as_str(), one.subject.as_str())
        };
        assert_eq!(of(0), ("RETRYING", "partition 0"));
        assert_eq!(of(1), ("STORE_UNREACHABLE", "partition 1"));
        let first = &failure.violations[0].description;
        assert_eq!(first, "RETRYING, 5 of 9 are committed");
        let info = status.get_details_error_info().expect("an ErrorInfo");
        assert_eq!(info.reason, "FLUSH_INCOMPLETE");
        assert_eq!(info.metadata.get("resource").map(String::as_str), Some(NAME));
    }

    #[test]
    fn only_what_time_may_help_is_to_be_repeated() {
        let delay = |error: ApiError| {
            let info = status(&error).get_details_retry_info()?;
            info.retry_delay
        };
        assert_eq!(delay(ApiError::TooManyRequests(5)), Some(SOON));
        assert_eq!(delay(ApiError::TooManyWatches(5)), Some(LATER));
        let away =
            agent::v1::Problem { code: "KAFKA_UNREACHABLE".to_owned(), ..Default::default() };
        assert_eq!(delay(ApiError::Agent(away)), Some(LATER));
        assert_eq!(delay(ApiError::NoAgent("vpc-1".to_owned())), None);
        assert_eq!(delay(ApiError::wrong_state(NAME, "it runs".to_owned())), None);
    }
}
