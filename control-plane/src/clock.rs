//! The wall clock, as messages carry it.

use std::time::{Duration, SystemTime};

use prost_types::Timestamp;

/// Now.
pub(crate) fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

/// Whether `time` is at least `age` before now.
pub(crate) fn is_older(time: &Timestamp, age: Duration) -> bool {
    SystemTime::try_from(*time)
        .ok()
        .and_then(|time| SystemTime::now().duration_since(time).ok())
        .is_some_and(|passed| passed >= age)
}

/// `duration` with a random part taken off, up to a quarter of it, so that
/// retries of many do not meet.
pub(crate) fn jittered(duration: Duration) -> Duration {
    let random = (ulid::Ulid::generate().random() % 1_024) as u32;
    duration - duration / 4 * random / 1_024
}
