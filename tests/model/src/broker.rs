//! The group: its members, and the committed offset. The broker checks the
//! member that sends a commit, not whether it has the partition.

use std::collections::BTreeMap;

use kafka2oss_chain::{CommitMetadata, Committed, Identity};

use crate::names::{Chain, Names};
use crate::state::Announcement;
use crate::{Bounds, Rule};

/// A static member: a consumer under a `group.instance.id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Member {
    /// The task index in its `group.instance.id`.
    pub instance: usize,
    /// The assignment for which its consumer was made: another one each time.
    pub consumer: usize,
}

/// What the broker holds of the group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Group {
    /// The committed offset, and its metadata before it is encoded.
    pub committed: Option<Announcement>,
    /// The consumer behind each of the two instance ids.
    pub consumers: [Option<usize>; 2],
    /// The instance that has the partition.
    pub holder: usize,
    /// The holder's consumer has a commit whose outcome it does not know, so
    /// that it takes part in no rebalance any more.
    pub unsettled: bool,
    /// The highest offset that each chain has ever committed.
    pub reached: BTreeMap<Chain, i64>,
}

impl Group {
    /// Whether a member has not been fenced.
    pub fn has(&self, member: Member) -> bool {
        self.consumers[member.instance] == Some(member.consumer)
    }

    /// Takes a commit, or refuses it (`false`).
    pub(crate) fn commit(
        &mut self,
        bounds: &Bounds,
        member: Member,
        mut commit: Announcement,
    ) -> bool {
        if !self.has(member) && bounds.without != Some(Rule::FencedCommits) {
            return false;
        }
        if bounds.without == Some(Rule::Pin) {
            commit.pin = None;
        }
        self.committed = Some(commit);
        let reached = self.reached.entry(commit.chain).or_insert(commit.offset);
        *reached = commit.offset.max(*reached);
        true
    }

    /// What a member reads.
    pub(crate) fn read(&self, bounds: &Bounds, names: &Names, reader: Chain) -> Option<Committed> {
        let committed = self.committed?;
        let by = match bounds.without {
            Some(Rule::WhoseOffset) => reader,
            _ => committed.chain,
        };
        let identity: Identity = names.identity(by).clone();
        let metadata = CommitMetadata::new(identity, &committed.commit(names)).encode();
        Some(Committed { offset: committed.offset, metadata: metadata.into_bytes() })
    }

    /// All members are gone for longer than their sessions.
    pub(crate) fn lose_members(&mut self) {
        self.consumers = [None; 2];
        self.unsettled = false;
    }

    /// The holder's instance id is taken over by a new consumer.
    pub(crate) fn restart(&mut self, consumer: usize) -> Member {
        self.unsettled = false;
        self.consumers[self.holder] = Some(consumer);
        self.holder()
    }

    /// Whether there is another member when the holder's session ends.
    pub(crate) fn can_fail_over(&self) -> bool {
        self.consumers[1 - self.holder].is_some()
    }

    /// The holder's session ends: the other member has the partition.
    pub(crate) fn fail_over(&mut self) -> Member {
        self.unsettled = false;
        self.consumers[self.holder] = None;
        self.holder = 1 - self.holder;
        self.holder()
    }

    /// Whether the holder takes part in rebalances.
    pub(crate) fn can_hand_over(&self) -> bool {
        self.consumers[self.holder].is_some() && !self.unsettled
    }

    /// The holder acknowledges a revocation: the other instance's consumer, a
    /// new one if there is none, has the partition.
    pub(crate) fn hand_over(&mut self, consumer: usize) -> Member {
        self.holder = 1 - self.holder;
        self.consumers[self.holder].get_or_insert(consumer);
        self.holder()
    }

    fn holder(&self) -> Member {
        let consumer = self.consumers[self.holder].expect("the holder is a member");
        Member { instance: self.holder, consumer }
    }
}
