//! What any tool may have committed beside an offset.

use bolero::TypeGenerator;
use kafka2oss_chain::{CommitMetadata, Identity, Tally};
use kafka2oss_fuzz::{Near, Text};

/// What the form of commit metadata is made of.
pub(crate) const WORDS: [&str; 10] =
    [";", "%", "%3B", "%ff", "k2o1", "k2o2", "+", "0", "18446744073709551616", "-"];

#[derive(Debug, TypeGenerator)]
struct Given {
    uid: Text,
    topic_id: Text,
    epoch: u64,
    next_key: Option<Text>,
    leader_epoch: Option<i32>,
    owners: u64,
    records: u64,
    lost_offsets: u64,
    near: Near,
}

#[test]
fn commit_metadata_that_is_taken_is_what_it_would_be_written_as() {
    bolero::check!().with_type().for_each(|given: &Given| {
        let Given { uid, topic_id, epoch, next_key, leader_epoch, owners, near, .. } = given;
        let identity =
            Identity { uid: uid.of(&WORDS), topic_id: topic_id.of(&WORDS), epoch: *epoch };
        let next_key = next_key.as_ref().map(|key| key.of(&WORDS));
        let (records, lost_offsets) = (given.records, given.lost_offsets);
        let tally = Tally { records, lost_offsets, ..Tally::default() };
        let (leader_epoch, owners) = (*leader_epoch, *owners);
        let right = CommitMetadata { identity, next_key, leader_epoch, owners, tally };
        let right = right.encode();

        let read = CommitMetadata::decode(&near.to(right, &WORDS));

        if let Some(read) = read {
            assert!(!read.identity.uid.is_empty() && read.next_key.as_deref() != Some(""));
            assert_eq!(CommitMetadata::decode(read.encode().as_bytes()), Some(read));
        }
    });
}
