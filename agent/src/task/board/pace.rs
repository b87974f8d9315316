//! How often those who follow a task are told where its partitions are: each time
//! wakes several of them, which costs more than the batch that it tells of.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two times. Reports to the control plane are not more frequent.
const BETWEEN: Duration = Duration::from_millis(500);

/// When changes of positions are told.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    told: Option<Instant>,
    /// Something has changed since.
    owes: bool,
}

impl Pace {
    /// Something has changed. Whether it is told now; otherwise it is owed.
    pub(super) fn changed(&self, now: Instant) -> bool {
        self.with(|state| {
            state.owes = state.told.is_some_and(|told| now < told + BETWEEN);
            if !state.owes {
                state.told = Some(now);
            }
            !state.owes
        })
    }

    /// Whether something is owed, which is told with that.
    pub(super) fn pay(&self) -> bool {
        self.with(|state| std::mem::take(&mut state.owes))
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_after_a_quiet_time_is_told_at_once() {
        let (pace, now) = (Pace::default(), Instant::now());
        assert!(pace.changed(now));
        assert!(pace.changed(now + BETWEEN));
    }

    #[test]
    fn changes_in_quick_succession_are_told_once_and_the_last_is_owed() {
        let (pace, now) = (Pace::default(), Instant::now());
        assert!(pace.changed(now));
        assert!(!pace.changed(now + BETWEEN / 4));
        assert!(!pace.changed(now + BETWEEN / 2));
        assert!(pace.pay());
        assert!(!pace.pay(), "nothing has changed since");
        assert!(!pace.changed(now + BETWEEN * 3 / 4));
        assert!(pace.changed(now + BETWEEN));
        assert!(!pace.pay(), "it was told");
    }
}
