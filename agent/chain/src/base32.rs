//! Numbers as characters that stand well in a key.

/// Lower-case base32 (RFC 4648): legal in a key, and not to be confused by case.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The lowest `5 * N` bits, the highest of them first.
pub(crate) fn base32<const N: usize>(bits: u64) -> [u8; N] {
    std::array::from_fn(|index| ALPHABET[(bits >> ((N - 1 - index) * 5) & 31) as usize])
}
