//! How an assignment begins: the partition comes to a member of the group,
//! which reads its position.

use std::sync::Arc;
use std::time::Duration;

use kafka2oss_chain::{Checkpoint, Commit, Keys, Owner, Position, Recovery, position, recover};
use kafka2oss_domain::ErrorCode;

use crate::broker::Member;
use crate::names::{Chain, PARTITION};
use crate::state::{Assignment, Stage, State};
use crate::{ChainModel, Rule, Taken, WINDOW};

/// How the partition comes to a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handover {
    /// A new consumer takes over the instance id of the one that has it: after
    /// a crash, on another agent, or after an unknown outcome.
    Restart,
    /// The session of the member that has it ends.
    FailOver,
    /// The member that has it acknowledges a revocation.
    Revocation,
}

impl ChainModel {
    /// How the partition may come to a member now.
    pub(crate) fn handovers(state: &State) -> impl Iterator<Item = Handover> {
        let group = &state.group;
        let fail_over = group.can_fail_over().then_some(Handover::FailOver);
        let revocation = state.left.moves > 0 && group.can_hand_over();
        let revocation = revocation.then_some(Handover::Revocation);
        [Some(Handover::Restart), fail_over, revocation].into_iter().flatten()
    }

    /// Whether an assignment may know that the store overwrites, if it does.
    pub(crate) fn awareness(&self) -> &'static [bool] {
        match self.bounds.taken {
            _ if self.bounds.without == Some(Rule::OwnKeys) => &[false],
            Taken::Refused => &[false],
            Taken::Overwritten => &[true],
            Taken::OverwrittenUnknown => &[false, true],
        }
    }

    /// Assigns the partition.
    ///
    /// # Errors
    /// The problem that ends the new loop at once.
    pub(crate) fn assign(
        &self,
        state: &mut State,
        handover: Handover,
        chain: Chain,
        layout: u8,
        aware: bool,
    ) -> Result<(), ErrorCode> {
        let number = state.assignments.len();
        let member = match handover {
            Handover::Restart => state.group.restart(number),
            Handover::FailOver => state.group.fail_over(),
            Handover::Revocation => {
                let revoked = state.group.holder;
                state.left.moves -= 1;
                self.stop(state, revoked);
                state.group.hand_over(number)
            }
        };
        self.begin(state, member, chain, layout, aware)
    }

    /// Ends the loop of an instance's consumer. What it has sent to the store
    /// may still arrive; its commits have their answers.
    fn stop(&self, state: &mut State, instance: usize) {
        if self.bounds.without == Some(Rule::Revocation) {
            return;
        }
        for of in 0..state.assignments.len() {
            let Some(assignment) = &state.assignments[of] else {
                continue;
            };
            let Member { instance: on, .. } = assignment.member;
            if on == instance && state.group.has(assignment.member) {
                let sent = assignment.sent();
                state.assignments[of] = None;
                sent.into_iter().for_each(|put| state.network.put(put));
            }
        }
    }

    /// Whether the loop of an assignment may give up what it has open.
    pub(crate) fn may_give_up(&self, state: &State, of: usize) -> bool {
        state.left.give_ups > 0
            && state.assignments.len() < usize::from(self.bounds.assignments)
            && state.running(of).owner().is_some()
    }

    /// The loop of an assignment ends, and its member reads the position again. What it
    /// has sent to the store may still arrive; a loop that has a commit under way is
    /// none here.
    ///
    /// # Errors
    /// The problem that ends the new loop at once.
    pub(crate) fn give_up(&self, state: &mut State, of: usize) -> Result<(), ErrorCode> {
        state.left.give_ups -= 1;
        let given_up = Arc::clone(state.running(of));
        state.assignments[of] = None;
        given_up.sent().into_iter().for_each(|put| state.network.put(put));
        let Assignment { member, chain, layout, attempt, .. } = *given_up;
        self.begin(state, member, chain, layout, attempt.is_some())
    }

    /// Reads the position.
    fn begin(
        &self,
        state: &mut State,
        member: Member,
        chain: Chain,
        layout: u8,
        aware: bool,
    ) -> Result<(), ErrorCode> {
        let keys = if aware { Keys::Own } else { Keys::Shared };
        let number = state.assignments.len();
        let identity = self.names.identity(chain);
        let committed = state.group.read(&self.bounds, &self.names, chain);
        let found = position(committed.as_ref(), identity, PARTITION);

        let stage = match found {
            Position::Committed(standing) => {
                let owner = state.group.committed.expect("there is an offset").chain;
                state.swallowed |= owner != chain;
                self.owner_at(state, standing, keys)
            }
            Position::Absent(_) => Stage::Absent { since: state.now },
            Position::Stop(problem) => {
                state.assignments.push(None);
                return Err(problem.code);
            }
        };
        let absent = matches!(stage, Stage::Absent { .. });
        let assignment = Assignment {
            chain,
            layout,
            attempt: aware.then(|| u8::try_from(number).expect("assignments are few")),
            body: None,
            member,
            has_topic: chain.topic == state.topic(),
            log_start: state.log_start(),
            stage,
            given_up: 0,
            purge: Vec::new(),
        };
        state.assignments.push(Some(Arc::new(assignment)));
        // Nothing to wait for: nobody may have put anything.
        if absent && !self.commit_seen(state, chain) {
            return self.recover(state, number);
        }
        Ok(())
    }

    /// Decides where the chain goes on without an offset.
    ///
    /// # Errors
    /// The problem that ends the loop.
    pub(crate) fn recover(&self, state: &mut State, of: usize) -> Result<(), ErrorCode> {
        let chain = state.running(of).chain;
        let identity = self.names.identity(chain);
        let mut checkpoints: Vec<Checkpoint> = Vec::new();
        for at in state.checkpoints.values() {
            let identity = self.names.identity(at.chain);
            let checkpoint = Checkpoint::new(identity, &at.commit(&self.names));
            // An earlier assignment's clock was ahead.
            let told_apart = self.bounds.without == Some(Rule::OwnersCount)
                && checkpoints.iter().any(|other| {
                    other.is_of(identity) && other.position() == checkpoint.position()
                });
            if !told_apart {
                checkpoints.push(checkpoint);
            }
        }
        let start = state.epoch(chain.epoch).start;
        let seen = self.commit_seen(state, chain);
        let keys = state.running(of).keys();
        let standing = match recover(identity, PARTITION, start, seen, &checkpoints) {
            Recovery::Checkpoint(standing) => {
                let window = Duration::from_millis(WINDOW);
                let owner = Owner::restoring(standing, window, true, keys);
                state.running_mut(of).stage = Stage::Owner { owner, sent: None };
                return Ok(());
            }
            Recovery::Start(offset) => Commit::start(offset),
            Recovery::Beginning => Commit::start(state.log_start()),
            Recovery::Stop(problem) => {
                state.assignments[of] = None;
                return Err(problem.code);
            }
        };
        state.running_mut(of).stage = self.owner_at(state, standing, keys);
        Ok(())
    }

    fn commit_seen(&self, state: &State, chain: Chain) -> bool {
        state.epoch(chain.epoch).commit_seen && self.bounds.without != Some(Rule::NoOffset)
    }

    fn owner_at(&self, state: &State, standing: Commit, keys: Keys) -> Stage {
        let shared = standing.pin.clone().filter(|pin| keys == Keys::Own && !pin.is_own());
        let mut owner = Owner::new(standing, Duration::from_millis(WINDOW), true, keys);
        if let (Some(pin), Some(Rule::SharedKeysLeft)) = (shared, self.bounds.without)
            && let Some((link, _)) = state.store.head(&self.names, self.names.key(&pin))
        {
            owner.asked(Some(link.end().into()));
        }
        Stage::Owner { owner, sent: None }
    }
}
