//! Waits that end.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// It did not come within this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not within {:.0} s", .0.as_secs_f64())]
pub(crate) struct NotWithin(pub(crate) Duration);

/// Waits for `work`, for so long at most.
pub(crate) async fn within<T>(
    bound: Duration,
    work: impl Future<Output = T>,
) -> Result<T, NotWithin> {
    timeout(bound, work).await.map_err(|_| NotWithin(bound))
}

/// Looks until `done`, for so long at most. Returns when it was seen.
pub(crate) async fn until(
    bound: Duration,
    mut done: impl FnMut() -> bool,
) -> Result<Instant, NotWithin> {
    within(bound, async {
        while !done() {
            sleep(LOOK).await;
        }
        Instant::now()
    })
    .await
}
