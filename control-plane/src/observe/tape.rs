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

/// How much a reader gets at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    /// Entries.
    pub(crate) items: usize,
    /// What these take in memory.
    pub(crate) bytes: usize,
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

impl<T> Tape<T> {
    /// What its entries take in memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
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

    /// Position of the next entry.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// From `position` on, so many entries and bytes at most, but for a single entry.
    pub(super) fn from(&self, position: u64, piece: Piece) -> Read<T> {
        let oldest = self.oldest();
        let mut read =
            Read { items: Vec::new(), dropped: oldest.saturating_sub(position), next: self.end };
        let skip = usize::try_from(position.saturating_sub(oldest)).unwrap_or(usize::MAX);
        let mut bytes = 0;
        for entry in self.entries.iter().skip(skip) {
            bytes += entry.bytes;
            if !read.items.is_empty() && (read.items.len() == piece.items || bytes > piece.bytes) {
                read.next = position.max(oldest) + read.items.len() as u64;
                break;
            }
            read.dropped = read.dropped.saturating_add(entry.lost_before);
            read.items.push(entry.item.clone());
        }
        read
    }

    /// The entries before `position`, all where there is none: the newest first, each with
    /// its position.
    pub(super) fn before(&self, position: Option<u64>) -> Vec<(u64, T)> {
        let end = position.unwrap_or(self.end);
        let entries = (self.oldest()..self.end).rev().zip(self.entries.iter().rev());
        let before = entries.skip_while(|(at, _)| *at >= end);
        before.map(|(at, entry)| (at, entry.item.clone())).collect()
    }

    /// Position of the oldest entry that is there.
    fn oldest(&self) -> u64 {
        self.end - self.entries.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Piece = Piece { items: usize::MAX, bytes: usize::MAX };

    #[test]
    fn a_reader_starts_where_it_wants_and_goes_on() {
        let mut tape = Tape::from_position(0);
        for number in 0..5 {
            tape.push(number, 1, 0);
        }
        let past = tape.from(3, ALL);
        assert_eq!(past, Read { items: vec![3, 4], dropped: 0, next: 5 });
        tape.push(5, 1, 0);
        assert_eq!(tape.from(past.next, ALL), Read { items: vec![5], dropped: 0, next: 6 });
        assert_eq!(tape.from(6, ALL), Read { items: vec![], dropped: 0, next: 6 });
    }

    #[test]
    fn a_reader_gets_pieces_that_are_bounded_by_entries_and_bytes() {
        let mut tape = Tape::from_position(10);
        for (number, bytes) in [1, 1, 9, 1, 1, 1].into_iter().enumerate() {
            tape.push(number, bytes, 0);
        }
        let mut pieces = Vec::new();
        let mut next = 10;
        while next < tape.end {
            let read = tape.from(next, Piece { items: 2, bytes: 5 });
            next = read.next;
            pieces.push(read.items);
        }
        assert_eq!(pieces, [vec![0, 1], vec![2], vec![3, 4], vec![5]]);
    }

    #[test]
    fn a_slow_reader_learns_how_much_it_missed() {
        let mut tape = Tape::from_position(0);
        let start = tape.end();
        for number in 0..KEPT + 7 {
            tape.push(number, 1, 0);
        }
        let read = tape.from(start, ALL);
        assert_eq!((read.items.len(), read.dropped, read.items[0]), (KEPT, 7, 7));
    }

    #[test]
    fn what_was_added_before_a_position_stays_the_same_while_entries_come() {
        let mut tape = Tape::from_position(7);
        assert_eq!(tape.before(None), []);
        for item in ['a', 'b', 'c'] {
            tape.push(item, 1, 0);
        }
        assert_eq!(tape.before(None), [(9, 'c'), (8, 'b'), (7, 'a')]);
        tape.push('d', 1, 0);
        assert_eq!(tape.before(Some(9)), [(8, 'b'), (7, 'a')]);
        assert_eq!(tape.before(Some(u64::MAX))[0], (10, 'd'));
        assert_eq!(tape.before(Some(7)), []);
    }

    #[test]
    fn entries_that_have_left_the_tape_are_not_told() {
        let mut tape = Tape::from_position(0);
        for number in 0..KEPT + 10 {
            tape.push(number, 1, 0);
        }
        assert_eq!(tape.before(Some(11)), [(10, 10)]);
        assert_eq!(tape.before(Some(3)), []);
    }

    #[test]
    fn what_never_arrived_is_counted_where_it_is_missing() {
        let mut tape = Tape::from_position(0);
        tape.push('a', 1, 0);
        tape.push('b', 1, 3);
        assert_eq!(tape.from(1, ALL), Read { items: vec!['b'], dropped: 3, next: 2 });
    }
}
