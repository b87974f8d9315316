//! What events have made wrong is put right, step by step.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;
use std::time::Instant;

use kafka2oss_domain::spec::Pool;

use super::ledger::{Connector, index};
use super::{Board, Settled, Task};

impl Board {
    /// Puts right what the events since the last call have made wrong.
    ///
    /// It ends: a task that gets an agent lowers the number of those without
    /// one; one that leaves an agent that drains, without raising that, the
    /// number of those on such agents; one that is spread, without raising
    /// these, the number of those that are doubled; one that evens out, without
    /// raising these, how full the fuller agents are.
    pub(crate) fn settle(&mut self, now: Instant) -> Settled {
        for name in mem::take(&mut self.unchecked_connectors) {
            self.check_connector(&name);
        }
        for id in mem::take(&mut self.unchecked_agents) {
            self.check_agent(&id);
        }
        let leaving = self.move_leaving(now);
        self.fill_and_spread();
        let draining = self.move_draining(now);
        let evening_out = self.even_out(now);
        let next = [leaving, draining, evening_out].into_iter().flatten().min();
        Settled { changed: self.take_changed(), next }
    }

    /// Has every task with an agent that can have one, and every connector
    /// spread that can be.
    pub(super) fn fill_and_spread(&mut self) {
        loop {
            self.fill_pools();
            if let Some(agent) = self.opened.pop_first() {
                self.spread_onto(&agent);
            } else if let Some(connector) = self.unspread.pop_first() {
                self.spread(&connector);
            } else {
                break;
            }
        }
    }

    fn check_connector(&mut self, name: &Arc<str>) {
        let Some(connector) = self.connectors.get(name) else { return };
        for (index, agent) in connector.tasks.clone() {
            self.check(Task { index, connector: Arc::clone(name) }, &agent);
        }
    }

    fn check_agent(&mut self, id: &Arc<str>) {
        let Some(agent) = self.agents.get(id) else { return };
        for task in agent.tasks.clone() {
            // Which of them are doubled depends on whether it is connected.
            self.unspread.insert(Arc::clone(&task.connector));
            self.check(task, id);
        }
        while let Some(agent) = self.agents.get(id)
            && agent.offer.as_ref().is_some_and(|offer| agent.load() > offer.capacity)
            && let Some(last) = agent.tasks.last().cloned()
        {
            self.unplace(last);
        }
    }

    /// Whether a task may stay on its agent: it goes at once, or is to leave,
    /// if not.
    fn check(&mut self, task: Task, agent: &Arc<str>) {
        let agent = self.agents.get(agent);
        let connector = self.connectors.get(&task.connector);
        let (Some(agent), Some(Connector { demand, .. })) = (agent, connector) else { return };
        match &agent.offer {
            Some(offer) if offer.suits(demand) => {
                let pool = index(&mut self.pools, &mut self.touched, &demand.pool);
                pool.leaving.remove(&task);
                if offer.gives_tasks() {
                    pool.draining.insert(&demand.features, task);
                } else {
                    pool.draining.remove(&demand.features, &task);
                }
            }
            None if !agent.gave_back => {
                let pool = index(&mut self.pools, &mut self.touched, &demand.pool);
                pool.draining.remove(&demand.features, &task);
                pool.leaving.insert(task);
                self.moving.insert(demand.pool.clone());
            }
            _ => self.unplace(task),
        }
    }

    /// Moves as many tasks of agents that are gone as the pace allows, those
    /// with low indexes first. One that nobody can take has no agent from then
    /// on. Returns when those go on that wait.
    fn move_leaving(&mut self, now: Instant) -> Option<Instant> {
        let mut allowed = self.pace.allowed(now, self.placed);
        let pools = mem::take(&mut self.moving).into_iter();
        let mut firsts: BTreeSet<(Task, Pool)> =
            pools.filter_map(|pool| Some((self.first_leaving(&pool)?, pool))).collect();
        while let Some((task, pool)) = firsts.pop_first() {
            self.fill(&pool);
            match self.best(&task.connector) {
                None => self.unplace(task),
                Some(_) if allowed == 0 => {
                    self.moving.insert(pool);
                    continue;
                }
                Some(agent) => {
                    self.take(&task);
                    self.put(task, &agent);
                    self.pace.count();
                    allowed -= 1;
                }
            }
            firsts.extend(self.first_leaving(&pool).map(|next| (next, pool)));
        }
        self.pace.next_round().filter(|_| !self.moving.is_empty())
    }

    fn first_leaving(&self, pool: &Pool) -> Option<Task> {
        self.pools.get(pool)?.leaving.first().cloned()
    }

