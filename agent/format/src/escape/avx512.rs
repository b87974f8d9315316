//! 32 bytes at a time, or as many as are left: a backslash is put in front of each of
//! them, and those that are not wanted are squeezed out again.

use std::arch::x86_64::{
    __m256i, _mm256_cmpeq_epi8_mask, _mm256_cmplt_epu8_mask, _mm256_maskz_loadu_epi8,
    _mm256_set1_epi8, _mm512_cvtepu8_epi16, _mm512_maskz_compress_epi8, _mm512_or_si512,
    _mm512_set1_epi16, _mm512_slli_epi16, _mm512_storeu_si512, _pdep_u64,
};

use super::one::{SPACE, escape_one};

/// Bytes that are looked at together.
const WIDTH: usize = 32;

/// Places of the backslashes and of the text in pairs of both, one bit a byte.
const BACKSLASHES: u64 = 0x5555_5555_5555_5555;
const TEXT: u64 = !BACKSLASHES;

/// Whether this processor has what [`escape`] needs.
pub(super) fn is_supported() -> bool {
    std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512vl")
        && std::arch::is_x86_feature_detected!("avx512vbmi2")
        && std::arch::is_x86_feature_detected!("bmi2")
}

/// Writes `text` in quotes to `out`, with its escapes, and returns how many bytes
/// that are.
///
/// # Safety
/// From `out` on, [`super::room`] of the text's length are writable.
#[target_feature(enable = "avx512bw,avx512vl,avx512vbmi2,bmi2,popcnt")]
pub(super) unsafe fn escape(text: &[u8], out: *mut u8) -> usize {
    // SAFETY: of each byte become six at most, and the farthest store begins where
    // the next byte's would, and is of 64 bytes.
    unsafe {
        let mut to = out;
        *to = b'"';
        to = to.add(1);
        let mut chunks = text.chunks_exact(WIDTH);
        for chunk in &mut chunks {
            to = escape_chunk(chunk, u32::MAX, to);
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            to = escape_chunk(rest, (1 << rest.len()) - 1, to);
        }
        *to = b'"';
        to.offset_from_unsigned(out) + 1
    }
}

/// Writes up to [`WIDTH`] bytes, of which there is one bit each in `all`.
///
/// # Safety
/// 6 bytes for each, and 64 behind them, can be written.
#[target_feature(enable = "avx512bw,avx512vl,avx512vbmi2,bmi2,popcnt")]
#[inline]
unsafe fn escape_chunk(chunk: &[u8], all: u32, to: *mut u8) -> *mut u8 {
    // SAFETY: only the bytes of `all` are read; the caller has room for what is
    // written.
    unsafe {
        let bytes = _mm256_maskz_loadu_epi8(all, chunk.as_ptr().cast());
        if below_space(bytes) & all != 0 {
            return chunk.iter().fold(to, |to, byte| escape_one(*byte, to));
        }
        let escaped = (equal(bytes, b'"') | equal(bytes, b'\\')) & all;
        let wanted = _pdep_u64(escaped.into(), BACKSLASHES) | _pdep_u64(all.into(), TEXT);
        // Little-endian: the lower half of a pair comes first.
        let text = _mm512_slli_epi16::<8>(_mm512_cvtepu8_epi16(bytes));
        let pairs = _mm512_or_si512(text, _mm512_set1_epi16(b'\\'.into()));
        _mm512_storeu_si512(to.cast(), _mm512_maskz_compress_epi8(wanted, pairs));
        to.add(wanted.count_ones() as usize)
    }
}

#[target_feature(enable = "avx512bw,avx512vl")]
#[inline]
fn equal(bytes: __m256i, byte: u8) -> u32 {
    _mm256_cmpeq_epi8_mask(bytes, _mm256_set1_epi8(byte.cast_signed()))
}

#[target_feature(enable = "avx512bw,avx512vl")]
#[inline]
fn below_space(bytes: __m256i) -> u32 {
    _mm256_cmplt_epu8_mask(bytes, _mm256_set1_epi8(SPACE.cast_signed()))
}
