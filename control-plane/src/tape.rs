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
    fn what_never_arrived_is_counted_where_it_is_missing() {
        let tape = Tape::new();
        tape.push('a', 0);
        tape.push('b', 3);
        assert_eq!(tape.from(1), Read { items: vec!['b'], dropped: 3, next: 2 });
    }
}
