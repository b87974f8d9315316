//! What there is at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka2oss_chain::{Commit, Keys, Owner, Tally};

use crate::Bounds;
use crate::broker::{Group, Member};
use crate::names::{Chain, Key, Names};
use crate::store::{Put, Store};

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// In put windows.
    pub now: u64,
    /// First offset of each incarnation of the topic that is still there; the
    /// last incarnation is the present one.
    pub log_starts: Vec<i64>,
    /// What the control plane holds; epoch 1 first.
    pub epochs: Vec<Epoch>,
    /// What the broker holds of the group.
    pub group: Group,
    /// The bucket.
    pub store: Store,
    /// The offset topic: the last record of each key.
    pub checkpoints: BTreeMap<CheckpointName, Announcement>,
    /// What was sent and may arrive at any time, or never; sorted.
    pub network: Network,
    /// By the number of the assignment, which is its name; `None` when its loop
    /// has ended.
    pub assignments: Vec<Option<Arc<Assignment>>>,
    /// What may still go wrong.
    pub left: Left,
    /// An owner has taken another chain's offset or object as its own.
    pub swallowed: bool,
}

/// An epoch, as the control plane holds it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Epoch {
    /// Incarnation of the topic.
    pub topic: u8,
    /// The partition's offset in the start vector.
    pub start: Option<i64>,
    /// A commit of this epoch was reported.
    pub commit_seen: bool,
}

/// A position of a chain, with its pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Announcement {
    /// The chain.
    pub chain: Chain,
    /// Its position.
    pub offset: i64,
    /// Key of the link that starts there.
    pub pin: Option<Key>,
    /// Owners that the chain has had by then.
    pub owners: u64,
}

impl Announcement {
    pub(crate) fn new(names: &Names, chain: Chain, commit: &Commit) -> Self {
        // Nothing is decided by what was counted.
        let Commit { position, pin, owners, tally: _ } = commit;
        let pin = pin.as_ref().map(|pin| names.key(pin));
        Self { chain, offset: position.offset, pin, owners: *owners }
    }

    pub(crate) fn commit(&self, names: &Names) -> Commit {
        let Self { offset, pin, owners, .. } = *self;
        let pin = pin.map(|key| names.pin(key).clone());
        Commit { position: offset.into(), pin, owners, tally: Tally::default() }
    }
}

/// The key of a checkpoint: an assignment's, and how many of unknown outcome it has
/// given up.
pub type CheckpointName = (usize, u8);

/// An attempt to write a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CheckpointAttempt {
    /// Its key.
    pub name: CheckpointName,
    /// What it says.
    pub says: Announcement,
    /// When it arrives no more.
    pub before: u64,
}

/// What was sent and may arrive at any time, or never.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Network {
    /// Attempts of commits.
    pub commits: Vec<(Member, Announcement)>,
    /// Attempts of puts.
    pub puts: Vec<Put>,
    /// Attempts of checkpoints.
    pub checkpoints: Vec<CheckpointAttempt>,
}

/// An assignment of the partition, and the loop that it has started.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Assignment {
    /// The chain.
    pub chain: Chain,
    /// The layout of the spec that it came with.
    pub layout: u8,
    /// Its number, where it has keys of its own.
    pub attempt: Option<u8>,
    /// Under its own key of the link that starts there: the one body, up to this offset.
    pub body: Option<(i64, i64)>,
    /// The consumer's membership.
    pub member: Member,
    /// Whether its topic was there when it began: else it takes no records.
    pub has_topic: bool,
    /// First offset of the log when it read it.
    pub log_start: i64,
    /// How far it is.
    pub stage: Stage,
    /// Its checkpoints of unknown outcome, whose keys it has given up.
    pub given_up: u8,
    /// Checkpoints that it is about to delete.
    pub purge: Vec<CheckpointName>,
}

impl Assignment {
    /// Under which keys it puts.
    pub(crate) fn keys(&self) -> Keys {
        match self.attempt {
            Some(_) => Keys::Own,
            None => Keys::Shared,
        }
    }

