//! What the control plane asks an agent to do once: each command runs once,
//! however often it is sent.

mod flush;
mod memory;
mod origin;
mod preflight;
mod prepare;
mod probes;
mod remove;
mod test_message;
mod warrant;

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use kafka2oss_chain::Moment;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::Instance;
use kafka2oss_proto::agent::v1::connect_request::Message as Answer;
use kafka2oss_proto::agent::v1::{command, command_progress, command_result};
use kafka2oss_proto::{agent, v1};
use prost::Message;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use crate::assignment::{Assignments, Keyring};
use crate::clock;
use crate::environment::AdminFactory;
use crate::task::{Confirmations, Flushes};
use memory::{Admission, Asked, Memory};
use probes::Probes;

pub(crate) use origin::{Hearing, Origin};

/// For a command that says none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
/// So that no command is under way for ever.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(600);
/// Answers that wait for the stream.
const ANSWERS: usize = 16;

/// Carries out commands.
#[derive(Clone)]
pub(crate) struct Commands {
    runner: Runner,
    memory: Arc<Mutex<Memory>>,
    hasher: RandomState,
    answers: mpsc::Sender<Answer>,
}

/// Carries out one command after the other.
#[derive(Clone)]
struct Runner {
    means: Means,
    probes: Probes,
}

/// What commands need of the agent.
#[derive(Clone)]
pub(crate) struct Means {
    pub(crate) admins: Arc<dyn AdminFactory>,
    pub(crate) keyring: Keyring,
    /// What this agent is to run.
    pub(crate) held: watch::Receiver<Arc<Assignments>>,
    pub(crate) confirmations: Confirmations,
    /// What tasks flush by.
    pub(crate) flushes: Flushes,
    /// Of the agent's memory.
    pub(crate) budget_bytes: u64,
    pub(crate) data_runtime: Handle,
}

/// One command as it is carried out.
struct Attempt {
    id: String,
    /// Where what is known before the result goes.
    answers: mpsc::Sender<Answer>,
    origin: Origin,
    deadline: Moment,
    /// A test message is sent: from now on it may be written, whatever the outcome.
    begun: AtomicBool,
}

impl Commands {
    /// And where the results come out, and what is known before them, in the order in
    /// which they are there.
    pub(crate) fn new(means: Means) -> (Self, mpsc::Receiver<Answer>) {
        let (answers, out) = mpsc::channel(ANSWERS);
        let memory = Arc::new(Mutex::new(Memory::default()));
        let runner = Runner { means, probes: Probes::default() };
        (Self { runner, memory, hasher: RandomState::new(), answers }, out)
    }

    /// Starts a command that came on the stream `origin`, or returns its result where
    /// that is known. One that is under way is not started again: its result answers both.
    pub(crate) fn submit(
        &self,
        command: agent::v1::Command,
        origin: Origin,
    ) -> Option<agent::v1::CommandResult> {
        let read = clock::now();
        let (asked, again) = self.asked(&command);
        match self.lock().admit(&command.id, asked, again) {
            Admission::Known(result) => Some(*result),
            Admission::UnderWay => None,
            Admission::Other => {
                let problem = Problem::new(
                    ErrorCode::RequestIdReused,
                    "the request ID was used before with another message",
                );
                Some(result(command.id, Err(problem)))
            }
            Admission::Unknown => {
                let why = "it was sent before, and this agent does not know what became of it";
                Some(result(command.id, Err(test_message::uncertain(why))))
            }
            Admission::Full => {
                let problem = Problem::new(
                    ErrorCode::TooManyRequests,
                    "the agent has as many commands under way as it allows",
                );
                Some(result(command.id, Err(problem)))
            }
            Admission::New => {
                tokio::spawn(self.clone().carry_out(command, origin, read));
                None
            }
        }
    }

    /// What a command asks for whose id a user can choose, and whether it was sent before.
    fn asked(&self, command: &agent::v1::Command) -> (Asked, bool) {
        let Some(command::Command::WriteTestMessage(message)) = &command.command else {
            return (None, false);
        };
        let agent::v1::WriteTestMessage { partition, key, value, again, .. } = message.clone();
        let asked = agent::v1::WriteTestMessage { partition, key, value, ..Default::default() };
        (Some(self.hasher.hash_one(asked.encode_to_vec())), again)
    }

