//! The wall clock, as messages carry it. A simulation has its own.

use std::time::{Duration, SystemTime};

use prost_types::Timestamp;

/// The time of day.
pub(crate) fn time() -> SystemTime {
    #[cfg(test)]
    if let Some(time) = crate::simulation::outside::time() {
        return time;
    }
    SystemTime::now()
}

/// Now.
pub(crate) fn now() -> Timestamp {
    Timestamp::from(time())
}

/// Whether `past` is at least `age` before now.
pub(crate) fn is_older(past: &Timestamp, age: Duration) -> bool {
    SystemTime::try_from(*past)
        .ok()
        .and_then(|past| time().duration_since(past).ok())
        .is_some_and(|passed| passed >= age)
}
