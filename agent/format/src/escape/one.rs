//! A byte at a time: where nothing wider fits.

use std::ptr;

/// The first character that is no control character.
pub(super) const SPACE: u8 = 0x20;

/// Writes one byte of text with its escape, and returns where the next one goes.
///
/// # Safety
/// 8 bytes can be written.
pub(super) unsafe fn escape_one(byte: u8, to: *mut u8) -> *mut u8 {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\t' => b't',
        b'\r' => b'r',
        0x08 => b'b',
        0x0c => b'f',
        SPACE.. => {
            // SAFETY: demanded of the caller.
            unsafe {
                *to = byte;
                return to.add(1);
            }
        }
        _ => {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            let (high, low) = (DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]);
            // SAFETY: demanded of the caller.
            unsafe {
                ptr::copy_nonoverlapping([b'\\', b'u', b'0', b'0', high, low].as_ptr(), to, 6);
                return to.add(6);
            }
        }
    };
    // SAFETY: demanded of the caller.
    unsafe {
        *to = b'\\';
        *to.add(1) = short;
        to.add(2)
    }
}
