//! 64 bytes at a time, each together with the three before it. Whatever can be wrong
//! about two neighbours shows in the first half byte of each and in the second half of
//! the former: a table for each says what it allows to be wrong, and what all three
//! allow is. A third and a fourth byte are where two neighbours both go on with a
//! character, which is right there and nowhere else.
//!
//! J. Keiser and D. Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte",
//! Software: Practice and Experience 51 (2021), section 6.

use std::arch::x86_64::{
    __m512i, _mm_loadu_si128, _mm512_and_si512, _mm512_broadcast_i32x4, _mm512_loadu_si512,
    _mm512_maskz_loadu_epi8, _mm512_movepi8_mask, _mm512_or_si512, _mm512_set1_epi8,
    _mm512_shuffle_epi8, _mm512_srli_epi16, _mm512_subs_epu8, _mm512_test_epi8_mask,
    _mm512_xor_si512,
};

/// Bytes that are looked at together.
const WIDTH: usize = 64;

/// So many times as many are passed over together where all of them are ASCII.
const CALM: usize = 4;

/// What is wrong about two neighbours, one bit each.
mod wrong {
    /// A character begins, and does not go on.
    pub(super) const TOO_SHORT: u8 = 1 << 0;
    /// A character goes on which has not begun.
    pub(super) const TOO_LONG: u8 = 1 << 1;
    /// Three bytes for what fits into two.
    pub(super) const OVERLONG_3: u8 = 1 << 2;
    /// Above U+10FFFF, after 0xf4.
    pub(super) const TOO_LARGE: u8 = 1 << 3;
    /// Half of a UTF-16 pair.
    pub(super) const SURROGATE: u8 = 1 << 4;
    /// Two bytes for what fits into one.
    pub(super) const OVERLONG_2: u8 = 1 << 5;
    /// Four bytes for what fits into three, or above U+13FFFF, after 0xf5 or more:
    /// those have no first byte in common.
    pub(super) const OVERLONG_4_OR_FAR_TOO_LARGE: u8 = 1 << 6;
    /// Both go on with a character: right for a third and a fourth byte.
    pub(super) const BOTH_GO_ON: u8 = 1 << 7;
}

use wrong::*;

/// By the first half of the former byte.
const BY_FIRST_HALF: [u8; 16] = {
    let mut table = [TOO_LONG; 16]; // 0x00 to 0x7f
    table[8] = BOTH_GO_ON; // 0x80 to 0xbf
    table[9] = BOTH_GO_ON;
    table[10] = BOTH_GO_ON;
    table[11] = BOTH_GO_ON;
    table[12] = TOO_SHORT | OVERLONG_2; // 0xc0
    table[13] = TOO_SHORT;
    table[14] = TOO_SHORT | OVERLONG_3 | SURROGATE; // 0xe0
    table[15] = TOO_SHORT | TOO_LARGE | OVERLONG_4_OR_FAR_TOO_LARGE; // 0xf0
    table
};

/// By the second half of the former byte.
const BY_SECOND_HALF: [u8; 16] = {
    // Whatever it is.
    let any = TOO_SHORT | TOO_LONG | BOTH_GO_ON;
    let after_f4 = any | TOO_LARGE | OVERLONG_4_OR_FAR_TOO_LARGE;
    let mut table = [after_f4; 16];
    table[0] = any | OVERLONG_2 | OVERLONG_3 | OVERLONG_4_OR_FAR_TOO_LARGE; // 0xc0, 0xe0, 0xf0
    table[1] = any | OVERLONG_2; // 0xc1
    table[2] = any;
    table[3] = any;
    table[4] = any | TOO_LARGE; // 0xf4
    table[13] = after_f4 | SURROGATE; // 0xed
    table
};

/// By the first half of the latter byte.
const BY_NEXT: [u8; 16] = {
    let any = TOO_LONG | OVERLONG_2 | BOTH_GO_ON;
    let mut table = [TOO_SHORT; 16];
    table[8] = any | OVERLONG_3 | OVERLONG_4_OR_FAR_TOO_LARGE; // 0x80 to 0x8f
    table[9] = any | OVERLONG_3 | TOO_LARGE; // 0x90 to 0x9f
    table[10] = any | SURROGATE | TOO_LARGE; // 0xa0 to 0xbf
    table[11] = table[10];
    table
};

/// Whether this processor has what [`is_utf8`] needs.
pub(super) fn is_supported() -> bool {
    std::arch::is_x86_feature_detected!("avx512bw")
}

