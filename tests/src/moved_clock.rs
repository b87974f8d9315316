//! The clock of one process, which a test sets.

use std::fs::{self, File};
use std::io::{Seek, Write};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::scratch::Scratch;

const SOURCE: &str = include_str!("../clock/moved.c");

/// Where a process's time of day comes from: the true one until it is moved. For
/// processes that start with [`MovedClock::environment`].
#[derive(Debug)]
pub struct MovedClock {
    scratch: Scratch,
    file: Mutex<File>,
}

impl MovedClock {
    /// A clock that is right. Compiles what answers for it, with `cc`.
    pub fn new() -> Result<Self> {
        let scratch = Scratch::new("clock")?;
        let source = scratch.join("moved.c");
        fs::write(&source, SOURCE)?;
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-pthread", "-o"]);
        compile.arg(scratch.join("moved.so")).arg(source);
        let compiled = compile.output().context("cannot run cc")?;
        let words = String::from_utf8_lossy(&compiled.stderr);
        ensure!(compiled.status.success(), "cannot compile a clock: {words}");
        let file = File::create(scratch.join("moved"))?;
        let clock = Self { scratch, file: Mutex::new(file) };
        clock.moved_by(0)?;
        Ok(clock)
    }

    /// The environment of a process that goes by this clock.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let path = |name| self.scratch.join(name).display().to_string();
        vec![("LD_PRELOAD", path("moved.so")), ("MOVED_CLOCK", path("moved"))]
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
        let mut file = self.file.lock().expect("nobody has panicked with it");
        file.rewind()?;
        // One write of eight bytes, which are read as one.
        Ok(file.write_all(&nanoseconds.to_ne_bytes())?)
    }
}

#[cfg(test)]
mod tests {
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
