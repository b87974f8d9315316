//! What a committed offset carries besides the number: whose it is, the key of
//! the next object, the leader epoch of the record before it, how many owners the
//! chain has had, and what it has come to.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::{Commit, Identity, Tally};

/// Format version and what marks a commit as ours.
const MARK: &str = "k2o1";

/// What a pin is escaped for: it stays ASCII (Kafka keeps the metadata as a
/// string), in one field.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b';');

/// Metadata of a commit, in clear ASCII: `k2o1;{uid};{topic id};{epoch}`, then
/// `;{key of the next object, percent-encoded}`, `;{leader epoch}`, `;{owners}` and, of
/// the tally, `;{records};{objects};{bytes};{dead letters};{lost offsets}`: each is empty
/// where it is 0 or not known, and left out where nothing follows. Later versions append fields; a reader passes over those that it does not
/// know.
///
/// The leader epoch stands here and not where a commit has a field for it, since
/// what brokers keep of the metadata is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CommitMetadata {
    /// Whose chain the offset is the position of.
    pub identity: Identity,
    /// Key of the next object, as it was committed.
    pub next_key: Option<String>,
    /// Leader epoch of the record before the offset.
    pub leader_epoch: Option<i32>,
    /// How many owners the chain has had; 0 where that is not known.
    pub owners: u64,
    /// What the chain has come to, with the connector's chains before it.
    pub tally: Tally,
}

impl CommitMetadata {
    /// Of a chain that stands so.
    pub fn new(identity: Identity, commit: &Commit) -> Self {
        let Commit { position, pin, owners, tally } = commit;
        let next_key = pin.as_ref().map(|pin| pin.key().to_owned());
        let (leader_epoch, owners, tally) = (position.leader_epoch, *owners, *tally);
        Self { identity, next_key, leader_epoch, owners, tally }
    }

    /// Text to commit. Kafka takes 4,096 bytes by default
    /// (`offset.metadata.max.bytes`); this has about 120, and up to three
    /// times the key's bytes.
    pub fn encode(&self) -> String {
        let Self { identity, next_key, leader_epoch, owners, tally } = self;
        let Identity { uid, topic_id, epoch } = identity;
        let mut text = format!("{MARK};{uid};{topic_id};{epoch};");
        if let Some(key) = next_key {
            text.extend(utf8_percent_encode(key, ESCAPED));
        }
        text.push(';');
        if let Some(leader_epoch) = leader_epoch {
            write!(text, "{leader_epoch}").expect("a String takes all");
        }
        let Tally { records, objects, bytes, dead_letters, lost_offsets } = tally;
        for number in [owners, records, objects, bytes, dead_letters, lost_offsets] {
            text.push(';');
            if *number > 0 {
                write!(text, "{number}").expect("a String takes all");
            }
        }
        text.truncate(text.trim_end_matches(';').len());
        text
    }

