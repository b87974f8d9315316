//! The last lines of a connector's log, or its last dead letters: a bounded
//! ring that readers follow at their own pace. Who is too slow learns how much
//! it missed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// Entries that are kept of each connector.
pub(crate) const KEPT: usize = 1_000;

#[derive(Debug)]
struct Entry<T> {
    item: T,
    /// Entries before this one that never arrived.
    lost_before: u64,
}

#[derive(Debug)]
struct Ring<T> {
    /// Entries ever added.
    added: u64,
    entries: VecDeque<Entry<T>>,
}

/// Entries of one connector.
#[derive(Debug)]
pub(crate) struct Tape<T> {
    ring: Mutex<Ring<T>>,
    added: watch::Sender<u64>,
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
    fn new() -> Self {
        Self {
            ring: Mutex::new(Ring { added: 0, entries: VecDeque::new() }),
            added: watch::Sender::new(0),
        }
    }

    /// Adds an entry before which `lost` others never arrived.
    pub(crate) fn push(&self, item: T, lost: u64) {
        let added = {
            let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
            if ring.entries.len() == KEPT {
                ring.entries.pop_front();
            }
            ring.entries.push_back(Entry { item, lost_before: lost });
            ring.added += 1;
            ring.added
        };
        self.added.send_modify(|seen| *seen = (*seen).max(added));
    }

    /// The last `count` entries.
    pub(crate) fn last(&self, count: usize) -> Read<T> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let skip = ring.entries.len().saturating_sub(count);
        let items = ring.entries.iter().skip(skip).map(|entry| entry.item.clone()).collect();
        Read { items, dropped: 0, next: ring.added }
    }

    /// Everything from `position` on.
    pub(crate) fn from(&self, position: u64) -> Read<T> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = ring.added - ring.entries.len() as u64;
        let overrun = oldest.saturating_sub(position);
        let skip = usize::try_from(position.saturating_sub(oldest)).unwrap_or(usize::MAX);
        let mut dropped = overrun;
        let mut items = Vec::new();
        for entry in ring.entries.iter().skip(skip) {
            dropped += entry.lost_before;
            items.push(entry.item.clone());
        }
        Read { items, dropped, next: ring.added }
    }

    /// The last `count` entries before `position`, of all where there is none.
    pub(crate) fn before(&self, position: Option<u64>, count: usize) -> Past<T> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = ring.added - ring.entries.len() as u64;
        let end = position.map_or(ring.added, |position| position.clamp(oldest, ring.added));
        let length = usize::try_from(end - oldest).unwrap_or(usize::MAX);
        let skip = ring.entries.len().saturating_sub(length);
        let items: Vec<_> =
            ring.entries.iter().rev().skip(skip).take(count).map(|one| one.item.clone()).collect();
        let last = end - items.len() as u64;
        Past { items, rest: (last > oldest).then_some(last) }
    }

    /// Follows the end, to wait for the next entry. Ends with the connector.
    pub(crate) fn follow(&self) -> watch::Receiver<u64> {
        self.added.subscribe()
    }
}

/// The tapes of all connectors, by uid.
#[derive(Debug)]
pub(crate) struct Tapes<T> {
    tapes: Mutex<HashMap<String, Arc<Tape<T>>>>,
}

impl<T> Default for Tapes<T> {
    fn default() -> Self {
        Self { tapes: Mutex::default() }
    }
}

impl<T: Clone> Tapes<T> {
    /// The tape of a connector that exists.
    pub(crate) fn of(&self, uid: &str) -> Arc<Tape<T>> {
        let mut tapes = self.tapes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tapes.entry(uid.to_owned()).or_insert_with(|| Arc::new(Tape::new())))
    }

    /// Forgets that of a connector that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        self.tapes.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_starts_with_the_last_entries_and_goes_on() {
        let tape = Tape::new();
        for number in 0..5 {
            tape.push(number, 0);
        }
        let past = tape.last(2);
        assert_eq!(past, Read { items: vec![3, 4], dropped: 0, next: 5 });
        tape.push(5, 0);
        assert_eq!(tape.from(past.next), Read { items: vec![5], dropped: 0, next: 6 });
        assert_eq!(tape.from(6), Read { items: vec![], dropped: 0, next: 6 });
    }

    #[test]
    fn a_slow_reader_learns_how_much_it_missed() {
        let tape = Tape::new();
        let start = tape.last(0).next;
        for number in 0..KEPT + 7 {
            tape.push(number, 0);
        }
        let read = tape.from(start);
        assert_eq!((read.items.len(), read.dropped, read.items[0]), (KEPT, 7, 7));
    }

    #[test]
    fn pages_go_back_without_gap_or_overlap_while_entries_come() {
        let tape = Tape::new();
        for number in 0..5 {
            tape.push(number, 0);
        }
        let first = tape.before(None, 2);
        assert_eq!(first, Past { items: vec![4, 3], rest: Some(3) });
        tape.push(5, 0);
        let second = tape.before(first.rest, 2);
        assert_eq!(second, Past { items: vec![2, 1], rest: Some(1) });
        assert_eq!(tape.before(second.rest, 2), Past { items: vec![0], rest: None });
        assert_eq!(tape.before(Some(2), 2), Past { items: vec![1, 0], rest: None });
        assert_eq!(tape.before(Some(u64::MAX), 1).items, [5]);
    }

    #[test]
    fn entries_that_have_left_the_tape_are_no_page() {
        let tape = Tape::new();
        assert_eq!(tape.before(None, 3), Past { items: Vec::<usize>::new(), rest: None });
        for number in 0..KEPT + 10 {
            tape.push(number, 0);
        }
        assert_eq!(tape.before(Some(11), 5), Past { items: vec![10], rest: None });
        assert_eq!(tape.before(Some(3), 5), Past { items: vec![], rest: None });
    }

    #[test]
    fn what_never_arrived_is_counted_where_it_is_missing() {
        let tape = Tape::new();
        tape.push('a', 0);
        tape.push('b', 3);
        assert_eq!(tape.from(1), Read { items: vec!['b'], dropped: 3, next: 2 });
    }
}
