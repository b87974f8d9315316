//! Which agent runs which task: a board that is told what is asked for and
//! what is offered, one change after the other, and says what follows.
//!
//! Nothing moves without a reason. A task leaves its agent when
//!
//! - the agent is not offered any more (its lease ran out, it left),
//! - the agent is of another pool than the connector, or lacks a feature,
//! - the agent has more tasks than its capacity; the highest indexes go,
//! - another task of its connector is on the same agent, which is connected,
//!   and an agent with room has none of that connector,
//! - the agent drains, is connected, and another one has room for the task.
//!
//! So when an agent leaves, its own tasks move and no others; when one joins,
//! tasks without an agent come to it, and tasks of connectors that are doubled
//! on one agent. Nothing moves only to even out the load, but gently, and where
//! that is asked for ([`rebalance`]).
//!
//! A task goes to the agent with the fewest tasks of its connector, then with
//! the smallest share of its capacity in use, then with the first id.
//! Connectors get their first task before any gets its second, so that a pool
//! that is too small runs as many of them as it can. Tasks of agents that are
//! gone without having given them back move at a pace ([`pace`]), and so do
//! those of agents that drain: these run meanwhile, so they get the room that
//! nobody else needs, and stay where they are as long as there is none
//! ([`drain`]).
//!
//! An event costs what it changes, and a logarithm of what there is:
//!
//! - [`pool`] keeps a pool's agents with room and its tasks without an agent in
//!   the order in which they are asked for, so that neither is searched;
//! - [`ledger`] keeps those orders right whenever a task comes or goes;
//! - [`settle`] looks only at what events have touched.

mod drain;
mod ledger;
mod pace;
mod pool;
mod rebalance;
mod settle;
mod share;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use kafka2oss_domain::spec::Pool;

use ledger::{Agent, Connector, Tasks};
use pace::Pace;
use pool::PoolIndex;
pub(crate) use rebalance::{Move, Rebalance};

/// What a connector needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectorDemand {
    /// The connector's full name.
    pub(crate) name: String,
    /// Agents that may run it.
    pub(crate) pool: Pool,
    /// How many tasks it has.
    pub(crate) tasks: i32,
    /// What an agent must be able to do, by name.
    pub(crate) features: BTreeSet<String>,
}

/// What an agent has to offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AgentOffer {
    /// The agent's bare id.
    pub(crate) id: String,
    /// Its pool.
    pub(crate) pool: Pool,
    /// Tasks that it takes at most.
    pub(crate) capacity: i32,
    /// What it can do, by name.
    pub(crate) features: BTreeSet<String>,
    /// Whether it takes further tasks. One that is disconnected within its
    /// lease does not, and keeps those that it has.
    pub(crate) placeable: bool,
    /// Whether it is to give its tasks to others. It takes no further ones.
    pub(crate) draining: bool,
}

impl AgentOffer {
    /// Whether it takes further tasks, as far as it has room.
    fn takes_tasks(&self) -> bool {
        self.placeable && !self.draining
    }

    /// Whether its tasks go to others that have room. While it is disconnected
    /// it keeps them.
    fn gives_tasks(&self) -> bool {
        self.placeable && self.draining
    }
}

/// One task of one connector, in the order in which tasks get an agent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Task {
    /// 0 to the number of the connector's tasks - 1.
    index: i32,
    /// The connector's full name.
    connector: Arc<str>,
}

/// What has become of the events since the board was settled before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    /// Connectors whose tasks changed, with all their tasks that have an agent
    /// now: index and agent id, in the order of the indexes.
    pub(crate) changed: BTreeMap<String, Vec<(i32, String)>>,
    /// When the moves that wait go on; none waits without it.
    pub(crate) next: Option<Instant>,
}

/// What is asked for, what is offered, and which agent has which task.
#[derive(Debug, Default)]
pub(crate) struct Board {
    connectors: BTreeMap<Arc<str>, Connector>,
    /// Those that are offered, and those that are not and have tasks.
    agents: BTreeMap<Arc<str>, Agent>,
    pools: BTreeMap<Pool, PoolIndex>,
    /// Tasks of connectors that were not set yet.
    restored: BTreeMap<String, Tasks>,
    /// Number of tasks that have an agent.
    placed: usize,
    pace: Pace,
    /// Connectors and agents whose tasks may not fit any more.
    unchecked_connectors: BTreeSet<Arc<str>>,
    unchecked_agents: BTreeSet<Arc<str>>,
    /// Connectors that may be doubled now, or not any more.
    unspread: BTreeSet<Arc<str>>,
    /// Agents that have room now and had none, or were not there.
    opened: BTreeSet<Arc<str>>,
    /// Pools in which something changed.
    touched: BTreeSet<Pool>,
    /// Pools that may have tasks of agents that are gone.
    moving: BTreeSet<Pool>,
    /// Pools that may have room for tasks of agents that drain.
    draining: BTreeSet<Pool>,
    rebalance: Rebalance,
    /// When each pool is evened out further; at once without a time.
    rounds: BTreeMap<Pool, Option<Instant>>,
    /// Pools that may be uneven.
    uneven: BTreeSet<Pool>,
    /// Connectors whose tasks were changed, with those that they had before.
    before: BTreeMap<Arc<str>, Tasks>,
}

