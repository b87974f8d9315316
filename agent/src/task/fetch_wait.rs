//! How long a fetch waits at the broker for records. Pure: time and what is seen come
//! in as values.
//!
//! librdkafka (2.12.1) has one fetch a broker under way, and leaves out of it whatever
//! has its queue full at that moment. Such a partition can be fetched again only when
//! that fetch is back: where the others have nothing, after all of this wait. A long
//! wait spares idle consumers processor time, a short one spares a partition with a
//! backlog these breaks.

use std::time::{Duration, Instant};

/// Records that are a backlog.
const BACKLOG: i64 = 1_000;

/// Without a backlog for this long there will be none.
const OVER_AFTER: Duration = Duration::from_secs(60);

/// The same for a consumer that needed a short wait to get rid of one: it may need it
/// for what comes in.
const OVER_AFTER_NEED: Duration = Duration::from_secs(60 * 60);

/// This many waits for records that are there, within [`WINDOW`], are too many.
const STALLS: u64 = 4;

const WINDOW: Duration = Duration::from_secs(5);

/// How long a fetch waits at the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FetchWait {
    /// As idle consumers should.
    Long,
    /// As a consumer should of which some partition has a backlog.
    Short,
}

impl FetchWait {
    /// The wait of a consumer that starts with so many records before it.
    pub(super) fn before(backlog: i64) -> Self {
        if backlog >= BACKLOG { Self::Short } else { Self::Long }
    }

    /// The wait.
    pub(super) fn duration(self) -> Duration {
        match self {
            Self::Long => Duration::from_millis(500),
            Self::Short => Duration::from_millis(20),
        }
    }
}

/// Whether a consumer's wait suits what it has to do.
#[derive(Debug)]
pub(super) struct WaitChoice {
    wait: FetchWait,
    /// How long there is to be no backlog for a long wait.
    over_after: Duration,
    /// When the window began, and the waits until then.
    window: (Instant, u64),
    /// Since when there is no backlog.
    over_since: Instant,
}

impl WaitChoice {
    /// For a consumer with this wait; `needed` says that an earlier one has asked for it.
    pub(super) fn new(wait: FetchWait, needed: bool, now: Instant) -> Self {
        let over_after = if needed { OVER_AFTER_NEED } else { OVER_AFTER };
        Self { wait, over_after, window: (now, 0), over_since: now }
    }

    /// The wait as it is.
    pub(super) fn wait(&self) -> FetchWait {
        self.wait
    }

    /// Looks at the partitions' waits for records that are there and at what they have
    /// before them: another wait, if that suits them better.
    pub(super) fn look(&mut self, now: Instant, stalls: u64, backlog: i64) -> Option<FetchWait> {
        if backlog >= BACKLOG {
            self.over_since = now;
        }
        match self.wait {
            FetchWait::Long => {
                let (since, before) = self.window;
                if now.duration_since(since) > WINDOW {
                    self.window = (now, stalls);
                    return None;
                }
                let is_stalled = stalls - before >= STALLS && backlog >= BACKLOG;
                is_stalled.then_some(FetchWait::Short)
            }
            FetchWait::Short => {
                let is_over = now.duration_since(self.over_since) >= self.over_after;
                is_over.then_some(FetchWait::Long)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_secs(1);

    #[test]
    fn a_partition_that_is_stalled_again_and_again_asks_for_a_short_wait() {
        let now = Instant::now();
        let mut choice = WaitChoice::new(FetchWait::Long, false, now);
        assert_eq!(choice.look(now + TICK, 2, BACKLOG), None);
        assert_eq!(choice.look(now + 2 * TICK, 4, BACKLOG), Some(FetchWait::Short));
    }

    #[test]
    fn stalls_now_and_then_are_none() {
        let now = Instant::now();
        let mut choice = WaitChoice::new(FetchWait::Long, false, now);
        for tick in 1..100 {
            let stalls = u64::from(tick) / 2;
            assert_eq!(choice.look(now + tick * TICK, stalls, BACKLOG), None, "{tick}");
        }
    }

    #[test]
    fn the_wait_is_long_again_once_a_backlog_is_over() {
        let now = Instant::now();
        let mut choice = WaitChoice::new(FetchWait::before(BACKLOG), false, now);
        assert_eq!(choice.look(now + OVER_AFTER, 100, BACKLOG), None);
        assert_eq!(choice.look(now + OVER_AFTER + TICK, 100, BACKLOG - 1), None);
        assert_eq!(choice.look(now + 2 * OVER_AFTER, 100, 0), Some(FetchWait::Long));
    }

    #[test]
    fn a_short_wait_that_was_needed_is_kept_for_longer() {
        let now = Instant::now();
        let mut choice = WaitChoice::new(FetchWait::Short, true, now);
        assert_eq!(choice.look(now + 2 * OVER_AFTER, 0, 0), None);
        assert_eq!(choice.look(now + OVER_AFTER_NEED, 0, 0), Some(FetchWait::Long));
    }

    /// Between a transaction's last record and the next one stands a marker.
    #[test]
    fn stalls_without_a_backlog_are_none() {
        let now = Instant::now();
        let mut choice = WaitChoice::new(FetchWait::Long, false, now);
        for tick in 1..20 {
            let stalls = 5 * u64::from(tick);
            assert_eq!(choice.look(now + tick * TICK, stalls, BACKLOG - 1), None, "{tick}");
        }
    }

    #[test]
    fn whoever_has_little_before_him_starts_with_a_long_wait() {
        assert_eq!(FetchWait::before(BACKLOG - 1), FetchWait::Long);
    }
}
