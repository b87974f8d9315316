//! Random numbers and what is made of them. A simulation draws them from its seed.

use std::time::{Duration, UNIX_EPOCH};

use ulid::Ulid;

use crate::clock;

/// A new unique ID: of now, and random.
pub(crate) fn ulid() -> Ulid {
    let passed = clock::time().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ulid::from_parts(passed.as_millis() as u64, random())
}

/// `duration` with a random part taken off, up to a quarter of it, so that
/// retries of many do not meet.
pub(crate) fn jittered(duration: Duration) -> Duration {
    let part = (random() % 1_024) as u32;
    duration - duration / 4 * part / 1_024
}

fn random() -> u128 {
    #[cfg(test)]
    if let Some(random) = crate::simulation::outside::random() {
        return random;
    }
    Ulid::generate().random()
}
