//! How many tasks move at once when agents are gone.
//!
//! An agent that comes back finds the tasks that have not moved yet where they
//! were, and those that take tasks over are not asked for all of them at once:
//! so a part of a network that fails for longer than the leases does not move
//! everything.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::placement::{Placement, TaskKey};

/// Moves are counted over this time.
const ROUND: Duration = Duration::from_secs(1);
/// Moves of a round, whatever the number of tasks.
const LEAST: usize = 10;
/// Of all tasks, one in so many may move in a round.
const SHARE: usize = 10;

/// Moves of the current round.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace {
    round: Option<Instant>,
    moved: usize,
}

/// What may be carried out of a placement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// Where the tasks are to be now.
    pub(crate) placement: Placement,
    /// When the moves that wait go on; none waits without it.
    pub(crate) next: Option<Instant>,
}

impl Pace {
    /// As much of the way from `current` to `wanted` as may be gone at `now`:
    /// of the tasks whose agent is among the `gone`, which did not give them
    /// back, only so many move to another one in a round, those with low
    /// indexes first. Everything else is as wanted.
    pub(crate) fn limit(
        &mut self,
        current: &Placement,
        wanted: Placement,
        gone: &BTreeSet<String>,
        now: Instant,
    ) -> Step {
        if self.round.is_none_or(|round| now >= round + ROUND) {
            (self.round, self.moved) = (Some(now), 0);
        }
        let moves = |(task, from): &(&TaskKey, &String)| {
            gone.contains(*from) && wanted.get(*task).is_some_and(|to| to != *from)
        };
        let mut moving: Vec<_> = current.iter().filter(moves).collect();
        moving.sort_by_key(|(task, _)| (task.index, &task.connector));
        let allowed = LEAST.max(current.len() / SHARE).saturating_sub(self.moved);
        let waiting = moving.split_off(allowed.min(moving.len()));
        self.moved += moving.len();

        let mut placement = wanted;
        for (task, from) in &waiting {
            placement.insert((*task).clone(), (*from).clone());
        }
        let next = self.round.map(|round| round + ROUND).filter(|_| !waiting.is_empty());
        Step { placement, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(number: usize) -> TaskKey {
        let index = u32::try_from(number % 2).expect("small");
        TaskKey { connector: format!("c-{:04}", number / 2), index }
    }

    /// `count` tasks, all on one agent.
    fn all_on(agent: &str, count: usize) -> Placement {
        (0..count).map(|number| (task(number), agent.to_owned())).collect()
    }

    fn on(placement: &Placement, agent: &str) -> usize {
        placement.values().filter(|on| *on == agent).count()
    }

    fn gone(agents: &[&str]) -> BTreeSet<String> {
        agents.iter().map(|agent| (*agent).to_owned()).collect()
    }

    #[test]
    fn tasks_of_an_agent_that_is_gone_move_at_a_limited_rate() {
        for (tasks, a_round) in [(15, 10), (99, 10), (300, 30)] {
            let (wanted, mut current) = (all_on("b", tasks), all_on("a", tasks));
            let (mut pace, mut now) = (Pace::default(), Instant::now());
            let mut moved = 0;
            loop {
                let step = pace.limit(&current, wanted.clone(), &gone(&["a"]), now);
                let more = on(&step.placement, "b") - moved;
                assert_eq!(more, a_round.min(tasks - moved), "of {tasks}");
                // Asking again in the same round moves no more.
                let again = pace.limit(&step.placement, wanted.clone(), &gone(&["a"]), now);
                assert_eq!(again, step);
                (moved, current) = (moved + more, step.placement);
                let Some(next) = step.next else { break };
                assert_eq!(next, now + ROUND);
                now = next;
            }
            assert_eq!(current, wanted);
        }
    }

    #[test]
    fn first_tasks_of_connectors_move_first() {
        let (current, wanted) = (all_on("a", 20), all_on("b", 20));
        let step = Pace::default().limit(&current, wanted, &gone(&["a"]), Instant::now());
        assert!(step.placement.iter().all(|(task, on)| (task.index == 0) == (on == "b")));
    }

    #[test]
    fn an_agent_that_comes_back_keeps_what_has_not_moved() {
        let (current, wanted) = (all_on("a", 30), all_on("b", 30));
        let (mut pace, now) = (Pace::default(), Instant::now());
        let step = pace.limit(&current, wanted, &gone(&["a"]), now);
        assert_eq!(on(&step.placement, "a"), 20);
        // What is wanted now leaves everything where it is.
        let step = pace.limit(&step.placement, step.placement.clone(), &gone(&[]), now + ROUND);
        assert_eq!((on(&step.placement, "a"), step.next), (20, None));
    }

    #[test]
    fn everything_else_is_as_wanted_at_once() {
        let now = Instant::now();
        // Given back, or moved for another reason.
        let step = Pace::default().limit(&all_on("a", 50), all_on("b", 50), &gone(&[]), now);
        assert_eq!((on(&step.placement, "b"), step.next), (50, None));
        // New tasks.
        let new = all_on("b", 50);
        let step = Pace::default().limit(&Placement::new(), new.clone(), &gone(&["a"]), now);
        assert_eq!((step.placement, step.next), (new, None));
        // Tasks that are no more, or that nobody can take.
        let none = Placement::new();
        let step = Pace::default().limit(&all_on("a", 50), none.clone(), &gone(&["a"]), now);
        assert_eq!((step.placement, step.next), (none, None));
    }
}
