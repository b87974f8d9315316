//! A whole body to what is stored, and back as a stream.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use libdeflater::{CompressionLvl, Compressor};

use crate::encoding::Compression;

/// What gzip itself takes when nothing is said.
const GZIP_LEVEL: i32 = 6;
/// What zstd itself takes when nothing is said.
const ZSTD_LEVEL: i32 = 3;

/// Compresses a body: one gzip member, or one Zstandard frame with its content
/// size and a checksum. The same body always gives the same bytes.
///
/// # Errors
/// When zstd has no memory.
pub fn compress(compression: Compression, body: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut compressed = match compression {
        Compression::None => return Ok(body),
        Compression::Gzip => gzip(&body)?,
        Compression::Zstd => {
            let mut compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
            compressor.include_contentsize(true)?;
            compressor.include_checksum(true)?;
            compressor.compress(&body)?
        }
    };
    // Both make room for the worst case, which is more than the body.
    compressed.shrink_to_fit();
    Ok(compressed)
}

/// With neither time nor name in its header, so that nothing but the body decides the
/// bytes.
fn gzip(body: &[u8]) -> io::Result<Vec<u8>> {
    let level = CompressionLvl::new(GZIP_LEVEL).expect("it has levels 0 to 12");
    let mut compressor = Compressor::new(level);
    // The kernel gives memory of many pages only for what is written to.
    let mut compressed = vec![0; compressor.gzip_compress_bound(body.len())];
    let length = compressor.gzip_compress(body, &mut compressed).map_err(io::Error::other)?;
    compressed.truncate(length);
    Ok(compressed)
}

/// Decompresses what `source` yields, as it is read. Several gzip members or
/// Zstandard frames, one after the other, are one body.
///
/// Damage is an [`io::Error`] of a read, at the latest of the one that would
/// have told the end: only who has read to the end knows that the checksum
/// fits. Nothing at all is damage too, since an empty body is compressed to
/// something. Without compression nothing is checked.
///
/// # Errors
/// When zstd has no memory.
pub fn reader<R: BufRead>(compression: Compression, source: R) -> io::Result<impl BufRead> {
    Ok(match compression {
        Compression::None => Decompressed::Plain(source),
        Compression::Gzip => {
            Decompressed::Gzip(Box::new(BufReader::new(MultiGzDecoder::new(source))))
        }
        Compression::Zstd => {
            Decompressed::Zstd(BufReader::new(zstd::Decoder::with_buffer(source)?))
        }
    })
}

enum Decompressed<R: BufRead> {
    Plain(R),
    Gzip(Box<BufReader<MultiGzDecoder<R>>>),
    Zstd(BufReader<zstd::Decoder<'static, R>>),
}

impl<R: BufRead> Read for Decompressed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(source) => source.read(buffer),
            Self::Gzip(source) => source.read(buffer),
            Self::Zstd(source) => source.read(buffer),
        }
    }
}

