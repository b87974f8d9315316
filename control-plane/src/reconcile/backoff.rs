//! Pauses between tries.

use std::time::Duration;

use crate::chance;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(10);

/// The pause after try number `tries`, from 1: twice as long each time, with
/// some jitter.
pub(super) fn pause(tries: u32) -> Duration {
    let doubled = 1_u32.checked_shl(tries.saturating_sub(1).min(16)).unwrap_or(u32::MAX);
    chance::jittered(FIRST.saturating_mul(doubled).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        for tries in [0, 1, 5, 6, 40, u32::MAX] {
            let after = pause(tries);
            assert!(after >= FIRST * 3 / 4 && after <= LONGEST, "{tries}: {after:?}");
        }
        assert!(pause(1) <= FIRST);
        assert!(pause(20) >= LONGEST * 3 / 4);
    }
}
