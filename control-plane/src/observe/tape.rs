//! The last lines of a connector's log, or its last dead letters: a bounded
//! ring that readers follow at their own pace. Who is too slow learns how much
//! it missed.

use std::collections::VecDeque;

/// Entries that are kept of each connector.
pub(crate) const KEPT: usize = 1_000;

#[derive(Debug)]
struct Entry<T> {
    item: T,
    /// What it takes in memory.
    bytes: usize,
    /// Entries before this one that never arrived.
    lost_before: u64,
}

/// Entries of one connector.
#[derive(Debug)]
pub(super) struct Tape<T> {
    /// Position of the next entry.
    end: u64,
    entries: VecDeque<Entry<T>>,
    bytes: usize,
}

/// What a reader gets at once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Read<T> {
    /// In the order of their arrival.
    pub(crate) items: Vec<T>,
    /// Entries before these that this reader does not get.
    pub(crate) dropped: u64,
    /// Where to read on.
    pub(crate) next: u64,
}

/// What a reader gets at once that reads backwards.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Past<T> {
    /// The newest first.
    pub(crate) items: Vec<T>,
    /// Before which position older ones stand; none at the end.
    pub(crate) rest: Option<u64>,
}

impl<T: Clone> Tape<T> {
    /// An empty one, whose first entry will have this position.
    pub(super) fn from_position(end: u64) -> Self {
        Self { end, entries: VecDeque::new(), bytes: 0 }
    }

    /// Adds an entry of so many bytes, before which `lost` others never arrived.
    pub(super) fn push(&mut self, item: T, bytes: usize, lost: u64) {
        if self.entries.len() == KEPT {
            self.give_up();
        }
        self.entries.push_back(Entry { item, bytes, lost_before: lost });
        self.bytes += bytes;
        self.end += 1;
    }

    /// Gives up the oldest entry.
    pub(super) fn give_up(&mut self) {
        if let Some(oldest) = self.entries.pop_front() {
            self.bytes -= oldest.bytes;
        }
    }

    /// How many entries there are, and what they take in memory.
    pub(super) fn size(&self) -> Size {
        Size { entries: self.entries.len(), bytes: self.bytes }
    }

    /// The last `count` entries.
    pub(super) fn last(&self, count: usize) -> Read<T> {
        let skip = self.entries.len().saturating_sub(count);
        let items = self.entries.iter().skip(skip).map(|entry| entry.item.clone()).collect();
        Read { items, dropped: 0, next: self.end }
    }

    /// Everything from `position` on.
    pub(super) fn from(&self, position: u64) -> Read<T> {
        let oldest = self.oldest();
        let mut dropped = oldest.saturating_sub(position);
        let skip = usize::try_from(position.saturating_sub(oldest)).unwrap_or(usize::MAX);
        let mut items = Vec::new();
        for entry in self.entries.iter().skip(skip) {
            dropped = dropped.saturating_add(entry.lost_before);
            items.push(entry.item.clone());
        }
        Read { items, dropped, next: self.end }
    }

    /// The last `count` entries before `position`, of all where there is none.
    pub(super) fn before(&self, position: Option<u64>, count: usize) -> Past<T> {
        let oldest = self.oldest();
        let end = position.map_or(self.end, |position| position.clamp(oldest, self.end));
        let length = usize::try_from(end - oldest).unwrap_or(usize::MAX);
        let skip = self.entries.len().saturating_sub(length);
        let items: Vec<_> =
            self.entries.iter().rev().skip(skip).take(count).map(|one| one.item.clone()).collect();
        let last = end - items.len() as u64;
        Past { items, rest: (last > oldest).then_some(last) }
    }

    /// Position of the oldest entry that is there.
    fn oldest(&self) -> u64 {
        self.end - self.entries.len() as u64
    }
}

/// How much there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) entries: usize,
    pub(super) bytes: usize,
}

impl Size {
    /// Whether it is more than `most`, in either.
    pub(super) fn is_beyond(self, most: Self) -> bool {
        self.entries > most.entries || self.bytes > most.bytes
    }

    /// With `after` in the place of `before`, which is a part of it.
    pub(super) fn replace(self, before: Self, after: Self) -> Self {
        Self {
            entries: self.entries - before.entries + after.entries,
            bytes: self.bytes - before.bytes + after.bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_starts_with_the_last_entries_and_goes_on() {
        let mut tape = Tape::from_position(0);
        for number in 0..5 {
            tape.push(number, 1, 0);
        }
        let past = tape.last(2);
        assert_eq!(past, Read { items: vec![3, 4], dropped: 0, next: 5 });
        tape.push(5, 1, 0);
        assert_eq!(tape.from(past.next), Read { items: vec![5], dropped: 0, next: 6 });
        assert_eq!(tape.from(6), Read { items: vec![], dropped: 0, next: 6 });
    }

    #[test]
    fn a_slow_reader_learns_how_much_it_missed() {
        let mut tape = Tape::from_position(0);
        let start = tape.last(0).next;
        for number in 0..KEPT + 7 {
            tape.push(number, 1, 0);
        }
        let read = tape.from(start);
        assert_eq!((read.items.len(), read.dropped, read.items[0]), (KEPT, 7, 7));
    }

    #[test]
    fn pages_go_back_without_gap_or_overlap_while_entries_come() {
        let mut tape = Tape::from_position(0);
        for number in 0..5 {
            tape.push(number, 1, 0);
        }
        let first = tape.before(None, 2);
        assert_eq!(first, Past { items: vec![4, 3], rest: Some(3) });
        tape.push(5, 1, 0);
        let second = tape.before(first.rest, 2);
        assert_eq!(second, Past { items: vec![2, 1], rest: Some(1) });
        assert_eq!(tape.before(second.rest, 2), Past { items: vec![0], rest: None });
        assert_eq!(tape.before(Some(2), 2), Past { items: vec![1, 0], rest: None });
        assert_eq!(tape.before(Some(u64::MAX), 1).items, [5]);
    }

    #[test]
    fn entries_that_have_left_the_tape_are_no_page() {
        let mut tape = Tape::from_position(0);
        assert_eq!(tape.before(None, 3), Past { items: Vec::<usize>::new(), rest: None });
        for number in 0..KEPT + 10 {
            tape.push(number, 1, 0);
        }
        assert_eq!(tape.before(Some(11), 5), Past { items: vec![10], rest: None });
        assert_eq!(tape.before(Some(3), 5), Past { items: vec![], rest: None });
    }

    #[test]
    fn what_never_arrived_is_counted_where_it_is_missing() {
        let mut tape = Tape::from_position(0);
        tape.push('a', 1, 0);
        tape.push('b', 1, 3);
        assert_eq!(tape.from(1), Read { items: vec!['b'], dropped: 3, next: 2 });
    }
}
