//! What a process has used.

use std::fs;

use anyhow::{Context, Result};
use kafka2oss_tests::resident::peak_resident_bytes;
use serde::{Deserialize, Serialize};

/// A clock tick of `/proc`: Linux tells CPU time to programs in hundredths of a
/// second on every architecture (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Where `utime` stands behind the name of the program: field 14 of the whole
/// line, the name is the second (proc_pid_stat(5)).
const USER_TIME: usize = 11;

/// What it took to move records or bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Wall time, in seconds.
    pub(crate) seconds: f64,
    /// CPU time of the process alone, user and system, in seconds.
    pub(crate) cpu_seconds: f64,
    /// The most physical memory that the process has had, in bytes.
    pub(crate) peak_rss_bytes: u64,
}

impl Measured {
    /// Between this and another measurement of the same: what disturbs a short one
    /// on a busy machine weighs less.
    pub(crate) fn mean(self, other: Self) -> Self {
        Self {
            seconds: f64::midpoint(self.seconds, other.seconds),
            cpu_seconds: f64::midpoint(self.cpu_seconds, other.cpu_seconds),
            peak_rss_bytes: self.peak_rss_bytes.max(other.peak_rss_bytes),
        }
    }

    /// CPU seconds for a million records.
    pub(crate) fn cpu_per_million(&self, records: u64) -> f64 {
        self.cpu_seconds * 1e6 / records as f64
    }

    /// Records a second.
    pub(crate) fn rate(&self, records: u64) -> f64 {
        records as f64 / self.seconds
    }
}

/// A process whose CPU time counts from a moment on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter {
    pid: u32,
    cpu_before: f64,
}

impl Meter {
    /// From now on.
    pub(crate) fn start(pid: u32) -> Result<Self> {
        Ok(Self { pid, cpu_before: cpu_seconds(pid)? })
    }

    /// What the process has used since the start, which was so many seconds ago,
    /// and its peak of memory since it began.
    pub(crate) fn read(&self, seconds: f64) -> Result<Measured> {
        Ok(Measured {
            seconds,
            cpu_seconds: cpu_seconds(self.pid)? - self.cpu_before,
            peak_rss_bytes: peak_resident_bytes(self.pid)?,
        })
    }
}

/// CPU time of a process since it began, user and system, of all its threads and
/// of none of its children, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let line = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let ticks = cpu_ticks(&line).with_context(|| format!("{path} is not as expected: {line}"))?;
    Ok(ticks as f64 / TICKS_PER_SECOND)
}

/// `utime` and `stime` of a line of `/proc/{pid}/stat`.
fn cpu_ticks(line: &str) -> Option<u64> {
    // The name is in parentheses, and may have any characters, these too.
    let (_, fields) = line.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(USER_TIME);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::{Measured, cpu_seconds, cpu_ticks};

    #[test]
    fn user_and_system_time_are_found_behind_any_name() {
        let fields = "S 1 2 3 4 5 6 7 8 9 10 314 15 9999 9999 20 0 1 0";
        for name in ["java", "a b", "(", "x) y", ""] {
            assert_eq!(cpu_ticks(&format!("7 ({name}) {fields}")), Some(329), "{name:?}");
        }
        for line in ["", "7 (java)", "7 (java) S 1 2 3", "7 (java) S 1 2 3 4 5 6 7 8 9 10 x 15"] {
            assert_eq!(cpu_ticks(line), None, "{line:?}");
        }
    }

    #[test]
    fn the_cpu_time_of_this_process_rises_while_it_computes() {
        let pid = std::process::id();
        let before = cpu_seconds(pid).expect("this process runs");

        let mut sum = 0_u64;
        while cpu_seconds(pid).expect("this process runs") < before + 0.05 {
            sum = black_box(sum.wrapping_add(1));
        }

        assert!(sum > 0);
    }

    #[test]
    fn rates_are_by_records_and_the_mean_is_in_the_middle() {
        let measured = Measured { seconds: 2.0, cpu_seconds: 1.5, peak_rss_bytes: 0 };

        assert_eq!(measured.rate(500_000), 250_000.0);
        assert_eq!(measured.cpu_per_million(500_000), 3.0);
        let other = Measured { seconds: 4.0, cpu_seconds: 2.5, peak_rss_bytes: 7 };
        let mean = Measured { seconds: 3.0, cpu_seconds: 2.0, peak_rss_bytes: 7 };
        assert_eq!(measured.mean(other), mean);
    }
}