    /// What decides, once the position is known.
    pub fn owner(&self) -> Option<&Owner> {
        match &self.stage {
            Stage::Owner { owner, .. } => Some(owner),
            Stage::Absent { .. } => None,
        }
    }

    /// The put that is under way.
    pub fn sent(&self) -> Option<Put> {
        match self.stage {
            Stage::Owner { sent, .. } => sent,
            Stage::Absent { .. } => None,
        }
    }

    pub(crate) fn parts(&mut self) -> (&mut Owner, &mut Option<Put>) {
        match &mut self.stage {
            Stage::Owner { owner, sent } => (owner, sent),
            Stage::Absent { .. } => unreachable!("it acts once it knows its position"),
        }
    }
}

/// How far an assignment is.
#[expect(clippy::large_enum_variant, reason = "nearly all are owners")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Stage {
    /// It waits out the put window, since it found no offset.
    Absent {
        /// When that was.
        since: u64,
    },
    /// Its loop runs.
    Owner {
        /// What decides.
        owner: Owner,
        /// The put that is under way.
        sent: Option<Put>,
    },
}

/// What may still happen, as [`Bounds`] names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Left {
    pub(crate) moves: u8,
    pub(crate) give_ups: u8,
    pub(crate) ticks: u8,
    pub(crate) lost_put_answers: u8,
    pub(crate) lost_commit_answers: u8,
    pub(crate) lost_checkpoint_answers: u8,
    pub(crate) lifecycle: u8,
    pub(crate) retention: u8,
    pub(crate) expiries: u8,
    pub(crate) deletions: u8,
    pub(crate) resets: u8,
    pub(crate) recreations: u8,
}

impl State {
    /// The loop of an assignment.
    pub(crate) fn running(&self, of: usize) -> &Arc<Assignment> {
        self.assignments[of].as_ref().expect("only loops that run act")
    }

    pub(crate) fn running_mut(&mut self, of: usize) -> &mut Assignment {
        Arc::make_mut(self.assignments[of].as_mut().expect("only loops that run act"))
    }

    /// Before the first assignment: the first epoch is open, the group empty.
    pub(crate) fn new(bounds: &Bounds) -> Self {
        let start = bounds.in_start_vector.then_some(0);
        Self {
            now: 0,
            log_starts: vec![0],
            epochs: vec![Epoch { topic: 0, start, commit_seen: false }],
            group: Group::default(),
            store: Store::default(),
            checkpoints: BTreeMap::new(),
            network: Network::default(),
            assignments: Vec::new(),
            left: Left {
                moves: bounds.moves,
                give_ups: bounds.give_ups,
                ticks: bounds.ticks,
                lost_put_answers: bounds.lost_put_answers,
                lost_commit_answers: bounds.lost_commit_answers,
                lost_checkpoint_answers: bounds.lost_checkpoint_answers,
                lifecycle: bounds.lifecycle,
                retention: bounds.retention,
                expiries: bounds.expiries,
                deletions: bounds.deletions,
                resets: bounds.resets,
                recreations: bounds.recreations,
            },
            swallowed: false,
        }
    }

    /// The present incarnation of the topic.
    pub fn topic(&self) -> u8 {
        u8::try_from(self.log_starts.len() - 1).expect("recreations are few")
    }

    /// First offset of the present topic.
    pub fn log_start(&self) -> i64 {
        self.log_starts[usize::from(self.topic())]
    }

    /// An epoch, by its number.
    pub fn epoch(&self, number: u8) -> &Epoch {
        &self.epochs[usize::from(number - 1)]
    }

    /// The chain of an epoch.
    pub fn chain(&self, epoch: u8) -> Chain {
        Chain { epoch, topic: self.epoch(epoch).topic }
    }

    /// The chain of the last epoch.
    pub fn last_chain(&self) -> Chain {
        self.chain(u8::try_from(self.epochs.len()).expect("epochs are few"))
    }

    /// The chains of all epochs.
    pub fn chains(&self) -> impl Iterator<Item = Chain> {
        (1..).zip(&self.epochs).map(|(epoch, of)| Chain { epoch, topic: of.topic })
    }
}
