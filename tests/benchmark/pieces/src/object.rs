//! From a full body to what is put.

use crc_fast::CrcAlgorithm;
use kafka2oss_format::{Compression, Encoder, Format, compress};
use sha2::{Digest as _, Sha256};

use crate::records::{Batch, Content};

/// A full body whose records are not finished.
#[derive(Debug)]
pub struct FullBody {
    encoder: Encoder,
    body: Vec<u8>,
}

impl FullBody {
    /// Of about `bytes` bytes: a JSON array of records of 1,000 bytes.
    pub fn new(content: Content, bytes: usize) -> Self {
        let (encoder, body) = Batch::new(Format::JsonArray, content, 1_000, 4_096).fill(bytes);
        Self { encoder, body }
    }

    /// Its content, not finished.
    pub fn content(&self) -> &[u8] {
        &self.body
    }

    /// A copy with all the room that the body has.
    pub fn copy(&self) -> Self {
        let mut body = Vec::with_capacity(self.body.capacity());
        body.extend_from_slice(&self.body);
        Self { encoder: self.encoder.clone(), body }
    }

    /// Makes of it what is put, and that one's CRC-64: what a delivery does on a
    /// blocking thread.
    pub fn close(mut self, compression: Compression) -> (Vec<u8>, u64) {
        self.encoder.finish(&mut self.body);
        let mut body = compress(compression, self.body).expect("there is memory");
        body.shrink_to_fit();
        let crc = crc64(&body);
        (body, crc)
    }
}

/// CRC-64/XZ, which every object's metadata names.
pub fn crc64(body: &[u8]) -> u64 {
    crc_fast::checksum(CrcAlgorithm::Crc64Xz, body)
}

/// CRC-32C, which a put to S3 names.
pub fn crc32c(body: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(body)
}

/// SHA-256, which the signature of a put covers.
pub fn sha256(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}
