//! Adding a link to a chain, and the texts that go with it.

use std::collections::HashMap;
use std::time::Duration;

use kafka2oss_chain::{
    ChainId, Checkpoint, Commit, CommitMetadata, Identity, KeyLayout, LogPosition, Moment,
    ObjectMetadata, Owner, Pin, Step, Tally, TimeBucket,
};
use kafka2oss_domain::spec::{Layout, TimeBucketLength, TimeBucketStyle, TimeBuckets};

use crate::records::TOPIC;

/// A timestamp of a record: 2026-01-01 in UTC, in milliseconds since 1970.
pub const TIMESTAMP: i64 = 1_767_225_600_000;

const PARTITION: i32 = 3;
const RECORDS_PER_LINK: i64 = 8_192;
const EXTENSION: &str = "json.gz";
const LEADER_EPOCH: i32 = 12;
const TALLY: Tally = Tally {
    records: 987_654_321,
    objects: 123_456,
    bytes: 345_678_901_234,
    dead_letters: 321,
    lost_offsets: 0,
};

/// How keys are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// In the order of offsets.
    Flat,
    /// In folders of an hour, in Shanghai's time, after a hash.
    HourlyWithHash,
}

/// A chain in the middle of its life: its next link is announced.
#[derive(Debug, Clone)]
pub struct Chain {
    identity: Identity,
    chain_id: ChainId,
    layout: KeyLayout,
    owner: Owner,
    now: Moment,
}

impl Chain {
    /// At offset one billion.
    pub fn new(keys: Keys) -> Self {
        let identity = Identity {
            uid: "01KDVDRT00C0S8XJ6M4P7N9A2B".to_owned(),
            topic_id: "dUtd9aJ7QzuVb2bM5bqbZQ".to_owned(),
            epoch: 2,
        };
        let layout = Layout {
            prefix: "raw/kafka/".to_owned(),
            time_buckets: (keys == Keys::HourlyWithHash).then(|| TimeBuckets {
                style: TimeBucketStyle::Hive,
                length: TimeBucketLength::Hour,
                time_zone: "Asia/Shanghai".to_owned(),
            }),
            hash_prefix: keys == Keys::HourlyWithHash,
        };
        let chain_id = identity.chain_id();
        let layout = KeyLayout::new(&layout, TOPIC, PARTITION, chain_id);
        let position = 1_000_000_000;
        let owner = Owner::new(
            Commit::start(at(position)),
            Duration::from_secs(30),
            true,
            kafka2oss_chain::Keys::Shared,
        );
        let mut chain = Self { identity, chain_id, layout, owner, now: Moment(0) };
        chain.add_link();
        chain
    }

    /// Adds the next link: every step of the owner, each of which comes true at
    /// once, the key of the link after it and the texts of commits and
    /// checkpoints. Returns their bytes.
    pub fn add_link(&mut self) -> usize {
        let first = self.owner.position().offset;
        let next = first + RECORDS_PER_LINK;
        let proposal = match self.owner.pin() {
            Some(pin) => pin.clone(),
            None => self.key(first),
        };
        let following = self.key(next);
        let mut bytes = 0;
        while self.owner.position().offset == first {
            self.now.0 += 1;
            match self.owner.step(self.now, Some(&proposal), Some((next, &following))) {
                Step::Commit(commit) => {
                    bytes += self.commit_metadata(&commit).len();
                    self.owner.committed(commit, self.now);
                }
                Step::Checkpoint { commit, .. } => {
                    bytes += Checkpoint::new(&self.identity, &commit).encode().len();
                    self.owner.checkpointed();
                }
                Step::Put { .. } => self.owner.created(at(next)),
                Step::Ask(_) => self.owner.asked(None),
                Step::Rest => unreachable!("there is an object to put"),
            }
        }
        bytes
    }

    /// Key of the link that starts at `first`.
    pub fn key(&self, first: i64) -> Pin {
        self.layout.link(first, TIMESTAMP, EXTENSION, None)
    }

    /// Reads a key of this chain back.
    pub fn read_key(&self, key: &str, first: i64) -> Option<Pin> {
        Pin::of_chain(key, &self.chain_id, PARTITION, first)
    }

    /// The time bucket of a record, which is asked for each.
    pub fn bucket(&self, timestamp: i64) -> Option<TimeBucket> {
        self.layout.bucket(timestamp)
    }

    /// Metadata of a commit.
    pub fn commit_metadata(&self, commit: &Commit) -> String {
        CommitMetadata::new(self.identity.clone(), commit).encode()
    }

    /// Metadata of the link that starts at `first`.
    pub fn object_metadata(&self, first: i64) -> HashMap<String, String> {
        let metadata = ObjectMetadata {
            uid: self.identity.uid.clone(),
            chain_id: self.chain_id,
            partition: PARTITION,
            first_offset: first,
            next_offset: first + RECORDS_PER_LINK,
            records: RECORDS_PER_LINK as u64,
            crc64: 0x995d_c9bb_df19_39fa,
            leader_epoch: Some(LEADER_EPOCH),
        };
        metadata.encode()
    }
}

/// An announcement.
pub fn announcement(offset: i64, pin: Pin) -> Commit {
    Commit { position: at(offset), pin: Some(pin), owners: 12, tally: TALLY }
}

fn at(offset: i64) -> LogPosition {
    LogPosition { offset, leader_epoch: Some(LEADER_EPOCH) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_link_starts_where_the_one_before_ended_and_is_announced() {
        let mut chain = Chain::new(Keys::Flat);
        for _ in 0..3 {
            let first = chain.owner.position().offset;
            chain.add_link();
            let next = first + RECORDS_PER_LINK;
            assert_eq!(chain.owner.position(), at(next));
            assert_eq!(chain.owner.pin(), Some(&chain.key(next)));
        }
    }
}
