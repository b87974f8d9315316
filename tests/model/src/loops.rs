//! What the loop of an assignment does: it asks the product's code for the next
//! step, carries it out, and says what came of it.

use kafka2oss_chain::{Commit, Conflict, Moment, Owner, Pin, Step, resolve};
use kafka2oss_domain::ErrorCode;

use crate::names::{Key, PARTITION};
use crate::state::{Announcement, Assignment, CheckpointAttempt, Stage, State};
use crate::store::{Object, Put};
use crate::{ChainModel, Rule, WINDOW};

/// What the loop of an assignment may do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoopAction {
    /// Read the checkpoints, the put window having passed.
    Recover,
    /// HEAD.
    Ask,
    /// Commit, and hear the answer.
    Commit {
        /// Whether the first record of the next link is known, so that its pin
        /// rides along.
        rides: bool,
    },
    /// Commit, and hear nothing more.
    LoseCommitAnswer {
        /// As above.
        rides: bool,
        /// Whether a first attempt arrives at once; another one is under way.
        arrives: bool,
    },
    /// Write a checkpoint, and hear the answer.
    Checkpoint,
    /// Send a checkpoint, and hear nothing more.
    LoseCheckpointAnswer,
    /// Delete the lower checkpoints that were there at one's own.
    Purge,
    /// Sign and send a put of what was taken up to this offset.
    SendPut {
        /// Offset after the extent.
        next: i64,
    },
    /// The put arrives, and its answer too.
    LandPut,
    /// Hear nothing more of the put.
    LosePutAnswer,
}

impl ChainModel {
    /// What the loop of assignment `of` may do next.
    pub(crate) fn loop_actions(&self, state: &State, of: usize, actions: &mut Vec<LoopAction>) {
        let assignment = state.running(of);
        if !assignment.purge.is_empty() {
            actions.push(LoopAction::Purge);
        }
        match &assignment.stage {
            Stage::Absent { since } => {
                if state.now >= since + WINDOW {
                    actions.push(LoopAction::Recover);
                }
            }
            Stage::Owner { sent: Some(_), .. } => {
                actions.push(LoopAction::LandPut);
                if state.left.lost_put_answers > 0 {
                    actions.push(LoopAction::LosePutAnswer);
                }
            }
            Stage::Owner { owner, sent: None } => match self.step(state, assignment, None) {
                Step::Rest => {}
                Step::Ask(_) => actions.push(LoopAction::Ask),
                Step::Checkpoint { .. } => {
                    actions.push(LoopAction::Checkpoint);
                    if state.left.lost_checkpoint_answers > 0 {
                        actions.push(LoopAction::LoseCheckpointAnswer);
                    }
                }
                Step::Put { .. } => {
                    let after = owner.position().offset.max(assignment.log_start) + 1;
                    let ends = after..=self.bounds.records;
                    let first = owner.position().offset;
                    // What is put again under an own key is the same.
                    let body = assignment.body.filter(|(of, _)| *of == first);
                    let ends = ends.filter(|end| body.is_none_or(|(_, next)| next == *end));
                    actions.extend(ends.map(|next| LoopAction::SendPut { next }));
                }
                Step::Commit(commit) => {
                    // Before the next record has come.
                    if self.bounds.lifecycle > 0 && self.is_bare_end_due(state, assignment) {
                        actions.push(LoopAction::Checkpoint);
                    }
                    let of_a_link = owner.position().offset < commit.position.offset
                        && commit.position.offset < self.bounds.records;
                    for rides in [false, true].into_iter().take(1 + usize::from(of_a_link)) {
                        actions.push(LoopAction::Commit { rides });
                        if state.left.lost_commit_answers > 0 {
                            let lost = |arrives| LoopAction::LoseCommitAnswer { rides, arrives };
                            actions.extend([lost(false), lost(true)]);
                        }
                    }
                }
            },
        }
    }

    /// Does it.
    ///
    /// # Errors
    /// The problem that ends the loop.
    pub(crate) fn act(
        &self,
        state: &mut State,
        of: usize,
        action: LoopAction,
    ) -> Result<(), ErrorCode> {
        match action {
            LoopAction::Recover => return self.recover(state, of),
            LoopAction::Ask => return self.ask(state, of),
            LoopAction::Commit { rides } => self.commit(state, of, rides),
            LoopAction::LoseCommitAnswer { rides, arrives } => {
                self.lose_commit_answer(state, of, rides, arrives);
            }
            LoopAction::Checkpoint => self.checkpoint(state, of),
            LoopAction::LoseCheckpointAnswer => self.lose_checkpoint_answer(state, of),
            LoopAction::Purge => {
                for lower in std::mem::take(&mut state.running_mut(of).purge) {
                    state.checkpoints.remove(&lower);
                }
            }
            LoopAction::SendPut { next } => self.send_put(state, of, next),
            LoopAction::LandPut => self.land_put(state, of),
            LoopAction::LosePutAnswer => {
                state.left.lost_put_answers -= 1;
                let put = state.running_mut(of).parts().1.take();
                state.network.put(put.expect("one is under way"));
            }
        }
        Ok(())
    }

