//! CPU time of a process.

use std::fs;

use anyhow::{Context, Result};

/// A clock tick of `/proc`: Linux tells CPU time to programs in hundredths of a
/// second on every architecture (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Where `utime` stands behind the name of the program: field 14 of the whole
/// line, the name is the second (proc_pid_stat(5)).
const USER_TIME: usize = 11;

/// CPU time of a process since it began, user and system, of all its threads and
/// of none of its children, in seconds.
///
/// # Errors
/// The process has ended, or this is not Linux.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
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

    use super::{cpu_seconds, cpu_ticks};

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
}
