//! A model of the object chain (`ARCHITECTURE.md`, "The chain"): searches go
//! through every order in which owners, zombies, lost answers, late attempts and
//! forgetful servers can meet, within bounds.
//!
//! Everything that decides is `kafka2oss-chain`, the product's own code:
//! [`position`](kafka2oss_chain::position()) and
//! [`recover`](kafka2oss_chain::recover()) when an assignment begins,
//! [`Owner`](kafka2oss_chain::Owner) for each step,
//! [`resolve`](kafka2oss_chain::resolve()) for what is already there,
//! [`KeyLayout`](kafka2oss_chain::KeyLayout) and
//! [`CommitMetadata`](kafka2oss_chain::CommitMetadata) for what is written. The
//! model is what stands around it: the broker, the store, the network, the
//! clock, and the edge that carries steps out. A [`Rule`] that is switched off
//! is left out in that edge, never in the product's code.
//!
//! # What there is
//! - `state`: one moment; `bounds`: how much of everything.
//! - `broker`: two static members, fenced by whoever takes their instance id
//!   over; it checks the member of a commit, not the partition.
//! - `store`: puts and HEAD. Puts are create-only, unless the store overwrites: then a
//!   record may stand in several objects, and may not be lost.
//! - `assign`: how the partition comes to a member, and where that goes on; a pause
//!   that gives up what is open.
//! - `loops`: what an assignment's loop does.
//! - `faults`: time, late attempts, retention, expired and deleted offsets,
//!   epochs, recreated topics.
//! - `properties`, `completion`: what has to hold.
//!
//! # What covers what
//! - A loop never stops by itself: a crash between any two steps is a loop that
//!   does nothing more, a frozen process one that goes on later, a message that
//!   arrives late one whose sender was slow. Attempts whose sender has gone on
//!   are in the network for as long as they like.
//! - An object is closed when its put is sent, with any number of records. A put
//!   that is tried again may have other contents than before, which the product
//!   never does; only under an own key it has the same.
//! - A commit counts as sent when it arrives, so that the put window is as long
//!   as it can be. A put that was sent within it may arrive at any time, until
//!   the group's offset expires.
//! - The broker never refuses a commit for its generation: librdkafka sends a
//!   deferred one with the present generation.
//!
//! # What is bounded or left out
//! - One partition, up to three records without gaps, no abnormal data; up to
//!   four assignments, two layouts, three epochs, two incarnations of the topic.
//!   Each search concentrates on some faults and has few of each.
//! - An assignment reads the log as it is when it begins.
//! - An assignment of a topic that is gone takes no records; that none of another
//!   incarnation joins the chain is the edge's part.
//! - A HEAD, a read of offsets or checkpoints, and a checkpoint that is written
//!   and acknowledged are one step each. A checkpoint that is written again is
//!   the same one.
//! - An assignment from an agent's cache, which counts as one whose commits were
//!   seen, is not told apart: it can only wait or stop where another goes on.
//! - A loop commits under the membership that it began with: that a consumer
//!   which joins again has dropped its earlier loops is the edge's part.
//! - Truncated logs, changed destinations, probes and dead letters are other
//!   rules' matter.

mod assign;
mod bounds;
mod broker;
mod completion;
mod faults;
mod loops;
mod names;
mod properties;
mod state;
mod store;

use stateright::{Model, Property};

pub use assign::Handover;
pub use bounds::{Bounds, Rule, Taken};
pub use broker::{Group, Member};
pub use faults::Event;
pub use loops::LoopAction;
pub use names::{Chain, Key};
pub use state::{
    Announcement, Assignment, CheckpointAttempt, CheckpointName, Epoch, Left, Network, Stage, State,
};
pub use store::{Object, Put, Store};

use completion::Finishing;
use names::Names;

/// The put window, in milliseconds of the model's clock.
const WINDOW: u64 = 1;

/// The model, within some bounds.
#[derive(Debug)]
pub struct ChainModel {
    bounds: Bounds,
    names: Names,
    finishing: Finishing,
}

impl ChainModel {
    /// The properties that data depends on; the others are about progress, and
    /// about what a search is to see at least.
    pub const SAFETY: [&str; 3] = properties::SAFETY;

    /// Within these bounds.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, names: Names::new(&bounds), finishing: Finishing::default() }
    }
}

/// A step from one state to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The partition is assigned.
    Assign {
        /// How it comes to a member.
        handover: Handover,
        /// The epoch that the agent knows.
        epoch: u8,
        /// The layout that the agent knows.
        layout: u8,
        /// Whether the agent knows that the store overwrites.
        aware: bool,
    },
    /// The loop of this assignment does something.
    Loop(usize, LoopAction),
    /// The loop of this assignment is to pause, and gives up what it has open.
    GiveUp(usize),
    /// Something happens around the loops.
    Event(Event),
}

impl Model for ChainModel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(&self.bounds)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let mut of_loop = Vec::new();
        for of in 0..state.assignments.len() {
            if state.assignments[of].is_some() {
                self.loop_actions(state, of, &mut of_loop);
                actions.extend(of_loop.drain(..).map(|action| Action::Loop(of, action)));
                if self.may_give_up(state, of) {
                    actions.push(Action::GiveUp(of));
                }
            }
        }
        let mut events = Vec::new();
        self.events(state, &mut events);
        actions.extend(events.into_iter().map(Action::Event));
        if state.assignments.len() < usize::from(self.bounds.assignments) {
            let layouts = 0..self.bounds.layouts;
            let of_agents = layouts
                .flat_map(|layout| self.awareness().iter().map(move |aware| (layout, *aware)));
            for chain in state.chains() {
                for (layout, aware) in of_agents.clone() {
                    let epoch = chain.epoch;
                    let handovers = Self::handovers(state);
                    let assign = |handover| Action::Assign { handover, epoch, layout, aware };
                    actions.extend(handovers.map(assign));
                }
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        // A loop that a problem ends is one that does nothing more.
        match action {
            Action::Assign { handover, epoch, layout, aware } => {
                let chain = next.chain(epoch);
                let _ = self.assign(&mut next, handover, chain, layout, aware);
            }
            Action::Loop(of, action) => {
                let _ = self.act(&mut next, of, action);
            }
            Action::GiveUp(of) => {
                let _ = self.give_up(&mut next, of);
            }
            Action::Event(event) => self.happen(&mut next, event),
        }
        self.retire(&mut next);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all(self)
    }
}
