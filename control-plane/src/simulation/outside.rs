//! What a simulated control plane sees of its host: the time of day, which may jump, and
//! chance. Both follow from the seed.

use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// The time of day at which a simulation starts, in seconds since 1970.
const START: u64 = 1_900_000_000;

struct Outside {
    start: Instant,
    /// How far the time of day has jumped since.
    jumped: i64,
    jumps: u64,
    chance: fastrand::Rng,
}

thread_local! {
    static OUTSIDE: RefCell<Option<Outside>> = const { RefCell::new(None) };
}

/// Has this thread see a host made from `seed` until the value is dropped.
pub(super) fn begin(seed: u64) -> Begun {
    let outside = Outside {
        start: Instant::now(),
        jumped: 0,
        jumps: 0,
        chance: fastrand::Rng::with_seed(seed ^ 0x6f75_7473_6964_6500),
    };
    OUTSIDE.set(Some(outside));
    Begun
}

/// The host of a simulation.
pub(super) struct Begun;

impl Drop for Begun {
    fn drop(&mut self) {
        OUTSIDE.set(None);
    }
}

/// Somebody sets the clock by so many seconds.
pub(super) fn jump(seconds: i64) {
    OUTSIDE.with_borrow_mut(|outside| {
        if let Some(outside) = outside {
            outside.jumped += seconds;
            outside.jumps += 1;
        }
    });
}

/// How often somebody has set it.
pub(super) fn jumps() -> u64 {
    OUTSIDE.with_borrow(|outside| outside.as_ref().map_or(0, |outside| outside.jumps))
}

/// The time of day, in a simulation.
pub(crate) fn time() -> Option<SystemTime> {
    OUTSIDE.with_borrow(|outside| {
        let outside = outside.as_ref()?;
        let passed = UNIX_EPOCH + Duration::from_secs(START) + outside.start.elapsed();
        let jumped = Duration::from_secs(outside.jumped.unsigned_abs());
        Some(if outside.jumped < 0 { passed - jumped } else { passed + jumped })
    })
}

/// A random number, in a simulation.
pub(crate) fn random() -> Option<u128> {
    OUTSIDE.with_borrow_mut(|outside| Some(outside.as_mut()?.chance.u128(..)))
}
