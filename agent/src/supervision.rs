//! Every loop is watched: what has to run all the time takes the agent down when it panics,
//! and what others do without is logged.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use kafka2oss_domain::ErrorCode;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A part of an agent that has to run all the time has ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part} panicked: {words}")]
pub struct Failed {
    part: &'static str,
    words: String,
}

impl Failed {
    /// Its code, for the log.
    pub fn code(&self) -> ErrorCode {
        ErrorCode::ProcessFailed
    }
}

/// Watches the parts of an agent that have to run until it stops.
#[derive(Debug, Clone)]
pub(crate) struct Supervision {
    /// The first failure; later ones follow from it.
    failure: Arc<watch::Sender<Option<Failed>>>,
}

impl Default for Supervision {
    fn default() -> Self {
        Self { failure: Arc::new(watch::Sender::new(None)) }
    }
}

impl Supervision {
    /// Runs a part, which ends by itself only when nobody needs it any more.
    pub(crate) fn spawn(
        &self,
        part: &'static str,
        run: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        let failure = Arc::clone(&self.failure);
        tokio::spawn(async move {
            let Err(panic) = AssertUnwindSafe(run).catch_unwind().await else { return };
            let failed = Failed { part, words: words(&*panic).to_owned() };
            failure.send_if_modified(|first| {
                let is_first = first.is_none();
                first.get_or_insert(failed);
                is_first
            });
        })
    }

    /// Waits until the agent has to end, and says why.
    pub(crate) async fn failed(&self) -> Failed {
        let mut failure = self.failure.subscribe();
        let failed = failure.wait_for(Option::is_some).await.ok().and_then(|first| first.clone());
        match failed {
            Some(failed) => failed,
            // The sender is this one's, and lives.
            None => std::future::pending().await,
        }
    }
}

/// Runs what others do without. A panic in it is logged.
pub(crate) async fn contained(what: &'static str, run: impl Future<Output = ()>) {
    if let Err(panic) = AssertUnwindSafe(run).catch_unwind().await {
        let (code, panic) = (ErrorCode::Internal, words(&*panic));
        tracing::error!(%code, panic, "{what} panicked");
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without words")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_panic_of_a_part_is_told() {
        let supervision = Supervision::default();
        supervision.spawn("a part that is done", async {}).await.expect("it ends");
        assert_eq!(supervision.failed().now_or_never(), None);
        let panics = async { assert_ne!(1 + 1, 2, "arithmetic") };
        supervision.spawn("the loop", panics).await.expect("it is caught");
        supervision.spawn("another", async { panic!("later") }).await.expect("it is caught");
        let failed = supervision.failed().await;
        assert!(failed.to_string().starts_with("the loop panicked: "), "{failed}");
        assert!(failed.to_string().contains("arithmetic"), "{failed}");
        assert_eq!(failed.code(), ErrorCode::ProcessFailed);
    }

    #[tokio::test]
    async fn what_is_contained_harms_nobody_else() {
        contained("a writer", async { panic!("nothing more") }).await;
    }
}
