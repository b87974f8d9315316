//! Which work of an instance is next: first tries before further ones, and
//! those never take more than half of the window. So connectors that fail
//! slowly, as when a store hangs, do not keep others of their instance waiting.

use std::collections::VecDeque;

/// Works of one instance that are under way at most.
const WINDOW: usize = 64;
/// Of these, further tries.
const FURTHER: usize = WINDOW / 2;

/// Whether a connector's work was tried before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// It was not.
    First,
    /// It was.
    Further,
}

/// What waits and what is under way of one instance.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    first: VecDeque<String>,
    further: VecDeque<String>,
    running: usize,
    running_further: usize,
}

impl Lanes {
    /// A connector's work is due.
    pub(super) fn push(&mut self, name: String, lane: Lane) {
        match lane {
            Lane::First => self.first.push_back(name),
            Lane::Further => self.further.push_back(name),
        }
    }

    /// The next one if there is room for it: it is under way until
    /// [`Self::end`], or [`Self::give_back`].
    pub(super) fn start(&mut self) -> Option<(String, Lane)> {
        if self.running >= WINDOW {
            return None;
        }
        if let Some(name) = self.first.pop_front() {
            self.running += 1;
            return Some((name, Lane::First));
        }
        if self.running_further >= FURTHER {
            return None;
        }
        let name = self.further.pop_front()?;
        self.running += 1;
        self.running_further += 1;
        Some((name, Lane::Further))
    }

    /// One that was started is not under way after all: it is the first that
    /// waits.
    pub(super) fn give_back(&mut self, name: String, lane: Lane) {
        self.end(lane);
        match lane {
            Lane::First => self.first.push_front(name),
            Lane::Further => self.further.push_front(name),
        }
    }

    /// One that was started is not under way any more.
    pub(super) fn end(&mut self, lane: Lane) {
        self.running = self.running.saturating_sub(1);
        if lane == Lane::Further {
            self.running_further = self.running_further.saturating_sub(1);
        }
    }

    /// Whether nothing waits and nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_empty() && self.further.is_empty() && self.running == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(lanes: &mut Lanes) -> Vec<Lane> {
        std::iter::from_fn(|| lanes.start()).map(|(_, lane)| lane).collect()
    }

    #[test]
    fn what_hangs_again_and_again_leaves_room_for_what_is_new() {
        let mut lanes = Lanes::default();
        for number in 0..2 * WINDOW {
            lanes.push(format!("hangs-{number}"), Lane::Further);
        }
        assert_eq!(started(&mut lanes), vec![Lane::Further; FURTHER]);
        for number in 0..2 * WINDOW {
            lanes.push(format!("new-{number}"), Lane::First);
        }
        assert_eq!(started(&mut lanes), vec![Lane::First; WINDOW - FURTHER]);
        lanes.end(Lane::Further);
        assert_eq!(started(&mut lanes), [Lane::First], "before those that wait longer");
    }

    #[test]
    fn all_that_was_pushed_is_started_in_its_order_as_others_end() {
        let mut lanes = Lanes::default();
        let names: Vec<_> = (0..3 * WINDOW).map(|number| format!("{number:03}")).collect();
        for name in &names {
            lanes.push(name.clone(), Lane::Further);
        }
        let mut seen = Vec::new();
        while let Some((name, lane)) = lanes.start() {
            seen.push(name);
            lanes.end(lane);
        }
        assert_eq!(seen, names);
        assert!(lanes.is_empty());
    }
}
