//! An agent in this process: its parts put together, from start to stop.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use kafka2oss_proto::agent;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::assignment::{AssignmentCache, Keyring};
use crate::boot;
use crate::commands::{Commands, Means};
use crate::control::{self, Control, Ended, Intent};
use crate::data_runtime::DataRuntime;
use crate::load::LoadMeter;
use crate::report::Reporter;
use crate::supervision::{Failed, Supervision};
use crate::supervisor::{Board, KafkaTasks, Parts, Supervisor, TaskFactory};
use crate::task::{Clients, ConfirmationDesk, Confirmations, Flushes, StopMode, confirmations};
use crate::{AdminFactory, Environment, Options};

/// What the last words to the control plane may take, an attempt to connect
/// included.
const GOODBYE_WITHIN: Duration = Duration::from_secs(5);

/// A running agent. Dropping it ends everything without closing objects; use
/// [`Agent::stop`].
#[derive(Debug)]
pub struct Agent {
    supervisor: Supervisor,
    intent: watch::Sender<Intent>,
    ended: watch::Receiver<Option<Ended>>,
    shutdown_deadline: Duration,
    control: AbortHandle,
    supervision: Supervision,
    _data_runtime: DataRuntime,
}

/// Why an agent is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// It goes for good: its tasks move to other agents at once.
    Leaving,
    /// It comes back: its tasks stay its own for a lease.
    Restarting,
}

/// Why an agent has ended by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("another process with this agent id has taken over: {message}")]
pub struct Superseded {
    /// In the control plane's words.
    pub message: String,
}

/// How an agent has ended by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// Its id is another process's; its tasks have stopped.
    #[error(transparent)]
    Superseded(Superseded),
    /// A part of it has ended: what else it does is of no more use.
    #[error(transparent)]
    Failed(Failed),
}

impl Agent {
    /// Starts an agent; its tasks run on the calling runtime and on one of
    /// their own for data. The control plane need not be there: the cached
    /// assignments run before this returns.
    ///
    /// # Errors
    /// Options that no agent can run with.
    pub async fn start(options: Options, environment: Environment) -> anyhow::Result<Self> {
        let data_runtime = DataRuntime::start(options.data_threads)?;
        let Environment { admins, membership } = environment;
        let reporter = Reporter::new(options.identity()?.agent);
        let (questions, flushes) = (confirmations(), Flushes::default());
        let memory = options.memory_budget();
        let load = LoadMeter::new(memory.clone());
        let tasks = KafkaTasks {
            agent: options.identity()?.agent,
            reporter: reporter.clone(),
            membership,
            confirmations: questions.0.clone(),
            clients: Clients::default(),
            flushes: flushes.clone(),
            memory,
            data_runtime: data_runtime.handle(),
        };
        let tasks = (Arc::new(tasks) as Arc<dyn TaskFactory>, flushes);
        Self::start_with(options, admins, reporter, load, tasks, questions, data_runtime).await
    }

    pub(crate) async fn start_with(
        options: Options,
        admins: Arc<dyn AdminFactory>,
        reporter: Reporter,
        load: LoadMeter,
        (tasks, flushes): (Arc<dyn TaskFactory>, Flushes),
        (confirmations, desk): (Confirmations, ConfirmationDesk),
        data_runtime: DataRuntime,
    ) -> anyhow::Result<Self> {
        let identity = options.identity()?;
        let endpoint = control::endpoint(&options.control_plane)?;
        let cache = AssignmentCache::open(options.state_dir.as_deref(), &identity)
            .await
            .with_context(|| format!("state directory {:?}", options.state_dir))?;
        let boot_nonce = boot::nonce(options.state_dir.as_deref(), SystemTime::now()).await;
        if options.state_dir.is_none() {
            tracing::info!("no state directory: a restart needs the control plane");
        }

        let (keyring, board) = (Keyring::default(), Board::default());
        let supervision = Supervision::default();
        let supervisor = Supervisor::start(Parts {
            tasks,
            cache,
            keyring: keyring.clone(),
            board: board.clone(),
            adopt_store: options.adopt_store,
            supervision: supervision.clone(),
        })
        .await;
        let (commands, answers) = Commands::new(Means {
            admins,
            keyring,
            held: supervisor.held(),
            confirmations,
            flushes,
            budget_bytes: options.budget_bytes(),
            data_runtime: data_runtime.handle(),
        });
        let (intent, intents) = watch::channel(Intent::Run);
        let control = Control {
            endpoint,
            identity,
            boot_nonce,
            supervisor: supervisor.clone(),
            board,
            reporter,
            load,
            commands,
            answers,
            desk,
            intent: intents,
        };
        let shutdown_deadline = options.shutdown_deadline();
        let (end, ended) = watch::channel(None);
        let control = serve(control, shutdown_deadline, end);
        let control = supervision.spawn("the stream to the control plane", control).abort_handle();
        Ok(Self {
            supervisor,
            intent,
            ended,
            shutdown_deadline,
            control,
            supervision,
            _data_runtime: data_runtime,
        })
    }

    /// Stops the tasks, closing and committing what is open within the
    /// deadline of the options, tells the control plane, and ends.
    pub async fn stop(mut self, reason: StopReason) {
        let (mode, goodbye) = match reason {
            StopReason::Leaving => (StopMode::Leave, agent::v1::GoodbyeReason::Leaving),
            StopReason::Restarting => {
                (StopMode::KeepMembership, agent::v1::GoodbyeReason::Restarting)
            }
        };
        stop_tasks(&self.supervisor, mode, self.shutdown_deadline).await;
        self.intent.send_replace(Intent::Goodbye(goodbye));
        let told = match timeout(GOODBYE_WITHIN, self.ended.wait_for(Option::is_some)).await {
            Ok(Ok(ended)) => matches!(*ended, Some(Ended::Goodbye { told: true })),
            Ok(Err(_)) | Err(_) => false,
        };
        match (reason, told) {
            // They run elsewhere from now on: not here again after a start
            // that finds no control plane.
            (StopReason::Leaving, true) => self.supervisor.forget().await,
            (_, true) => {}
            (_, false) => {
                tracing::warn!("the control plane was not told: tasks stay placed for a lease");
            }
        }
    }

    /// Waits until the agent has ended by itself, and says how. For ever when it does not.
    pub async fn stopped(&self) -> Stopped {
        tokio::select! {
            superseded = self.superseded() => Stopped::Superseded(superseded),
            failed = self.supervision.failed() => Stopped::Failed(failed),
        }
    }

    async fn superseded(&self) -> Superseded {
        let mut ended = self.ended.clone();
        loop {
            if let Some(Ended::Superseded(superseded)) = &*ended.borrow_and_update() {
                return superseded.clone();
            }
            if ended.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.control.abort();
    }
}

async fn serve(control: Control, deadline: Duration, end: watch::Sender<Option<Ended>>) {
    let supervisor = control.supervisor.clone();
    let ended = control.run().await;
    if let Ended::Superseded(superseded) = &ended {
        tracing::error!("{superseded}; the tasks stop");
        // The newer process has the same members: they are not taken out of
        // their groups.
        stop_tasks(&supervisor, StopMode::KeepMembership, deadline).await;
    }
    end.send_replace(Some(ended));
}

async fn stop_tasks(supervisor: &Supervisor, mode: StopMode, deadline: Duration) {
    if timeout(deadline, supervisor.stop_all(mode)).await.is_err() {
        tracing::warn!(
            ?deadline,
            "not every task has stopped in time; what was open is read again"
        );
    }
}

#[cfg(test)]
mod tests;
