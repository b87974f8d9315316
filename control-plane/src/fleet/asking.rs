//! Commands: something that an agent is to do once, with an answer.

use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_proto::agent;
use kafka2oss_proto::agent::v1::command::Command as Kind;
use kafka2oss_proto::agent::v1::command_result::Result as Outcome;

use super::Fleet;

/// Time for the answer's way back.
const GRACE: Duration = Duration::from_secs(1);

/// Why a command has no result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Unanswered {
    /// It was not sent: nothing of it is carried out.
    NotSent(agent::v1::Problem),
    /// It was sent, and no answer came that says what became of it.
    Silent(agent::v1::Problem),
    /// The agent's own word.
    Refused(agent::v1::Problem),
}

impl From<Unanswered> for agent::v1::Problem {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::NotSent(problem)
            | Unanswered::Silent(problem)
            | Unanswered::Refused(problem) => problem,
        }
    }
}

/// Sends a command and waits for its result. The same id again is the same
/// command: an agent that carried it out repeats its answer.
///
/// # Errors
/// There is none: a problem is the agent's own, or AGENT_TIMEOUT.
pub(crate) async fn send(
    fleet: &Fleet,
    agent: &str,
    id: String,
    command: Kind,
    timeout: Duration,
) -> Result<Outcome, Unanswered> {
    let no_answer = |what: &str| {
        let message = format!("agents/{agent} {what}");
        agent::v1::Problem::from(Problem::new(ErrorCode::AgentTimeout, message))
    };
    let silent = |what: &str| Err(Unanswered::Silent(no_answer(what)));
    let command = agent::v1::Command {
        id,
        timeout: prost_types::Duration::try_from(timeout).ok(),
        command: Some(command),
    };
    let Some(result) = fleet.command(agent, command) else {
        let problem = no_answer("is not connected or has too many commands under way");
        return Err(Unanswered::NotSent(problem));
    };
    let answer = match tokio::time::timeout(timeout + GRACE, result).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => return silent("lost its connection before it answered"),
        Err(_) => return silent(&format!("did not answer within {timeout:?}")),
    };
    match answer.result {
        Some(Outcome::Problem(problem)) => Err(Unanswered::Refused(problem)),
        Some(outcome) => Ok(outcome),
        None => silent("answered with nothing that this version knows"),
    }
}

/// What an agent says to a command that was not asked.
pub(crate) fn unexpected(agent: &str) -> agent::v1::Problem {
    let message = format!("agents/{agent} gave the answer of another command");
    agent::v1::Problem::from(Problem::new(ErrorCode::AgentUnsupported, message))
}
