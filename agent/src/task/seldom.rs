//! Remedies that cost a task its consumer, and are not to be taken again at once where
//! they did not help.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two times.
const BETWEEN: Duration = Duration::from_secs(600);

/// A remedy that is taken seldom.
#[derive(Debug, Default)]
pub(super) struct Seldom(Mutex<Option<Instant>>);

impl Seldom {
    /// Whether it may be taken at `now`; it is taken with that.
    pub(super) fn take(&self, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let may = last.is_none_or(|last| now >= last + BETWEEN);
        if may {
            *last = Some(now);
        }
        may
    }
}

/// What a task has tried of late, over all its consumers.
#[derive(Debug, Default)]
pub(super) struct Remedies {
    /// It left the group, since nobody had a partition.
    pub left: Seldom,
    /// It made its consumer anew, since that did not get what there is to be read.
    pub renewed: Seldom,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_is_taken_once_in_a_while() {
        let (seldom, now) = (Seldom::default(), Instant::now());
        assert!(seldom.take(now));
        assert!(!seldom.take(now + BETWEEN / 2));
        assert!(seldom.take(now + BETWEEN));
        assert!(!seldom.take(now + BETWEEN));
    }
}
