//! How much memory a process has.

use std::fs;

use anyhow::{Context, Result};

/// Bytes of physical memory that a process has just now.
///
/// # Errors
/// The process has ended, or this is not Linux.
pub fn resident_bytes(pid: u32) -> Result<u64> {
    status(pid, "VmRSS:")
}

/// The most bytes of physical memory that a process has ever had: the kernel's
/// own high-water mark, which no peak between two looks escapes.
///
/// # Errors
/// The process has ended, or this is not Linux.
pub fn peak_resident_bytes(pid: u32) -> Result<u64> {
    status(pid, "VmHWM:")
}

/// Has the high-water mark begin anew, at what the process has now (proc(5), `clear_refs`).
///
/// # Errors
/// The process has ended or is another user's, or this is not Linux.
pub fn forget_peak(pid: u32) -> Result<()> {
    let path = format!("/proc/{pid}/clear_refs");
    fs::write(&path, "5").with_context(|| format!("cannot write {path}"))
}

/// A size in `/proc/{pid}/status`, whose `kB` are 1,024 bytes (proc(5)).
fn status(pid: u32, name: &str) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_suffix("kB"));
    let value = value.with_context(|| format!("{path} has no {name}"))?;
    Ok(value.trim().parse::<u64>()? * 1024)
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::{forget_peak, peak_resident_bytes, resident_bytes};

    const BYTES: u64 = 64 << 20;

    #[test]
    fn what_a_process_had_shows_in_its_peak_after_it_has_gone() {
        let pid = std::process::id();
        let before = resident_bytes(pid).expect("this process runs");

        let held = black_box(vec![1_u8; BYTES as usize]);
        let now = resident_bytes(pid).expect("this process runs");
        drop(held);

        assert!(now >= before + BYTES / 2, "{before} {now}");
        // The kernel's counters are summed over processors, now and then.
        let peak = peak_resident_bytes(pid).expect("this process runs");
        assert!(peak + BYTES / 16 >= now, "{peak} {now}");
        forget_peak(pid).expect("this process runs");
        let anew = peak_resident_bytes(pid).expect("this process runs");
        assert!(anew < peak - BYTES / 2, "{anew} {peak}");
    }
}
