//! Every loop is watched: what has to run all the time takes the process down when it ends,
//! and what concerns one request or one stream is logged.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use kafka2oss_domain::ErrorCode;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::tasks;

/// Why the process has to end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The store cannot be read, or takes no writes any more.
    #[error("{cause}")]
    Store {
        /// What is wrong with its disk.
        code: ErrorCode,
        /// What the disk or the store says.
        cause: String,
    },
    /// The store has lost data: what is missing, and how to go on.
    #[error("{0}")]
    StoreLost(String),
    /// A part that has to run all the time has ended.
    #[error("{part} {how}")]
    Part {
        /// Which one.
        part: &'static str,
        /// How it ended.
        how: String,
    },
}

impl Failure {
    /// Its code, for the log.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Store { code, .. } => *code,
            Self::StoreLost(_) => ErrorCode::StorageLost,
            Self::Part { .. } => ErrorCode::ProcessFailed,
        }
    }

    /// Exit status of the process, of those in `sysexits.h`: 74, that of an input or output
    /// error, where the store has failed; 65, that of wrong data, where it has lost some; and
    /// 70, that of an internal error, otherwise.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Store { .. } => 74,
            Self::StoreLost(_) => 65,
            Self::Part { .. } => 70,
        }
    }
}

/// Watches the parts of a process that have to run until it stops.
#[derive(Debug, Clone)]
pub(crate) struct Supervision {
    /// The first failure; later ones follow from it.
    failure: Arc<watch::Sender<Option<Failure>>>,
    stop: CancellationToken,
}

impl Supervision {
    /// Of a process that is to stop with `stop`.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self { failure: Arc::new(watch::Sender::new(None)), stop }
    }

    /// Runs a part. A panic, an error, or an end before the process is to stop is a failure.
    pub(crate) fn spawn<E: std::fmt::Display>(
        &self,
        part: &'static str,
        run: impl Future<Output = Result<(), E>> + Send + 'static,
    ) -> JoinHandle<()> {
        let this = self.clone();
        tasks::spawn(async move {
            let how = match AssertUnwindSafe(run).catch_unwind().await {
                Ok(Ok(())) if this.stop.is_cancelled() => return,
                Ok(Ok(())) => "ended by itself".to_owned(),
                Ok(Err(error)) => format!("failed: {error}"),
                Err(panic) => format!("panicked: {}", words(&*panic)),
            };
            this.fail(Failure::Part { part, how });
        })
    }

    /// The process has to end.
    pub(crate) fn fail(&self, failure: Failure) {
        if self.stop.is_cancelled() {
            // It ends already, and perhaps because of an earlier one.
            tracing::error!(code = %failure.code(), %failure, "failed while the process stopped");
        }
        self.failure.send_if_modified(|first| {
            let is_first = first.is_none();
            first.get_or_insert(failure);
            is_first
        });
    }

    /// Waits until the process has to end, and says why.
    pub(crate) async fn failed(&self) -> Failure {
        let mut failure = self.failure.subscribe();
        let failed = failure.wait_for(Option::is_some).await.ok().and_then(|first| first.clone());
        match failed {
            Some(failure) => failure,
            // The sender is this one's, and lives.
            None => std::future::pending().await,
        }
    }
}

/// Runs what concerns nobody but who asked for it. A panic in it is logged, and `None` is what
/// it came to.
pub(crate) async fn contained<T>(what: &'static str, run: impl Future<Output = T>) -> Option<T> {
    match AssertUnwindSafe(run).catch_unwind().await {
        Ok(outcome) => Some(outcome),
        Err(panic) => {
            let (code, panic) = (ErrorCode::Internal, words(&*panic));
            tracing::error!(%code, panic, "{what} panicked");
            None
        }
    }
}

/// What a panic says.
pub(crate) fn words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without words")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::{pending, ready};

    use super::*;

    fn supervision() -> (Supervision, CancellationToken) {
        let stop = CancellationToken::new();
        (Supervision::new(stop.clone()), stop)
    }

    fn part(how: &str) -> Failure {
        Failure::Part { part: "the loop", how: how.to_owned() }
    }

    #[tokio::test]
    async fn a_part_that_panics_fails_or_ends_by_itself_is_a_failure_with_its_name() {
        let (panics, _stop) = supervision();
        panics.spawn("the loop", async {
            assert_ne!(1 + 1, 2, "arithmetic");
            Ok::<_, Infallible>(())
        });
        let failure = panics.failed().await;
        assert!(failure.to_string().starts_with("the loop panicked: "), "{failure}");
        assert!(failure.to_string().contains("arithmetic"), "{failure}");
        assert_eq!((failure.code(), failure.exit_status()), (ErrorCode::ProcessFailed, 70));

        let (fails, _stop) = supervision();
        fails.spawn("the loop", ready(Err("no socket")));
        assert_eq!(fails.failed().await, part("failed: no socket"));

        let (ends, _stop) = supervision();
        ends.spawn("the loop", ready(Ok::<_, Infallible>(())));
        assert_eq!(ends.failed().await, part("ended by itself"));
    }

    #[tokio::test]
    async fn a_part_that_ends_since_the_process_stops_is_none() {
        let (supervision, stop) = supervision();
        let until_stop = stop.clone().cancelled_owned();
        let part = supervision.spawn("the loop", async move {
            until_stop.await;
            Ok::<_, Infallible>(())
        });
        stop.cancel();
        part.await.expect("it ends");
        assert_eq!(supervision.failed().now_or_never(), None);
    }

    #[tokio::test]
    async fn the_first_failure_is_told_to_everybody_who_asks() {
        let (supervision, _stop) = supervision();
        let (early, other) = (supervision.clone(), supervision.clone());
        let early = tokio::spawn(async move { early.failed().await });
        tokio::task::yield_now().await;
        let full = Failure::Store { code: ErrorCode::StorageFull, cause: "disk full".to_owned() };
        supervision.fail(full.clone());
        supervision.fail(part("ended by itself"));
        for failure in [early.await.expect("no panic"), other.failed().await] {
            assert_eq!(failure, full);
            assert_eq!((failure.code(), failure.exit_status()), (ErrorCode::StorageFull, 74));
        }
    }

    #[tokio::test]
    async fn what_is_contained_harms_nobody_else() {
        assert_eq!(contained("a request", ready(7)).await, Some(7));
        let panics = async {
            assert_ne!(1 + 1, 2, "arithmetic");
            pending::<u8>().await
        };
        assert_eq!(contained("a request", panics).await, None);
    }
}
