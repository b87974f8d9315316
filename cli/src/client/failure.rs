//! What went wrong, as it is printed.

use std::fmt;

use kafka2oss_domain::ErrorCode;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::selection::marked;
use crate::output::Closed;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The control plane's answer.
    Rpc(Box<Status>),
    /// The same, to a request with these expressions, by their fields.
    Expression { status: Box<Status>, expressions: Vec<(&'static str, String)> },
    /// No control plane at the address.
    Unreachable { address: String, cause: String, hint: &'static str },
    /// The command line asks for what cannot be.
    Usage(String),
    /// Anything else, in words.
    Failed(String),
    /// A verification has found that something is wrong.
    Damage(String),
    /// A verification has found nothing wrong, and records for which no object stands
    /// yet: is there to be none?
    Incomplete { words: String, is_wrong: bool },
    /// A verification could not be carried out.
    Unverified(Box<Failure>),
    /// Files could not be compared with what is there.
    Incomparable(Box<Failure>),
    /// Nobody reads the output.
    Closed(Closed),
}

impl Failure {
    /// Exit status of the process: 2 for a wrong command line, else 1, and 0
    /// when the reader of our output has gone. A verification that came to no
    /// end is never taken for one that did: 2. Nor is a comparison. One that agrees as far as the
    /// connector has come is neither: 3.
    pub(crate) fn exit_status(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Unverified(_) | Self::Incomparable(_) => 2,
            Self::Closed(closed) if closed.is_broken_pipe() => 0,
            Self::Incomplete { is_wrong: false, .. } => 3,
            _ => 1,
        }
    }

    /// What its words are to be taken for.
    pub(crate) fn severity(&self) -> &'static str {
        match self {
            Self::Incomplete { is_wrong: false, .. } => "note",
            _ => "error",
        }
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Rpc(Box::new(status))
    }
}

impl From<Closed> for Failure {
    fn from(closed: Closed) -> Self {
        Self::Closed(closed)
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rpc(status) => write_status(f, status, &[]),
            Self::Expression { status, expressions } => write_status(f, status, expressions),
            Self::Unreachable { address, cause, hint } => {
                write!(f, "no control plane at {address}: {cause}\n  remedy: {hint}")
            }
            Self::Usage(message)
            | Self::Failed(message)
            | Self::Damage(message)
            | Self::Incomplete { words: message, .. } => f.write_str(message),
            Self::Unverified(cause) => write!(f, "not verified: {cause}"),
            Self::Incomparable(cause) => write!(f, "not compared: {cause}"),
            Self::Closed(closed) => write!(f, "{closed}"),
        }
    }
}

/// Code and message, each violation, and the catalogue's remedy: the same
/// words as in docs and statuses. Where an expression is wrong it stands under that, with
/// a mark at the place.
fn write_status(
    f: &mut fmt::Formatter<'_>,
    status: &Status,
    expressions: &[(&str, String)],
) -> fmt::Result {
    let details = status.get_error_details();
    let violations =
        details.bad_request().map_or(&[][..], |bad_request| &bad_request.field_violations);
    let message = status.message();
    write!(f, "{}", code_name(status.code()))?;
    match violations {
        // They say it field by field.
        [first, ..] if message.contains(&first.description) => {
            let (count, s) = (violations.len(), if violations.len() == 1 { "" } else { "s" });
            write!(f, ": the request breaks {count} rule{s}")?;
        }
        _ if message.is_empty() => {}
        _ => write!(f, ": {message}")?,
    }
    for violation in violations {
        write!(f, "\n  {}: {}", violation.field, violation.description)?;
        let expression = expressions.iter().find(|(field, _)| *field == violation.field);
        let marked = expression.and_then(|(_, text)| marked(text, &violation.description));
        for line in marked.iter().flat_map(|marked| marked.lines()) {
            write!(f, "\n    {line}")?;
        }
    }
    if let Some(info) = details.error_info() {
        write!(f, "\n  reason: {}", info.reason)?;
        if let Ok(code) = info.reason.parse::<ErrorCode>() {
            write!(f, "\n  remedy: {}", code.remedy())?;
        }
    }
    Ok(())
}

/// The name of a code as gRPC's documents and grpcurl have it.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::ErrorDetails;

    #[test]
    fn every_violation_the_reason_and_the_remedy_are_printed() {
        let mut details = ErrorDetails::with_error_info(
            "REQUEST_INVALID",
            "kafka2oss.internal",
            std::collections::HashMap::<String, String>::new(),
        );
        for (field, description) in
            [("connector_id", "is empty"), ("connector.spec.source.topic", "is required")]
        {
            details.add_bad_request_violation(field, description);
        }
        let status =
            Status::with_error_details(Code::InvalidArgument, "2 fields are wrong", details);

        assert_eq!(
            Failure::from(status).to_string(),
            "INVALID_ARGUMENT: 2 fields are wrong\n\
             \x20 connector_id: is empty\n\
             \x20 connector.spec.source.topic: is required\n\
             \x20 reason: REQUEST_INVALID\n\
             \x20 remedy: Correct the fields that the violations name and send it again."
        );
    }

    #[test]
    fn a_wrong_expression_is_shown_with_a_mark_at_the_place() {
        let mut details = ErrorDetails::new();
        details.add_bad_request_violation("filter", "at byte 8: expected a state");
        details.add_bad_request_violation("page_size", "is below 0");
        let status = Status::with_error_details(Code::InvalidArgument, "wrong", details);
        let failure = Failure::Expression {
            status: Box::new(status),
            expressions: vec![("filter", "state = X".to_owned()), ("order_by", String::new())],
        };
        assert_eq!(
            failure.to_string(),
            "INVALID_ARGUMENT: wrong\n\
             \x20 filter: at byte 8: expected a state\n\
             \x20   state = X\n\
             \x20           ^\n\
             \x20 page_size: is below 0"
        );
    }

    #[test]
    fn violations_are_not_printed_twice() {
        let mut details = ErrorDetails::new();
        details.add_bad_request_violation("name", "is empty");
        let status = Status::with_error_details(Code::InvalidArgument, "name: is empty", details);
        assert_eq!(
            Failure::from(status).to_string(),
            "INVALID_ARGUMENT: the request breaks 1 rule\n  name: is empty"
        );
    }

    #[test]
    fn a_reason_that_this_version_does_not_know_is_still_printed() {
        let details = ErrorDetails::with_error_info(
            "FROM_THE_FUTURE",
            "kafka2oss.internal",
            std::collections::HashMap::<String, String>::new(),
        );
        let status = Status::with_error_details(Code::Aborted, "no", details);
        assert_eq!(Failure::from(status).to_string(), "ABORTED: no\n  reason: FROM_THE_FUTURE");
    }

    #[test]
    fn a_bare_status_is_one_line() {
        assert_eq!(Failure::from(Status::not_found("x")).to_string(), "NOT_FOUND: x");
        assert_eq!(Failure::from(Status::unavailable("")).to_string(), "UNAVAILABLE");
    }
}