/// Whether `text` is UTF-8.
#[target_feature(enable = "avx512bw")]
pub(super) fn is_utf8(text: &[u8]) -> bool {
    let mut wrong = part(text, 0).wrong();
    let (mut at, end) = (WIDTH, text.len());
    while at + CALM * WIDTH <= end {
        // SAFETY: three bytes are before it, and so many from there on.
        unsafe {
            if !is_ascii(text, at) {
                for chunk in 0..CALM {
                    wrong = _mm512_or_si512(wrong, whole(text, at + chunk * WIDTH).wrong());
                }
            }
        }
        at += CALM * WIDTH;
    }
    while at + WIDTH <= end {
        // SAFETY: as above.
        wrong = _mm512_or_si512(wrong, unsafe { whole(text, at) }.wrong());
        at += WIDTH;
    }
    // What is cut off shows in the byte behind it.
    if at <= end {
        wrong = _mm512_or_si512(wrong, part(text, at).wrong());
    }
    _mm512_test_epi8_mask(wrong, wrong) == 0
}

/// Bytes, and those that are one, two and three places before each of them.
struct Chunk {
    bytes: __m512i,
    first_before: __m512i,
    second_before: __m512i,
    third_before: __m512i,
}

impl Chunk {
    /// What is wrong about each byte; 0 is nothing.
    #[target_feature(enable = "avx512bw")]
    #[inline]
    fn wrong(self) -> __m512i {
        let first_halves = look_up(&BY_FIRST_HALF, upper(self.first_before));
        let second_halves = look_up(&BY_SECOND_HALF, lower(self.first_before));
        let next = look_up(&BY_NEXT, upper(self.bytes));
        let pairs = _mm512_and_si512(_mm512_and_si512(first_halves, second_halves), next);
        // The uppermost bit is left of those that are large enough.
        let is_third = _mm512_subs_epu8(self.second_before, splat(0xe0 - BOTH_GO_ON));
        let is_fourth = _mm512_subs_epu8(self.third_before, splat(0xf0 - BOTH_GO_ON));
        let go_on = _mm512_and_si512(_mm512_or_si512(is_third, is_fourth), splat(BOTH_GO_ON));
        _mm512_xor_si512(go_on, pairs)
    }
}

/// The bytes from `at` on.
///
/// # Safety
/// Three are before them, and there are [`WIDTH`].
#[target_feature(enable = "avx512bw")]
#[inline]
unsafe fn whole(text: &[u8], at: usize) -> Chunk {
    debug_assert!(at >= 3 && at + WIDTH <= text.len(), "{at} of {}", text.len());
    // SAFETY: demanded of the caller.
    unsafe {
        let from = text.as_ptr().add(at);
        Chunk {
            bytes: _mm512_loadu_si512(from.cast()),
            first_before: _mm512_loadu_si512(from.sub(1).cast()),
            second_before: _mm512_loadu_si512(from.sub(2).cast()),
            third_before: _mm512_loadu_si512(from.sub(3).cast()),
        }
    }
}

/// The bytes from `at` on, which is 0 or [`WIDTH`] at least: where there is none,
/// before them or behind, 0, which is ASCII.
#[target_feature(enable = "avx512bw")]
#[inline]
fn part(text: &[u8], at: usize) -> Chunk {
    let left = text.len() - at;
    let all = if left < WIDTH { (1 << left) - 1 } else { u64::MAX };
    let shifted = |places: usize| {
        let before = if at == 0 { 0 } else { (1 << places) - 1 };
        // SAFETY: only bytes of the text are read.
        unsafe {
            let from = text.as_ptr().add(at).wrapping_sub(places);
            _mm512_maskz_loadu_epi8(all << places | before, from.cast())
        }
    };
    Chunk {
        bytes: shifted(0),
        first_before: shifted(1),
        second_before: shifted(2),
        third_before: shifted(3),
    }
}

/// Whether [`CALM`] times [`WIDTH`] bytes are ASCII, and the three before them.
///
/// # Safety
/// All of them are there.
#[target_feature(enable = "avx512bw")]
#[inline]
unsafe fn is_ascii(text: &[u8], at: usize) -> bool {
    // SAFETY: demanded of the caller.
    unsafe {
        let from = text.as_ptr().add(at);
        let mut any = _mm512_loadu_si512(from.sub(3).cast());
        for chunk in 0..CALM {
            any = _mm512_or_si512(any, _mm512_loadu_si512(from.add(chunk * WIDTH).cast()));
        }
        _mm512_movepi8_mask(any) == 0
    }
}

/// What the table has for each half byte.
#[target_feature(enable = "avx512bw")]
#[inline]
fn look_up(table: &[u8; 16], halves: __m512i) -> __m512i {
    // SAFETY: as long as the table is.
    let table = unsafe { _mm_loadu_si128(table.as_ptr().cast()) };
    _mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), halves)
}

#[target_feature(enable = "avx512bw")]
#[inline]
fn upper(bytes: __m512i) -> __m512i {
    lower(_mm512_srli_epi16::<4>(bytes))
}

#[target_feature(enable = "avx512bw")]
#[inline]
fn lower(bytes: __m512i) -> __m512i {
    _mm512_and_si512(bytes, splat(0x0f))
}

#[target_feature(enable = "avx512bw")]
#[inline]
fn splat(byte: u8) -> __m512i {
    _mm512_set1_epi8(byte.cast_signed())
}
