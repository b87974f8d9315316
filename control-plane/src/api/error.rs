//! What an RPC can be refused with. This is the only place that makes a
//! `tonic::Status`.

mod details;

use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Retry;
use kafka2oss_domain::violation::Violations;
use kafka2oss_proto::{agent, v1};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::session::Refusal;
use crate::store::StoreError;
use crate::text::shortened;

/// A status travels in HTTP/2 headers, of which clients take 16 KiB (hyper's
/// default), in base64 and percent-encoded: so its parts have limits.
const MAX_MESSAGE: usize = 1_500;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// It breaks rules: all of them at once.
    #[error("{0}")]
    Invalid(Violations),
    /// There is no such resource.
    #[error("{0} does not exist")]
    NotFound(String),
    /// The name is taken.
    #[error("{0} exists")]
    Exists(String),
    /// The request ID stands for another request.
    #[error("{0}")]
    RequestIdReused(String),
    /// The etag given is not the resource's.
    #[error("{0} has changed since it was read: its etag is not the one given")]
    EtagMismatch(String),
    /// The connector's state does not allow the action.
    #[error("{why}")]
    WrongState {
        /// Its name.
        name: String,
        /// What it is, and what it would have to be.
        why: String,
    },
    /// There is no start yet, so that a test message could be missed.
    #[error("the start of {0} has not been read yet, so a test message could be missed")]
    StartNotFixed(String),
    /// The instance cannot go.
    #[error("{instance} has {count} connectors: delete them first, for example {example}")]
    InstanceHasConnectors {
        /// Its name.
        instance: String,
        /// How many.
        count: usize,
        /// One of them.
        example: String,
    },
    /// The instance may not have so much.
    #[error("{instance} may have {most} {what}: it has {held}, and {more} more would be too many")]
    QuotaExceeded {
        /// Its name.
        instance: String,
        /// Of what: `connectors` or `tasks`.
        what: &'static str,
        /// How many it may have.
        most: i32,
        /// How many it has.
        held: i64,
        /// How many were to be added.
        more: i32,
    },
    /// The instance takes no connectors.
    #[error("connectors are disabled on {0}: update the instance with connectors_disabled = false")]
    ConnectorsDisabled(String),
    /// The agent may run tasks.
    #[error("{agent} is {}", if *.is_connected {
        "connected: stop it first"
    } else {
        "disconnected, and its lease has not run out: wait until its state is GONE"
    })]
    AgentNotGone {
        /// Its name.
        agent: String,
        /// Whether its stream is open.
        is_connected: bool,
    },
    /// Tasks of the agent have no other one yet.
    #[error(
        "{agent} is gone, and {count} of its tasks have no other agent yet, for example one of \
         {example}"
    )]
    AgentHasTasks {
        /// Its name.
        agent: String,
        /// How many.
        count: usize,
        /// Name of the connector of one of them.
        example: String,
    },
    /// No agent could do what needs one.
    #[error("no agent is connected in pool {0}")]
    NoAgent(String),
    /// Checks of a preflight failed.
    #[error("{} checks of the preflight failed: {}", .0.len(), in_lines(.0))]
    PreflightFailed(Vec<v1::PreflightCheck>),
    /// Agents that would have to do it do not know how.
    #[error("agents that lack the feature `{feature}` have tasks of it: {}", .agents.join(", "))]
    AgentsUnable {
        /// What they would need.
        feature: &'static str,
        /// Their names, not all where they are many.
        agents: Vec<String>,
    },
    /// A flush has not reached all partitions in its time.
    #[error("{}", flush_words(.0))]
    FlushIncomplete(Unflushed),
    /// An agent could not do what was asked.
    #[error("{}", .0.message)]
    Agent(agent::v1::Problem),
    /// As many requests are under way as are allowed.
    #[error("{0} requests are under way, more are not taken")]
    TooManyRequests(usize),
    /// As many calls are open as are allowed, of one peer or in all.
    #[error("{0} calls are open, more are not taken")]
    TooManyStreams(usize),
    /// Too much waits of other messages of the peer, or in all.
    #[error("too many long messages are under way: this one has to wait")]
    NoRoom,
    /// A request is longer than any has to be.
    #[error("the request has more than {0} bytes")]
    TooLong(usize),
    /// A message did not come in its time.
    #[error("the message did not come within {0:?}")]
    MessageLate(Duration),
    /// The caller gave the request up before its message was there.
    #[error("the request ended before its message was there")]
    Incomplete,
    /// As many watches are open as are allowed, of one peer or in all.
    #[error("{0} watches are open, more are not taken")]
    TooManyWatches(usize),
    /// The request's time is over.
    #[error("the request was not carried out within its deadline; what it has begun goes on")]
    DeadlineExceeded,
    /// The first message of an agent was not understood.
    #[error("{0}")]
    Hello(String),
    /// The store failed.
    #[error("the store failed; the control plane's log has the cause")]
    Store(StoreError),
    /// A task of this process ended in a panic or was cancelled.
    #[error("the request was not carried out")]
    Internal,
}

