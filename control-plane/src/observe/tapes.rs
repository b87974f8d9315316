//! The tapes of all connectors. Together they have a bound, too: beyond it, those
//! that were not written to for the longest time give up their oldest entries.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::tape::{Past, Read, Size, Tape};

/// What is kept of all connectors.
const MOST: Size = Size { entries: 200_000, bytes: 64 << 20 };

/// What an entry takes in memory, in bytes.
pub(crate) trait Weigh {
    /// About so many.
    fn bytes(&self) -> usize;
}

impl<M: prost::Message> Weigh for Arc<M> {
    fn bytes(&self) -> usize {
        size_of::<M>() + self.encoded_len()
    }
}

#[derive(Debug)]
struct Slot<T> {
    tape: Tape<T>,
    /// Its place in the order of the writes; none before the first.
    written: Option<u64>,
    added: watch::Sender<()>,
}

#[derive(Debug)]
struct Shelf<T> {
    slots: HashMap<String, Slot<T>>,
    /// Those that have entries, in the order of their last writes.
    order: BTreeMap<u64, String>,
    writes: u64,
    size: Size,
    most: Size,
}

/// The tapes, by the connectors' uids.
#[derive(Debug)]
pub(crate) struct Tapes<T> {
    shelf: Arc<Mutex<Shelf<T>>>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Handle<T> {
    shelf: Arc<Mutex<Shelf<T>>>,
    uid: String,
}

impl<T: Clone + Weigh> Default for Tapes<T> {
    fn default() -> Self {
        Self::of_size(MOST)
    }
}

impl<T: Clone + Weigh> Tapes<T> {
    fn of_size(most: Size) -> Self {
        let shelf = Shelf {
            slots: HashMap::new(),
            order: BTreeMap::new(),
            writes: 0,
            size: Size::default(),
            most,
        };
        Self { shelf: Arc::new(Mutex::new(shelf)) }
    }

    /// The tape of a connector.
    pub(crate) fn of(&self, uid: &str) -> Handle<T> {
        Handle { shelf: Arc::clone(&self.shelf), uid: uid.to_owned() }
    }

    /// Forgets that of a connector that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        let mut shelf = lock(&self.shelf);
        if let Some(slot) = shelf.slots.remove(uid) {
            shelf.size = shelf.size.replace(slot.tape.size(), Size::default());
            if let Some(written) = slot.written {
                shelf.order.remove(&written);
            }
        }
    }
}

impl<T: Clone + Weigh> Handle<T> {
    /// Adds an entry before which `lost` others never arrived.
    pub(crate) fn push(&self, item: T, lost: u64) {
        lock(&self.shelf).push(&self.uid, item, lost);
    }

    /// The last `count` entries.
    pub(crate) fn last(&self, count: usize) -> Read<T> {
        lock(&self.shelf).slot(&self.uid).tape.last(count)
    }

    /// Everything from `position` on; none when the connector is gone.
    pub(crate) fn from(&self, position: u64) -> Option<Read<T>> {
        lock(&self.shelf).slots.get(&self.uid).map(|slot| slot.tape.from(position))
    }

    /// The last `count` entries before `position`, of all where there is none.
    pub(crate) fn before(&self, position: Option<u64>, count: usize) -> Past<T> {
        lock(&self.shelf).slot(&self.uid).tape.before(position, count)
    }

    /// Follows the end, to wait for the next entry. Ends with the connector.
    pub(crate) fn follow(&self) -> watch::Receiver<()> {
        lock(&self.shelf).slot(&self.uid).added.subscribe()
    }
}

impl<T: Clone + Weigh> Shelf<T> {
    fn slot(&mut self, uid: &str) -> &mut Slot<T> {
        // Positions are told to readers: those of a tape that was taken from the
        // shelf do not come again.
        let start = self.writes;
        self.slots.entry(uid.to_owned()).or_insert_with(|| Slot {
            tape: Tape::from_position(start),
            written: None,
            added: watch::Sender::new(()),
        })
    }

    fn push(&mut self, uid: &str, item: T, lost: u64) {
        let bytes = item.bytes();
        let now = self.writes + 1;
        let slot = self.slot(uid);
        let before = slot.tape.size();
        slot.tape.push(item, bytes, lost);
        let after = slot.tape.size();
        let written = slot.written.replace(now);
        slot.added.send_replace(());
        self.writes = now;
        if let Some(written) = written {
            self.order.remove(&written);
        }
        self.order.insert(now, uid.to_owned());
        self.size = self.size.replace(before, after);
        while self.size.is_beyond(self.most) && self.give_up() {}
    }

