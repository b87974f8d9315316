//! An agent in this process: its parts put together, from start to stop.

use crate::{Environment, Options};

/// A running agent. Dropping it ends everything without closing objects; use
/// [`Agent::stop`].
#[derive(Debug)]
pub struct Agent {}

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

impl Agent {
    /// Starts an agent; its tasks run on runtimes of their own and on the
    /// calling one. The control plane need not be there.
    ///
    /// # Errors
    /// Options that no agent can run with.
    pub async fn start(options: Options, environment: Environment) -> anyhow::Result<Self> {
        let _ = (options, environment);
        Ok(Self {})
    }

    /// Stops the tasks, closing and committing what is open within the
    /// deadline of the options, tells the control plane, and ends.
    pub async fn stop(self, reason: StopReason) {
        let _ = reason;
    }

    /// Waits until the agent has ended by itself.
    pub async fn stopped(&self) -> Superseded {
        std::future::pending().await
    }
}