    async fn carry_out(self, command: agent::v1::Command, origin: Origin, read: Moment) {
        let agent::v1::Command { id, timeout, command } = command;
        let timeout = timeout
            .and_then(|timeout| Duration::try_from(timeout).ok())
            .filter(|timeout| !timeout.is_zero())
            .unwrap_or(DEFAULT_TIMEOUT)
            .min(LONGEST_TIMEOUT);
        tracing::debug!(id, ?timeout, "command");
        let writes = matches!(command, Some(command::Command::WriteTestMessage(_)));
        let is_of_the_moment = matches!(
            command,
            Some(command::Command::FlushConnector(_) | command::Command::ReadEndOffsets(_))
        );
        let begun = AtomicBool::new(false);
        let (deadline, answers) = (read.after(timeout), self.answers.clone());
        let attempt = Attempt { id: id.clone(), answers, origin, deadline, begun };
        // Caught, so that a command that fails so is answered, and may be sent
        // again under another id.
        let run = Box::pin(self.runner.run(command, &attempt));
        let run = std::panic::AssertUnwindSafe(run).catch_unwind();
        let outcome = match tokio::time::timeout(timeout, run).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(attempt.cut_short(
                ErrorCode::Internal,
                "the command failed; see the agent's log".to_owned(),
            )),
            Err(_) => Err(attempt.cut_short(
                ErrorCode::AgentTimeout,
                format!("the command was not done within {timeout:?}"),
            )),
        };
        if let Err(problem) = &outcome {
            tracing::warn!(id, %problem, "command failed");
        }
        let is_certain = |problem: &Problem| problem.code != ErrorCode::TestMessageUncertain;
        let is_nothing = writes && outcome.as_ref().is_err_and(is_certain);
        let result = result(id, outcome);
        // What was true at a moment, of each of many partitions, is for who asked then.
        let is_kept = !is_nothing && !is_of_the_moment;
        self.lock().finish(&result.id, is_kept.then(|| result.clone()));
        // Fails when the agent ends; the result stays remembered till then.
        let _ = self.answers.send(Answer::CommandResult(result)).await;
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    /// Tells what is known before the result.
    async fn tell(&self, progress: command_progress::Progress) {
        let id = self.id.clone();
        let progress = agent::v1::CommandProgress { id, progress: Some(progress) };
        // Fails when the agent ends.
        let _ = self.answers.send(Answer::CommandProgress(progress)).await;
    }

    /// What is wrong with one that ended before its outcome was there.
    fn cut_short(&self, code: ErrorCode, why: String) -> Problem {
        match self.begun.load(Ordering::Relaxed) {
            true => test_message::uncertain(&why),
            false => Problem::new(code, why),
        }
    }
}

impl Runner {
    async fn run(
        &self,
        command: Option<command::Command>,
        attempt: &Attempt,
    ) -> Result<command_result::Result, Problem> {
        match command {
            Some(command::Command::PrepareConnector(prepare)) => {
                let result = prepare::run(self, prepare, attempt).await?;
                Ok(command_result::Result::PrepareConnector(result))
            }
            Some(command::Command::WriteTestMessage(message)) => {
                let result = test_message::run(message, &attempt.begun).await?;
                Ok(command_result::Result::WriteTestMessage(result))
            }
            Some(command::Command::RemoveResources(removal)) => {
                let result = remove::run(&self.means, removal, attempt).await?;
                Ok(command_result::Result::RemoveResources(result))
            }
            Some(command::Command::ValidateConnector(preflight)) => {
                let result = preflight::run(self, preflight, attempt).await?;
                Ok(command_result::Result::ValidateConnector(result))
            }
            Some(command::Command::FlushConnector(flush)) => {
                let result = flush::run(&self.means, flush, attempt).await?;
                Ok(command_result::Result::FlushConnector(result))
            }
            Some(command::Command::ReadEndOffsets(ends)) => {
                let result = flush::read_ends(&self.means, ends).await?;
                Ok(command_result::Result::ReadEndOffsets(result))
            }
            None => Err(unsupported("the command is none that it knows")),
        }
    }
}

/// The instance of a command.
fn instance(wire: Option<v1::Instance>) -> Result<Instance, Problem> {
    let wire = wire.ok_or_else(|| unsupported("the instance is missing"))?;
    Instance::try_from(wire).map_err(unsupported)
}

fn unsupported(reason: impl std::fmt::Display) -> Problem {
    Problem::new(
        ErrorCode::AgentUnsupported,
        format!("agent {} cannot carry out this command: {reason}", env!("CARGO_PKG_VERSION")),
    )
}

fn result(
    id: String,
    outcome: Result<command_result::Result, Problem>,
) -> agent::v1::CommandResult {
    let result = outcome.unwrap_or_else(|problem| command_result::Result::Problem(problem.into()));
    agent::v1::CommandResult { id, result: Some(result) }
}
