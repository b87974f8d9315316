//! What becomes of memory that is given back.

/// Blocks from this size on are given back to the kernel as soon as they are freed,
/// in bytes. Contents of objects are larger, most of what librdkafka receives is not.
const LARGE: i32 = 1 << 20;

/// Has the allocator give large blocks back as soon as they are freed, so that this
/// process holds what its budget says. glibc does so at first, and keeps blocks up to
/// the largest one that it has ever seen freed from then on, up to 32 MiB
/// (mallopt(3), `M_MMAP_THRESHOLD`): freed contents stay, and later ones do not fit
/// between them. Other allocators are left as they are.
///
/// To be called once, at the start of the process.
pub fn give_back_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: any thread may call it at any time; a value that it does not take
        // changes nothing.
        let is_set = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE) } == 1;
        debug_assert!(is_set, "glibc takes thresholds up to 32 MiB");
    }
}
