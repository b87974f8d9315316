//! JSON strings out of text, quick also where much is to be escaped: most values
//! are JSON themselves, with a quote in every ten bytes.
//!
//! On x86-64 with AVX-512 ([`avx512`]) or AVX2 ([`avx2`]); elsewhere,
//! `json-escape-simd`.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod one;

#[cfg(target_arch = "x86_64")]
use std::sync::LazyLock;

/// Bytes that escaping `length` bytes of text writes at most, and touches
/// behind what it has written.
pub(crate) const fn room(length: usize) -> usize {
    6 * length + 64
}

/// Writes text in quotes where there is [`room`] for it, and returns how many bytes
/// that are.
#[cfg(target_arch = "x86_64")]
type Kernel = unsafe fn(&[u8], *mut u8) -> usize;

/// The quickest one that this processor has.
#[cfg(target_arch = "x86_64")]
static KERNEL: LazyLock<Option<Kernel>> = LazyLock::new(|| kernels().next());

/// Those that this processor has, the quickest first.
#[cfg(target_arch = "x86_64")]
fn kernels() -> impl Iterator<Item = Kernel> {
    let avx512: (bool, Kernel) = (avx512::is_supported(), avx512::escape);
    let avx2: (bool, Kernel) = (std::arch::is_x86_feature_detected!("avx2"), avx2::escape);
    [avx512, avx2].into_iter().filter_map(|(is_supported, kernel)| is_supported.then_some(kernel))
}

/// Appends `text` in quotes, with its escapes.
pub(crate) fn append(buffer: &mut Vec<u8>, text: &str) {
    #[cfg(target_arch = "x86_64")]
    if let Some(kernel) = *KERNEL {
        // SAFETY: the processor has what it needs.
        return unsafe { append_by(kernel, buffer, text) };
    }
    json_escape_simd::escape_into(text, buffer);
}

/// # Safety
/// The processor has what the kernel needs.
#[cfg(target_arch = "x86_64")]
unsafe fn append_by(kernel: Kernel, buffer: &mut Vec<u8>, text: &str) {
    buffer.reserve(room(text.len()));
    // SAFETY: there is room for whatever `text` may become, and for a store behind
    // that; as many bytes as are returned have been written.
    unsafe {
        let start = buffer.as_mut_ptr().add(buffer.len());
        let written = kernel(text.as_bytes(), start);
        buffer.set_len(buffer.len() + written);
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What each kernel of this processor makes of a text.
    fn each(text: &str) -> impl Iterator<Item = String> {
        kernels().map(move |kernel| {
            let mut buffer = b"before".to_vec();
            // SAFETY: it is one of this processor's.
            unsafe { append_by(kernel, &mut buffer, text) };
            String::from_utf8(buffer).expect("JSON is text")
        })
    }

    fn check(text: &str) {
        let expected = serde_json::to_string(text).expect("a string is JSON");
        for written in each(text) {
            assert_eq!(written, format!("before{expected}"));
        }
    }

    proptest! {
        #[test]
        fn every_kernel_writes_what_serde_json_does(
            text in prop_oneof![
                // Around the width of every vector.
                "[a-z]{0,200}",
                "\\PC{0,100}",
                "[\"\\\\/\u{0}-\u{20}\u{7f}é€😀a-c]{0,150}",
            ],
        ) {
            check(&text);
        }
    }

    #[test]
    fn every_kernel_escapes_every_character_at_every_place() {
        for code in (0..0x100).chain([0x7ff, 0x800, 0x2028, 0xffff, 0x1_0000, 0x10_ffff]) {
            let Some(character) = char::from_u32(code) else { continue };
            for place in 0..70 {
                check(&format!("{}{character}{}", "x".repeat(place), "y".repeat(70 - place)));
            }
        }
    }
}
