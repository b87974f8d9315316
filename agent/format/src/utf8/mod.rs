//! Whether bytes are text, quick also where ASCII and longer characters take turns:
//! whoever asks of each few bytes whether they are ASCII has the processor guess wrong
//! half of the time.
//!
//! On x86-64 with AVX-512 ([`avx512`]); elsewhere, `simdutf8`.

#[cfg(target_arch = "x86_64")]
mod avx512;

use std::str::Utf8Error;

/// The bytes as text.
///
/// # Errors
/// Where they are not UTF-8.
pub(crate) fn from_utf8(bytes: &[u8]) -> Result<&str, Utf8Error> {
    // Those that are quicker do not say where.
    text(bytes).map_or_else(|| std::str::from_utf8(bytes), Ok)
}

/// The bytes as text, if they are UTF-8.
pub(crate) fn text(bytes: &[u8]) -> Option<&str> {
    #[cfg(target_arch = "x86_64")]
    if avx512::is_supported() {
        // SAFETY: the processor has what it needs, and what it says is so.
        return unsafe { avx512::is_utf8(bytes).then(|| std::str::from_utf8_unchecked(bytes)) };
    }
    simdutf8::basic::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8]) {
        let (seen, expected) = (from_utf8(bytes), std::str::from_utf8(bytes));
        assert_eq!(seen, expected, "{bytes:x?}");
    }

    /// Checks `middle` at each place of what is looked at together, at the end and
    /// before other text.
    fn check_everywhere(middle: &[u8]) {
        for before in 0..70 {
            for after in ["", "z", "éz", &"z".repeat(400), &"杭州".repeat(60)] {
                check(&[&vec![b'a'; before], middle, after.as_bytes()].concat());
            }
        }
    }

    /// The bytes at the borders of what may begin or go on with a character.
    const BORDERS: [u8; 28] = [
        0x00, 0x22, 0x41, 0x7f, 0x80, 0x81, 0x8f, 0x90, 0x91, 0x9f, 0xa0, 0xa1, 0xbf, 0xc0, 0xc1,
        0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf3, 0xf4, 0xf5, 0xff,
    ];

    #[test]
    fn every_two_bytes_are_judged_as_the_standard_library_does() {
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                check(&[first, second]);
            }
        }
    }

    #[test]
    fn every_border_of_four_bytes_is_judged_as_the_standard_library_does() {
        for first in BORDERS {
            for second in BORDERS {
                for third in BORDERS {
                    for fourth in BORDERS {
                        check(&[first, second, third, fourth]);
                    }
                }
            }
        }
    }

    #[test]
    fn a_border_is_seen_at_every_place() {
        for first in BORDERS {
            for second in [0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc2] {
                check_everywhere(&[first, second]);
                check_everywhere(&[first, second, 0x80]);
                check_everywhere(&[first, second, 0x80, 0x80]);
            }
        }
    }

    #[test]
    fn what_is_cut_off_is_no_text_and_what_is_behind_it_does_not_count() {
        let text = "aé杭😀".repeat(40);
        for end in 0..=text.len() {
            check(&text.as_bytes()[..end]);
        }
    }

    proptest! {
        #[test]
        fn text_with_a_byte_that_is_wrong_is_none(
            text in prop_oneof!["[a-z]{0,900}", "\\PC{0,300}", "[a-zé杭😀]{0,500}"],
            place: prop::sample::Index,
            byte: u8,
        ) {
            let mut bytes = text.into_bytes();
            check(&bytes);
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] = byte;
                check(&bytes);
            }
        }
    }
}
