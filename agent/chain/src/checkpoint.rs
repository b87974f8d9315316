//! What the offset topic holds of a chain, for the day on which the group's
//! offset is gone.

use serde::{Deserialize, Serialize};

use crate::{ChainId, Commit, Identity, LogPosition, Tally};

/// The key of a checkpoint: one a partition, chain and assignment, so that an
/// owner that has been left behind cannot lower another's. In the form of Kafka
/// Connect's offset topic, a JSON array of the connector's name and what the
/// offset is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CheckpointKey(String, Source);

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
struct Source {
    kafka_topic: String,
    kafka_partition: i32,
    chain: String,
    assignment: String,
}

impl CheckpointKey {
    /// Of an assignment, whose name is unique for ever.
    pub fn new(
        connector: &str,
        topic: &str,
        partition: i32,
        chain: ChainId,
        assignment: &str,
    ) -> Self {
        let source = Source {
            kafka_topic: topic.to_owned(),
            kafka_partition: partition,
            chain: chain.to_string(),
            assignment: assignment.to_owned(),
        };
        Self(connector.to_owned(), source)
    }

    /// Bytes of the record's key.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and a number are written to memory")
    }

    /// Reads a record's key; `None` when it is not of this form.
    pub fn decode(key: &[u8]) -> Option<Self> {
        serde_json::from_slice(key).ok()
    }

    /// The partition.
    pub fn partition(&self) -> i32 {
        self.1.kafka_partition
    }

    /// Whether it is of this partition's chain, by whichever assignment.
    pub fn is_of(&self, partition: i32, chain: &ChainId) -> bool {
        self.1.kafka_partition == partition && self.1.chain == chain.as_str()
    }
}

/// A position that was committed, with its pin if it announced one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The committed offset.
    #[serde(rename = "kafka_offset")]
    pub offset: i64,
    /// Key of the next object, if it is announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_key: Option<String>,
    uid: String,
    topic_id: String,
    epoch: u64,
    /// Leader epoch of the record before the offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leader_epoch: Option<i32>,
    /// How many owners the chain has had, with the one who wrote it; 0 where that is
    /// not known.
    #[serde(default)]
    pub owners: u64,
    /// What the chain has come to.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub tally: Tally,
}

impl Checkpoint {
    /// Of a chain that stands so.
    pub fn new(identity: &Identity, commit: &Commit) -> Self {
        let Identity { uid, topic_id, epoch } = identity.clone();
        let Commit { position: LogPosition { offset, leader_epoch }, pin, owners, tally } = commit;
        let (offset, leader_epoch, owners, tally) = (*offset, *leader_epoch, *owners, *tally);
        let next_key = pin.as_ref().map(|pin| pin.key().to_owned());
        Self { offset, next_key, uid, topic_id, epoch, leader_epoch, owners, tally }
    }

    /// What makes one checkpoint of a chain count more than another: the higher
    /// offset, then that it announces a key, then the later owner.
    pub fn rank(&self) -> (i64, bool, u64) {
        (self.offset, self.next_key.is_some(), self.owners)
    }

    /// The position that was committed.
    pub fn position(&self) -> LogPosition {
        LogPosition { offset: self.offset, leader_epoch: self.leader_epoch }
    }

    /// Bytes of the record's value.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers are written to memory")
    }

    /// Reads a record's value; `None` when it is not of this form.
    pub fn decode(value: &[u8]) -> Option<Self> {
        serde_json::from_slice(value).ok()
    }

    /// Whether it is of the chain of `identity`.
    pub fn is_of(&self, identity: &Identity) -> bool {
        self.uid == identity.uid
            && self.topic_id == identity.topic_id
            && self.epoch == identity.epoch
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Pin;

    fn commit(position: impl Into<LogPosition>, key: Option<&str>, owners: u64) -> Commit {
        let pin = key.map(|key| Pin::new(key.to_owned(), false));
        Commit { position: position.into(), pin, owners, tally: Tally::default() }
    }

    fn identity() -> Identity {
        Identity { uid: "u".into(), topic_id: "t".into(), epoch: 2 }
    }

    #[test]
    fn a_checkpoint_has_the_form_of_kafka_connects_offsets() {
        let chain = ChainId::parse("abcd2345").expect("a chain id");
        let key = CheckpointKey::new("orders", "t", 3, chain, "a1");
        assert_eq!(
            String::from_utf8_lossy(&key.encode()),
            r#"["orders",{"kafka_topic":"t","kafka_partition":3,"chain":"abcd2345","assignment":"a1"}]"#
        );
        let checkpoint = Checkpoint::new(&identity(), &commit(7, Some("k"), 3));
        assert_eq!(
            String::from_utf8_lossy(&checkpoint.encode()),
            r#"{"kafka_offset":7,"next_key":"k","uid":"u","topic_id":"t","epoch":2,"owners":3}"#
        );
        let position = LogPosition { offset: 7, leader_epoch: Some(5) };
        let checkpoint = Checkpoint::new(&identity(), &commit(position, None, 3));
        assert_eq!(
            String::from_utf8_lossy(&checkpoint.encode()),
            r#"{"kafka_offset":7,"uid":"u","topic_id":"t","epoch":2,"leader_epoch":5,"owners":3}"#
        );
    }

    #[test]
    fn a_checkpoint_of_another_epoch_is_not_the_chains() {
        let checkpoint = Checkpoint::new(&identity(), &commit(7, Some("k"), 1));
        assert!(checkpoint.is_of(&identity()));
        assert!(!checkpoint.is_of(&Identity { epoch: 1, ..identity() }));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            connector: String, topic: String, partition: i32, assignment: String,
            offset: i64, leader_epoch: Option<i32>, key: Option<String>, owners: u64,
            records: u64,
        ) {
            let chain = ChainId::parse("abcd2345").expect("a chain id");
            let of = CheckpointKey::new(&connector, &topic, partition, chain, &assignment);
            prop_assert_eq!(CheckpointKey::decode(&of.encode()), Some(of));
            let position = LogPosition { offset, leader_epoch };
            let mut commit = commit(position, key.as_deref(), owners);
            commit.tally.records = records;
            let checkpoint = Checkpoint::new(&identity(), &commit);
            prop_assert_eq!(checkpoint.position(), position);
            prop_assert_eq!(Checkpoint::decode(&checkpoint.encode()), Some(checkpoint));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = (CheckpointKey::decode(&bytes), Checkpoint::decode(&bytes));
        }
    }
}