    /// Gives the room of every pool in which something changed to tasks
    /// without an agent.
    fn fill_pools(&mut self) {
        // What is placed touches its pool once more.
        while let Some(pool) = self.touched.pop_first() {
            self.fill(&pool);
            if self.rebalance.auto && !self.rounds.contains_key(&pool) {
                self.uneven.insert(pool.clone());
            }
            let Some(index) = self.pools.get(&pool) else { continue };
            if index.is_empty() {
                self.pools.remove(&pool);
            } else if index.next_draining().is_some() {
                self.draining.insert(pool);
            }
        }
    }

    fn fill(&mut self, pool: &Pool) {
        while let Some(task) = self.pools.get(pool).and_then(|index| index.next_unplaced()).cloned()
            && let Some(agent) = self.best(&task.connector)
        {
            self.put(task, &agent);
        }
    }

    /// Spreads connectors of which two tasks are on one agent, as far as this
    /// agent, which has room now, makes that possible.
    ///
    /// All others with room had their turn when they got it: so a connector
    /// that is doubled and has not changed has a task on each of them. At most
    /// as many are passed over here as the agent has tasks.
    fn spread_onto(&mut self, id: &Arc<str>) {
        let mut after = None;
        while let Some(agent) = self.agents.get(id)
            && let Some(offer) = agent.open()
            && let Some(index) = self.pools.get(&offer.pool)
            && let Some(next) = index.next_doubled(&offer.features, after.as_ref())
        {
            let next = Arc::clone(next);
            let has_one = |one: &Connector| one.tasks.values().any(|agent| agent == id);
            if !self.connectors.get(&next).is_some_and(has_one) {
                self.spread(&next);
                self.fill_pools();
            }
            after = Some(next);
        }
    }

    /// Moves tasks of a connector of which another one is on the same agent to
    /// agents that have none, as long as there are such with room.
    fn spread(&mut self, name: &Arc<str>) {
        while let Some(index) = self.doubled_task(name)
            && let Some(agent) = self.best_without(name)
        {
            let task = Task { index, connector: Arc::clone(name) };
            self.take(&task);
            self.put(task, &agent);
        }
        let is_doubled = self.doubled_task(name).is_some();
        let Some(Connector { demand, .. }) = self.connectors.get(name) else { return };
        let pool = index(&mut self.pools, &mut self.touched, &demand.pool);
        if is_doubled {
            pool.doubled.insert(&demand.features, Arc::clone(name));
        } else {
            pool.doubled.remove(&demand.features, name);
        }
        self.unspread.remove(name);
    }

    /// The last task of a connector of which another one is on the same agent,
    /// which is connected and does not drain.
    fn doubled_task(&self, name: &Arc<str>) -> Option<i32> {
        let connector = self.connectors.get(name)?;
        let together = connector.together();
        let is_doubled = |id: &str| {
            together.get(id).is_some_and(|count| *count > 1)
                && self.agents.get(id).is_some_and(|agent| agent.is_settled())
        };
        connector.tasks.iter().rev().find(|(_, id)| is_doubled(id)).map(|(index, _)| *index)
    }

    /// The agent for a further task of a connector.
    pub(super) fn best(&self, name: &Arc<str>) -> Option<Arc<str>> {
        self.best_without(name).or_else(|| self.best_with(name))
    }

    /// The least loaded agent with room that has no task of the connector.
    fn best_without(&self, name: &Arc<str>) -> Option<Arc<str>> {
        let connector = self.connectors.get(name)?;
        let together = connector.together();
        let pool = self.pools.get(&connector.demand.pool)?;
        let has_one = |agent: &str| together.contains_key(agent);
        pool.least_loaded(&connector.demand.features, has_one).cloned()
    }

    /// Of the agents with room that have tasks of the connector one with the
    /// fewest, the least loaded of those.
    fn best_with(&self, name: &Arc<str>) -> Option<Arc<str>> {
        let connector = self.connectors.get(name)?;
        let open = connector.together().into_iter().filter_map(|(id, count)| {
            let agent = self.agents.get(id)?;
            agent.open().filter(|offer| offer.suits(&connector.demand))?;
            Some((count, agent.share()?, id))
        });
        open.min().map(|(_, _, id)| self.agent_id(id))
    }

    /// The connectors whose tasks are others than before.
    fn take_changed(&mut self) -> BTreeMap<String, Vec<(i32, String)>> {
        let changed = |(name, before): (Arc<str>, _)| {
            let tasks = &self.connectors.get(&name)?.tasks;
            let tasks = (*tasks != before)
                .then(|| tasks.iter().map(|(index, agent)| (*index, agent.to_string())))?;
            Some((name.to_string(), tasks.collect()))
        };
        mem::take(&mut self.before).into_iter().filter_map(changed).collect()
    }
}
