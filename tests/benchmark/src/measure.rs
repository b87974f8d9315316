//! What a process has used.

use anyhow::Result;
use kafka2oss_figures::cpu::cpu_seconds;
use kafka2oss_tests::resident::peak_resident_bytes;
use serde::{Deserialize, Serialize};

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

#[cfg(test)]
mod tests {
    use super::Measured;

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
