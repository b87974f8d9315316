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

/// Sends a command and waits for its result. The same id again is the same
/// command: an agent that carried it out repeats its answer. A problem is the
/// agent's own, or AGENT_TIMEOUT when no answer comes.
pub(crate) async fn send(
    fleet: &Fleet,
    agent: &str,
    id: String,
    command: Kind,
    timeout: Duration,
) -> Result<Outcome, agent::v1::Problem> {
    let no_answer = |what: &str| {
        let message = format!("agents/{agent} {what}");
        agent::v1::Problem::from(Problem::new(ErrorCode::AgentTimeout, message))
    };
    let command = agent::v1::Command {
        id,
        timeout: prost_types::Duration::try_from(timeout).ok(),
        command: Some(command),
    };
    let result = fleet
        .command(agent, command)
        .ok_or_else(|| no_answer("is not connected or has too many commands under way"))?;
    let answer = match tokio::time::timeout(timeout + GRACE, result).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => return Err(no_answer("lost its connection before it answered")),
        Err(_) => return Err(no_answer(&format!("did not answer within {timeout:?}"))),
    };
    match answer.result {
        Some(Outcome::Problem(problem)) => Err(problem),
        Some(outcome) => Ok(outcome),
        None => Err(no_answer("answered with nothing that this version knows")),
    }
}

/// What an agent says to a command that was not asked.
pub(crate) fn unexpected(agent: &str) -> agent::v1::Problem {
    let message = format!("agents/{agent} gave the answer of another command");
    agent::v1::Problem::from(Problem::new(ErrorCode::AgentUnsupported, message))
}
