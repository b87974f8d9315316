//! A request that has met a passing failure is made again.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::time::sleep;

use crate::StoreError;

/// Tries of one request.
const TRIES: usize = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(150);
/// Also where the store asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// No request is made again later than this after the first one of all: who
/// waits for the whole has a limit, too.
const WITHIN: Duration = Duration::from_secs(15);

/// How long the requests that belong together are tried.
#[derive(Debug)]
pub(super) struct Patience {
    began: Instant,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { began: Instant::now() }
    }

    /// Makes a request that can be made again whatever became of it, until it
    /// works, is refused, or has failed for good.
    pub(super) async fn repeat<T, F>(
        &mut self,
        mut request: impl FnMut() -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_max_times(TRIES - 1)
            .with_jitter()
            .build();
        for pause in pauses {
            let error = match request().await {
                Err(error) if error.is_passing() => error,
                ended => return ended,
            };
            let pause = pause.max(error.delay.unwrap_or_default()).min(LONGEST_PAUSE);
            if self.began.elapsed() + pause > WITHIN {
                return Err(error);
            }
            tracing::debug!(%error, "a request of a probe is repeated");
            sleep(pause).await;
        }
        request().await
    }
}
