//! A run without faults from any state on: what a fresh owner does when nothing
//! is in its way.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use kafka2oss_domain::ErrorCode;

use crate::assign::Handover;
use crate::loops::LoopAction;
use crate::state::{Left, Network, Stage, State};
use crate::{ChainModel, WINDOW, properties};

/// More steps than any chain here needs.
const STEPS: usize = 64;

/// The states whose run without faults ends well, by their fingerprints.
#[derive(Debug, Default)]
pub(crate) struct Finishing(Mutex<HashSet<u64>>);

/// Whether a fresh owner of the last epoch, with any layout, brings everything
/// up to the log's end into the chain.
pub(crate) fn finishes(model: &ChainModel, state: &State) -> bool {
    let quiet = quiet(state);
    let mut hasher = DefaultHasher::new();
    quiet.hash(&mut hasher);
    let fingerprint = hasher.finish();
    let known = || model.finishing.0.lock().unwrap_or_else(PoisonError::into_inner);

    if known().contains(&fingerprint) {
        return true;
    }
    let finishes =
        (0..model.bounds.layouts).all(|layout| finishes_with(model, quiet.clone(), layout));
    if finishes {
        known().insert(fingerprint);
    }
    finishes
}

/// What a fresh owner finds when no loop runs any more and nothing is under way.
fn quiet(state: &State) -> State {
    let mut quiet = state.clone();
    quiet.now = 0;
    quiet.network = Network::default();
    quiet.assignments.fill(None);
    quiet.group.lose_members();
    quiet.group.holder = 0;
    let Left { expiries, deletions, .. } = state.left;
    quiet.left = Left { expiries, deletions, ..Left::default() };
    quiet
}

fn finishes_with(model: &ChainModel, mut state: State, layout: u8) -> bool {
    if state.last_chain().topic != state.topic() {
        // TOPIC_RECREATED, until this.
        model.open_epoch(&mut state);
    }
    let chain = state.last_chain();
    let aware = model.awareness().contains(&true);
    let begun = model.assign(&mut state, Handover::Restart, chain, layout, aware);
    let of = state.assignments.len() - 1;
    if let Err(problem) = begun {
        return is_lost(model, &state, problem);
    }
    for _ in 0..STEPS {
        let Some(action) = next(model, &mut state, of) else {
            return is_whole(model, &state);
        };
        if let Err(problem) = model.act(&mut state, of, action) {
            return is_lost(model, &state, problem);
        }
        if state.assignments[of].is_none() {
            return false;
        }
    }
    false
}

fn is_whole(model: &ChainModel, state: &State) -> bool {
    state.group.reached.get(&state.last_chain()) == Some(&model.bounds.records)
        && properties::each_record_stands_once(model, state)
        && properties::no_holes(model, state)
        && properties::no_replay_is_swallowed(model, state)
}

/// The one action that a loop without faults takes next, links being as short
/// as possible; time passes when it waits.
fn next(model: &ChainModel, state: &mut State, of: usize) -> Option<LoopAction> {
    if let Stage::Absent { since } = state.running(of).stage {
        state.now = state.now.max(since + WINDOW);
    }
    let mut actions = Vec::new();
    model.loop_actions(state, of, &mut actions);
    let is_a_fault = |action: &LoopAction| {
        matches!(
            action,
            LoopAction::LosePutAnswer
                | LoopAction::LoseCommitAnswer { .. }
                | LoopAction::LoseCheckpointAnswer
        )
    };
    actions.into_iter().find(|action| !is_a_fault(action))
}

/// The one end that is none: the group's offset was taken away while no
/// checkpoint had been written.
fn is_lost(model: &ChainModel, state: &State, problem: ErrorCode) -> bool {
    let taken_away =
        model.bounds.expiries + model.bounds.deletions > state.left.expiries + state.left.deletions;
    let chain = state.last_chain();
    problem == ErrorCode::PositionLost
        && taken_away
        && state.group.committed.is_none_or(|committed| committed.chain != chain)
        && !state.checkpoints.values().any(|checkpoint| checkpoint.chain == chain)
        && state.store.objects(chain).next().is_none()
}
