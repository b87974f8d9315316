//! Who has which task, and the orders that follow from it. Whatever changes
//! what an agent or a connector has goes through here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafka2oss_domain::spec::Pool;

use super::pool::PoolIndex;
use super::share::Share;
use super::{AgentOffer, Board, ConnectorDemand, Task};

/// Tasks of one connector: index -> agent id.
pub(super) type Tasks = BTreeMap<i32, Arc<str>>;

#[derive(Debug)]
pub(super) struct Connector {
    pub(super) demand: ConnectorDemand,
    pub(super) tasks: Tasks,
}

impl Connector {
    pub(super) fn new(demand: ConnectorDemand) -> Self {
        Self { demand, tasks: Tasks::new() }
    }

    /// How many tasks each of its agents has.
    pub(super) fn together(&self) -> BTreeMap<&str, i32> {
        let mut together = BTreeMap::new();
        for agent in self.tasks.values() {
            *together.entry(agent.as_ref()).or_default() += 1;
        }
        together
    }
}

#[derive(Debug, Default)]
pub(super) struct Agent {
    /// Absent when its lease ran out or it left.
    pub(super) offer: Option<AgentOffer>,
    /// It has given its tasks back.
    pub(super) gave_back: bool,
    pub(super) tasks: BTreeSet<Task>,
}

impl Agent {
    pub(super) fn load(&self) -> i32 {
        i32::try_from(self.tasks.len()).unwrap_or(i32::MAX)
    }

    /// What it offers, if it takes a further task.
    pub(super) fn open(&self) -> Option<&AgentOffer> {
        self.offer.as_ref().filter(|offer| offer.takes_tasks() && self.load() < offer.capacity)
    }

    /// The share of its capacity that is in use once it has a further task, if
    /// it takes one.
    pub(super) fn share(&self) -> Option<Share> {
        self.open().map(|offer| Share::new(self.load() + 1, offer.capacity))
    }

    /// Whether tasks of it may move for the sake of others: not while it is
    /// disconnected, nor while it drains, when they move for its own sake.
    pub(super) fn is_settled(&self) -> bool {
        self.offer.as_ref().is_some_and(AgentOffer::takes_tasks)
    }

    /// Puts it into the orders of its pool.
    fn list(&self, id: &Arc<str>, pool: &mut PoolIndex) {
        let Some(offer) = &self.offer else { return };
        if offer.gives_tasks() {
            pool.draining_agents.insert(Arc::clone(id));
        }
        if offer.takes_tasks() && offer.capacity > 0 {
            let share = Share::new(self.load(), offer.capacity);
            pool.connected.insert((share, Arc::clone(id)));
            pool.tasks += self.tasks.len();
        }
        if let (Some(offer), Some(share)) = (self.open(), self.share()) {
            pool.open.insert(&offer.features, (share, Arc::clone(id)));
            pool.room += i64::from(offer.capacity - self.load());
        }
    }

    /// Takes it out of them.
    fn unlist(&self, id: &Arc<str>, pool: &mut PoolIndex) {
        let Some(offer) = &self.offer else { return };
        if offer.gives_tasks() {
            pool.draining_agents.remove(id);
        }
        if offer.takes_tasks() && offer.capacity > 0 {
            let share = Share::new(self.load(), offer.capacity);
            pool.connected.remove(&(share, Arc::clone(id)));
            pool.tasks -= self.tasks.len();
        }
        if let (Some(offer), Some(share)) = (self.open(), self.share()) {
            pool.open.remove(&offer.features, &(share, Arc::clone(id)));
            pool.room -= i64::from(offer.capacity - self.load());
        }
    }
}

impl AgentOffer {
    pub(super) fn suits(&self, demand: &ConnectorDemand) -> bool {
        demand.pool == self.pool && demand.features.is_subset(&self.features)
    }
}

impl Board {
    /// The id as it is kept for an agent that is known.
    pub(super) fn agent_id(&self, id: &str) -> Arc<str> {
        self.agents.get_key_value(id).map_or_else(|| id.into(), |(id, _)| Arc::clone(id))
    }

    /// Gives a task, which has no agent, to one.
    pub(super) fn put(&mut self, task: Task, agent: &Arc<str>) {
        self.note(&task.connector);
        let Some(connector) = self.connectors.get_mut(&task.connector) else { return };
        connector.tasks.insert(task.index, Arc::clone(agent));
        let (pool, features) = (&connector.demand.pool, &connector.demand.features);
        index(&mut self.pools, &mut self.touched, pool).unplaced.remove(features, &task);
        self.placed += 1;
        self.change_agent(agent, |agent| {
            agent.tasks.insert(task);
        });
    }

