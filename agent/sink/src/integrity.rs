//! Checksums of bodies.
//!
//! Every request's body is covered by its signature (`x-amz-content-sha256`),
//! which a store checks before it stores anything. What is here goes further:
//! to the bytes as they stand in the store.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;

/// CRC-64/XZ of a body: what OSS sends as `x-oss-hash-crc64ecma`, in decimal.
///
/// Source: <https://www.alibabacloud.com/help/en/oss/user-guide/check-data-transmission-integrity>.
pub fn crc64(body: &[u8]) -> u64 {
    crc_fast::checksum(CrcAlgorithm::Crc64Xz, body)
}

/// CRC-32C of a body in the form of the header `x-amz-checksum-crc32c`: base64
/// of its 4 bytes, the highest first.
pub(crate) fn crc32c_header(body: &[u8]) -> String {
    STANDARD.encode(crc_fast::crc32_iscsi(body).to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    // The check values of the catalogue of parametrised CRC algorithms,
    // https://reveng.sourceforge.io/crc-catalogue/.
    #[test]
    fn checksums_have_the_catalogues_check_values() {
        assert_eq!(crc64(b"123456789"), 0x995d_c9bb_df19_39fa);
        assert_eq!(crc32c_header(b"123456789"), STANDARD.encode(0xe306_9283_u32.to_be_bytes()));
        assert_eq!(crc64(b""), 0);
    }
}
