//! A line as bytes: its length and a CRC-32 of it, each in four bytes, then the line. What is
//! cut off or altered is not taken for a line; nothing after it in the same segment is read.

use kafka2oss_proto::v1;
use prost::Message;

/// Before each line.
const PREFIX: usize = 8;
/// No line is longer.
const MOST: usize = 1 << 20;

/// A line of a connector's log, or a dead letter.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Line {
    /// The connector's.
    #[prost(string, tag = "1")]
    pub(crate) uid: String,
    /// Lines before this one that never arrived.
    #[prost(uint64, tag = "2")]
    pub(crate) lost: u64,
    /// One of the two is there.
    #[prost(message, optional, tag = "3")]
    pub(crate) log: Option<v1::LogEntry>,
    #[prost(message, optional, tag = "4")]
    pub(crate) dead_letter: Option<v1::DeadLetter>,
}

/// Appends a line; none that is too long to be read again.
pub(super) fn append(line: &Line, bytes: &mut Vec<u8>) -> bool {
    let length = line.encoded_len();
    if length > MOST {
        return false;
    }
    let start = bytes.len();
    bytes.resize(start + PREFIX, 0);
    line.encode(bytes).expect("a vector grows");
    let sum = sum(&bytes[start + PREFIX..]);
    bytes[start..start + 4].copy_from_slice(&(length as u32).to_le_bytes());
    bytes[start + 4..start + PREFIX].copy_from_slice(&sum.to_le_bytes());
    true
}

/// The lines of a segment, as far as they are whole, and how many bytes were not.
pub(super) fn read(mut bytes: &[u8], mut take: impl FnMut(Line)) -> usize {
    while let Some((line, rest)) = first(bytes) {
        take(line);
        bytes = rest;
    }
    bytes.len()
}

fn first(bytes: &[u8]) -> Option<(Line, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (expected, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (line, rest) = rest.split_at_checked(length)?;
    if length == 0 || length > MOST || sum(line) != u32::from_le_bytes(*expected) {
        return None;
    }
    Some((Line::decode(line).ok()?, rest))
}

fn sum(bytes: &[u8]) -> u32 {
    // It is one of 32 bits.
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, bytes) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: u64) -> Line {
        let message = format!("line {number}");
        let log = Some(v1::LogEntry { message, ..v1::LogEntry::default() });
        Line { uid: "u".to_owned(), lost: number, log, dead_letter: None }
    }

    fn all(bytes: &[u8]) -> (Vec<Line>, usize) {
        let mut lines = Vec::new();
        let left = read(bytes, |line| lines.push(line));
        (lines, left)
    }

    #[test]
    fn of_lines_that_are_cut_or_altered_anywhere_those_before_are_read() {
        let mut bytes = Vec::new();
        let ends: Vec<_> = (0..3)
            .map(|number| {
                assert!(append(&line(number), &mut bytes));
                bytes.len()
            })
            .collect();
        assert_eq!(all(&bytes), ((0..3).map(line).collect(), 0));
        for cut in 0..bytes.len() {
            let whole = ends.iter().filter(|end| **end <= cut).count();
            let (lines, _) = all(&bytes[..cut]);
            assert_eq!(lines, (0..whole as u64).map(line).collect::<Vec<_>>(), "{cut}");
            let mut altered = bytes.clone();
            altered[cut] ^= 0x10;
            let (lines, left) = all(&altered);
            assert_eq!(lines.len(), whole, "{cut}");
            assert!(left > 0);
        }
    }

    #[test]
    fn zeros_and_lines_that_are_too_long_are_none() {
        assert_eq!(all(&[0; 100]), (Vec::new(), 100));
        let message = "x".repeat(MOST);
        let log = Some(v1::LogEntry { message, ..v1::LogEntry::default() });
        let mut bytes = Vec::new();
        assert!(!append(&Line { log, ..line(0) }, &mut bytes));
        assert!(bytes.is_empty());
    }
}