    /// Takes a task from its agent. It is listed nowhere after that.
    pub(super) fn take(&mut self, task: &Task) {
        self.note(&task.connector);
        let Some(connector) = self.connectors.get_mut(&task.connector) else { return };
        let Some(agent) = connector.tasks.remove(&task.index) else { return };
        let demand = &connector.demand;
        let pool = index(&mut self.pools, &mut self.touched, &demand.pool);
        pool.leaving.remove(task);
        pool.draining.remove(&demand.features, task);
        self.placed -= 1;
        self.change_agent(&agent, |agent| {
            agent.tasks.remove(task);
        });
    }

    /// Takes a task from its agent, so that it waits for another one.
    pub(super) fn unplace(&mut self, task: Task) {
        self.take(&task);
        if let Some(Connector { demand, .. }) = self.connectors.get(&task.connector) {
            let pool = index(&mut self.pools, &mut self.touched, &demand.pool);
            pool.unplaced.insert(&demand.features, task);
        }
    }

    /// Changes what an agent offers.
    pub(super) fn change_offer(&mut self, id: &Arc<str>, change: impl FnOnce(&mut Agent)) {
        self.change_agent(id, change);
        if let Some(agent) = self.agents.get(id) {
            // In another pool, or able to do more, it is as good as new there.
            if agent.open().is_some() {
                self.opened.insert(Arc::clone(id));
            }
            self.unchecked_agents.insert(Arc::clone(id));
        }
    }

    /// Changes an agent and keeps the orders of its pool right.
    fn change_agent(&mut self, id: &Arc<str>, change: impl FnOnce(&mut Agent)) {
        let agent = self.agents.entry(Arc::clone(id)).or_default();
        let was_open = agent.open().is_some();
        if let Some(offer) = &agent.offer {
            agent.unlist(id, index(&mut self.pools, &mut self.touched, &offer.pool));
        }
        change(agent);
        if let Some(offer) = &agent.offer {
            agent.list(id, index(&mut self.pools, &mut self.touched, &offer.pool));
        }
        if !was_open && agent.open().is_some() {
            self.opened.insert(Arc::clone(id));
        }
        if agent.offer.is_none() && agent.tasks.is_empty() {
            self.agents.remove(id);
        }
    }

    /// Remembers which tasks a connector has before they change, and that it
    /// may be doubled after that.
    pub(super) fn note(&mut self, connector: &Arc<str>) {
        if let Some(Connector { tasks, .. }) = self.connectors.get(connector) {
            if !self.before.contains_key(connector) {
                self.before.insert(Arc::clone(connector), tasks.clone());
            }
            self.unspread.insert(Arc::clone(connector));
        }
    }

    /// Lists the tasks of a connector that have no agent.
    pub(super) fn list_unplaced(&mut self, name: &Arc<str>) {
        let Some(Connector { demand, tasks }) = self.connectors.get(name) else { return };
        let pool = index(&mut self.pools, &mut self.touched, &demand.pool);
        for index in (0..demand.tasks).filter(|index| !tasks.contains_key(index)) {
            let task = Task { index, connector: Arc::clone(name) };
            pool.unplaced.insert(&demand.features, task);
        }
    }

    /// Takes a connector out of every order of its pool.
    pub(super) fn unlist_connector(&mut self, name: &Arc<str>) {
        let Some(Connector { demand, .. }) = self.connectors.get(name) else { return };
        let pool = index(&mut self.pools, &mut self.touched, &demand.pool);
        pool.doubled.remove(&demand.features, name);
        for index in 0..demand.tasks {
            let task = Task { index, connector: Arc::clone(name) };
            pool.unplaced.remove(&demand.features, &task);
            pool.leaving.remove(&task);
            pool.draining.remove(&demand.features, &task);
        }
    }
}

/// The index of a pool, which is looked at when the board is settled.
pub(super) fn index<'a>(
    pools: &'a mut BTreeMap<Pool, PoolIndex>,
    touched: &mut BTreeSet<Pool>,
    pool: &Pool,
) -> &'a mut PoolIndex {
    if !touched.contains(pool) {
        touched.insert(pool.clone());
    }
    pools.entry(pool.clone()).or_default()
}