    /// What the product's code wants. `following` is an offset from which on the
    /// key of a link is known.
    pub(crate) fn step(
        &self,
        state: &State,
        assignment: &Assignment,
        following: Option<i64>,
    ) -> Step {
        let owner = assignment.owner().expect("it acts once it knows its position");
        let proposal = self.proposal(assignment, owner.position().offset);
        let following = following.and_then(|at| Some((at, self.proposal(assignment, at)?)));
        let step = owner.step(self.clock(state), proposal, following);
        self.with_rules(step)
    }

    /// Whether a bare end is to be checkpointed while no further record is known.
    fn is_bare_end_due(&self, state: &State, assignment: &Assignment) -> bool {
        matches!(self.idle_step(state, assignment), Step::Checkpoint { .. })
    }

    /// What the product's code wants while no further record is known.
    fn idle_step(&self, state: &State, assignment: &Assignment) -> Step {
        let owner = assignment.owner().expect("it acts once it knows its position");
        self.with_rules(owner.step(self.clock(state), None, None))
    }

    fn with_rules(&self, step: Step) -> Step {
        match step {
            Step::Checkpoint { commit: Commit { pin: None, .. }, .. }
                if self.bounds.without == Some(Rule::BareEnd) =>
            {
                Step::Rest
            }
            step => step,
        }
    }

    /// The key that a link from `first` on has by the assignment's own layout,
    /// if there are records for it.
    fn proposal(&self, assignment: &Assignment, first: i64) -> Option<&Pin> {
        let &Assignment { chain, layout, attempt, has_topic, log_start, .. } = assignment;
        if self.bounds.without == Some(Rule::OthersKeys)
            && attempt.is_none()
            && let Some(Commit { position, pin: Some(pin), .. }) =
                assignment.owner().map(Owner::standing)
            && pin.is_own()
            && position.offset == first
        {
            return Some(self.names.pin(self.names.key(pin)));
        }
        let first_record = first.max(log_start);
        let key = Key { chain, first, first_record, layout, attempt };
        (has_topic && first < self.bounds.records).then(|| self.names.pin(key))
    }

    pub(crate) fn clock(&self, state: &State) -> Moment {
        match self.bounds.without {
            Some(Rule::PutWindow) => Moment(0),
            _ => Moment(state.now),
        }
    }

    fn ask(&self, state: &mut State, of: usize) -> Result<(), ErrorCode> {
        let assignment = state.running(of);
        let Step::Ask(pin) = self.step(state, assignment, None) else { unreachable!("it asks") };
        let owner = assignment.owner().expect("it asks");
        let (identity, first) = (self.names.identity(assignment.chain), owner.position().offset);

        let Some((found, by)) = state.store.head(&self.names, self.names.key(&pin)) else {
            state.running_mut(of).parts().0.asked(None);
            return Ok(());
        };
        match resolve(pin.key(), Ok(found), &identity.chain_id(), PARTITION, first) {
            Conflict::Adopt(_) if self.is_surprised(assignment) => {
                state.assignments[of] = None;
                Ok(())
            }
            Conflict::Adopt(link) => {
                state.swallowed |= by != assignment.chain;
                state.running_mut(of).parts().0.asked(Some(link.end().into()));
                Ok(())
            }
            Conflict::Stop(problem) => {
                state.assignments[of] = None;
                Err(problem.code)
            }
        }
    }

    fn next_commit(&self, state: &State, of: usize, rides: bool) -> (Commit, Announcement) {
        let assignment = state.running(of);
        let step = self.step(state, assignment, None);
        let Step::Commit(commit) = step else { unreachable!("it commits") };
        // A key for another offset is known when a shorter link was adopted.
        let known = commit.position.offset + i64::from(!rides);
        let step = self.step(state, assignment, Some(known));
        let Step::Commit(commit) = step else { unreachable!("it commits") };
        let announcement = Announcement::new(&self.names, assignment.chain, &commit);
        (commit, announcement)
    }

