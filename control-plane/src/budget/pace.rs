//! How fast large messages of one peer are taken in: what is made of them is work, and nobody
//! has so much to say for long.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Messages of a lower weight never wait, whatever else comes from their peer.
const LARGE: usize = 256 << 10;

/// So much at once, and then so much a second, of each peer.
#[derive(Debug)]
pub(crate) struct Pace {
    burst: usize,
    a_second: usize,
    /// What peers have had lately; of one that is not known under none.
    of_peer: Mutex<HashMap<Option<IpAddr>, Had>>,
}

/// What one has had, of which less counts as time goes by.
#[derive(Debug, Clone, Copy)]
struct Had {
    weight: f64,
    at: Instant,
}

impl Pace {
    /// `burst` at once, and then so much a second.
    pub(crate) fn new(burst: usize, a_second: usize) -> Self {
        Self { burst, a_second, of_peer: Mutex::default() }
    }

    /// A peer's message of this weight has come: how long it is to wait.
    pub(crate) fn wait(&self, peer: Option<IpAddr>, weight: usize, now: Instant) -> Duration {
        if weight < LARGE {
            return Duration::ZERO;
        }
        let mut of_peer = self.of_peer.lock().unwrap_or_else(PoisonError::into_inner);
        for had in of_peer.values_mut() {
            let passed = now.saturating_duration_since(had.at).as_secs_f64();
            had.weight -= passed * self.a_second as f64;
            had.at = now;
        }
        of_peer.retain(|_, had| had.weight >= 1.0);
        let had = of_peer.entry(peer).or_insert(Had { weight: 0.0, at: now });
        had.weight += weight as f64;
        let beyond = (had.weight - self.burst as f64).max(0.0);
        Duration::from_secs_f64(beyond / self.a_second.max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn peer(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([10, 0, 0, last]))
    }

    #[test]
    fn who_says_much_is_taken_in_at_a_pace_and_nobody_waits_for_it() {
        let pace = Pace::new(10 * MIB, MIB);
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let wait = |last, weight, now| pace.wait(peer(last), weight, now).as_secs();
        assert_eq!(wait(1, 10 * MIB, start), 0);
        assert_eq!(wait(1, 2 * MIB, start), 2);
        assert_eq!(wait(1, MIB, start), 3);
        assert_eq!(wait(1, LARGE - 1, start), 0, "what is small never waits");
        assert_eq!(wait(2, MIB, start), 0, "another one");
        assert_eq!(wait(1, MIB, after(3)), 1);
        // It is forgotten.
        assert_eq!(wait(1, 10 * MIB, after(14)), 0);
        assert_eq!(wait(2, MIB, after(60)), 0);
        assert_eq!(pace.of_peer.lock().expect("no panic").len(), 1);
    }

    #[test]
    fn time_that_passes_in_small_steps_counts_whole() {
        let pace = Pace::new(MIB, MIB);
        let start = Instant::now();
        pace.wait(peer(1), 2 * MIB, start);
        for step in 1..=2_000 {
            pace.wait(peer(2), LARGE, start + Duration::from_millis(step));
        }
        let now = start + Duration::from_secs(2);
        assert_eq!(pace.wait(peer(1), MIB, now), Duration::ZERO);
    }
}