/// What a flush has not reached in its time.
#[derive(Debug)]
pub(crate) struct Unflushed {
    /// The connector.
    pub(crate) name: String,
    /// The time that it had.
    pub(crate) timeout: Duration,
    /// How many partitions there are.
    pub(crate) total: usize,
    /// How many are not reached.
    pub(crate) count: usize,
    /// The first of these.
    pub(crate) partitions: Vec<v1::FlushedPartition>,
}

impl ApiError {
    /// The state of the connector of this name does not allow the action.
    pub(super) fn wrong_state(name: &str, why: String) -> Self {
        Self::WrongState { name: name.to_owned(), why }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Hello(reason) => Self::Hello(reason),
            Refusal::Store(error) => Self::Store(error),
        }
    }
}

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        to_status(&error)
    }
}

/// The status that stands for `error`: with ErrorInfo, whose reason is the
/// error code, and every violation with the path of its field.
pub(crate) fn to_status(error: &ApiError) -> Status {
    let message = shortened(&error.to_string(), MAX_MESSAGE);
    let (code, reason) = match error {
        ApiError::Invalid(violations) => (Code::InvalidArgument, reason_of(violations)),
        ApiError::Hello(_) => (Code::InvalidArgument, ErrorCode::RequestInvalid),
        ApiError::NotFound(_) => (Code::NotFound, ErrorCode::ResourceNotFound),
        ApiError::Exists(_) => (Code::AlreadyExists, ErrorCode::ResourceExists),
        ApiError::RequestIdReused(_) => (Code::AlreadyExists, ErrorCode::RequestIdReused),
        ApiError::EtagMismatch(_) => (Code::Aborted, ErrorCode::EtagMismatch),
        ApiError::WrongState { .. } => (Code::FailedPrecondition, ErrorCode::WrongState),
        ApiError::StartNotFixed(_) => (Code::FailedPrecondition, ErrorCode::StartNotFixed),
        ApiError::InstanceHasConnectors { .. } => {
            (Code::FailedPrecondition, ErrorCode::InstanceHasConnectors)
        }
        ApiError::ConnectorsDisabled(_) => {
            (Code::FailedPrecondition, ErrorCode::InstanceConnectorsDisabled)
        }
        ApiError::QuotaExceeded { .. } => (Code::ResourceExhausted, ErrorCode::QuotaExceeded),
        ApiError::AgentNotGone { .. } => (Code::FailedPrecondition, ErrorCode::AgentNotGone),
        ApiError::AgentHasTasks { .. } => (Code::FailedPrecondition, ErrorCode::AgentHasTasks),
        ApiError::NoAgent(_) => (Code::FailedPrecondition, ErrorCode::AgentNoneInPool),
        ApiError::PreflightFailed(_) => (Code::FailedPrecondition, ErrorCode::PreflightFailed),
        ApiError::AgentsUnable { .. } => (Code::FailedPrecondition, ErrorCode::AgentUnsupported),
        ApiError::FlushIncomplete(_) => (Code::DeadlineExceeded, ErrorCode::FlushIncomplete),
        ApiError::Agent(problem) => agent_problem(problem),
        ApiError::TooManyRequests(_) => (Code::ResourceExhausted, ErrorCode::TooManyRequests),
        ApiError::TooManyStreams(_) => (Code::ResourceExhausted, ErrorCode::TooManyStreams),
        ApiError::NoRoom => (Code::ResourceExhausted, ErrorCode::TooManyBytes),
        ApiError::TooLong(_) => (Code::OutOfRange, ErrorCode::RequestInvalid),
        ApiError::Incomplete => (Code::Cancelled, ErrorCode::RequestInvalid),
        ApiError::MessageLate(_) => (Code::DeadlineExceeded, ErrorCode::RequestLate),
        ApiError::TooManyWatches(_) => (Code::ResourceExhausted, ErrorCode::TooManyWatches),
        ApiError::DeadlineExceeded => (Code::DeadlineExceeded, ErrorCode::RequestInvalid),
        ApiError::Store(cause) => {
            tracing::error!(error = %cause, "a request failed in the store");
            (Code::Unavailable, cause.code())
        }
        ApiError::Internal => (Code::Internal, ErrorCode::Internal),
    };
    let details = details::details(error, code, reason);
    Status::with_error_details(code, message, details)
}

/// The status of a method that a service does not have, as the generated servers tell it.
pub(super) fn unknown_method() -> Status {
    Status::unimplemented("")
}

fn flush_words(left: &Unflushed) -> String {
    let Unflushed { name, timeout, total, count, partitions } = left;
    let words =
        partitions.iter().map(|one| format!("partition {}: {}", one.partition, stands(one)));
    let words = words.collect::<Vec<_>>().join("; ");
    format!("{count} of {total} partitions of {name} were not reached within {timeout:?}: {words}")
}

/// What it does, without the enum's name.
fn state_of(one: &v1::FlushedPartition) -> &'static str {
    one.state().as_str_name().trim_start_matches("PARTITION_STATE_")
}

