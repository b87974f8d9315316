//! Which agent runs which task: a pure function from what is asked for, what
//! is offered and what is, to what is to be.
//!
//! Nothing moves without a reason. A task leaves its agent when
//!
//! - the agent is not offered any more (its lease ran out, it left),
//! - the agent is of another pool than the connector, or lacks a feature,
//! - the agent has more tasks than its capacity,
//! - another task of its connector is on the same agent, which is connected,
//!   and an agent with room has none of that connector.
//!
//! So when an agent leaves, its own tasks move and no others; when one joins,
//! tasks without an agent come to it, and tasks of connectors that are doubled
//! on one agent, but nothing moves only to even out the load.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kafka2oss_proto::spec::Pool;

/// One task of one connector.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TaskKey {
    /// The connector's full name.
    pub(crate) connector: String,
    /// 0 to spread - 1.
    pub(crate) index: u32,
}

/// What a connector needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectorDemand {
    /// The connector's full name.
    pub(crate) name: String,
    /// Agents that may run it.
    pub(crate) pool: Pool,
    /// How many tasks it has.
    pub(crate) tasks: u32,
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
    pub(crate) capacity: u32,
    /// What it can do, by name.
    pub(crate) features: BTreeSet<String>,
    /// Whether it takes further tasks. One that is disconnected within its
    /// lease does not, and keeps those that it has.
    pub(crate) placeable: bool,
}

/// Task -> agent id. A task that is not here has no agent.
pub(crate) type Placement = BTreeMap<TaskKey, String>;

/// Places the tasks of `connectors` on `agents`, starting from `current`.
///
/// Connectors get their first task before any gets its second, so that a pool
/// that is too small runs as many of them as it can.
pub(crate) fn place(
    connectors: &[ConnectorDemand],
    agents: &[AgentOffer],
    current: &Placement,
) -> Placement {
    let mut board = Board::new(connectors, agents);
    board.keep(current);
    // A move may make room for a task without an agent, and the other way
    // round. It ends: the first lowers the number of tasks without an agent,
    // the second, without raising that, the number of doubled ones.
    loop {
        board.place_unplaced();
        if !board.spread_doubled() {
            return board.placement;
        }
    }
}

struct Board<'a> {
    connectors: BTreeMap<&'a str, &'a ConnectorDemand>,
    agents: BTreeMap<&'a str, &'a AgentOffer>,
    placement: Placement,
    /// Tasks of an agent.
    load: HashMap<&'a str, u32>,
    /// Tasks of a connector on an agent.
    together: HashMap<(&'a str, &'a str), u32>,
}

impl<'a> Board<'a> {
    fn new(connectors: &'a [ConnectorDemand], agents: &'a [AgentOffer]) -> Self {
        Self {
            connectors: connectors.iter().map(|demand| (demand.name.as_str(), demand)).collect(),
            agents: agents.iter().map(|offer| (offer.id.as_str(), offer)).collect(),
            placement: Placement::new(),
            load: HashMap::new(),
            together: HashMap::new(),
        }
    }

    /// Keeps every task where it is, as far as it may be there. Where an
    /// agent has too many, the highest indexes go.
    fn keep(&mut self, current: &Placement) {
        let mut kept: Vec<_> = current.iter().collect();
        kept.sort_by_key(|(task, _)| (task.index, &task.connector));
        for (task, agent) in kept {
            let demand = self.connectors.get(task.connector.as_str()).copied();
            let offer = self.agents.get(agent.as_str()).copied();
            let (Some(demand), Some(offer)) = (demand, offer) else { continue };
            if task.index < demand.tasks && suits(demand, offer) && self.has_room(offer) {
                self.put(demand, task.index, offer);
            }
        }
    }

