//! What an object says about itself.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

use crate::{ChainId, LogPosition};

/// The format of the metadata that this version writes and reads.
const FORMAT_VERSION: u32 = 1;

const VERSION: &str = "kafka2oss-version";
const UID: &str = "kafka2oss-uid";
const CHAIN_ID: &str = "kafka2oss-chain-id";
const PARTITION: &str = "kafka2oss-partition";
const FIRST_OFFSET: &str = "kafka2oss-first-offset";
const NEXT_OFFSET: &str = "kafka2oss-next-offset";
const RECORDS: &str = "kafka2oss-records";
const CRC64: &str = "kafka2oss-crc64";
const LEADER_EPOCH: &str = "kafka2oss-leader-epoch";

/// What an object says about itself, in its user metadata: `x-amz-meta-` before
/// `kafka2oss-version` (1), `-uid`, `-chain-id`, `-partition`, `-first-offset`,
/// `-next-offset`, `-records`, `-crc64` and, where it is known, `-leader-epoch`, all
/// numbers in decimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMetadata {
    /// The connector's uid: 1-64 characters of `A-Za-z0-9_-`.
    pub uid: String,
    /// The chain that the object is a link of.
    pub chain_id: ChainId,
    /// The partition; not negative.
    pub partition: i32,
    /// The first offset of the object's extent; not negative.
    pub first_offset: i64,
    /// The offset after the extent's last; not below the first.
    pub next_offset: i64,
    /// Records in the object; not more than the extent has offsets.
    pub records: u64,
    /// CRC-64/XZ of the object's body, as it stands in the store.
    pub crc64: u64,
    /// Leader epoch of the last record that the extent has.
    pub leader_epoch: Option<i32>,
}

/// The metadata of an object is not what kafka2oss writes: someone else's object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// It has a value that is not text.
    #[error("the metadata is not text")]
    NotText,
    /// A part of it is absent.
    #[error("metadata `{0}` is absent")]
    Missing(&'static str),
    /// A part of it is not of the form that kafka2oss writes.
    #[error("metadata `{name}` is not of the form that kafka2oss writes: {value:?}")]
    Malformed {
        /// Its name.
        name: &'static str,
        /// Its value, cut after 100 characters.
        value: String,
    },
    /// Written by a later version of kafka2oss.
    #[error("metadata of format version {0}, this is version 1")]
    Version(u32),
    /// Its numbers contradict each other.
    #[error("the extent [{first_offset}, {next_offset}) cannot have {records} records")]
    Extent {
        /// First offset.
        first_offset: i64,
        /// Offset after the last.
        next_offset: i64,
        /// Number of records.
        records: u64,
    },
}

impl ObjectMetadata {
    /// As names (without `x-amz-meta-`) and values.
    pub fn encode(&self) -> HashMap<String, String> {
        let Self {
            uid,
            chain_id,
            partition,
            first_offset,
            next_offset,
            records,
            crc64,
            leader_epoch,
        } = self;
        let always: [(&str, &dyn Display); 8] = [
            (VERSION, &FORMAT_VERSION),
            (UID, uid),
            (CHAIN_ID, chain_id),
            (PARTITION, partition),
            (FIRST_OFFSET, first_offset),
            (NEXT_OFFSET, next_offset),
            (RECORDS, records),
            (CRC64, crc64),
        ];
        let known = leader_epoch.as_ref().map(|epoch| (LEADER_EPOCH, epoch as &dyn Display));
        let pairs = always.into_iter().chain(known);
        pairs.map(|(name, value)| (name.to_owned(), value.to_string())).collect()
    }

    /// Where the extent ends: where the next link starts.
    pub fn end(&self) -> LogPosition {
        LogPosition { offset: self.next_offset, leader_epoch: self.leader_epoch }
    }

    /// Reads names (without `x-amz-meta-`) and values. Names that are not of this
    /// format are ignored.
    ///
    /// # Errors
    /// See [`MetadataError`]: when these are not exactly what [`Self::encode`]
    /// gives.
    pub fn decode<'a>(
        pairs: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Result<Self, MetadataError> {
        let pairs: HashMap<&str, &str> =
            pairs.into_iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let text = |name| pairs.get(name).copied().ok_or(MetadataError::Missing(name));

        // First of all: what the others mean depends on it.
        let version = number::<u32>(VERSION, text(VERSION)?)?;
        if version != FORMAT_VERSION {
            return Err(MetadataError::Version(version));
        }
        let uid = text(UID)?;
        if !is_uid(uid) {
            return Err(malformed(UID, uid));
        }
        let chain_id = text(CHAIN_ID)?;
        let chain_id = ChainId::parse(chain_id).map_err(|_| malformed(CHAIN_ID, chain_id))?;
        let (first_offset, next_offset): (i64, i64) = (
            not_negative(FIRST_OFFSET, text(FIRST_OFFSET)?)?,
            not_negative(NEXT_OFFSET, text(NEXT_OFFSET)?)?,
        );
        let records = number(RECORDS, text(RECORDS)?)?;
        // Both are not negative, so the difference cannot overflow.
        let offsets = u64::try_from(next_offset - first_offset).ok();
        if offsets.is_none_or(|offsets| records > offsets) {
            return Err(MetadataError::Extent { first_offset, next_offset, records });
        }
        Ok(Self {
            uid: uid.to_owned(),
            chain_id,
            partition: not_negative(PARTITION, text(PARTITION)?)?,
            first_offset,
            next_offset,
            records,
            crc64: number(CRC64, text(CRC64)?)?,
            leader_epoch: match pairs.get(LEADER_EPOCH) {
                Some(epoch) => Some(number(LEADER_EPOCH, epoch)?),
                None => None,
            },
        })
    }
}