impl Board {
    /// An empty one.
    pub(crate) fn new(rebalance: Rebalance) -> Self {
        Self { rebalance, ..Self::default() }
    }

    /// Takes in where the tasks of a connector are by what is durable: index
    /// and agent id. They count from when the connector is set. An agent that
    /// is not set either until the board is settled counts as gone.
    pub(crate) fn restore(
        &mut self,
        connector: &str,
        tasks: impl IntoIterator<Item = (i32, String)>,
    ) {
        let tasks = tasks.into_iter().map(|(index, agent)| (index, self.agent_id(&agent)));
        let tasks = tasks.collect();
        self.restored.insert(connector.to_owned(), tasks);
    }

    /// A connector is to run, or what it needs has changed.
    pub(crate) fn set_connector(&mut self, demand: ConnectorDemand) {
        let current = self.connectors.get(demand.name.as_str());
        if current.is_some_and(|current| current.demand == demand) {
            return;
        }
        let restored = self.restored.remove(&demand.name).unwrap_or_default();
        let name: Arc<str> = demand.name.as_str().into();
        if current.is_some() {
            self.note(&name);
            self.unlist_connector(&name);
        } else {
            self.before.insert(Arc::clone(&name), restored.clone());
        }
        let tasks = demand.tasks;
        let connector = self.connectors.entry(Arc::clone(&name));
        let connector = connector.or_insert_with(|| Connector::new(demand.clone()));
        connector.demand = demand;
        let beyond: Vec<_> = connector.tasks.range(tasks..).map(|(index, _)| *index).collect();
        for index in beyond {
            self.take(&Task { index, connector: Arc::clone(&name) });
        }
        for (index, agent) in restored.into_iter().filter(|(index, _)| *index < tasks) {
            self.put(Task { index, connector: Arc::clone(&name) }, &agent);
            self.unchecked_agents.insert(agent);
        }
        self.list_unplaced(&name);
        self.unchecked_connectors.insert(name);
    }

    /// A connector is deleted, or is not to run. Its tasks are no more, which
    /// the board does not tell; one that is set again starts without tasks.
    pub(crate) fn remove_connector(&mut self, name: &str) {
        self.restored.remove(name);
        let Some((name, connector)) = self.connectors.get_key_value(name) else { return };
        let name = Arc::clone(name);
        let indexes: Vec<_> = connector.tasks.keys().copied().collect();
        self.unlist_connector(&name);
        for index in indexes {
            self.take(&Task { index, connector: Arc::clone(&name) });
        }
        self.connectors.remove(&name);
        self.before.remove(&name);
        self.unspread.remove(&name);
        self.unchecked_connectors.remove(&name);
    }

    /// An agent is there, or what it offers has changed. It keeps the tasks
    /// that have not moved away from it, as far as they fit.
    pub(crate) fn set_agent(&mut self, offer: AgentOffer) {
        let id = self.agent_id(&offer.id);
        if self.agents.get(&id).is_some_and(|agent| agent.offer.as_ref() == Some(&offer)) {
            return;
        }
        self.change_offer(&id, |agent| {
            agent.offer = Some(offer);
            agent.gave_back = false;
        });
    }

    /// An agent's lease ran out, so that its tasks move at a pace; or it left
    /// and gave them back, so that they move at once.
    pub(crate) fn remove_agent(&mut self, id: &str, gave_back: bool) {
        let Some((id, agent)) = self.agents.get_key_value(id) else { return };
        if agent.offer.is_none() && (agent.gave_back || !gave_back) {
            return;
        }
        let id = Arc::clone(id);
        self.change_offer(&id, |agent| {
            agent.offer = None;
            agent.gave_back |= gave_back;
        });
    }
}

/// What only tests look at.
#[cfg(test)]
impl Board {
    /// The tasks of a connector that have an agent: index and agent id.
    pub(crate) fn tasks_of(&self, connector: &str) -> impl Iterator<Item = (i32, &str)> {
        let connector = self.connectors.get(connector).into_iter();
        connector.flat_map(|one| one.tasks.iter().map(|(index, agent)| (*index, agent.as_ref())))
    }

    /// How many tasks an agent has.
    pub(crate) fn load_of(&self, agent: &str) -> i32 {
        self.agents.get(agent).map_or(0, Agent::load)
    }
}

#[cfg(test)]
mod tests;
