//! The tapes of all connectors. Together they have a bound, too: beyond it, the one that
//! takes most gives up its oldest entries, so that nobody loses anything to one that says
//! much.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::tape::{Piece, Read, Tape};

/// Bytes that are kept of all connectors.
const MOST: usize = 64 << 20;
/// What an entry takes beside itself.
const ENTRY: usize = 64;

/// What an entry takes in memory, in bytes.
pub(crate) trait Weigh {
    /// About so many.
    fn bytes(&self) -> usize;
}

impl<M: prost::Message> Weigh for Arc<M> {
    fn bytes(&self) -> usize {
        ENTRY + size_of::<M>() + self.encoded_len()
    }
}

/// Keeps entries elsewhere, too, as far as it can; waits for nothing.
pub(crate) trait Keeper<T>: std::fmt::Debug + Send + Sync {
    /// An entry of a connector, before which `lost` others never arrived.
    fn keep(&self, uid: &str, item: &T, lost: u64);
}

#[derive(Debug)]
struct Slot<T> {
    tape: Tape<T>,
    added: watch::Sender<()>,
}

#[derive(Debug)]
struct Shelf<T> {
    slots: HashMap<Arc<str>, Slot<T>>,
    /// Those that have entries, by what they take.
    sizes: BTreeSet<(usize, Arc<str>)>,
    writes: u64,
    bytes: usize,
    most: usize,
    keeper: Option<Arc<dyn Keeper<T>>>,
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
    uid: Arc<str>,
}

/// Follows the end of one. While there is one, its positions go on.
#[derive(Debug)]
pub(crate) struct Follower<T> {
    tape: Handle<T>,
    added: Option<watch::Receiver<()>>,
}

impl<T: Clone + Weigh> Default for Tapes<T> {
    fn default() -> Self {
        Self::of_size(MOST)
    }
}

impl<T: Clone + Weigh> Tapes<T> {
    fn of_size(most: usize) -> Self {
        let shelf = Shelf {
            slots: HashMap::new(),
            sizes: BTreeSet::new(),
            writes: 0,
            bytes: 0,
            most,
            keeper: None,
        };
        Self { shelf: Arc::new(Mutex::new(shelf)) }
    }

    /// Has everything that is added from now on kept elsewhere, too.
    pub(crate) fn keep_by(&self, keeper: Arc<dyn Keeper<T>>) {
        lock(&self.shelf).keeper = Some(keeper);
    }

    /// The tape of a connector.
    pub(crate) fn of(&self, uid: &str) -> Handle<T> {
        Handle { shelf: Arc::clone(&self.shelf), uid: uid.into() }
    }

    /// Forgets that of a connector that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        lock(&self.shelf).remove(uid);
    }
}

impl<T: Clone + Weigh> Handle<T> {
    /// Adds an entry before which `lost` others never arrived.
    pub(crate) fn push(&self, item: T, lost: u64) {
        lock(&self.shelf).push(&self.uid, item, lost);
    }

    /// The entries before `position`, all where there is none: the newest first, each with
    /// its position.
    pub(crate) fn before(&self, position: Option<u64>) -> Vec<(u64, T)> {
        match lock(&self.shelf).slots.get(&self.uid) {
            Some(slot) => slot.tape.before(position),
            None => Vec::new(),
        }
    }

    /// Follows the end, to wait for the next entry. Ends with the connector.
    pub(crate) fn follow(self) -> Follower<T> {
        let added = lock(&self.shelf).slot(&self.uid).added.subscribe();
        Follower { tape: self, added: Some(added) }
    }
}

impl<T: Clone + Weigh> Follower<T> {
    /// All entries, the newest first, each with its position, and the position of the next
    /// one; none when the connector is gone.
    pub(crate) fn past(&self) -> Option<(Vec<(u64, T)>, u64)> {
        self.look(|tape| (tape.before(None), tape.end()))
    }

    /// What follows from `position` on, a piece of it; none when the connector is gone.
    pub(crate) fn from(&self, position: u64, piece: Piece) -> Option<Read<T>> {
        self.look(|tape| tape.from(position, piece))
    }

    /// Waits for an entry that was not waited for before; none when the connector is gone.
    pub(crate) async fn added(&mut self) -> Option<()> {
        self.added.as_mut()?.changed().await.ok()
    }

    fn look<R>(&self, at: impl FnOnce(&Tape<T>) -> R) -> Option<R> {
        lock(&self.tape.shelf).slots.get(&self.tape.uid).map(|slot| at(&slot.tape))
    }
}

impl<T> Drop for Follower<T> {
    fn drop(&mut self) {
        let mut shelf = lock(&self.tape.shelf);
        self.added = None;
        shelf.tidy(&self.tape.uid);
    }
}

impl<T> Shelf<T> {
    /// Removes the tape `uid` if there is nothing on it and nobody follows it.
    fn tidy(&mut self, uid: &str) {
        let is_idle = |slot: &Slot<T>| slot.tape.bytes() == 0 && slot.added.receiver_count() == 0;
        if self.slots.get(uid).is_some_and(is_idle) {
            self.slots.remove(uid);
        }
    }

    /// The tape `uid` takes so many bytes now.
    fn resize(&mut self, uid: &Arc<str>, before: usize, after: usize) {
        self.bytes = self.bytes - before + after;
        self.sizes.remove(&(before, Arc::clone(uid)));
        if after > 0 {
            self.sizes.insert((after, Arc::clone(uid)));
        }
    }
}

