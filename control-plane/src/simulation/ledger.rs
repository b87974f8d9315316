//! What agents really run, whatever the control plane knows of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kafka2oss_proto::agent;

/// What all agents of a world run and were told.
#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Which agent has a task in a placement: by uid, placement version and index.
    tasks: HashMap<(String, u64, i32), String>,
    /// By agent, then by the uid of the connector.
    runs: BTreeMap<String, BTreeMap<String, Runs>>,
    /// How often an agent is gone by what is durable.
    gone: HashMap<String, u64>,
    /// Uids of connectors whose resources were removed, and whether all were.
    removed: HashMap<String, bool>,
}

/// How an agent runs tasks of a connector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Runs {
    /// How often the agent was gone when it opened the stream by which it has them.
    pub(super) given: u64,
    pub(super) mode: agent::v1::RunMode,
}

impl Ledger {
    /// An agent is given a task in a placement.
    ///
    /// # Panics
    /// Another one has it.
    pub(super) fn give(&self, agent: &str, uid: &str, placement_version: u64, index: i32) {
        let mut state = self.lock();
        let key = (uid.to_owned(), placement_version, index);
        let owner = state.tasks.entry(key).or_insert_with(|| agent.to_owned());
        assert_eq!(*owner, agent, "task {index} of {uid} in placement {placement_version}");
    }

    /// This is all that an agent runs.
    pub(super) fn runs(&self, agent: &str, all: BTreeMap<String, Runs>) {
        self.lock().runs.insert(agent.to_owned(), all);
    }

    /// That an agent is gone is durable.
    pub(super) fn gone(&self, agent: &str) {
        *self.lock().gone.entry(agent.to_owned()).or_default() += 1;
    }

    /// How often that was.
    pub(super) fn times_gone(&self, agent: &str) -> u64 {
        self.lock().gone.get(agent).copied().unwrap_or_default()
    }

    /// How an agent runs tasks of a connector; not where it was gone since it got them:
    /// nobody has to wait for it.
    pub(super) fn runs_of(&self, agent: &str, uid: &str) -> Option<Runs> {
        let state = self.lock();
        let runs = state.runs.get(agent)?.get(uid)?;
        (state.gone.get(agent).copied().unwrap_or_default() == runs.given).then_some(*runs)
    }

    /// An agent that runs tasks of a connector in this sense.
    pub(super) fn runner(&self, uid: &str) -> Option<String> {
        let agents: Vec<_> = self.lock().runs.keys().cloned().collect();
        agents.into_iter().find(|agent| self.runs_of(agent, uid).is_some())
    }

    /// Resources of a connector were removed: perhaps the `whole` of them.
    pub(super) fn remove(&self, uid: &str, whole: bool) {
        *self.lock().removed.entry(uid.to_owned()).or_default() |= whole;
    }

    /// Whether the whole of a connector's resources was removed; none where nothing was.
    pub(super) fn removed(&self, uid: &str) -> Option<bool> {
        self.lock().removed.get(uid).copied()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
