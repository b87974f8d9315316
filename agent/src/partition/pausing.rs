//! How long a pause waits for what is open. Pure: time comes in as a value.

use std::time::{Duration, Instant};

use super::run::Signal;

/// What open objects have for their delivery when their partition pauses. What is not
/// delivered by then, since a store or a broker is down, is given up and read again.
pub(crate) const PAUSE_LIMIT: Duration = Duration::from_secs(20);

/// The pause of a partition.
#[derive(Debug, Default)]
pub(super) struct Pausing {
    /// Since when the loop has been told to pause.
    since: Option<Instant>,
}

impl Pausing {
    /// What the loop is told now.
    pub(super) fn told(&mut self, signal: Signal, now: Instant) {
        self.since = match signal {
            Signal::Pause => self.since.or(Some(now)),
            Signal::Run | Signal::Close => None,
        };
    }

    /// When what is still open is given up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        Some(self.since? + PAUSE_LIMIT)
    }

    /// Whether what is still open is given up.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_over_a_limit_after_it_began() {
        let (mut pausing, now) = (Pausing::default(), Instant::now());
        assert!(!pausing.is_over(now + PAUSE_LIMIT));
        pausing.told(Signal::Pause, now);
        // It is told again.
        pausing.told(Signal::Pause, now + PAUSE_LIMIT / 2);
        assert_eq!(pausing.deadline(), Some(now + PAUSE_LIMIT));
        assert!(!pausing.is_over(now + PAUSE_LIMIT / 2));
        assert!(pausing.is_over(now + PAUSE_LIMIT));
    }

    #[test]
    fn one_that_runs_again_or_stops_gives_nothing_up_by_a_pause() {
        let now = Instant::now();
        for signal in [Signal::Run, Signal::Close] {
            let mut pausing = Pausing::default();
            pausing.told(Signal::Pause, now);
            pausing.told(signal, now + PAUSE_LIMIT);
            assert!(!pausing.is_over(now + PAUSE_LIMIT));
            pausing.told(Signal::Pause, now + PAUSE_LIMIT);
            assert_eq!(pausing.deadline(), Some(now + PAUSE_LIMIT * 2));
        }
    }
}
