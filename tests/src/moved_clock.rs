//! The clock of one process, which a test sets.

use std::time::Duration;

use anyhow::Result;

use crate::preloaded::Preloaded;

const SOURCE: &str = include_str!("../clock/moved.c");

/// Where a process's time of day comes from: the true one until it is moved. For
/// processes that start with [`MovedClock::environment`].
#[derive(Debug)]
pub struct MovedClock(Preloaded);

impl MovedClock {
    /// A clock that is right. Compiles what answers for it, with `cc`.
    pub fn new() -> Result<Self> {
        Ok(Self(Preloaded::new(SOURCE, "MOVED_CLOCK", &0_i64.to_ne_bytes())?))
    }

    /// The environment of a process that goes by this clock.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        self.0.environment()
    }

    /// Sets it so far before the true time.
    pub fn set_back(&self, by: Duration) -> Result<()> {
        self.moved_by(-i64::try_from(by.as_nanos())?)
    }

    /// Sets it so far after the true time.
    pub fn set_ahead(&self, by: Duration) -> Result<()> {
        self.moved_by(i64::try_from(by.as_nanos())?)
    }

    fn moved_by(&self, nanoseconds: i64) -> Result<()> {
        // They are read as one.
        self.0.tell(&nanoseconds.to_ne_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_process_that_goes_by_a_moved_clock_has_its_time() {
        let clock = MovedClock::new().expect("a clock");
        let told = || {
            let mut date = Command::new("date");
            let output = date.arg("+%s").envs(clock.environment()).output().expect("date runs");
            let told = String::from_utf8_lossy(&output.stdout).trim().parse::<u64>();
            let now = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
            i128::from(told.expect("a number")) - i128::from(now)
        };
        assert!(told().abs() < 60);
        clock.set_back(Duration::from_secs(3_600)).expect("it is set");
        assert!((told() + 3_600).abs() < 60);
        clock.set_ahead(Duration::from_secs(3_600)).expect("it is set");
        assert!((told() - 3_600).abs() < 60);
    }
}
