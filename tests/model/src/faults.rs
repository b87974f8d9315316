//! What happens around the loops: time, the network, retention, and what people
//! do to the group, the topic and the connector.

use kafka2oss_chain::Step;

use crate::broker::Member;
use crate::names::Key;
use crate::state::{Announcement, CheckpointAttempt, Epoch, Network, Stage, State};
use crate::store::{Object, Put};
use crate::{ChainModel, Rule, WINDOW};

/// What may happen around the loops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// One put window passes.
    Tick,
    /// An attempt of a commit arrives, of which the sender hears nothing.
    CommitArrives(usize),
    /// An attempt of a put arrives, of which the sender hears nothing.
    PutArrives(usize),
    /// An attempt to write a checkpoint arrives, of which the sender hears nothing.
    CheckpointArrives(usize),
    /// A lifecycle rule moves an object away, so long after it was put that no other put
    /// of its key arrives any more.
    MoveAway(Key),
    /// The control plane hears of an epoch's first commit.
    ReportCommit(u8),
    /// Retention removes the first record.
    Retain,
    /// The group has been without members for so long that its offset expires.
    Expire,
    /// Another tool deletes the offset of a group without members.
    DeleteOffset,
    /// Another epoch begins, at the topic's beginning.
    ResetOffsets,
    /// The topic is deleted and created again, with as many records.
    RecreateTopic,
}

impl Network {
    pub(crate) fn commit(&mut self, member: Member, commit: Announcement) {
        self.commits.push((member, commit));
        self.commits.sort_unstable();
    }

    pub(crate) fn put(&mut self, put: Put) {
        self.puts.push(put);
        self.puts.sort_unstable();
    }

    pub(crate) fn checkpoint(&mut self, attempt: CheckpointAttempt) {
        self.checkpoints.push(attempt);
        self.checkpoints.sort_unstable();
    }
}

impl ChainModel {
    /// What may happen now.
    pub(crate) fn events(&self, state: &State, actions: &mut Vec<Event>) {
        let left = &state.left;
        let mut possible = |event: Event, is_possible: bool| {
            if is_possible {
                actions.push(event);
            }
        };
        possible(Event::Tick, left.ticks > 0);
        for attempt in 0..state.network.commits.len() {
            possible(Event::CommitArrives(attempt), true);
        }
        for attempt in 0..state.network.puts.len() {
            possible(Event::PutArrives(attempt), true);
        }
        for (number, attempt) in state.network.checkpoints.iter().enumerate() {
            let in_time = state.now < attempt.before;
            let may_arrive = in_time || self.bounds.frozen_checkpoints;
            possible(Event::CheckpointArrives(number), may_arrive);
        }
        if left.lifecycle > 0 {
            for (key, object) in state.store.found() {
                let may_move = self.may_move(state, object);
                possible(Event::MoveAway(key), may_move);
            }
        }
        let unseen = |epoch: u8| {
            !state.epoch(epoch).commit_seen && state.group.reached.contains_key(&state.chain(epoch))
        };
        for epoch in (1..).take(state.epochs.len()) {
            possible(Event::ReportCommit(epoch), unseen(epoch));
        }
        possible(Event::Retain, left.retention > 0 && state.log_start() < self.bounds.records - 1);
        let has_offset = state.group.committed.is_some();
        possible(Event::Expire, left.expiries > 0 && has_offset);
        // Assumed: not before the epoch's first commit is recorded.
        let all_are_seen = (1..).take(state.epochs.len()).all(|epoch| !unseen(epoch));
        possible(Event::DeleteOffset, left.deletions > 0 && has_offset && all_are_seen);
        possible(Event::ResetOffsets, left.resets > 0);
        possible(Event::RecreateTopic, left.recreations > 0);
    }

    /// Lets it happen.
    pub(crate) fn happen(&self, state: &mut State, event: Event) {
        match event {
            Event::Tick => {
                state.left.ticks -= 1;
                state.now += WINDOW;
            }
            Event::CommitArrives(attempt) => {
                let (member, commit) = state.network.commits.remove(attempt);
                state.group.commit(&self.bounds, member, commit);
            }
            Event::PutArrives(attempt) => {
                let put = state.network.puts.remove(attempt);
                state.store.put(&self.bounds, put);
            }
            Event::CheckpointArrives(number) => {
                let CheckpointAttempt { name, says, .. } = state.network.checkpoints.remove(number);
                state.checkpoints.insert(name, says);
            }
            Event::MoveAway(key) => {
                state.left.lifecycle -= 1;
                self.forget_puts(state);
                state.now += WINDOW;
                state.store.move_away(key);
            }
            Event::ReportCommit(epoch) => {
                state.epochs[usize::from(epoch - 1)].commit_seen = true;
            }
            Event::Retain => {
                state.left.retention -= 1;
                *state.log_starts.last_mut().expect("there is a topic") += 1;
            }
            Event::Expire => {
                state.left.expiries -= 1;
                self.forget_puts(state);
                state.now += WINDOW;
                state.group.committed = None;
                state.group.lose_members();
            }
            Event::DeleteOffset => {
                state.left.deletions -= 1;
                state.group.committed = None;
                state.group.lose_members();
            }
            Event::ResetOffsets => {
                state.left.resets -= 1;
                self.open_epoch(state);
            }
            Event::RecreateTopic => {
                state.left.recreations -= 1;
                state.log_starts.push(0);
            }
        }
    }

    /// What is said of lifecycle rules: an object may go once its end is committed and
    /// stands in the offset topic.
    fn may_move(&self, state: &State, object: &Object) -> bool {
        let committed = state.group.reached.get(&object.chain).is_some_and(|at| object.next <= *at);
        let mut checkpoints = state.checkpoints.values();
        let kept = self.bounds.without == Some(Rule::BareEnd)
            || checkpoints.any(|at| at.chain == object.chain && object.next <= at.offset);
        committed && kept
    }

    /// The next epoch begins.
    pub(crate) fn open_epoch(&self, state: &mut State) {
        let (topic, start) = (state.topic(), Some(state.log_start()));
        state.epochs.push(Epoch { topic, start, commit_seen: false });
    }

    /// No put that was sent arrives any more: offsets are kept for longer than
    /// that takes.
    pub(crate) fn forget_puts(&self, state: &mut State) {
        state.network.puts.clear();
        for of in 0..state.assignments.len() {
            if state.assignments[of].as_ref().is_some_and(|of| of.sent().is_some()) {
                *state.running_mut(of).parts().1 = None;
            }
        }
    }

    /// Ends the loops that have been fenced and can do nothing more but commit:
    /// states that differ in these alone are the same.
    pub(crate) fn retire(&self, state: &mut State) {
        if self.bounds.without == Some(Rule::FencedCommits) {
            return;
        }
        for of in 0..state.assignments.len() {
            let Some(assignment) = &state.assignments[of] else {
                continue;
            };
            let is_done = match &assignment.stage {
                Stage::Absent { .. } => true,
                Stage::Owner { sent: Some(_), .. } => false,
                Stage::Owner { sent: None, .. } => {
                    matches!(self.step(state, assignment, None), Step::Rest | Step::Commit(_))
                }
            };
            if is_done && assignment.purge.is_empty() && !state.group.has(assignment.member) {
                state.assignments[of] = None;
            }
        }
    }
}
