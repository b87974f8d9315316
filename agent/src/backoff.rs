//! How long to wait before something outside is asked again.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// Waits that grow from the first to the longest, with jitter, and never end.
#[derive(Debug)]
pub(crate) struct Backoff {
    delays: ExponentialBackoff,
    longest: Duration,
}

impl Backoff {
    /// Waits for a request to the store or the broker: 200 ms to 10 s.
    pub(crate) fn of_requests() -> Self {
        Self::new(Duration::from_millis(200), Duration::from_secs(10))
    }

    /// Waits from `first` to `longest`.
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        let builder = ExponentialBuilder::default()
            .with_min_delay(first)
            .with_max_delay(longest)
            .with_jitter()
            .without_max_times();
        Self { delays: builder.build(), longest }
    }

    /// The next wait.
    pub(crate) fn next_delay(&mut self) -> Duration {
        self.delays.next().unwrap_or(self.longest)
    }
}
