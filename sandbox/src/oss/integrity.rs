//! The two checksums that OSS keeps of an object.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};

use super::refusal::{Code, Refusal};

/// MD5 and CRC-64/XZ ("crc64ecma" in OSS's words) of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Integrity {
    pub(crate) md5: [u8; 16],
    pub(crate) crc64: u64,
}

impl Integrity {
    pub(crate) fn of(body: &[u8]) -> Self {
        Self {
            md5: Md5::digest(body).into(),
            crc64: crc_fast::checksum(CrcAlgorithm::Crc64Xz, body),
        }
    }

    /// Upper-case hexadecimal MD5, the ETag of an object that was put at once.
    pub(crate) fn etag(&self) -> String {
        self.md5.iter().map(|byte| format!("{byte:02X}")).collect()
    }

    /// Compares with a Content-MD5 header.
    pub(crate) fn check_content_md5(&self, header: &str) -> Result<(), Refusal> {
        match STANDARD.decode(header) {
            Ok(expected) if expected == self.md5 => Ok(()),
            _ => Err(Refusal::of(Code::InvalidDigest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_have_their_published_check_values() {
        let integrity = Integrity::of(b"123456789");
        // The check value of CRC-64/XZ in the catalogue of CRC algorithms.
        assert_eq!(integrity.crc64, 0x995d_c9bb_df19_39fa);
        assert_eq!(integrity.etag(), "25F9E794323B453885F5181F1B624D0B");
        assert!(integrity.check_content_md5("JfnnlDI7RTiF9RgfG2JNCw==").is_ok());
        assert!(integrity.check_content_md5("not base64").is_err());
    }
}
