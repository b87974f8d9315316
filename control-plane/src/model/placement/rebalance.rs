//! Evening out: tasks move from agents that are fuller than others.
//!
//! What runs stays where it is when agents join, so that only new tasks would
//! come to them. Here tasks move to them, and each move is a rebalance of its
//! connector's group: so no more move than need to, a few at a time.
//!
//! A move is worth it if the agent that gets the task is less full with it than
//! the other one was. That is over when agents of the same capacity differ by
//! one task at most; and since each move makes the fuller one of two agents
//! less full, no task ever moves back. A move doubles no connector on an agent,
//! and goes to no agent that is disconnected or drains, nor from one.

use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka2oss_domain::spec::Pool;

use super::ledger::Connector;
use super::pool::{Features, PoolIndex};
use super::share::Share;
use super::{Board, Task};

/// Of a pool's tasks, one in so many moves in a round, and one at least. Half
/// of a large pool has moved after fifty rounds, and a hundredth of it is
/// moving at any time.
const SHARE: usize = 100;

/// How pools are evened out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rebalance {
    /// Whenever they are uneven; or only where it was asked for.
    pub(crate) auto: bool,
    /// Length of a round. The first one begins this long after a pool was seen
    /// to be uneven, so that agents that join together are there by then.
    pub(crate) interval: Duration,
}

impl Default for Rebalance {
    fn default() -> Self {
        Self { auto: false, interval: Duration::from_secs(10) }
    }
}

/// A task moves from one agent to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Move {
    /// The connector's full name.
    pub(crate) connector: String,
    /// The task's index.
    pub(crate) index: i32,
    /// The agent that it leaves.
    pub(crate) from: String,
    /// The agent that it goes to.
    pub(crate) to: String,
}

/// The same, as the board names them.
struct Step {
    task: Task,
    from: Arc<str>,
    to: Arc<str>,
}

impl Board {
    /// The moves that would even out a pool as it is now, in their order. Costs
    /// as much as the pool has tasks.
    pub(crate) fn plan(&self, pool: &Pool) -> Vec<Move> {
        let mut board = self.copy_of(pool);
        let mut moves = Vec::new();
        while let Some(step) = board.next_step(pool) {
            board.carry_out(&step);
            moves.push(Move {
                connector: step.task.connector.to_string(),
                index: step.task.index,
                from: step.from.to_string(),
                to: step.to.to_string(),
            });
        }
        moves
    }

    /// Has a pool evened out, round by round; the first one begins when the
    /// board is settled next.
    pub(crate) fn rebalance(&mut self, pool: &Pool) {
        if self.pools.contains_key(pool) {
            self.rounds.insert(pool.clone(), None);
        }
    }

    /// The pools that have connected agents.
    pub(crate) fn pools(&self) -> impl Iterator<Item = &Pool> {
        let connected = self.pools.iter().filter(|(_, index)| index.has_agents());
        connected.map(|(pool, _)| pool)
    }

    /// Moves what is to move in rounds that begin now. Returns when the next
    /// one begins.
    pub(super) fn even_out(&mut self, now: Instant) -> Option<Instant> {
        let due = |at: Option<Instant>| at.is_none_or(|at| now >= at);
        let begin: Vec<_> =
            self.rounds.iter().filter(|(_, at)| due(**at)).map(|(pool, _)| pool.clone()).collect();
        for pool in begin {
            self.begin_round(&pool);
            // If anything is left to do, it is put there again.
            self.rounds.remove(&pool);
            self.uneven_further(pool, now);
        }
        for pool in mem::take(&mut self.uneven) {
            self.uneven_further(pool, now);
        }
        self.rounds.values().copied().flatten().min()
    }

    fn uneven_further(&mut self, pool: Pool, now: Instant) {
        if !self.rounds.contains_key(&pool) && self.next_step(&pool).is_some() {
            self.rounds.insert(pool, Some(now + self.rebalance.interval));
        }
    }

    fn begin_round(&mut self, pool: &Pool) {
        let Some(index) = self.pools.get(pool) else { return };
        // Tasks of agents that are gone or drain are on their way: first things first.
        if !index.leaving.is_empty() || index.next_draining().is_some() {
            return;
        }
        for _ in 0..(index.tasks / SHARE).max(1) {
            let Some(step) = self.next_step(pool) else { return };
            self.carry_out(&step);
            self.fill_and_spread();
        }
    }

    fn carry_out(&mut self, step: &Step) {
        self.take(&step.task);
        self.put(step.task.clone(), &step.to);
    }

    /// The next move that is worth it: from the fullest agent that has a task
    /// which may go to a less full one, to the least full of those.
    fn next_step(&self, pool: &Pool) -> Option<Step> {
        let index = self.pools.get(pool)?;
        let least = index.open.iter().filter_map(|(_, open)| open.first()).min()?;
        let fuller = index.connected.iter().rev().take_while(|(share, _)| *share > least.0);
        fuller.into_iter().find_map(|(share, from)| self.step_from(from, *share, index))
    }

    fn step_from(&self, from: &Arc<str>, share: Share, index: &PoolIndex) -> Option<Step> {
        let agent = self.agents.get(from)?;
        let steps = index.open.iter().filter_map(|(offered, open)| {
            let less_full = open.iter().take_while(|(with_it, _)| *with_it < share);
            less_full.into_iter().find_map(|(with_it, to)| {
                // First tasks stay rather than others.
                let task = agent.tasks.iter().rev().find(|task| self.may_go(task, offered, to))?;
                Some((*with_it, to, task))
            })
        });
        let (_, to, task) = steps.min()?;
        Some(Step { task: task.clone(), from: Arc::clone(from), to: Arc::clone(to) })
    }

    fn may_go(&self, task: &Task, offered: &Features, to: &Arc<str>) -> bool {
        self.connectors.get(&task.connector).is_some_and(|Connector { demand, tasks }| {
            demand.features.is_subset(offered) && !tasks.values().any(|agent| agent == to)
        })
    }

    /// A board with what is connected in a pool, and their connectors.
    fn copy_of(&self, pool: &Pool) -> Self {
        let mut board = Self::new(Rebalance::default());
        let Some(index) = self.pools.get(pool) else { return board };
        for (_, id) in &index.connected {
            let Some(agent) = self.agents.get(id) else { continue };
            for task in &agent.tasks {
                let connector = self.connectors.get(&task.connector);
                if let Some(Connector { demand, tasks }) = connector
                    && !board.connectors.contains_key(&task.connector)
                {
                    let tasks = tasks.iter().map(|(index, agent)| (*index, agent.to_string()));
                    board.restore(&demand.name, tasks);
                    board.set_connector(demand.clone());
                }
            }
            if let Some(offer) = &agent.offer {
                board.set_agent(offer.clone());
            }
        }
        board
    }
}