/// Where a partition stands that was not reached.
fn stands(one: &v1::FlushedPartition) -> String {
    let v1::FlushedPartition { target_offset, committed_offset, error_code, error_message, .. } =
        one;
    let state = state_of(one);
    let committed = match committed_offset {
        Some(committed) => format!("{committed} of {target_offset} are committed"),
        None => format!("nothing of {target_offset} is committed"),
    };
    match error_code.is_empty() {
        true => format!("{state}, {committed}"),
        false => format!("{state}, {committed}, {error_code}: {error_message}"),
    }
}

/// Checks that failed, one after the other.
fn in_lines(checks: &[v1::PreflightCheck]) -> String {
    checks.iter().map(super::preflight::in_a_line).collect::<Vec<_>>().join("; ")
}

/// The code that all violations share, or that the request is invalid.
fn reason_of(violations: &Violations) -> ErrorCode {
    let mut codes = violations.iter().map(|violation| violation.code);
    let first = codes.next().unwrap_or(ErrorCode::RequestInvalid);
    if codes.all(|code| code == first) { first } else { ErrorCode::RequestInvalid }
}

/// What an agent met is not the request's fault: to be repeated where the
/// cause may pass by itself.
fn agent_problem(problem: &agent::v1::Problem) -> (Code, ErrorCode) {
    match problem.code.parse::<ErrorCode>() {
        Ok(ErrorCode::RequestIdReused) => (Code::AlreadyExists, ErrorCode::RequestIdReused),
        // Not to be repeated without a thought, as what is unavailable is by some clients.
        Ok(code @ ErrorCode::TestMessageUncertain) => (Code::Aborted, code),
        Ok(code) if code.retry() == Retry::Automatic => (Code::Unavailable, code),
        Ok(code) => (Code::FailedPrecondition, code),
        Err(_) => (Code::Internal, ErrorCode::Internal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Failure, FailureKind};

    #[test]
    fn a_status_carries_the_code_the_remedy_and_every_violation() {
        let mut violations = Violations::new();
        violations.add("connector_id", ErrorCode::FieldInvalid, "is wrong");
        violations.add("connector.spec.source.topic", ErrorCode::FieldRequired, "is missing");
        let status = to_status(&ApiError::Invalid(violations));
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = status.get_error_details();
        let info = details.error_info().expect("an ErrorInfo");
        assert_eq!(
            (info.reason.as_str(), info.domain.as_str()),
            ("REQUEST_INVALID", details::DOMAIN)
        );
        assert!(info.metadata.contains_key("remedy"));
        let fields: Vec<_> = details
            .bad_request()
            .expect("a BadRequest")
            .field_violations
            .iter()
            .map(|violation| (violation.field.as_str(), violation.reason.as_str()))
            .collect();
        assert_eq!(
            fields,
            [
                ("connector_id", "SPEC_FIELD_INVALID"),
                ("connector.spec.source.topic", "SPEC_FIELD_REQUIRED")
            ]
        );
    }

    #[test]
    fn a_status_fits_into_headers_whatever_the_request_held() {
        let mut violations = Violations::new();
        for number in 0..40 {
            let field = format!("connector.spec.resources.dead_letter_queue_topic.{number}");
            violations.add(field, ErrorCode::FieldInvalid, "ü".repeat(100_000));
        }
        let status = to_status(&ApiError::Invalid(violations));
        assert!(status.message().len() < 2_000 && status.details().len() < 9_000);
        let details = status.get_error_details();
        assert_eq!(details.bad_request().expect("a BadRequest").field_violations.len(), 40);
    }

    #[test]
    fn of_very_many_violations_the_first_are_told() {
        let mut violations = Violations::new();
        for number in 0..10_000 {
            let field = format!("reset.offsets.offsets[{number}] {}", "f".repeat(200));
            violations.add(field, ErrorCode::FieldInvalid, "is below 0");
        }
        let status = to_status(&ApiError::Invalid(violations));
        assert!(status.message().len() < 2_000 && status.details().len() < 12_000);
        let details = status.get_error_details();
        let told = &details.bad_request().expect("a BadRequest").field_violations;
        assert_eq!(told.len(), details::MAX_VIOLATIONS);
        assert!(told[0].field.starts_with("reset.offsets.offsets[0]"));
    }

    #[test]
    fn what_the_store_says_stays_in_the_log() {
        let failure = Failure::new(FailureKind::Disk, "/secret/path");
        let status = to_status(&ApiError::Store(failure.into()));
        assert!(!status.message().contains("/secret/path"));
        assert_eq!(status.code(), Code::Unavailable);
        let details = status.get_error_details();
        assert_eq!(details.error_info().expect("an ErrorInfo").reason, "STORAGE_FAILED");
    }

    #[test]
    fn an_agents_problem_is_unavailable_where_it_may_pass() {
        let problem =
            |code: &str| agent::v1::Problem { code: code.to_owned(), message: "m".to_owned() };
        let code = |code| to_status(&ApiError::Agent(problem(code))).code();
        assert_eq!(code("KAFKA_UNREACHABLE"), Code::Unavailable);
        assert_eq!(code("CREDENTIALS_REQUIRED"), Code::FailedPrecondition);
        assert_eq!(code("TEST_MESSAGE_UNCERTAIN"), Code::Aborted);
        assert_eq!(code("NEW_CODE"), Code::Internal);
    }
}
