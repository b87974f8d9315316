//! The clock of the put window: it goes on while the machine sleeps, unlike
//! [`std::time::Instant`].

use kafka2oss_chain::Moment;

/// The moment of now.
pub(crate) fn now() -> Moment {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    // Since the boot, so neither is negative.
    Moment(time.tv_sec as u64 * 1_000 + time.tv_nsec as u64 / 1_000_000)
}
