//! Asking a group's coordinator: on a fresh cluster the first requests meet one
//! that is not there yet, or has not loaded the group.

use std::thread;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaErrorCode;

const PAUSE: Duration = Duration::from_millis(50);

/// Asks again while the group's coordinator is about to be another broker, or to
/// have loaded the group; for `timeout` at most, of which `ask` is told what is
/// left. Blocks.
///
/// # Errors
/// What `ask` says last; `code` is librdkafka's for that.
pub(crate) fn ask<T, E>(
    timeout: Duration,
    code: impl Fn(&E) -> Option<RDKafkaErrorCode>,
    mut ask: impl FnMut(Duration) -> Result<T, E>,
) -> Result<T, E> {
    let deadline = Instant::now() + timeout;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match ask(left) {
            Err(error) if code(&error).is_some_and(is_moving) && left > PAUSE => {
                thread::sleep(PAUSE);
            }
            outcome => return outcome,
        }
    }
}

fn is_moving(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::NotCoordinator
            | RDKafkaErrorCode::CoordinatorNotAvailable
            | RDKafkaErrorCode::CoordinatorLoadInProgress
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn asked(
        answers: &[Result<u8, RDKafkaErrorCode>],
        timeout: Duration,
    ) -> Result<u8, RDKafkaErrorCode> {
        let mut answers = answers.iter();
        ask(timeout, |code| Some(*code), |_| *answers.next().expect("it is not asked on"))
    }

    #[test]
    fn a_coordinator_that_loads_the_group_is_waited_for() {
        let loading = Err(RDKafkaErrorCode::CoordinatorLoadInProgress);
        let moving = Err(RDKafkaErrorCode::NotCoordinator);
        assert_eq!(asked(&[loading, moving, Ok(7)], LONG), Ok(7));
    }

    #[test]
    fn any_other_error_is_the_answer() {
        let refused = Err(RDKafkaErrorCode::GroupAuthorizationFailed);
        assert_eq!(asked(&[refused, Ok(7)], LONG), refused);
    }

    #[test]
    fn after_its_time_the_last_answer_stands() {
        let loading = Err(RDKafkaErrorCode::CoordinatorLoadInProgress);
        assert_eq!(asked(&[loading], Duration::ZERO), loading);
    }
}
