//! Whom to ask for what all brokers know: one that answers. Who that is costs a
//! request of its own, which is spared while one has answered of late.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::native::{Failure, REQUEST_TIMEOUT};

/// How long a broker that has answered is taken to be there.
const OF_LATE: Duration = Duration::from_secs(1);

/// How long such a broker may take, before another one is looked for: librdkafka waits
/// for one that is gone as long as it may.
const PATIENCE: Duration = Duration::from_secs(2);

/// The broker that has answered last, and when.
#[derive(Debug, Default)]
pub(super) struct Answering(Mutex<Option<(i32, Instant)>>);

impl Answering {
    /// Has `ask` ask a broker, for so long: the one that has answered of late; without
    /// one, or where it fails, the one that `find` finds.
    ///
    /// # Errors
    /// What `find` or the last `ask` returns.
    pub(super) fn ask<T>(
        &self,
        find: impl FnOnce() -> Result<i32, Failure>,
        ask: impl Fn(i32, Duration) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let known = self.of_late().and_then(|broker| Some((broker, ask(broker, PATIENCE).ok()?)));
        let (broker, answer) = match known {
            Some(answered) => answered,
            None => {
                let broker = find()?;
                (broker, ask(broker, REQUEST_TIMEOUT)?)
            }
        };
        let answered = Some((broker, Instant::now()));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = answered;
        Ok(answer)
    }

    fn of_late(&self) -> Option<i32> {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.filter(|(_, at)| at.elapsed() < OF_LATE).map(|(broker, _)| broker)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use rdkafka::types::RDKafkaErrorCode;

    use super::*;

    const FOUND: i32 = 7;

    /// Who is asked, and what for, by one who has heard from broker 3 this long ago and
    /// finds [`FOUND`], where brokers answer with their number unless it is `silent`.
    fn asked(ago: Duration, silent: i32) -> (Vec<(i32, Duration)>, Result<i32, Failure>) {
        let at = Instant::now().checked_sub(ago).expect("the machine runs for longer");
        let answering = Answering(Mutex::new(Some((3, at))));
        let asked = RefCell::new(Vec::new());
        let answer = answering.ask(
            || Ok(FOUND),
            |broker, patience| {
                asked.borrow_mut().push((broker, patience));
                let silence = Failure::of(RDKafkaErrorCode::OperationTimedOut);
                if broker == silent { Err(silence) } else { Ok(broker) }
            },
        );
        let expected = answer.as_ref().ok().copied().or((ago < OF_LATE).then_some(3));
        assert_eq!(answering.of_late(), expected, "the next one asks whoever has answered");
        (asked.into_inner(), answer)
    }

    #[test]
    fn a_broker_that_has_answered_of_late_is_asked_again() {
        assert_eq!(asked(Duration::ZERO, -1), (vec![(3, PATIENCE)], Ok(3)));
    }

    #[test]
    fn one_that_does_not_answer_any_more_is_replaced() {
        let both = vec![(3, PATIENCE), (FOUND, REQUEST_TIMEOUT)];
        assert_eq!(asked(Duration::ZERO, 3), (both, Ok(FOUND)));
    }

    #[test]
    fn one_that_has_answered_long_ago_is_not_asked() {
        assert_eq!(asked(OF_LATE, -1), (vec![(FOUND, REQUEST_TIMEOUT)], Ok(FOUND)));
    }

    #[test]
    fn a_broker_that_was_found_and_fails_is_a_failure() {
        let (asked, answer) = asked(OF_LATE, FOUND);
        assert_eq!((asked.len(), answer.is_err()), (1, true));
    }
}
