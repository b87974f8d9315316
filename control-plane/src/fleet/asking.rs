//! Commands: something that an agent is to do once, with an answer.

use std::pin::Pin;
use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::Pool;
use kafka2oss_proto::agent;
use kafka2oss_proto::agent::v1::command::Command as Kind;
use kafka2oss_proto::agent::v1::command_result::Result as Outcome;

use tokio::sync::mpsc;

use super::Fleet;

/// Time for the answer's way back.
const GRACE: Duration = Duration::from_secs(1);

/// Commands that an agent has under way when somebody's wish is carried out by it at most:
/// fewer than for what connectors need to run.
pub(crate) const AGENT_WINDOW: usize = 8;

/// Why no agent of a pool is there for a wish.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Unfound {
    /// None is connected.
    NoAgent,
    /// Those that could do it have too much under way.
    Busy(Problem),
    /// None has the feature: their bare ids.
    Unable(Vec<String>),
}

/// The least busy agent of a pool that has a feature.
pub(crate) fn choose(fleet: &Fleet, pool: &Pool, feature: &str) -> Result<String, Unfound> {
    if let Some(agent) = fleet.least_busy_with(pool, AGENT_WINDOW, feature) {
        return Ok(agent);
    }
    let agents = fleet.abilities(pool);
    if agents.is_empty() {
        return Err(Unfound::NoAgent);
    }
    if agents.iter().any(|(_, features)| features.iter().any(|one| one == feature)) {
        let message = format!("the agents of pool {pool} have too much under way: repeat it later");
        return Err(Unfound::Busy(Problem::new(ErrorCode::TooManyRequests, message)));
    }
    Err(Unfound::Unable(agents.into_iter().map(|(id, _)| id).collect()))
}

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

/// A command that was sent, with the steps that the agent tells of it.
pub(crate) struct Followed<'a> {
    steps: mpsc::Receiver<agent::v1::CommandProgress>,
    answer: Pin<Box<dyn Future<Output = Answer> + Send + 'a>>,
    ended: Option<Answer>,
}

type Answer = Result<Outcome, Unanswered>;

/// What comes next of a command that is followed.
pub(crate) enum Next {
    /// The agent tells how it goes.
    Step(agent::v1::CommandProgress),
    /// Its result; no step comes after it.
    End(Answer),
}

/// As [`send`], with what the agent tells until the result.
pub(crate) fn follow<'a>(
    fleet: &'a Fleet,
    agent: &'a str,
    id: String,
    command: Kind,
    timeout: Duration,
) -> Followed<'a> {
    let steps = fleet.follow(agent, &id);
    let answer = Box::pin(send(fleet, agent, id, command, timeout));
    Followed { steps, answer, ended: None }
}

impl Followed<'_> {
    /// Waits for the next step, or the end.
    pub(crate) async fn next(&mut self) -> Next {
        let ended = match self.ended.take() {
            Some(ended) => ended,
            None => tokio::select! {
                biased;
                Some(step) = self.steps.recv() => return Next::Step(step),
                answer = &mut self.answer => answer,
            },
        };
        self.ended = Some(ended.clone());
        // A step may have come just before the result.
        self.steps.try_recv().map_or(Next::End(ended), Next::Step)
    }
}

/// What an agent says to a command that was not asked.
pub(crate) fn unexpected(agent: &str) -> agent::v1::Problem {
    let message = format!("agents/{agent} gave the answer of another command");
    agent::v1::Problem::from(Problem::new(ErrorCode::AgentUnsupported, message))
}
