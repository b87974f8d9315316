//! What users want of agents: to drain, to take tasks again, to be forgotten. Whoever
//! changes it holds the agent's lock, and has made it durable before.

use kafka2oss_domain::spec::Pool;
use prost_types::Timestamp;

use super::Fleet;

impl Fleet {
    /// Since when the agent is to give its tasks to others.
    pub(crate) fn drain_time(&self, id: &str) -> Option<Timestamp> {
        self.with(id, |agent| agent.record.drain_time).flatten()
    }

    /// The agent is to give its tasks to others since then, or takes some without a time.
    pub(crate) fn set_drain_time(&self, id: &str, since: Option<Timestamp>) {
        if let Some(agent) = self.lock().agents.get_mut(id) {
            agent.record.drain_time = since;
        }
    }

    /// Whether the agent may run a task of any connector, as far as it has shown.
    pub(crate) fn may_run_any(&self, id: &str) -> bool {
        self.with(id, |agent| agent.may_run_any()).unwrap_or(false)
    }

    /// The connected agents of a pool that take tasks, and how many each takes at most.
    pub(crate) fn takers(&self, pool: &Pool) -> Vec<(String, i32)> {
        let state = self.lock();
        let connected = state.connected.get(pool).into_iter().flatten();
        let takers = connected.filter_map(|id| {
            let record = &state.agents.get(id)?.record;
            (!record.drains() && record.capacity > 0).then(|| (id.clone(), record.capacity))
        });
        takers.collect()
    }

    /// The connected agents of a pool, and what each can do.
    pub(crate) fn abilities(&self, pool: &Pool) -> Vec<(String, Vec<String>)> {
        let state = self.lock();
        let connected = state.connected.get(pool).into_iter().flatten();
        let able = |id: &String| Some((id.clone(), state.agents.get(id)?.record.features.clone()));
        connected.filter_map(able).collect()
    }

    /// Nothing is to be known of an agent that is gone.
    pub(crate) fn forget_gone(&self, id: &str) {
        self.lock().agents.remove(id);
    }
}
