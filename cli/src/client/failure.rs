//! What went wrong, as it is printed.

use std::fmt;

use kafka2oss_domain::ErrorCode;
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::advice;
use super::selection::marked;
use crate::exit_status::ExitStatus;
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
    /// What was waited for did not come in time.
    TimedOut(String),
    /// The connector, as commands name it, was deleted while something was awaited of it.
    Gone(String),
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
    /// Exit status of the process, and 0 when the reader of our output has gone. A
    /// verification that came to no end is never taken for one that did: 2. Nor is a
    /// comparison. One that agrees as far as the connector has come is neither: 3.
    pub(crate) fn exit_status(&self) -> u8 {
        let status = match self {
            Self::Rpc(status) | Self::Expression { status, .. } => ExitStatus::of(status.code()),
            Self::Unreachable { .. } => ExitStatus::Unavailable,
            Self::TimedOut(_) => ExitStatus::TimedOut,
            Self::Gone(_) => ExitStatus::NotFound,
            Self::Usage(_) | Self::Unverified(_) | Self::Incomparable(_) => ExitStatus::Usage,
            Self::Closed(closed) if closed.is_broken_pipe() => ExitStatus::Done,
            Self::Incomplete { is_wrong: false, .. } => ExitStatus::Told,
            Self::Failed(_) | Self::Damage(_) | Self::Incomplete { .. } | Self::Closed(_) => {
                ExitStatus::Failed
            }
        };
        status.code()
    }

    /// The same for programs: one object, with what the control plane's answer has in it.
    pub(crate) fn to_json(&self) -> Value {
        let words = self.to_string();
        let mut error = json!({
            "exitStatus": self.exit_status(),
            "message": words.lines().next().unwrap_or_default(),
            "text": words,
        });
        if let Some(status) = self.status() {
            let details = status.get_error_details();
            error["code"] = json!(code_name(status.code()));
            error["message"] = json!(status.message());
            if let Some(info) = details.error_info() {
                error["reason"] = json!(info.reason);
                error["metadata"] = json!(info.metadata);
                error["remedy"] = json!(info.reason.parse().ok().map(ErrorCode::remedy));
            }
            if let Some(request) = details.bad_request() {
                let violations = request.field_violations.iter().map(|violation| {
                    json!({"field": violation.field, "description": violation.description})
                });
                error["violations"] = violations.collect();
            }
            if let Some(command) = advice::next(status) {
                error["next"] = json!(command);
            }
        }
        json!({ self.severity(): error })
    }

    /// The control plane's answer, where it is one.
    fn status(&self) -> Option<&Status> {
        match self {
            Self::Rpc(status) | Self::Expression { status, .. } => Some(status),
            Self::Unverified(cause) | Self::Incomparable(cause) => cause.status(),
            _ => None,
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
            | Self::TimedOut(message)
            | Self::Failed(message)
            | Self::Damage(message)
            | Self::Incomplete { words: message, .. } => f.write_str(message),
            Self::Gone(name) => write!(f, "{name} was deleted meanwhile"),
            Self::Unverified(cause) => write!(f, "not verified: {cause}"),
            Self::Incomparable(cause) => write!(f, "not compared: {cause}"),
            Self::Closed(closed) => write!(f, "{closed}"),
        }
    }
}

/// Code and message, each violation, the catalogue's remedy (the same words as in docs and
/// statuses), and the command that goes on from there. Where an expression is wrong it stands under that, with
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
    if let Some(command) = advice::next(status) {
        write!(f, "\n  next: {command}")?;
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
mod tests;
