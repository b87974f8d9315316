//! How full an agent is, compared with others.

use std::cmp::Ordering;

/// Tasks by capacity; equal where the fractions are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    tasks: i32,
    capacity: i32,
}

impl Share {
    /// Of an agent that would have `tasks` of the `capacity` that it takes,
    /// which is not 0.
    pub(super) fn new(tasks: i32, capacity: i32) -> Self {
        Self { tasks, capacity }
    }
}

impl Ord for Share {
    fn cmp(&self, other: &Self) -> Ordering {
        // Without a division: multiplied by the capacity of the other.
        let one = i64::from(self.tasks) * i64::from(other.capacity);
        one.cmp(&(i64::from(other.tasks) * i64::from(self.capacity)))
    }
}

impl PartialOrd for Share {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Share {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_ordered_as_fractions() {
        assert!(Share::new(1, 3) < Share::new(1, 2));
        assert!(Share::new(i32::MAX, i32::MAX) > Share::new(i32::MAX - 1, i32::MAX));
        assert_eq!(Share::new(1, 2), Share::new(2, 4));
    }
}
