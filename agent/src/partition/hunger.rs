//! How often a partition waits for records that are there.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A wait of this long is more than a fetch takes.
const STALL: Duration = Duration::from_millis(100);

/// Long waits of a consumer's partitions so far, for records that the broker was known
/// to have. Those at the same time are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stalls(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    count: u64,
    /// When the last one ended.
    ended: Option<Instant>,
}

impl Stalls {
    /// How many.
    pub(crate) fn count(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).count
    }

    fn add(&self, since: Instant, until: Instant) {
        if until.saturating_duration_since(since) < STALL {
            return;
        }
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.ended.is_none_or(|ended| since >= ended) {
            counted.count += 1;
            counted.ended = Some(until);
        }
    }
}

/// One partition's waits.
#[derive(Debug)]
pub(super) struct Hunger {
    stalls: Stalls,
    /// When it was seen to have taken everything and yet to be behind.
    since: Option<Instant>,
    /// The end was told after the last record: there may be offsets behind it, but no
    /// record.
    at_end: bool,
}

impl Hunger {
    pub(super) fn new(stalls: Stalls) -> Self {
        Self { stalls, since: None, at_end: false }
    }

    /// Records came.
    pub(super) fn fed(&mut self, now: Instant) {
        self.at_end = false;
        if let Some(since) = self.since.take() {
            self.stalls.add(since, now);
        }
    }

    /// Nothing is asked for.
    pub(super) fn rests(&mut self) {
        self.since = None;
    }

    /// The end was told.
    pub(super) fn ended(&mut self) {
        (self.at_end, self.since) = (true, None);
    }

    /// There is nothing to be taken, by `behind` although there are offsets further on.
    pub(super) fn empty(&mut self, now: Instant, behind: impl FnOnce() -> bool) {
        if !self.at_end && self.since.is_none() && behind() {
            self.since = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(hunger: impl FnOnce(&mut Hunger, Instant)) -> u64 {
        let stalls = Stalls::default();
        hunger(&mut Hunger::new(stalls.clone()), Instant::now());
        stalls.count()
    }

    #[test]
    fn a_long_wait_for_records_that_are_there_counts_once() {
        let waited = |hunger: &mut Hunger, now| {
            hunger.empty(now, || true);
            hunger.empty(now + STALL / 2, || true);
            hunger.fed(now + STALL);
            hunger.fed(now + 2 * STALL);
        };
        assert_eq!(after(waited), 1);
    }

    #[test]
    fn waits_at_the_same_time_are_one() {
        let (stalls, now) = (Stalls::default(), Instant::now());
        let mut partitions = [(); 3].map(|()| Hunger::new(stalls.clone()));
        for round in 0..2 {
            let now = now + 3 * round * STALL;
            for (hunger, later) in partitions.iter_mut().zip(0..) {
                hunger.empty(now + later * STALL / 10, || true);
                hunger.fed(now + 2 * STALL);
            }
        }
        assert_eq!(stalls.count(), 2);
    }

    #[test]
    fn what_a_fetch_takes_does_not_count() {
        let waited = |hunger: &mut Hunger, now| {
            hunger.empty(now, || true);
            hunger.fed(now + STALL / 2);
        };
        assert_eq!(after(waited), 0);
    }

    #[test]
    fn a_time_without_asking_does_not_count() {
        let paused = |hunger: &mut Hunger, now| {
            hunger.empty(now, || true);
            hunger.rests();
            hunger.fed(now + STALL);
        };
        assert_eq!(after(paused), 0);
    }

    #[test]
    fn whoever_has_everything_waits_for_nothing() {
        let at_its_end = |hunger: &mut Hunger, now| {
            hunger.empty(now, || false);
            hunger.fed(now + STALL);
        };
        assert_eq!(after(at_its_end), 0);
        let before_a_marker = |hunger: &mut Hunger, now| {
            hunger.empty(now, || true);
            hunger.ended();
            hunger.empty(now, || true);
            hunger.fed(now + STALL);
        };
        assert_eq!(after(before_a_marker), 0);
    }
}