impl<R: BufRead> BufRead for Decompressed<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            Self::Plain(source) => source.fill_buf(),
            Self::Gzip(source) => source.fill_buf(),
            Self::Zstd(source) => source.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        match self {
            Self::Plain(source) => source.consume(amount),
            Self::Gzip(source) => source.consume(amount),
            Self::Zstd(source) => source.consume(amount),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const BODY: &[u8] = b"[{\"key\":\"123\"},\n{\"key\":\"123\"},\n{\"key\":\"124\"}]";

    fn decompress(compression: Compression, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        reader(compression, bytes)?.read_to_end(&mut body)?;
        Ok(body)
    }

    #[test]
    fn gzip_is_one_member_without_time_or_name() {
        let bytes = compress(Compression::Gzip, BODY.to_vec()).unwrap();
        // RFC 1952, 2.3: magic, deflate, no flags, no time; CRC-32 and length
        // at the end.
        assert_eq!(bytes[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[bytes.len() - 4..], u32::try_from(BODY.len()).unwrap().to_le_bytes());
        let mut member = flate2::bufread::GzDecoder::new(bytes.as_slice());
        let mut body = Vec::new();
        member.read_to_end(&mut body).unwrap();
        assert_eq!(body, BODY);
        assert!(member.into_inner().is_empty());
    }

    #[test]
    fn zstd_is_one_frame_with_size_and_checksum() {
        let bytes = compress(Compression::Zstd, BODY.to_vec()).unwrap();
        // RFC 8878, 3.1.1: magic; descriptor with the bit of the checksum.
        assert_eq!(bytes[..4], 0xfd2f_b528_u32.to_le_bytes());
        assert_eq!(bytes[4] & 0b100, 0b100);
        let size = zstd::zstd_safe::get_frame_content_size(&bytes).ok().flatten();
        assert_eq!(size, Some(BODY.len() as u64));
        assert_eq!(zstd::zstd_safe::find_frame_compressed_size(&bytes), Ok(bytes.len()));
    }

    #[test]
    fn members_and_frames_one_after_the_other_are_one_body() {
        for compression in [Compression::Gzip, Compression::Zstd] {
            let mut bytes = compress(compression, BODY.to_vec()).unwrap();
            bytes.extend(compress(compression, b"more".to_vec()).unwrap());
            assert_eq!(decompress(compression, &bytes).unwrap(), [BODY, b"more"].concat());
        }
    }

    #[test]
    fn an_empty_body_is_compressed_too() {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let bytes = compress(compression, Vec::new()).unwrap();
            assert_eq!(decompress(compression, &bytes).unwrap(), b"", "{compression:?}");
        }
    }

    #[test]
    fn what_was_cut_off_is_an_error() {
        for compression in [Compression::Gzip, Compression::Zstd] {
            for body in [b"", BODY] {
                let bytes = compress(compression, body.to_vec()).unwrap();
                for length in 0..bytes.len() {
                    let error = decompress(compression, &bytes[..length]).unwrap_err();
                    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{length}: {body:?}");
                }
            }
        }
    }

    #[test]
    fn what_follows_the_end_is_an_error() {
        for compression in [Compression::Gzip, Compression::Zstd] {
            for garbage in [&b"x"[..], b"garbage, and more of it", &[0; 32]] {
                let mut bytes = compress(compression, BODY.to_vec()).unwrap();
                bytes.extend(garbage);
                assert!(decompress(compression, &bytes).is_err(), "{compression:?} {garbage:?}");
            }
        }
    }

    /// Some bits mean nothing, such as gzip's time or the padding behind the
    /// last block: those may change, what is read may not.
    #[test]
    fn a_changed_byte_never_changes_what_is_read() {
        for compression in [Compression::Gzip, Compression::Zstd] {
            let bytes = compress(compression, BODY.to_vec()).unwrap();
            let mut noticed = 0;
            for index in 0..bytes.len() {
                for flipped in 1..=u8::MAX {
                    let mut bytes = bytes.clone();
                    bytes[index] ^= flipped;
                    match decompress(compression, &bytes) {
                        Ok(body) => assert_eq!(body, BODY, "{compression:?} {index} {flipped}"),
                        Err(_) => noticed += 1,
                    }
                }
            }
            // Of gzip's header alone, 6 bytes of 10 say nothing of the body.
            assert!(noticed > (bytes.len() - 12) * 255, "{compression:?} {noticed}");
        }
    }

    #[test]
    fn a_checksum_that_does_not_fit_is_an_error() {
        for (compression, length) in [(Compression::Gzip, 8), (Compression::Zstd, 4)] {
            let bytes = compress(compression, BODY.to_vec()).unwrap();
            for index in bytes.len() - length..bytes.len() {
                let mut bytes = bytes.clone();
                bytes[index] ^= 1;
                assert!(decompress(compression, &bytes).is_err(), "{compression:?} {index}");
            }
        }
    }
}