fn is_uid(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// A number in the one form in which it is written: no `+`, no leading zeros.
fn number<N: FromStr + Display>(name: &'static str, text: &str) -> Result<N, MetadataError> {
    text.parse::<N>()
        .ok()
        .filter(|number| number.to_string() == text)
        .ok_or_else(|| malformed(name, text))
}

fn not_negative<N: FromStr + Display + Default + PartialOrd>(
    name: &'static str,
    text: &str,
) -> Result<N, MetadataError> {
    let number = number(name, text)?;
    if number >= N::default() { Ok(number) } else { Err(malformed(name, text)) }
}

fn malformed(name: &'static str, value: &str) -> MetadataError {
    MetadataError::Malformed { name, value: value.chars().take(100).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: [&str; 8] =
        [VERSION, UID, CHAIN_ID, PARTITION, FIRST_OFFSET, NEXT_OFFSET, RECORDS, CRC64];
    const ALL_NAMES: usize = NAMES.len() + 1;

    prop_compose! {
        fn metadata()(
            uid in "[A-Za-z0-9_-]{1,64}",
            chain_id in "[a-z0-9]{8}",
            partition in 0..=i32::MAX,
            (first_offset, next_offset, records) in (0..=i64::MAX)
                .prop_flat_map(|first| (Just(first), first..=i64::MAX))
                .prop_flat_map(|(first, next)| (Just(first), Just(next), 0..=(next - first) as u64)),
            crc64 in any::<u64>(),
            leader_epoch in any::<Option<i32>>(),
        ) -> ObjectMetadata {
            let chain_id = ChainId::parse(&chain_id).expect("of its form");
            ObjectMetadata {
                uid, chain_id, partition, first_offset, next_offset, records, crc64, leader_epoch,
            }
        }
    }

    /// Any text, and now and then one that is nearly right.
    fn value() -> impl Strategy<Value = String> {
        prop_oneof![any::<String>(), "[+-]?[0-9]{0,20}", "[a-z0-9]{8}", Just("1".to_owned())]
    }

    proptest! {
        #[test]
        fn metadata_survives_its_own_writer_and_reader(metadata in metadata()) {
            prop_assert_eq!(ObjectMetadata::decode(&metadata.encode()), Ok(metadata));
        }

        #[test]
        fn reading_what_anyone_wrote_never_panics_and_takes_only_the_written_form(
            metadata in metadata(),
            changes in proptest::collection::vec((0..ALL_NAMES, value()), 0..9),
        ) {
            let mut pairs = metadata.encode();
            for (index, value) in changes {
                let name = NAMES.get(index).copied().unwrap_or(LEADER_EPOCH);
                pairs.insert(name.to_owned(), value);
            }
            if let Ok(read) = ObjectMetadata::decode(&pairs) {
                prop_assert_eq!(read.encode(), pairs);
            }
        }
    }

    fn example() -> ObjectMetadata {
        ObjectMetadata {
            uid: "01J9-a_b".into(),
            chain_id: ChainId::parse("k3v9x0ab").expect("of its form"),
            partition: 7,
            first_offset: 100,
            next_offset: 250,
            records: 149,
            crc64: u64::MAX,
            leader_epoch: Some(12),
        }
    }

    #[test]
    fn the_written_form_is_this() {
        let mut pairs: Vec<_> = example().encode().into_iter().collect();
        pairs.sort();
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(
            pairs,
            [
                "kafka2oss-chain-id: k3v9x0ab",
                "kafka2oss-crc64: 18446744073709551615",
                "kafka2oss-first-offset: 100",
                "kafka2oss-leader-epoch: 12",
                "kafka2oss-next-offset: 250",
                "kafka2oss-partition: 7",
                "kafka2oss-records: 149",
                "kafka2oss-uid: 01J9-a_b",
                "kafka2oss-version: 1",
            ]
        );
    }

    #[test]
    fn a_part_that_is_absent_is_named() {
        assert_eq!(ObjectMetadata::decode(&HashMap::new()), Err(MetadataError::Missing(VERSION)));
        for name in NAMES {
            let mut pairs = example().encode();
            pairs.remove(name);
            assert_eq!(ObjectMetadata::decode(&pairs), Err(MetadataError::Missing(name)));
        }
    }

    #[test]
    fn without_a_leader_epoch_it_is_not_known() {
        let mut pairs = example().encode();
        pairs.remove(LEADER_EPOCH);
        let read = ObjectMetadata::decode(&pairs).expect("nothing else is absent");
        assert_eq!(read.end(), LogPosition { offset: 250, leader_epoch: None });
    }

    #[test]
    fn a_part_of_another_form_is_refused() {
        for (name, value) in [
            (VERSION, "2"),
            (VERSION, "01"),
            (UID, ""),
            (UID, "a b"),
            (CHAIN_ID, "K3V9X0AB"),
            (PARTITION, "-1"),
            (PARTITION, "2147483648"),
            (FIRST_OFFSET, "+100"),
            (FIRST_OFFSET, "251"),
            (NEXT_OFFSET, "-250"),
            (NEXT_OFFSET, " 250"),
            (RECORDS, "151"),
            (CRC64, "18446744073709551616"),
            (LEADER_EPOCH, "2147483648"),
        ] {
            let mut pairs = example().encode();
            pairs.insert(name.into(), value.into());
            assert!(ObjectMetadata::decode(&pairs).is_err(), "{name}: {value}");
        }
    }

    #[test]
    fn metadata_of_others_beside_it_is_ignored() {
        let mut pairs = example().encode();
        pairs.insert("owner".into(), "data team".into());
        assert_eq!(ObjectMetadata::decode(&pairs), Ok(example()));
    }
}