    fn place_unplaced(&mut self) {
        let mut unplaced: Vec<(u32, &'a ConnectorDemand)> = Vec::new();
        for demand in self.connectors.values() {
            let is_unplaced = |index: &u32| {
                let task = TaskKey { connector: demand.name.clone(), index: *index };
                !self.placement.contains_key(&task)
            };
            unplaced.extend((0..demand.tasks).filter(is_unplaced).map(|index| (index, *demand)));
        }
        unplaced.sort_by_key(|(index, demand)| (*index, demand.name.as_str()));
        for (index, demand) in unplaced {
            if let Some(offer) = self.best(demand, |_| true) {
                self.put(demand, index, offer);
            }
        }
    }

    /// Moves tasks of which another one of the same connector is on the same
    /// agent to agents that have none. Whether any moved.
    fn spread_doubled(&mut self) -> bool {
        let mut doubled: Vec<(TaskKey, &'a ConnectorDemand, &'a AgentOffer)> = Vec::new();
        for (task, agent) in &self.placement {
            let demand = self.connectors.get(task.connector.as_str()).copied();
            let offer = self.agents.get(agent.as_str()).copied();
            if let (Some(demand), Some(offer)) = (demand, offer)
                // One that is disconnected within its lease keeps its tasks.
                && offer.placeable
                && self.together(demand, offer) > 1
            {
                doubled.push((task.clone(), demand, offer));
            }
        }
        doubled.sort_by(|(a, ..), (b, ..)| {
            b.index.cmp(&a.index).then_with(|| a.connector.cmp(&b.connector))
        });
        let mut moved = false;
        for (task, demand, from) in doubled {
            // Another one may have moved away already.
            if self.together(demand, from) > 1
                && let Some(to) = self.best(demand, |offer| self.together(demand, offer) == 0)
            {
                self.take(demand, from);
                self.put(demand, task.index, to);
                moved = true;
            }
        }
        moved
    }

    /// The agent for a further task of `demand`: fewest of its own tasks, then
    /// the smallest share of its capacity in use, then the id.
    fn best(
        &self,
        demand: &ConnectorDemand,
        allowed: impl Fn(&AgentOffer) -> bool,
    ) -> Option<&'a AgentOffer> {
        // load / capacity of the one, without a division: multiplied by the
        // capacity of the other.
        let share = |one: &AgentOffer, other: &AgentOffer| {
            u64::from(self.load(one) + 1) * u64::from(other.capacity)
        };
        let candidates = self.agents.values().copied().filter(|offer| {
            offer.placeable && suits(demand, offer) && self.has_room(offer) && allowed(offer)
        });
        candidates.min_by(|a, b| {
            self.together(demand, a)
                .cmp(&self.together(demand, b))
                .then_with(|| share(a, b).cmp(&share(b, a)))
                .then_with(|| a.id.cmp(&b.id))
        })
    }

    fn has_room(&self, offer: &AgentOffer) -> bool {
        self.load(offer) < offer.capacity
    }

    fn load(&self, offer: &AgentOffer) -> u32 {
        self.load.get(offer.id.as_str()).copied().unwrap_or(0)
    }

    fn together(&self, demand: &ConnectorDemand, offer: &AgentOffer) -> u32 {
        self.together.get(&(demand.name.as_str(), offer.id.as_str())).copied().unwrap_or(0)
    }

    fn put(&mut self, demand: &'a ConnectorDemand, index: u32, offer: &'a AgentOffer) {
        *self.load.entry(&offer.id).or_default() += 1;
        *self.together.entry((&demand.name, &offer.id)).or_default() += 1;
        let task = TaskKey { connector: demand.name.clone(), index };
        self.placement.insert(task, offer.id.clone());
    }

    /// Takes back what `put` counted; the task itself is put elsewhere next.
    fn take(&mut self, demand: &'a ConnectorDemand, offer: &'a AgentOffer) {
        *self.load.entry(&offer.id).or_default() -= 1;
        *self.together.entry((&demand.name, &offer.id)).or_default() -= 1;
    }
}

fn suits(demand: &ConnectorDemand, offer: &AgentOffer) -> bool {
    demand.pool == offer.pool && demand.features.is_subset(&offer.features)
}

#[cfg(test)]
mod tests;
