//! How many bytes of messages wait in memory: of one peer, and in all.
//!
//! A short message always may come: how many of these there are is bounded by how many
//! streams there are. Whoever has a longer one under way may have a part of what is still
//! free, and no more, so that a few long ones do not take all of it at once. (Switches share
//! their buffers in this way: Choudhury and Hahne, "Dynamic queue length thresholds for
//! shared-memory packet switches", 1998.)

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A message of up to this many bytes is a short one.
const SHORT: usize = 16 << 10;
/// A longer one may have this part of what is free.
const PART: usize = 4;

/// What long messages may have.
#[derive(Debug)]
pub(crate) struct Bytes {
    most: usize,
    most_of_peer: usize,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    all: usize,
    /// By peer; of one that is not known under none.
    of_peer: HashMap<Option<IpAddr>, usize>,
}

/// What one message has of it; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Bytes>,
    peer: Option<IpAddr>,
    /// What it has beyond a short one.
    bytes: usize,
}

/// The message may have no more at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl Bytes {
    /// So many, and so many of one peer.
    pub(crate) fn new(most: usize, most_of_peer: usize) -> Self {
        Self { most, most_of_peer, waiting: Mutex::default() }
    }

    /// For a message of a peer, of which nothing has come.
    pub(crate) fn share(self: &Arc<Self>, peer: Option<IpAddr>) -> Share {
        Share { budget: Arc::clone(self), peer, bytes: 0 }
    }

    /// No message may ever have more.
    pub(crate) fn most_of_message(&self) -> usize {
        SHORT + self.most.min(self.most_of_peer) / PART
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Whose message it is.
    pub(crate) fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// So many bytes of the message wait now.
    pub(crate) fn set(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let (before, now) = (self.bytes, bytes.saturating_sub(SHORT));
        if now == before {
            return Ok(());
        }
        let Self { budget, peer, bytes } = self;
        let mut waiting = budget.lock();
        let (all, of_peer) =
            (waiting.all - before, waiting.of_peer.get(peer).map_or(0, |bytes| bytes - before));
        let free = budget.most.saturating_sub(all).min(budget.most_of_peer.saturating_sub(of_peer));
        if now > before && now > free / PART {
            return Err(NoRoom);
        }
        waiting.all = all + now;
        match of_peer + now {
            0 => waiting.of_peer.remove(peer),
            now => waiting.of_peer.insert(*peer, now),
        };
        *bytes = now;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // What becomes less always may.
        let _ = self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([10, 0, 0, last]))
    }

    /// How much of `sizes`, one after the other, a message may have.
    fn may_have(share: &mut Share, sizes: impl IntoIterator<Item = usize>) -> usize {
        sizes.into_iter().take_while(|size| share.set(SHORT + size).is_ok()).last().unwrap_or(0)
    }

    #[test]
    fn a_long_message_may_have_a_part_of_what_is_free_and_gives_it_back() {
        let budget = Arc::new(Bytes::new(800, 400));
        let (mut first, mut second) = (budget.share(peer(1)), budget.share(peer(1)));
        assert_eq!(may_have(&mut first, [60, 100, 101]), 100);
        assert_eq!(may_have(&mut second, [75, 76]), 75);
        assert_eq!(may_have(&mut budget.share(peer(2)), [100, 101]), 100, "another peer");
        assert_eq!(may_have(&mut first, [10]), 10);
        assert_eq!(may_have(&mut second, [97, 98]), 97);
        drop((first, second));
        let waiting = budget.lock();
        assert!(waiting.all == 0 && waiting.of_peer.is_empty(), "{waiting:?}");
    }

    #[test]
    fn short_messages_come_however_much_waits_and_it_is_bounded_in_all() {
        let budget = Arc::new(Bytes::new(800, 400));
        let greedy = |last| {
            let mut share = budget.share(peer(last));
            may_have(&mut share, 1..);
            share
        };
        let long: Vec<_> = (0..200).map(|number| greedy(number % 50)).collect();
        let waiting = budget.lock().all;
        assert!((700..=800).contains(&waiting), "{waiting}");
        assert_eq!(budget.share(peer(255)).set(SHORT), Ok(()));
        drop(long);
        assert_eq!(may_have(&mut budget.share(peer(1)), [100]), 100);
    }
}
