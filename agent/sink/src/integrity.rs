//! Checksums of what is put.
//!
//! - CRC-64/XZ stands in each object's metadata; OSS tells its own in each answer.
//! - CRC-32C goes to S3 as a header, which the store checks before it creates
//!   anything, and tells in its answer.
//! - SHA-256 goes into the signature where nothing else covers the bytes on their
//!   way, so that a store refuses what somebody has changed.

use std::ops::Deref;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest as Crc};
use sha2::{Digest as _, Sha256};

/// Bytes that go through all checksums before the next ones: they stay in the
/// processor's cache meanwhile.
const BLOCK: usize = 64 << 10;

/// Which checksums a store's puts need besides CRC-64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checks {
    /// For the header `x-amz-checksum-crc32c`.
    pub(crate) crc32c: bool,
    /// For the signature.
    pub(crate) sha256: bool,
}

/// The checksums of content that comes piece by piece: best while each piece is in
/// the processor's cache.
#[derive(Debug, Clone)]
pub struct Sums {
    length: usize,
    crc64: Crc,
    crc32c: Option<Crc>,
    sha256: Option<Sha256>,
}

impl Sums {
    pub(crate) fn new(checks: Checks) -> Self {
        Self {
            length: 0,
            crc64: Crc::new(CrcAlgorithm::Crc64Xz),
            crc32c: checks.crc32c.then(|| Crc::new(CrcAlgorithm::Crc32Iscsi)),
            sha256: checks.sha256.then(Sha256::new),
        }
    }

    /// Sums up what has been appended to `content` since the last call, if that is so
    /// much that it is worth it.
    pub fn follow(&mut self, content: &[u8]) {
        if content.len() - self.length >= BLOCK {
            self.catch_up(content);
        }
    }

    fn catch_up(&mut self, content: &[u8]) {
        for block in content[self.length..].chunks(BLOCK) {
            self.crc64.update(block);
            if let Some(crc32c) = &mut self.crc32c {
                crc32c.update(block);
            }
            if let Some(sha256) = &mut self.sha256 {
                sha256.update(block);
            }
        }
        self.length = content.len();
    }

    /// The content, complete: it begins with all that has been followed.
    pub fn content(mut self, bytes: Bytes) -> Content {
        self.catch_up(&bytes);
        Content {
            crc64: self.crc64.finalize(),
            // The algorithm's digest has 32 bits.
            crc32c: self.crc32c.map(|crc| crc32c_header(crc.finalize() as u32)),
            sha256: self.sha256.map(|sha256| hexadecimal(&sha256.finalize())),
            bytes,
        }
    }
}

/// What an object is to hold, with its checksums: each is computed once, however
/// often the object is put.
#[derive(Debug, Clone)]
pub struct Content {
    bytes: Bytes,
    crc64: u64,
    crc32c: Option<String>,
    sha256: Option<String>,
}

impl Content {
    /// CRC-64/XZ, as the object's metadata has it.
    pub fn crc64(&self) -> u64 {
        self.crc64
    }

    /// What the header `x-amz-checksum-crc32c` says: base64 of the 4 bytes, the
    /// highest first.
    pub(crate) fn crc32c(&self) -> String {
        let now = || crc32c_header(crc_fast::crc32_iscsi(&self.bytes));
        self.crc32c.clone().unwrap_or_else(now)
    }

    /// In hexadecimal digits, where it was wanted.
    pub(crate) fn sha256(&self) -> Option<&str> {
        self.sha256.as_deref()
    }

    /// The same with another one's checksum for the signature.
    #[cfg(test)]
    pub(crate) fn signed_as(self, other: &Self) -> Self {
        Self { sha256: other.sha256.clone(), ..self }
    }

    pub(crate) fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// The bytes themselves.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

impl<T: Into<Bytes>> From<T> for Content {
    /// With no other checksum than CRC-64; what else a store wants is computed when
    /// it is put.
    fn from(bytes: T) -> Self {
        Sums::new(Checks { crc32c: false, sha256: false }).content(bytes.into())
    }
}

impl Deref for Content {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// CRC-64/XZ of a body: what OSS sends as `x-oss-hash-crc64ecma`, in decimal.
///
/// Source: <https://www.alibabacloud.com/help/en/oss/user-guide/check-data-transmission-integrity>.
pub fn crc64(body: &[u8]) -> u64 {
    crc_fast::checksum(CrcAlgorithm::Crc64Xz, body)
}

fn crc32c_header(crc: u32) -> String {
    STANDARD.encode(crc.to_be_bytes())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Checks = Checks { crc32c: true, sha256: true };

    // The check values of the catalogue of parametrised CRC algorithms,
    // https://reveng.sourceforge.io/crc-catalogue/, and of FIPS 180-4's examples.
    #[test]
    fn checksums_have_their_published_values() {
        assert_eq!(crc64(b"123456789"), 0x995d_c9bb_df19_39fa);
        assert_eq!(crc64(b""), 0);
        let content = Sums::new(ALL).content(Bytes::from_static(b"123456789"));
        assert_eq!(content.crc64(), 0x995d_c9bb_df19_39fa);
        assert_eq!(content.crc32c(), STANDARD.encode(0xe306_9283_u32.to_be_bytes()));
        let content = Sums::new(ALL).content(Bytes::from_static(b"abc"));
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(content.sha256(), Some(expected));
    }

    #[test]
    fn checksums_are_of_the_whole_in_whatever_pieces_it_has_come() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7] {
            let bytes: Bytes = (0..length).map(|place| (place % 251) as u8).collect();
            let sha256 = hexadecimal(&Sha256::digest(&bytes));
            for piece in [1_000, BLOCK / 2, BLOCK, 2 * BLOCK + 1, usize::MAX] {
                let mut sums = Sums::new(ALL);
                let mut end = 0_usize;
                while end < length {
                    end = end.saturating_add(piece).min(length);
                    sums.follow(&bytes[..end]);
                }
                let content = sums.content(bytes.clone());
                assert_eq!(content.crc64(), crc64(&bytes), "{length} {piece}");
                assert_eq!(
                    content.crc32c(),
                    Content::from(bytes.clone()).crc32c(),
                    "{length} {piece}"
                );
                assert_eq!(content.sha256(), Some(sha256.as_str()), "{length} {piece}");
            }
        }
    }

    #[test]
    fn what_is_not_wanted_is_not_computed() {
        let content =
            Sums::new(Checks { sha256: false, ..ALL }).content(Bytes::from_static(b"abc"));
        assert_eq!(content.sha256(), None);
    }
}