    /// The tape that was not written to for the longest time gives up its oldest
    /// entry. Returns whether there was one.
    fn give_up(&mut self) -> bool {
        let Some(oldest) = self.order.first_entry() else { return false };
        let Some(slot) = self.slots.get_mut(oldest.get()) else {
            oldest.remove();
            return true;
        };
        let before = slot.tape.size();
        slot.tape.give_up();
        let after = slot.tape.size();
        if after.entries == 0 {
            slot.written = None;
            let uid = oldest.remove();
            if slot.added.receiver_count() == 0 {
                self.slots.remove(&uid);
            }
        }
        self.size = self.size.replace(before, after);
        true
    }
}

fn lock<T>(shelf: &Mutex<Shelf<T>>) -> MutexGuard<'_, Shelf<T>> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry that is its own weight.
    impl Weigh for usize {
        fn bytes(&self) -> usize {
            *self
        }
    }

    fn tapes(entries: usize, bytes: usize) -> Tapes<usize> {
        Tapes::of_size(Size { entries, bytes })
    }

    fn kept(tapes: &Tapes<usize>, uid: &str) -> Vec<usize> {
        tapes.of(uid).last(usize::MAX).items
    }

    #[test]
    fn beyond_the_bound_the_least_recently_written_give_up_their_oldest() {
        let tapes = tapes(6, 1_000);
        for uid in ["a", "b", "c"] {
            tapes.of(uid).push(1, 0);
            tapes.of(uid).push(2, 0);
        }
        tapes.of("a").push(3, 0);
        assert_eq!([kept(&tapes, "a"), kept(&tapes, "b")], [vec![1, 2, 3], vec![2]]);
        tapes.of("a").push(4, 0);
        tapes.of("a").push(5, 0);
        assert_eq!([kept(&tapes, "b"), kept(&tapes, "c")], [vec![], vec![2]]);
        assert_eq!(kept(&tapes, "a"), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn bytes_count_too() {
        let tapes = tapes(100, 10);
        tapes.of("a").push(6, 0);
        tapes.of("b").push(3, 0);
        tapes.of("b").push(4, 0);
        assert_eq!([kept(&tapes, "a"), kept(&tapes, "b")], [vec![], vec![3, 4]]);
        tapes.of("b").push(11, 0);
        assert_eq!(kept(&tapes, "b"), Vec::<usize>::new(), "one that never fits is not kept");
        assert_eq!(lock(&tapes.shelf).size, Size::default());
    }

    #[test]
    fn a_reader_learns_what_was_given_up_for_others() {
        let tapes = tapes(3, 1_000);
        let quiet = tapes.of("a");
        let start = quiet.last(0).next;
        let _follower = quiet.follow();
        quiet.push(1, 0);
        quiet.push(2, 0);
        for entry in 0..2 {
            tapes.of("b").push(entry, 0);
        }
        let read = quiet.from(start).expect("there");
        assert_eq!((read.items, read.dropped), (vec![2], 1));
    }

    #[test]
    fn what_many_connectors_wrote_is_bounded_and_so_is_what_is_kept_about_them() {
        let tapes = tapes(50, 1_000_000);
        for number in 0..10_000 {
            tapes.of(&format!("u{number}")).push(1, 0);
        }
        let shelf = lock(&tapes.shelf);
        assert_eq!((shelf.size.entries, shelf.slots.len(), shelf.order.len()), (50, 50, 50));
    }

    #[test]
    fn positions_of_a_tape_that_was_given_up_do_not_come_again() {
        let tapes = tapes(1, 1_000);
        tapes.of("a").push(1, 0);
        let position = tapes.of("a").last(0).next;
        tapes.of("b").push(1, 0);
        tapes.of("a").push(2, 0);
        assert_eq!(tapes.of("a").before(Some(position), 9).items, Vec::<usize>::new());
    }

    #[test]
    fn a_follower_is_woken_by_an_entry_and_ends_with_the_connector() {
        let tapes = tapes(9, 1_000);
        let end = tapes.of("a").follow();
        tapes.of("a").push(1, 0);
        assert_eq!(end.has_changed().ok(), Some(true));
        tapes.forget("a");
        assert!(end.has_changed().is_err());
        assert!(tapes.of("a").from(0).is_none());
        assert_eq!(lock(&tapes.shelf).size, Size::default());
    }
}
