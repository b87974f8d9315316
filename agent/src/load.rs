//! How much of its host this process uses.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kafka2oss_memory::MemoryBudget;
use kafka2oss_proto::{Count, v1};
use rustix::time::{ClockId, clock_gettime};

/// The mean of processor time is over this at least.
const WINDOW: Duration = Duration::from_secs(1);

/// Measures it when it is asked.
#[derive(Debug)]
pub(crate) struct LoadMeter {
    budget: MemoryBudget,
    processor: Mutex<Processor>,
}

impl LoadMeter {
    /// Of a process that has this memory budget.
    pub(crate) fn new(budget: MemoryBudget) -> Self {
        Self { budget, processor: Mutex::new(Processor::new(Instant::now(), processor_time())) }
    }

    /// As it is now.
    pub(crate) fn read(&self) -> v1::AgentLoad {
        let usage = self.budget.usage();
        let mut processor = self.processor.lock().unwrap_or_else(PoisonError::into_inner);
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        v1::AgentLoad {
            memory_budget_bytes: usage.total.to_wire(),
            memory_used_bytes: usage.used().to_wire(),
            resident_bytes: resident(&status).unwrap_or_default().to_wire(),
            cpu_cores: processor.cores(Instant::now(), processor_time()),
            cpu_count: cpus.to_wire(),
        }
    }
}

/// Processor time of all threads so far.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Resident memory in bytes, as `/proc/self/status` (proc(5)) has it in KiB.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

/// Processor time from one look to the next.
#[derive(Debug)]
struct Processor {
    at: Instant,
    used: Duration,
    cores: f64,
}

impl Processor {
    fn new(at: Instant, used: Duration) -> Self {
        Self { at, used, cores: 0.0 }
    }

    /// The mean since the last look; the same as then within [`WINDOW`] of it.
    fn cores(&mut self, now: Instant, used: Duration) -> f64 {
        let elapsed = now.saturating_duration_since(self.at);
        if elapsed >= WINDOW {
            let cores = used.saturating_sub(self.used).as_secs_f64() / elapsed.as_secs_f64();
            *self = Self { at: now, used, cores: (cores * 1_000.0).round() / 1_000.0 };
        }
        self.cores
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_the_mean_of_a_second_or_more() {
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        let mut processor = Processor::new(start, Duration::from_secs(7));
        assert_eq!(processor.cores(after(500), Duration::from_secs(8)), 0.0);
        assert_eq!(processor.cores(after(2_000), Duration::from_secs(10)), 1.5);
        assert_eq!(processor.cores(after(2_100), Duration::from_secs(20)), 1.5);
        assert_eq!(processor.cores(after(4_000), Duration::from_secs(10)), 0.0);
    }

    #[test]
    fn resident_memory_is_read_or_not_known() {
        let status = "Name:\tagent\nVmRSS:\t   12345 kB\nThreads:\t3\n";
        assert_eq!(resident(status), Some(12_345 * 1_024));
        for other in ["", "VmRSS:\t12", "VmRSS:\tmany kB", "VmRSS:\t18446744073709551615 kB"] {
            assert_eq!(resident(other), None, "{other}");
        }
    }

    #[test]
    fn this_process_has_a_load() {
        let load = LoadMeter::new(MemoryBudget::new(64 << 20)).read();
        assert_eq!((load.memory_budget_bytes, load.memory_used_bytes), (64 << 20, 0));
        assert!(load.resident_bytes > 0 && load.cpu_count > 0, "{load:?}");
    }
}
