//! 32 bytes at a time: where none of them is to be escaped, they are copied; else
//! each 8 of them are spread out by one shuffle, which puts a backslash in front of
//! each quote and backslash.

use std::arch::x86_64::{
    __m256i, _mm_loadl_epi64, _mm_loadu_si128, _mm_set1_epi8, _mm_shuffle_epi8, _mm_storeu_si128,
    _mm_unpacklo_epi64, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_max_epu8,
    _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8, _mm256_storeu_si256,
    _mm256_zextsi128_si256,
};

use super::one::{SPACE, escape_one};

/// Place of a backslash in what is shuffled.
const BACKSLASH: u8 = 8;

/// How 8 bytes are spread out, for each set of those that get a backslash
/// (`1 << i` stands for byte `i`).
static SPREAD: [[u8; 16]; 256] = spread();

const fn spread() -> [[u8; 16]; 256] {
    let mut table = [[BACKSLASH; 16]; 256];
    let mut set = 0;
    while set < 256 {
        let (mut from, mut to) = (0, 0);
        while from < 8 {
            // A backslash is there already.
            to += (set >> from) & 1;
            table[set][to] = from as u8;
            from += 1;
            to += 1;
        }
        set += 1;
    }
    table
}

/// Writes `text` in quotes to `out`, with its escapes, and returns how many
/// bytes that are.
///
/// # Safety
/// From `out` on, [`super::room`] of the text's length are writable.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn escape(text: &[u8], out: *mut u8) -> usize {
    // SAFETY: of the text, only what it has is read: 32 and 8 bytes only while
    // as many are left. Of each byte become six at most, and the farthest store
    // begins where the next byte's would, and is of 32 bytes.
    unsafe {
        let (mut from, end) = (text.as_ptr(), text.as_ptr().add(text.len()));
        let mut to = out;
        *to = b'"';
        to = to.add(1);
        while end.offset_from_unsigned(from) >= 32 {
            let bytes = _mm256_loadu_si256(from.cast());
            let Escaped { backslash, control } = escaped(bytes);
            if control != 0 {
                to = (0..32).fold(to, |to, byte| escape_one(*from.add(byte), to));
            } else if backslash == 0 {
                _mm256_storeu_si256(to.cast(), bytes);
                to = to.add(32);
            } else {
                for eight in 0..4 {
                    to = spread_eight(from.add(8 * eight), (backslash >> (8 * eight)) as u8, to);
                }
            }
            from = from.add(32);
        }
        while end.offset_from_unsigned(from) >= 8 {
            let bytes = _mm256_zextsi128_si256(_mm_loadl_epi64(from.cast()));
            let Escaped { backslash, control } = escaped(bytes);
            // The other 24 are zero, and are not text.
            if control as u8 != 0 {
                to = (0..8).fold(to, |to, byte| escape_one(*from.add(byte), to));
            } else {
                to = spread_eight(from, backslash as u8, to);
            }
            from = from.add(8);
        }
        while from < end {
            to = escape_one(*from, to);
            from = from.add(1);
        }
        *to = b'"';
        to.offset_from_unsigned(out) + 1
    }
}

/// Which of 32 bytes are to be escaped: one bit each.
struct Escaped {
    /// With a backslash in front of them.
    backslash: u32,
    /// By other characters.
    control: u32,
}

#[target_feature(enable = "avx2")]
#[inline]
fn escaped(bytes: __m256i) -> Escaped {
    let equals = |byte: u8| _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(byte as i8));
    // Unsigned: the larger one is the limit.
    let limit = _mm256_set1_epi8((SPACE - 1) as i8);
    let control = _mm256_cmpeq_epi8(_mm256_max_epu8(bytes, limit), limit);
    let backslash = _mm256_or_si256(equals(b'"'), equals(b'\\'));
    Escaped {
        backslash: _mm256_movemask_epi8(backslash).cast_unsigned(),
        control: _mm256_movemask_epi8(control).cast_unsigned(),
    }
}

/// Puts a backslash in front of those of 8 bytes that are in `set`.
///
/// # Safety
/// 8 bytes can be read, 16 be written.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn spread_eight(from: *const u8, set: u8, to: *mut u8) -> *mut u8 {
    // SAFETY: demanded of the caller; the table has a row for each set.
    unsafe {
        let bytes = _mm_loadl_epi64(from.cast());
        let bytes = _mm_unpacklo_epi64(bytes, _mm_set1_epi8(b'\\' as i8));
        let row = _mm_loadu_si128(SPREAD[usize::from(set)].as_ptr().cast());
        _mm_storeu_si128(to.cast(), _mm_shuffle_epi8(bytes, row));
        to.add(8 + set.count_ones() as usize)
    }
}
