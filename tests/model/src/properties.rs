//! What is to hold in every state, and what is to be seen in some.

use stateright::Property;

use crate::names::Chain;
use crate::state::State;
use crate::{ChainModel, completion};

/// The names of those that data depends on.
pub(crate) const SAFETY: [&str; 3] = [
    "each record stands in one object where the store overwrites none",
    "there is an object for each offset below a commit",
    "no replay is swallowed",
];

/// The properties that the bounds of a model let one check.
pub(crate) fn all(model: &ChainModel) -> Vec<Property<ChainModel>> {
    let bounds = &model.bounds;
    let mut all = vec![
        Property::always(SAFETY[0], each_record_stands_once),
        Property::always(SAFETY[1], no_holes),
        Property::always(SAFETY[2], no_replay_is_swallowed),
        Property::always("a fresh owner finishes", completion::finishes),
        Property::sometimes("the last epoch's chain reaches the log's end", is_complete),
    ];
    if bounds.assignments > 1 {
        all.push(Property::sometimes("a put of a fenced member is under way", has_late_put));
    }
    if bounds.lost_commit_answers > 0 && bounds.assignments > 1 {
        all.push(Property::sometimes("a commit of a fenced member is under way", has_late_commit));
    }
    if bounds.taken.is_overwritten() {
        all.push(Property::sometimes("a record stands in two objects", has_a_record_twice));
    }
    if bounds.give_ups > 0 {
        all.push(Property::sometimes("a put that a pause gave up is under way", has_given_up_put));
    }
    if bounds.retention > 0 {
        all.push(Property::sometimes("a link begins in a lost range", has_lost_range));
    }
    if bounds.expiries + bounds.deletions > 0 {
        all.push(Property::sometimes("a position comes from a checkpoint", is_recovered));
    }
    all
}

/// Extents of one chain never overlap, unless the store overwrites.
pub(crate) fn each_record_stands_once(model: &ChainModel, state: &State) -> bool {
    model.bounds.taken.is_overwritten() || !has_a_record_twice(model, state)
}

fn has_a_record_twice(_: &ChainModel, state: &State) -> bool {
    state.chains().any(|chain| {
        let objects = || state.store.objects(chain).enumerate();
        objects().any(|(index, one)| {
            objects().skip(index + 1).any(|(_, two)| one.first < two.next && two.first < one.next)
        })
    })
}

/// Each offset between a chain's start and its highest commit is in an extent,
/// and its record in the object unless retention was faster.
pub(crate) fn no_holes(_: &ChainModel, state: &State) -> bool {
    state.chains().all(|chain| {
        let Some(reached) = state.group.reached.get(&chain) else {
            return true;
        };
        let start = start(state, chain);
        let log_start = state.log_starts[usize::from(chain.topic)];
        (start..*reached).all(|offset| {
            state.store.objects(chain).any(|object| {
                let has_record = object.first_record <= offset || offset < log_start;
                object.first <= offset && offset < object.next && has_record
            })
        })
    })
}

/// Where a chain starts. Without an offset in the start vector that is the
/// log's beginning when the first owner came.
fn start(state: &State, chain: Chain) -> i64 {
    let first = state.store.objects(chain).map(|object| object.first).min();
    let log_start = state.log_starts[usize::from(chain.topic)];
    let beginning = first.unwrap_or(log_start).min(log_start);
    state.epoch(chain.epoch).start.unwrap_or(beginning)
}

/// No owner has taken another chain's offset or object as its own.
pub(crate) fn no_replay_is_swallowed(_: &ChainModel, state: &State) -> bool {
    !state.swallowed
}

fn is_complete(model: &ChainModel, state: &State) -> bool {
    state.epochs.len() > usize::from(model.bounds.resets)
        && state.group.reached.get(&state.last_chain()) == Some(&model.bounds.records)
}

fn has_late_put(_: &ChainModel, state: &State) -> bool {
    let mut running = state.assignments.iter().flatten();
    running.any(|running| running.sent().is_some() && !state.group.has(running.member))
}

fn has_late_commit(_: &ChainModel, state: &State) -> bool {
    state.network.commits.iter().any(|(member, _)| !state.group.has(*member))
}

fn has_given_up_put(model: &ChainModel, state: &State) -> bool {
    let left = &state.left;
    // None of them is of a sender that has lost its answer.
    left.give_ups < model.bounds.give_ups
        && left.lost_put_answers == model.bounds.lost_put_answers
        && left.moves == model.bounds.moves
        && !state.network.puts.is_empty()
}

fn has_lost_range(_: &ChainModel, state: &State) -> bool {
    state.store.objects(state.last_chain()).any(|object| object.first < object.first_record)
}

fn is_recovered(_: &ChainModel, state: &State) -> bool {
    let start = state.epoch(state.last_chain().epoch).start.unwrap_or(0);
    state.group.committed.is_none()
        && state.assignments.iter().flatten().any(|assignment| {
            state.group.has(assignment.member)
                && assignment.owner().is_some_and(|owner| owner.position().offset > start)
        })
}