impl<T: Clone + Weigh> Shelf<T> {
    fn slot(&mut self, uid: &Arc<str>) -> &mut Slot<T> {
        // Positions are told to readers: those of a tape that was taken from the
        // shelf do not come again.
        let start = self.writes;
        self.slots.entry(Arc::clone(uid)).or_insert_with(|| Slot {
            tape: Tape::from_position(start),
            added: watch::Sender::new(()),
        })
    }

    fn push(&mut self, uid: &Arc<str>, item: T, lost: u64) {
        if let Some(keeper) = &self.keeper {
            keeper.keep(uid, &item, lost);
        }
        let bytes = item.bytes();
        let slot = self.slot(uid);
        let before = slot.tape.bytes();
        slot.tape.push(item, bytes, lost);
        let after = slot.tape.bytes();
        slot.added.send_replace(());
        self.writes += 1;
        self.resize(uid, before, after);
        while self.bytes > self.most && self.give_up() {}
    }

    /// The tape that takes most gives up its oldest entry. Returns whether there was one.
    fn give_up(&mut self) -> bool {
        let Some((before, uid)) = self.sizes.last().cloned() else { return false };
        let Some(slot) = self.slots.get_mut(&uid) else { return false };
        slot.tape.give_up();
        let after = slot.tape.bytes();
        self.resize(&uid, before, after);
        self.tidy(&uid);
        true
    }

    fn remove(&mut self, uid: &str) {
        if let Some((uid, slot)) = self.slots.remove_entry(uid) {
            self.resize(&uid, slot.tape.bytes(), 0);
        }
    }
}

fn lock<T>(shelf: &Mutex<Shelf<T>>) -> MutexGuard<'_, Shelf<T>> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Piece = Piece { items: usize::MAX, bytes: usize::MAX };

    /// An entry that is its own weight.
    impl Weigh for usize {
        fn bytes(&self) -> usize {
            *self
        }
    }

    fn tapes(bytes: usize) -> Tapes<usize> {
        Tapes::of_size(bytes)
    }

    fn kept(tapes: &Tapes<usize>, uid: &str) -> Vec<usize> {
        let mut items: Vec<_> =
            tapes.of(uid).before(None).into_iter().map(|(_, item)| item).collect();
        items.reverse();
        items
    }

    #[test]
    fn beyond_the_bound_the_largest_give_up_their_oldest_and_the_quiet_keep_theirs() {
        let tapes = tapes(20);
        for entry in [1, 2] {
            tapes.of("quiet").push(entry, 0);
        }
        for _ in 0..100 {
            tapes.of("loud").push(4, 0);
            tapes.of("louder").push(6, 0);
        }
        assert_eq!(kept(&tapes, "quiet"), [1, 2]);
        assert_eq!([kept(&tapes, "loud"), kept(&tapes, "louder")], [vec![4, 4], vec![6]]);
        assert_eq!(lock(&tapes.shelf).bytes, 17);
    }

    #[test]
    fn one_that_never_fits_is_not_kept() {
        let tapes = tapes(10);
        tapes.of("b").push(3, 0);
        tapes.of("b").push(11, 0);
        assert_eq!(kept(&tapes, "b"), Vec::<usize>::new());
        let shelf = lock(&tapes.shelf);
        assert_eq!((shelf.bytes, shelf.slots.len(), shelf.sizes.len()), (0, 0, 0));
    }

    #[test]
    fn a_reader_learns_what_was_given_up_for_others() {
        let tapes = tapes(5);
        let follower = tapes.of("a").follow();
        let (_, start) = follower.past().expect("there");
        tapes.of("a").push(3, 0);
        tapes.of("a").push(1, 0);
        tapes.of("b").push(2, 0);
        let read = follower.from(start, ALL).expect("there");
        assert_eq!((read.items, read.dropped), (vec![1], 1));
    }

    #[test]
    fn what_many_connectors_wrote_is_bounded_and_so_is_what_is_kept_about_them() {
        let tapes = tapes(50);
        for number in 0..10_000 {
            tapes.of(&format!("u{number}")).push(1, 0);
        }
        let shelf = lock(&tapes.shelf);
        assert_eq!((shelf.bytes, shelf.slots.len(), shelf.sizes.len()), (50, 50, 50));
    }

    #[test]
    fn positions_of_a_tape_that_was_given_up_do_not_come_again() {
        let tapes = tapes(2);
        tapes.of("a").push(1, 0);
        let (_, position) = tapes.of("a").follow().past().expect("there");
        tapes.of("a").push(2, 0);
        tapes.of("b").push(1, 0);
        tapes.of("a").push(1, 0);
        assert_eq!(kept(&tapes, "a"), [1]);
        assert_eq!(tapes.of("a").before(Some(position)), []);
    }

    #[test]
    fn nothing_is_left_of_a_tape_that_was_read_or_followed_after_its_connector_had_gone() {
        let tapes = tapes(9);
        assert_eq!(kept(&tapes, "a"), Vec::<usize>::new());
        let (first, second) = (tapes.of("a").follow(), tapes.of("a").follow());
        drop(first);
        assert_eq!(lock(&tapes.shelf).slots.len(), 1);
        drop(second);
        assert_eq!(lock(&tapes.shelf).slots.len(), 0);
    }

    #[tokio::test]
    async fn a_follower_is_woken_by_an_entry_and_ends_with_the_connector() {
        let tapes = tapes(9);
        let mut follower = tapes.of("a").follow();
        tapes.of("a").push(1, 0);
        assert_eq!(follower.added().await, Some(()));
        tapes.forget("a");
        assert_eq!(follower.added().await, None);
        assert_eq!(follower.from(0, ALL), None);
        assert_eq!(lock(&tapes.shelf).bytes, 0);
    }
}
