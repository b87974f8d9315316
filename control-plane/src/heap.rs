//! Memory that is no longer used goes back to the kernel.

/// Has the allocator give large blocks back as soon as they are freed: a message of some MiB
/// comes now and then, or from a hostile peer. glibc does so at first, and keeps blocks up to
/// the largest one that it has ever seen freed from then on, up to 32 MiB (mallopt(3),
/// `M_MMAP_THRESHOLD`). What lies between blocks that are in use is given back each minute,
/// where it is much: glibc keeps it else, as after some thousand connections that have ended.
///
/// To be called once, at the start of the process. Other allocators are left as they are.
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    glibc::give_back();
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    use std::time::Duration;

    /// Large blocks, in bytes.
    const LARGE: i32 = 256 << 10;
    /// How often it is looked.
    const EVERY: Duration = Duration::from_secs(60);
    /// What is kept for the next ones, in bytes, and what is in memory beside the heap.
    const SPARE: usize = 32 << 20;

    pub(super) fn give_back() {
        // SAFETY: any thread may call it at any time; a value that it does not take changes
        // nothing.
        let is_set = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE) } == 1;
        debug_assert!(is_set, "glibc takes thresholds up to 32 MiB");
        let keeper = std::thread::Builder::new().name("heap".to_owned());
        let started = keeper.spawn(|| {
            let mut left = 0;
            loop {
                std::thread::sleep(EVERY);
                left = trim(left);
            }
        });
        if let Err(error) = started {
            tracing::warn!(%error, "memory that is freed is not all given back");
        }
    }

    /// Gives back what is free, where that is much, and more than was `left` by the last
    /// time. Returns what is left now, in bytes.
    pub(super) fn trim(left: usize) -> usize {
        let free = free();
        if free <= left + SPARE {
            return left.min(free);
        }
        // SAFETY: any thread may call it at any time.
        unsafe { libc::malloc_trim(0) };
        self::free()
    }

    /// Bytes in memory that the heap does not use.
    pub(super) fn free() -> usize {
        // SAFETY: any thread may call it at any time.
        let heap = unsafe { libc::mallinfo2() };
        resident().saturating_sub(heap.uordblks + heap.hblkhd)
    }

    /// Bytes of this process that are in memory; 0 where the kernel does not tell.
    fn resident() -> usize {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
        pages.unwrap_or_default() * rustix::param::page_size()
    }
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use std::hint::black_box;

    use super::glibc::{free, trim};

    #[test]
    fn what_lies_between_blocks_that_are_used_is_given_back() {
        let mut blocks: Vec<_> = (0..64 << 10).map(|_| black_box(vec![1_u8; 4 << 10])).collect();
        let mut number = 0;
        // Of each 16 one stays, so that no end of a heap becomes free.
        blocks.retain(|_| {
            number += 1;
            number % 16 == 0
        });
        let kept = free();
        assert!(kept > 200 << 20, "{kept}");

        let left = trim(0);

        assert!(left < kept / 4, "{left} of {kept}");
    }
}
