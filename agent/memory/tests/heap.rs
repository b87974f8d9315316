//! In a process of its own: it changes the allocator of all of it.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::hint::black_box;

use kafka2oss_memory::give_back_large_blocks;

/// As large as contents of objects are.
const CONTENT: usize = 8 << 20;

/// Content of a thread's, which has a heap of its own, that was written to.
fn content() -> Vec<u8> {
    black_box(vec![1; CONTENT])
}

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("the kernel tells");
    let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("the second number of statm(5)") * 4096
}

#[test]
fn freed_content_is_given_back_whatever_was_freed_before() {
    give_back_large_blocks();
    // From here on glibc would keep blocks of this size.
    drop(content());

    let mut contents: Vec<_> = (0..16).map(|_| content()).collect();
    let before = resident();
    // Every second one, so that no end of a heap becomes free.
    let mut number = 0;
    contents.retain(|_| {
        number += 1;
        number % 2 == 0
    });

    let given_back = before - resident();
    assert!(given_back > 7 * CONTENT, "{given_back} of {}", 8 * CONTENT);
}
