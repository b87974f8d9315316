//! Lines of the log that a stranger could cause as often as he likes.

use std::time::Duration;

use tokio::time::Instant;

/// Between two lines at least.
const PAUSE: Duration = Duration::from_secs(10);

/// When one thing was told of last.
#[derive(Debug, Default)]
pub(crate) struct Notice {
    told: Option<Instant>,
    untold: u64,
    all: u64,
}

impl Notice {
    /// It has happened so often. Returns how often since it was last told, if it is to be told
    /// now.
    pub(crate) fn happened(&mut self, times: u64) -> Option<u64> {
        let now = Instant::now();
        (self.untold, self.all) = (self.untold + times, self.all + times);
        if self.told.is_some_and(|told| now < told + PAUSE) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.untold))
    }

    /// How often it has happened in all.
    #[cfg(test)]
    pub(crate) fn all(&self) -> u64 {
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_happens_all_the_time_is_told_now_and_then_with_how_often() {
        let mut notice = Notice::default();
        let told: Vec<_> = std::iter::repeat_with(|| notice.happened(1)).take(5).collect();
        assert_eq!(told, [Some(1), None, None, None, None]);
        tokio::time::advance(PAUSE).await;
        assert_eq!((notice.happened(2), notice.happened(1)), (Some(6), None));
    }
}
