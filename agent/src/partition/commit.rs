//! One partition's way to the group.

use kafka2oss_chain::Commit;
use kafka2oss_domain::error_code::Problem;
use tokio::sync::{mpsc, oneshot};

/// Why a commit was not acknowledged. Its outcome at the broker is unknown.
#[derive(Debug, Clone)]
pub(crate) enum CommitError {
    /// The partition belongs to this task no more, or not by this assignment.
    Revoked,
    /// The broker refused it or did not answer.
    Failed(Problem),
}

/// A commit for the consumer's actor.
#[derive(Debug)]
pub(crate) struct CommitRequest {
    /// The partition.
    pub partition: i32,
    /// The assignment that it belongs to: one of an earlier assignment is
    /// dropped.
    pub assignment: u64,
    /// The chain's position.
    pub commit: Commit,
    /// Takes the broker's answer.
    pub answer: oneshot::Sender<Result<(), CommitError>>,
}

/// Takes one partition's commits to the consumer's actor.
#[derive(Debug, Clone)]
pub(crate) struct Commits {
    /// The partition.
    pub partition: i32,
    /// The assignment.
    pub assignment: u64,
    /// To the actor.
    pub requests: mpsc::Sender<CommitRequest>,
}

impl Commits {
    /// Commits and waits for the broker's answer.
    pub(super) async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let (answer, outcome) = oneshot::channel();
        let Self { partition, assignment, .. } = *self;
        let request = CommitRequest { partition, assignment, commit, answer };
        self.requests.send(request).await.map_err(|_| CommitError::Revoked)?;
        outcome.await.map_err(|_| CommitError::Revoked)?
    }
}
