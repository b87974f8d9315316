//! Where an owner goes on, whatever group and offset topic hold.

use bolero::TypeGenerator;
use bolero::generator::produce;
use kafka2oss_chain::{
    Checkpoint, Commit, CommitMetadata, Committed, Identity, LogPosition, ObjectKey, Pin, Position,
    Recovery, Tally, position, recover,
};
use kafka2oss_fuzz::Near;

use crate::checkpoints::quoted;
use crate::{checkpoints, commit_metadata};

const PARTITION: i32 = 3;

#[derive(Debug, TypeGenerator)]
struct GivenCommit {
    offset: i64,
    /// What the key says, if that is something else.
    key_offset: Option<i64>,
    epoch: u8,
    has_key: bool,
    leader_epoch: Option<i32>,
    owners: u64,
    records: u64,
    near: Near,
    near_key: Near,
}

fn identity(epoch: u64) -> Identity {
    Identity { uid: "u".into(), topic_id: "t".into(), epoch }
}

impl GivenCommit {
    /// Epochs around the chain's own, mostly that one.
    fn identity(&self) -> Identity {
        identity(match self.epoch {
            0..10 => 1,
            10..20 => 3,
            20.. => 2,
        })
    }

    fn key(&self, words: &[&str]) -> String {
        let (offset, chain) = (self.key_offset.unwrap_or(self.offset), self.identity().chain_id());
        let key = format!("p/t/{PARTITION}/t+{PARTITION}+{offset:020}-{chain}.json");
        self.near_key.to_text(&key, words)
    }
}

fn is_a_link(pin: &Pin, identity: &Identity, offset: i64) -> bool {
    ObjectKey::parse(pin.key()).is_some_and(|key| {
        key.chain == identity.chain_id()
            && (key.partition, key.offset) == (PARTITION, offset)
            && !key.is_value()
    })
}

#[test]
fn a_position_is_the_chains_own_whatever_was_committed() {
    bolero::check!().with_type().for_each(|given: &GivenCommit| {
        const WORDS: &[&str] = &commit_metadata::WORDS;
        let next_key = given.has_key.then(|| given.key(WORDS));
        let right = CommitMetadata {
            identity: given.identity(),
            next_key,
            leader_epoch: given.leader_epoch,
            owners: given.owners,
            tally: Tally { records: given.records, ..Tally::default() },
        };
        let right = right.encode();
        let found = Committed { offset: given.offset, metadata: given.near.to(right, WORDS) };
        let read = CommitMetadata::decode(&found.metadata);
        // The chain's own, or of a later epoch whatever the topic was then.
        let that_counts = read.as_ref().filter(|CommitMetadata { identity: of, .. }| {
            *of == identity(2) || (of.uid == "u" && of.epoch > 2)
        });

        match (position(Some(&found), &identity(2), PARTITION), that_counts) {
            (Position::Absent(before), None) => {
                let own = read.as_ref().filter(|read| read.identity.uid == "u");
                assert_eq!(before, own.map(|read| read.tally).unwrap_or_default());
            }
            (Position::Committed(Commit { position, pin, owners, tally }), Some(read)) => {
                let LogPosition { offset, leader_epoch } = position;
                assert_eq!((offset, &read.identity), (given.offset, &identity(2)));
                assert_eq!((leader_epoch, owners), (read.leader_epoch, read.owners));
                assert_eq!(tally, read.tally);
                assert_eq!(pin.as_ref().map(Pin::key), read.next_key.as_deref());
                assert!(pin.is_none_or(|pin| is_a_link(&pin, &identity(2), offset)));
            }
            (Position::Stop(_), Some(read)) => {
                assert!(read.identity.epoch > 2 || read.next_key.is_some());
            }
            (decided, _) => panic!("{read:?} is {decided:?}"),
        }
    });
}

#[derive(Debug, TypeGenerator)]
struct GivenTopic {
    #[generator(produce::<Vec<GivenCommit>>().with().len(0_usize..=6))]
    checkpoints: Vec<GivenCommit>,
    start: Option<i64>,
    commit_seen: bool,
}

#[test]
fn a_recovery_never_goes_back_behind_a_checkpoint_whatever_was_written() {
    bolero::check!().with_type().for_each(|given: &GivenTopic| {
        let read: Vec<Checkpoint> = given
            .checkpoints
            .iter()
            .filter_map(|given| {
                const WORDS: &[&str] = &checkpoints::WORDS;
                let next_key = given.has_key.then(|| quoted(&given.key(WORDS)));
                let right = format!(
                    "{{\"kafka_offset\":{},\"next_key\":{},\"uid\":\"u\",\"topic_id\":\"t\",\
                     \"epoch\":{},\"owners\":{},\"tally\":{{\"records\":{}}}}}",
                    given.offset,
                    next_key.unwrap_or("null".to_owned()),
                    given.identity().epoch,
                    given.owners,
                    given.records,
                );
                Checkpoint::decode(&given.near.to(right, WORDS))
            })
            .collect();
        let of_chain = read.iter().filter(|read| read.is_of(&identity(2)));
        let highest = of_chain.clone().map(|read| read.offset).max();
        let owners_so_far = of_chain.map(|read| read.owners).max();

        match recover(&identity(2), PARTITION, given.start, given.commit_seen, &read) {
            Recovery::Checkpoint(Commit { position, pin, owners, tally }) => {
                assert_eq!((Some(position.offset), Some(owners)), (highest, owners_so_far));
                assert!(read.iter().any(|read| read.tally == tally));
                assert!(pin.is_none_or(|pin| is_a_link(&pin, &identity(2), position.offset)));
            }
            Recovery::Start(offset) => {
                assert_eq!((Some(offset), highest), (given.start, None));
                assert!(!given.commit_seen);
            }
            Recovery::Beginning => {
                assert_eq!((given.start, highest, given.commit_seen), (None, None, false));
            }
            Recovery::Stop(_) => assert!(highest.is_some() || given.commit_seen),
        }
    });
}
