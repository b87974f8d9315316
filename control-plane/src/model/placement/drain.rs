//! Draining: tasks leave an agent that is there, one after the other, for
//! agents with room.
//!
//! Each of them runs until its move, and a move is a rebalance of its
//! connector's group: so they keep the pace of tasks that nobody gave back, come
//! after everything that runs nowhere, and stay where no agent has room for them.

use std::mem;
use std::time::Instant;

use super::Board;

impl Board {
    /// Moves as many tasks of agents that drain as the pace allows and others have
    /// room for, those with low indexes first. Returns when those go on that wait
    /// for the pace.
    pub(super) fn move_draining(&mut self, now: Instant) -> Option<Instant> {
        let mut allowed = self.pace.allowed(now, self.placed);
        for pool in mem::take(&mut self.draining) {
            while let Some(task) = self.pools.get(&pool).and_then(|index| index.next_draining()) {
                if allowed == 0 {
                    self.draining.insert(pool);
                    break;
                }
                let task = task.clone();
                let Some(agent) = self.best(&task.connector) else { break };
                self.take(&task);
                self.put(task, &agent);
                self.pace.count();
                allowed -= 1;
            }
        }
        self.fill_and_spread();
        self.pace.next_round().filter(|_| !self.draining.is_empty())
    }
}