    /// Reads metadata as any tool may have committed it; `None` when it is not
    /// ours.
    pub fn decode(metadata: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(metadata).ok()?;
        let mut fields = text.split(';');
        if fields.next()? != MARK {
            return None;
        }
        let uid = fields.next().filter(|uid| !uid.is_empty())?.to_owned();
        let topic_id = fields.next()?.to_owned();
        let epoch = fields.next()?.parse().ok()?;
        let next_key = match fields.next().filter(|key| !key.is_empty()) {
            Some(key) => Some(percent_decode_str(key).decode_utf8().ok()?.into_owned()),
            None => None,
        };
        // Without it nothing is wrong that a record could not show.
        let leader_epoch = fields.next().and_then(|epoch| epoch.parse().ok());
        let mut number =
            || fields.next().and_then(|number| number.parse().ok()).unwrap_or_default();
        let owners = number();
        let tally = Tally {
            records: number(),
            objects: number(),
            bytes: number(),
            dead_letters: number(),
            lost_offsets: number(),
        };
        let identity = Identity { uid, topic_id, epoch };
        Some(Self { identity, next_key, leader_epoch, owners, tally })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tally([records, objects, bytes, dead_letters, lost_offsets]: [u64; 5]) -> Tally {
        Tally { records, objects, bytes, dead_letters, lost_offsets }
    }

    proptest! {
        #[test]
        fn what_is_committed_is_read_back_and_is_ascii(
            uid in "[A-Z0-9]{1,26}", topic_id in "[A-Za-z0-9_-]{0,22}", epoch: u64,
            next_key in proptest::option::of(".{1,300}"), leader_epoch: Option<i32>,
            owners: u64, numbers: [u64; 5],
        ) {
            let identity = Identity { uid, topic_id, epoch };
            let tally = tally(numbers);
            let metadata = CommitMetadata { identity, next_key, leader_epoch, owners, tally };
            let text = metadata.encode();
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
            prop_assert_eq!(CommitMetadata::decode(text.as_bytes()), Some(metadata));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = CommitMetadata::decode(&bytes);
        }
    }

    #[test]
    fn the_longest_key_fits_into_what_kafka_takes() {
        let identity = Identity { uid: "u".repeat(26), topic_id: "t".repeat(22), epoch: u64::MAX };
        let (next_key, leader_epoch) = (Some("é".repeat(511)), Some(i32::MIN));
        let (owners, tally) = (u64::MAX, tally([u64::MAX; 5]));
        let metadata = CommitMetadata { identity, next_key, leader_epoch, owners, tally };
        assert!(metadata.encode().len() <= 4_096);
    }

    #[test]
    fn metadata_of_others_is_not_ours() {
        for other in [
            "",
            "k2o1",
            "k2o1;;t;1",
            "k2o1;u;t",
            "k2o1;u;t;x",
            "k2o2;u;t;1",
            "NONE",
            "k2o1;u;t;1;%ff",
        ] {
            assert_eq!(CommitMetadata::decode(other.as_bytes()), None, "{other}");
        }
        assert_eq!(CommitMetadata::decode(b"k2o1;u\xff;t;1"), None);
    }

    #[test]
    fn fields_of_a_later_version_are_passed_over() {
        let text = b"k2o1;u;t;1;a%3Bb;7;9;5;4;3;2;1;more;and more";
        let read = CommitMetadata::decode(text).expect("ours");
        assert_eq!((read.identity.epoch, read.next_key.as_deref()), (1, Some("a;b")));
        assert_eq!((read.leader_epoch, read.owners), (Some(7), 9));
        assert_eq!(read.tally, tally([5, 4, 3, 2, 1]));
    }

    #[test]
    fn what_is_zero_at_the_end_is_left_out() {
        let identity = Identity { uid: "u".into(), topic_id: "t".into(), epoch: 1 };
        let (next_key, leader_epoch, owners) = (None, None, 0);
        let mut metadata =
            CommitMetadata { identity, next_key, leader_epoch, owners, tally: Tally::default() };
        assert_eq!(metadata.encode(), "k2o1;u;t;1");
        metadata.leader_epoch = Some(7);
        assert_eq!(metadata.encode(), "k2o1;u;t;1;;7");
        metadata.owners = 9;
        assert_eq!(metadata.encode(), "k2o1;u;t;1;;7;9");
        metadata.tally = tally([5, 1, 300, 0, 0]);
        assert_eq!(metadata.encode(), "k2o1;u;t;1;;7;9;5;1;300");
        metadata.tally = tally([0, 0, 0, 0, 8]);
        assert_eq!(metadata.encode(), "k2o1;u;t;1;;7;9;;;;;8");
    }

    #[test]
    fn fields_that_are_not_there_are_not_known() {
        for (text, next_key, leader_epoch, owners) in [
            ("k2o1;u;t;1", None, None, 0),
            ("k2o1;u;t;1;k", Some("k"), None, 0),
            ("k2o1;u;t;1;;7", None, Some(7), 0),
            ("k2o1;u;t;1;k;", Some("k"), None, 0),
            ("k2o1;u;t;1;k;seven", Some("k"), None, 0),
            ("k2o1;u;t;1;;;9", None, None, 9),
            ("k2o1;u;t;1;;7;9", None, Some(7), 9),
            ("k2o1;u;t;1;;7;-9", None, Some(7), 0),
        ] {
            let read = CommitMetadata::decode(text.as_bytes()).expect("ours");
            let fields = (read.next_key.as_deref(), read.leader_epoch, read.owners);
            assert_eq!(fields, (next_key, leader_epoch, owners), "{text}");
        }
    }
}
