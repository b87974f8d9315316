//! How many tasks move at once when agents are gone.
//!
//! An agent that comes back finds the tasks that have not moved yet where they
//! were, and those that take tasks over are not asked for all of them at once:
//! so a part of a network that fails for longer than the leases does not move
//! everything.

use std::time::{Duration, Instant};

/// Moves are counted over this time.
pub(super) const ROUND: Duration = Duration::from_secs(1);
/// Moves of a round, whatever the number of tasks.
const LEAST: usize = 10;
/// Of all tasks, one in so many may move in a round.
const SHARE: usize = 10;

/// Moves of the current round.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace {
    round: Option<Instant>,
    moved: usize,
}

impl Pace {
    /// How many of the `tasks` may move at `now`.
    pub(super) fn allowed(&mut self, now: Instant, tasks: usize) -> usize {
        if self.round.is_none_or(|round| now >= round + ROUND) {
            (self.round, self.moved) = (Some(now), 0);
        }
        LEAST.max(tasks / SHARE).saturating_sub(self.moved)
    }

    /// One of those that are allowed moved.
    pub(super) fn count(&mut self) {
        self.moved += 1;
    }

    /// When the next round begins.
    pub(super) fn next_round(&self) -> Option<Instant> {
        self.round.map(|round| round + ROUND)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However often and when it is asked, no two rounds' worth of moves happen within
        /// one, and whoever waits for the next round may move then.
        #[test]
        fn no_more_than_a_rounds_moves_happen_in_a_round(
            steps in prop::collection::vec((0_u64..700, 0_usize..600), 1..60),
        ) {
            let start = Instant::now();
            let (mut pace, mut now) = (Pace::default(), start);
            let mut moves: Vec<Instant> = Vec::new();
            for (passed, tasks) in steps {
                now += Duration::from_millis(passed);
                let allowed = pace.allowed(now, tasks);
                prop_assert!(allowed <= LEAST.max(tasks / SHARE));
                (0..allowed).for_each(|_| pace.count());
                moves.extend(std::iter::repeat_n(now, allowed));
                prop_assert_eq!(pace.allowed(now, 0), 0);
                // Rounds begin with a move: of any time as long, at most two meet.
                let recent = moves.iter().filter(|at| **at + ROUND > now).count();
                prop_assert!(recent <= 2 * LEAST.max(600 / SHARE), "{recent} moves");
                let next = pace.next_round().expect("a round has begun");
                prop_assert!(next > now && next <= now + ROUND);
                prop_assert!(pace.clone().allowed(next, tasks) >= LEAST);
            }
        }
    }

    #[test]
    fn ten_tasks_or_a_tenth_of_all_move_in_a_round() {
        for (tasks, a_round) in [(0, 10), (99, 10), (300, 30)] {
            let (mut pace, now) = (Pace::default(), Instant::now());
            assert_eq!(pace.allowed(now, tasks), a_round);
            (0..a_round).for_each(|_| pace.count());
            assert_eq!(pace.allowed(now + ROUND / 2, tasks), 0);
            assert_eq!(pace.next_round(), Some(now + ROUND));
            assert_eq!(pace.allowed(now + ROUND, tasks), a_round);
        }
    }
}