    fn commit(&self, state: &mut State, of: usize, rides: bool) {
        let (commit, announcement) = self.next_commit(state, of, rides);
        let (member, sent) = (state.running(of).member, self.clock(state));
        if state.group.commit(&self.bounds, member, announcement) {
            state.running_mut(of).parts().0.committed(commit, sent);
        } else {
            state.assignments[of] = None;
        }
    }

    fn lose_commit_answer(&self, state: &mut State, of: usize, rides: bool, arrives: bool) {
        state.left.lost_commit_answers -= 1;
        let (_, announcement) = self.next_commit(state, of, rides);
        let member = state.running(of).member;
        if arrives {
            state.group.commit(&self.bounds, member, announcement);
        }
        state.network.commit(member, announcement);
        if self.bounds.without == Some(Rule::SettledCommits) && self.may_give_up(state, of) {
            let _ = self.give_up(state, of);
            return;
        }
        if self.bounds.without != Some(Rule::NoLateCommits) {
            state.group.unsettled |= state.group.has(member);
            state.assignments[of] = None;
        }
    }

    /// The attempt that the loop makes next.
    fn checkpoint_attempt(&self, state: &State, of: usize) -> CheckpointAttempt {
        let assignment = state.running(of);
        let step = match self.step(state, assignment, None) {
            step @ Step::Checkpoint { .. } => step,
            _ => self.idle_step(state, assignment),
        };
        let Step::Checkpoint { commit, before: Moment(before) } = step else {
            unreachable!("it writes a checkpoint")
        };
        let name = (of, assignment.given_up);
        let says = Announcement::new(&self.names, assignment.chain, &commit);
        CheckpointAttempt { name, says, before }
    }

    fn lose_checkpoint_answer(&self, state: &mut State, of: usize) {
        state.left.lost_checkpoint_answers -= 1;
        let attempt = self.checkpoint_attempt(state, of);
        state.network.checkpoint(attempt);
        if self.bounds.without != Some(Rule::FreshKey) {
            state.running_mut(of).given_up += 1;
        }
    }

    fn checkpoint(&self, state: &mut State, of: usize) {
        let CheckpointAttempt { name, says, .. } = self.checkpoint_attempt(state, of);
        if self.bounds.without != Some(Rule::NoOffset) {
            state.checkpoints.insert(name, says);
        }
        let rank = |of: &Announcement| (of.offset, of.pin.is_some(), of.owners);
        let lower = if self.bounds.purges {
            let lower = state.checkpoints.iter().filter(|(other, of)| {
                **other != name
                    && of.chain == says.chain
                    && of.owners <= says.owners
                    && rank(of) < rank(&says)
            });
            lower.map(|(other, _)| *other).collect()
        } else {
            Vec::new()
        };
        let assignment = state.running_mut(of);
        assignment.purge = lower;
        assignment.parts().0.checkpointed();
    }

    fn send_put(&self, state: &mut State, of: usize, next: i64) {
        let assignment = state.running(of);
        let Step::Put { pin, before } = self.step(state, assignment, None) else {
            unreachable!("it puts")
        };
        assert!(self.clock(state) < before, "a put is sent within the window");
        let owner: &Owner = assignment.owner().expect("it puts");
        let (chain, first) = (assignment.chain, owner.position().offset);
        let first_record = first.max(assignment.log_start);
        let key = self.names.key(&pin);
        let put = Put { key, object: Object { chain, first, next, first_record } };

        if assignment.attempt.is_some() && self.bounds.without != Some(Rule::OneBody) {
            state.running_mut(of).body = Some((first, next));
        }
        if self.bounds.without == Some(Rule::Order) {
            state.running_mut(of).parts().0.created(next);
            state.network.put(put);
        } else {
            *state.running_mut(of).parts().1 = Some(put);
        }
    }

    /// Whether a store's answer tells an assignment what it did not know: that the store
    /// overwrites. It begins anew as one that knows.
    fn is_surprised(&self, assignment: &Assignment) -> bool {
        let looks = !matches!(self.bounds.without, Some(Rule::Answers | Rule::OwnKeys));
        self.bounds.taken.is_overwritten() && assignment.attempt.is_none() && looks
    }

    fn land_put(&self, state: &mut State, of: usize) {
        let put = state.running_mut(of).parts().1.take().expect("one is under way");
        let created = state.store.put(&self.bounds, put);
        if self.is_surprised(state.running(of)) {
            state.assignments[of] = None;
            return;
        }
        let owner = state.running_mut(of).parts().0;
        if created || self.bounds.without == Some(Rule::Conflict) {
            owner.created(put.object.next);
        } else {
            owner.exists();
        }
    }
}
