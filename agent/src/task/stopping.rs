//! How a task stops: what is open is delivered, then, when asked to, the group
//! is left. Pure: time and what is seen come in as values.

use std::time::{Duration, Instant};

use super::StopMode;

/// What open objects have for their delivery when partitions are given up or
/// the task stops. What is not delivered by then is read again by the next
/// owner.
pub(super) const DELIVERY_DEADLINE: Duration = Duration::from_secs(15);

/// What leaving the group may take.
const LEAVE_DEADLINE: Duration = Duration::from_secs(5);

/// A stop on its way.
#[derive(Debug)]
pub(super) struct Stopping {
    mode: StopMode,
    step: Step,
    deadline: Instant,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Loops deliver what is open.
    Delivering,
    /// The group takes its partitions back, and is told that the member leaves.
    Leaving,
}

/// What is seen of the task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// The group is being joined: who leaves now is not known to it by name, and
    /// becomes a member all the same.
    pub joins: bool,
    /// Some loop has not ended.
    pub loops_run: bool,
    /// Some partition is not given back to the group.
    pub owns_partitions: bool,
    /// It is a member that has not begun to leave.
    pub is_member: bool,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing yet.
    Wait,
    /// Leave the group. A static member does not leave by closing.
    Leave,
    /// Close the consumer.
    Close,
}

impl Stopping {
    /// Begins: the loops have been told to deliver what is open and end.
    pub(super) fn begin(mode: StopMode, now: Instant) -> Self {
        Self { mode, step: Step::Delivering, deadline: now + DELIVERY_DEADLINE }
    }

    /// Whether the group is being left.
    pub(super) fn leaves(&self) -> bool {
        self.step == Step::Leaving
    }

    /// Carries on.
    pub(super) fn next(&mut self, seen: Seen, now: Instant) -> Next {
        let in_time = now < self.deadline;
        match (&self.step, self.mode) {
            (Step::Delivering, _) if seen.loops_run && in_time => Next::Wait,
            (Step::Delivering, StopMode::KeepMembership) => Next::Close,
            (Step::Delivering, StopMode::Leave) if seen.joins && in_time => Next::Wait,
            (Step::Delivering, StopMode::Leave) => {
                self.step = Step::Leaving;
                self.deadline = now + LEAVE_DEADLINE;
                Next::Leave
            }
            (Step::Leaving, _) if (seen.owns_partitions || seen.is_member) && in_time => Next::Wait,
            (Step::Leaving, _) => Next::Close,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSY: Seen =
        Seen { joins: false, loops_run: true, owns_partitions: true, is_member: true };
    const DELIVERED: Seen = Seen { loops_run: false, ..BUSY };
    const GIVEN_UP: Seen = Seen { owns_partitions: false, ..DELIVERED };
    const LEFT: Seen = Seen { is_member: false, ..GIVEN_UP };
    const JOINING: Seen = Seen { joins: true, ..LEFT };

    #[test]
    fn what_is_open_is_delivered_before_the_group_is_left() {
        let now = Instant::now();
        let mut stopping = Stopping::begin(StopMode::Leave, now);
        assert_eq!(stopping.next(BUSY, now), Next::Wait);
        assert!(!stopping.leaves());
        assert_eq!(stopping.next(DELIVERED, now), Next::Leave);
        assert!(stopping.leaves());
        assert_eq!(stopping.next(DELIVERED, now), Next::Wait);
        assert_eq!(stopping.next(GIVEN_UP, now), Next::Wait);
        assert_eq!(stopping.next(LEFT, now), Next::Close);
    }

    #[test]
    fn a_member_that_comes_back_does_not_leave() {
        let now = Instant::now();
        let mut stopping = Stopping::begin(StopMode::KeepMembership, now);
        assert_eq!(stopping.next(BUSY, now), Next::Wait);
        assert_eq!(stopping.next(DELIVERED, now), Next::Close);
        let mut stopping = Stopping::begin(StopMode::KeepMembership, now);
        assert_eq!(stopping.next(JOINING, now), Next::Close);
    }

    #[test]
    fn a_group_that_is_being_joined_is_left_once_it_has_been() {
        let now = Instant::now();
        let mut stopping = Stopping::begin(StopMode::Leave, now);
        assert_eq!(stopping.next(JOINING, now), Next::Wait);
        assert_eq!(stopping.next(GIVEN_UP, now), Next::Leave);
    }

    #[test]
    fn neither_store_nor_group_can_hold_up_a_stop_for_ever() {
        let now = Instant::now();
        let late = now + DELIVERY_DEADLINE;
        for held_up in [BUSY, JOINING] {
            let mut stopping = Stopping::begin(StopMode::Leave, now);
            assert_eq!(stopping.next(held_up, late), Next::Leave);
            assert_eq!(stopping.next(GIVEN_UP, late), Next::Wait);
            assert_eq!(stopping.next(BUSY, late + LEAVE_DEADLINE), Next::Close);
        }
    }
}
