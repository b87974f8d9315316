//! The command that goes on from an error, where one does.

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::names::ConnectorName;
use tonic::Status;
use tonic_types::StatusExt;

use super::names;

/// A whole command line.
pub(super) fn next(status: &Status) -> Option<String> {
    let details = status.get_error_details();
    let info = details.error_info()?;
    let code = info.reason.parse().ok()?;
    let words = command(code, info.metadata.get("resource").map(String::as_str), status.message())?;
    Some(format!("kafka2oss {words}"))
}

/// What follows the program's name.
fn command(code: ErrorCode, resource: Option<&str>, message: &str) -> Option<String> {
    if code == ErrorCode::AgentNoneInPool {
        return Some("get agents".to_owned());
    }
    let resource = Resource::of(resource?)?;
    let short = resource.short();
    match (code, &resource) {
        (ErrorCode::ResourceNotFound, Resource::Connector(name)) => {
            Some(format!("get connectors --instance {}", name.instance().id()))
        }
        (ErrorCode::ResourceNotFound, _) => Some(format!("get {}s", resource.kind())),
        (ErrorCode::ResourceExists | ErrorCode::EtagMismatch, _) => {
            Some(format!("get {} {short}", resource.kind()))
        }
        (ErrorCode::WrongState, Resource::Connector(name)) => {
            Some(in_state(message, &name.to_string(), &short))
        }
        (ErrorCode::StartNotFixed, Resource::Connector(_)) => {
            Some(format!("wait {short} --for state=RUNNING"))
        }
        (ErrorCode::InstanceHasConnectors, Resource::Instance(id)) => {
            Some(format!("get connectors --instance {id}"))
        }
        (ErrorCode::InstanceConnectorsDisabled, Resource::Instance(id)) => {
            Some(format!("instances update {id} --connectors-disabled false"))
        }
        (ErrorCode::AgentNotGone, Resource::Agent(id)) => Some(format!("agents drain {id}")),
        (ErrorCode::AgentHasTasks, Resource::Agent(id)) => Some(format!("get agent {id}")),
        _ => None,
    }
}

/// What leads out of the state that the message names. Words that it does not know lead to
/// the page about the connector.
fn in_state(message: &str, name: &str, short: &str) -> String {
    let state = message
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix(" is "))
        .and_then(|rest| rest.split([';', ' ']).next());
    match state {
        Some("CREATED") => format!("connectors deploy {short}"),
        Some("PAUSED") => format!("connectors resume {short}"),
        Some("RUNNING") => format!("connectors pause {short} --wait"),
        Some("DELETED") => format!("wait {short} --for delete"),
        _ => format!("describe connector {short}"),
    }
}

enum Resource<'a> {
    Connector(ConnectorName),
    Instance(&'a str),
    Agent(&'a str),
}

impl<'a> Resource<'a> {
    fn of(name: &'a str) -> Option<Self> {
        if let Some(id) = name.strip_prefix("agents/") {
            return Some(Self::Agent(id));
        }
        if let Ok(name) = name.parse() {
            return Some(Self::Connector(name));
        }
        name.strip_prefix("instances/").filter(|id| !id.contains('/')).map(Self::Instance)
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Connector(_) => "connector",
            Self::Instance(_) => "instance",
            Self::Agent(_) => "agent",
        }
    }

    /// As commands take it.
    fn short(&self) -> String {
        match self {
            Self::Connector(name) => names::short(&name.to_string()),
            Self::Instance(id) | Self::Agent(id) => (*id).to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Cli;
    use clap::Parser;

    const A: &str = "instances/dev/connectors/a";

    #[test]
    fn each_advice_is_a_command_of_this_program() {
        for (code, resource, message, expected) in [
            (ErrorCode::ResourceNotFound, A, "", "get connectors --instance dev"),
            (ErrorCode::ResourceNotFound, "instances/dev", "", "get instances"),
            (ErrorCode::ResourceNotFound, "agents/x", "", "get agents"),
            (ErrorCode::ResourceExists, "instances/dev", "", "get instance dev"),
            (ErrorCode::EtagMismatch, A, "", "get connector dev/a"),
            (ErrorCode::StartNotFixed, A, "", "wait dev/a --for state=RUNNING"),
            (
                ErrorCode::WrongState,
                A,
                "instances/dev/connectors/a is CREATED; Pause is allowed in RUNNING and PAUSED",
                "connectors deploy dev/a",
            ),
            (
                ErrorCode::WrongState,
                A,
                "instances/dev/connectors/a is RUNNING; ResetOffsets is allowed in PAUSED",
                "connectors pause dev/a --wait",
            ),
            (
                ErrorCode::WrongState,
                A,
                "instances/dev/connectors/a is PAUSED; Deploy is allowed in CREATED and RUNNING",
                "connectors resume dev/a",
            ),
            (
                ErrorCode::WrongState,
                A,
                "instances/dev/connectors/a is DELETED and cannot become RUNNING: it is on its way",
                "wait dev/a --for delete",
            ),
            (ErrorCode::WrongState, A, "no agent has reported it", "describe connector dev/a"),
            (
                ErrorCode::InstanceHasConnectors,
                "instances/dev",
                "",
                "get connectors --instance dev",
            ),
            (
                ErrorCode::InstanceConnectorsDisabled,
                "instances/dev",
                "",
                "instances update dev --connectors-disabled false",
            ),
            (ErrorCode::AgentNotGone, "agents/x", "", "agents drain x"),
            (ErrorCode::AgentHasTasks, "agents/x", "", "get agent x"),
            (ErrorCode::AgentNoneInPool, "", "", "get agents"),
        ] {
            let advised = command(code, Some(resource), message);
            assert_eq!(advised.as_deref(), Some(expected), "{code:?}");
            let words = std::iter::once("kafka2oss").chain(expected.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{expected}");
        }
    }

    #[test]
    fn where_no_command_helps_none_is_named() {
        for (code, resource) in [
            (ErrorCode::RequestInvalid, Some(A)),
            (ErrorCode::ResourceNotFound, None),
            (ErrorCode::ResourceNotFound, Some("what/ever")),
            (ErrorCode::WrongState, Some("agents/x")),
        ] {
            assert_eq!(command(code, resource, ""), None, "{code:?}");
        }
    }
}
