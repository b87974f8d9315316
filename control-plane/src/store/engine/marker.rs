//! What each batch says of itself, in the batch and in the file `last-batch` (pure).

use std::collections::HashMap;

use prost::Message;
use prost_types::Timestamp;
use sha2::{Digest, Sha256};

use super::contents::{Contents, first_half};

/// The marker's key in sled, the only one with this first byte.
pub(super) const KEY: &[u8] = &[0x00];

/// The form that this version writes, the only one that it reads.
const FORM: u32 = 1;
/// Bytes of the checksum in front of a marker.
const CHECKSUM: usize = 16;
/// Bytes of its length after that.
const LENGTH: usize = 4;

/// The number of a batch, what came before it, and what the store holds with it.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Marker {
    /// Form of this value.
    #[prost(uint32, tag = "1")]
    pub(super) form: u32,
    /// Drawn when the first batch is written: batches of another store are none of this
    /// one's.
    #[prost(bytes = "vec", tag = "2")]
    pub(super) lineage: Vec<u8>,
    /// 1 for the first batch; one more for each.
    #[prost(uint64, tag = "3")]
    pub(super) number: u64,
    /// A hash over the one before, this batch's number and the sum after it: two stores
    /// that have gone different ways differ from there on.
    #[prost(bytes = "vec", tag = "4")]
    pub(super) chain: Vec<u8>,
    /// The sum of the records' hashes with this batch.
    #[prost(bytes = "vec", tag = "5")]
    pub(super) sum: Vec<u8>,
    /// How many records each family has with it, by its first byte.
    #[prost(map = "uint32, uint64", tag = "6")]
    pub(super) families: HashMap<u32, u64>,
    /// When it was written, by the host's clock; for people only.
    #[prost(message, optional, tag = "7")]
    pub(super) write_time: Option<Timestamp>,
    /// The folder of sled's files below that of the store; empty where they are the same.
    /// That of `last-batch` counts.
    #[prost(string, tag = "8")]
    pub(super) folder: String,
}

impl Marker {
    /// Before the first batch.
    pub(super) fn none(lineage: Vec<u8>) -> Self {
        Self { form: FORM, lineage, ..Self::default() }
    }

    /// Of the batch after this one, with which the store holds `contents`.
    #[must_use]
    pub(super) fn next(&self, contents: &Contents, write_time: Timestamp) -> Self {
        let number = self.number + 1;
        let sum = contents.sum().to_be_bytes();
        let mut hasher = Sha256::new();
        hasher.update(&self.chain);
        hasher.update(number.to_be_bytes());
        hasher.update(sum);
        Self {
            form: FORM,
            lineage: self.lineage.clone(),
            number,
            chain: first_half(&hasher.finalize()).to_be_bytes().to_vec(),
            sum: sum.to_vec(),
            families: contents.families().iter().map(|(family, count)| (*family, *count)).collect(),
            write_time: Some(write_time),
            folder: self.folder.clone(),
        }
    }

    /// Whether the store holds what it should with this batch.
    pub(super) fn fits(&self, contents: &Contents) -> bool {
        let families = contents.families();
        self.sum == contents.sum().to_be_bytes()
            && self.families.len() == families.len()
            && families.iter().all(|(family, count)| self.families.get(family) == Some(count))
    }

    /// Its bytes, with a checksum in front.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let body = self.encode_to_vec();
        let mut bytes = checksum(&body).to_vec();
        bytes.extend(u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    /// Reads what [`Marker::to_bytes`] wrote, and whatever comes after it; none where it
    /// is not whole.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (expected, bytes) = bytes.split_at_checked(CHECKSUM)?;
        let (length, bytes) = bytes.split_at_checked(LENGTH)?;
        let length = u32::from_be_bytes(length.try_into().ok()?);
        let body = bytes.get(..usize::try_from(length).ok()?)?;
        if expected != checksum(body) {
            return None;
        }
        Self::decode(body).ok().filter(|marker| marker.form == FORM)
    }
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM] {
    first_half(&Sha256::digest(body)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn contents(values: &[&[u8]]) -> Contents {
        let mut contents = Contents::default();
        for (index, value) in values.iter().enumerate() {
            contents.put(&[3, u8::try_from(index).expect("a few")], value);
        }
        contents
    }

    fn marker(values: &[&[u8]]) -> Marker {
        Marker::none(b"lineage".to_vec()).next(&contents(values), Timestamp::default())
    }

    #[test]
    fn a_marker_fits_what_it_was_made_of_and_nothing_else() {
        let marker = marker(&[b"a", b"b"]);
        assert!(marker.fits(&contents(&[b"a", b"b"])));
        let others: [&[&[u8]]; 4] = [&[], &[b"a"], &[b"a", b"c"], &[b"a", b"b", b"c"]];
        for other in others {
            assert!(!marker.fits(&contents(other)), "{other:?}");
        }
    }

    #[test]
    fn stores_that_went_different_ways_differ_from_there_on() {
        let (one, other) = (marker(&[b"a"]), marker(&[b"b"]));
        assert_ne!(one.chain, other.chain);
        let same = contents(&[b"c"]);
        let after = |marker: &Marker| marker.next(&same, Timestamp::default());
        assert_eq!(after(&one).number, after(&other).number);
        assert_ne!(after(&one).chain, after(&other).chain);
    }

    proptest! {
        #[test]
        fn a_marker_is_read_as_it_was_written_whatever_comes_after_it(
            number: u64, folder: String, rest: Vec<u8>,
        ) {
            let written = Marker { number, folder, ..marker(&[b"a"]) };
            let mut bytes = written.to_bytes();
            bytes.extend(rest);
            prop_assert_eq!(Marker::from_bytes(&bytes), Some(written));
        }

        #[test]
        fn a_marker_that_is_damaged_or_cut_is_none(at: prop::sample::Index, bit in 0..8_u32) {
            let bytes = marker(&[b"a"]).to_bytes();
            let at = at.index(bytes.len());
            prop_assert_eq!(Marker::from_bytes(&bytes[..at]), None);
            let mut flipped = bytes;
            flipped[at] ^= 1 << bit;
            prop_assert_eq!(Marker::from_bytes(&flipped), None);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = Marker::from_bytes(&bytes);
        }
    }
}
