//! Whom to ask for what all brokers know: one that answers. Who that is costs a
//! request of its own, which is spared for a while after one was found.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::native::{Failure, REQUEST_TIMEOUT};

/// How long a broker that was found is taken to be there, and no longer even if it is:
/// librdkafka finds any of them, so that none is asked for ever.
const OF_LATE: Duration = Duration::from_secs(1);

/// How long such a broker may take, before another one is looked for: librdkafka waits
/// for one that is gone as long as it may.
const PATIENCE: Duration = Duration::from_secs(2);

/// The broker that was found last, and when.
#[derive(Debug, Default)]
pub(super) struct Answering(Mutex<Option<(i32, Instant)>>);

impl Answering {
    /// Has `ask` ask a broker `now`, for so long: the one that was found of late;
    /// without one, or where it fails, the one that `find` finds.
    ///
    /// # Errors
    /// What `find` or the last `ask` returns.
    pub(super) fn ask<T>(
        &self,
        now: Instant,
        find: impl FnOnce() -> Result<i32, Failure>,
        ask: impl Fn(i32, Duration) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if let Some(broker) = self.of_late(now)
            && let Ok(answer) = ask(broker, PATIENCE)
        {
            return Ok(answer);
        }
        let broker = find()?;
        let found = Some((broker, now));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = found;
        ask(broker, REQUEST_TIMEOUT)
    }

    fn of_late(&self, now: Instant) -> Option<i32> {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.filter(|(_, found)| now.saturating_duration_since(*found) < OF_LATE)
            .map(|(broker, _)| broker)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use rdkafka::types::RDKafkaErrorCode;

    use super::*;

    const FOUND: i32 = 7;

    /// Who is asked, and for how long, by one who has found broker 3 this long ago and
    /// finds [`FOUND`] now, where brokers answer with their number but for one; and
    /// whom the next one asks first.
    fn asked(ago: Duration, silent: i32) -> (Vec<(i32, Duration)>, Option<i32>) {
        let found = Instant::now();
        let (now, answering) = (found + ago, Answering(Mutex::new(Some((3, found)))));
        let asked = RefCell::new(Vec::new());
        let answer = answering.ask(
            now,
            || Ok(FOUND),
            |broker, patience| {
                asked.borrow_mut().push((broker, patience));
                let silence = Failure::of(RDKafkaErrorCode::OperationTimedOut);
                if broker == silent { Err(silence) } else { Ok(broker) }
            },
        );
        let asked = asked.into_inner();
        let last = asked.last().map(|(broker, _)| *broker);
        assert_eq!(answer.ok(), last.filter(|broker| *broker != silent), "of the last one asked");
        (asked, answering.of_late(now))
    }

    #[test]
    fn a_broker_that_was_found_of_late_is_asked() {
        assert_eq!(asked(Duration::ZERO, -1), (vec![(3, PATIENCE)], Some(3)));
    }

    #[test]
    fn one_that_does_not_answer_any_more_is_replaced() {
        let both = vec![(3, PATIENCE), (FOUND, REQUEST_TIMEOUT)];
        assert_eq!(asked(Duration::ZERO, 3), (both, Some(FOUND)));
    }

    #[test]
    fn one_that_was_found_long_ago_is_not_asked() {
        assert_eq!(asked(OF_LATE, -1), (vec![(FOUND, REQUEST_TIMEOUT)], Some(FOUND)));
    }

    #[test]
    fn one_that_is_found_and_does_not_answer_is_a_failure() {
        assert_eq!(asked(OF_LATE, FOUND).0, [(FOUND, REQUEST_TIMEOUT)]);
    }
}
