//! Trying something outside again until it works, or for as long as the failure
//! policy allows.

use std::time::{Duration, Instant};

use kafka2oss_domain::error_code::Problem;
use kafka2oss_sink::StoreError;

use crate::backoff::Backoff;
use crate::task::PartitionBoard;

/// How long the store is tried: for ever under LOG, for this long under FAIL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience(pub(crate) Option<Duration>);

/// Tries of one thing, one after the other.
pub(super) struct Attempts<'a> {
    board: &'a PartitionBoard,
    patience: Patience,
    backoff: Backoff,
    failing_since: Option<Instant>,
}

impl<'a> Attempts<'a> {
    pub(super) fn new(board: &'a PartitionBoard, patience: Patience) -> Self {
        Self { board, patience, backoff: Backoff::of_requests(), failing_since: None }
    }

    /// The store has failed: waits before the next try, for as long as the
    /// store asks to be left alone if that is longer.
    ///
    /// # Errors
    /// The problem, when it has lasted for longer than the patience.
    pub(super) async fn store_failed(&mut self, error: StoreError) -> Result<(), Problem> {
        let hint = error.delay.unwrap_or_default();
        self.failed(error.into(), hint).await
    }

    /// Something else has failed that only time can cure: waits before the next
    /// try.
    pub(super) async fn blocked(&mut self, problem: &Problem) {
        self.board.retrying(problem);
        tokio::time::sleep(self.backoff.next_delay()).await;
    }

    /// Nothing is wrong; it is merely to be tried again.
    pub(super) async fn pause(&mut self) {
        tokio::time::sleep(self.backoff.next_delay()).await;
    }

    /// It has worked.
    pub(super) fn worked(&mut self) {
        self.failing_since = None;
        self.board.recovered();
    }

    async fn failed(&mut self, problem: Problem, hint: Duration) -> Result<(), Problem> {
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        if self.patience.0.is_some_and(|limit| since.elapsed() >= limit) {
            return Err(problem);
        }
        self.board.retrying(&problem);
        tokio::time::sleep(self.backoff.next_delay().max(hint)).await;
        Ok(())
    }
}
