//! How many of something there are: of one peer, and in all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Seats, such as those for watches.
#[derive(Debug)]
pub(crate) struct Seats {
    most: usize,
    most_of_peer: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// By peer; of one that is not known under none.
    of_peer: HashMap<Option<IpAddr>, usize>,
}

/// A seat; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    peer: Option<IpAddr>,
}

/// There is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full {
    /// As many as there may be are taken.
    pub(crate) most: usize,
}

impl Seats {
    /// So many seats, and so many for one peer.
    pub(crate) fn new(most: usize, most_of_peer: usize) -> Self {
        Self { most, most_of_peer, taken: Mutex::default() }
    }

    /// Takes a seat for a peer.
    pub(crate) fn take(self: &Arc<Self>, peer: Option<IpAddr>) -> Result<Seat, Full> {
        let mut taken = self.lock();
        if taken.all >= self.most {
            return Err(Full { most: self.most });
        }
        let of_peer = taken.of_peer.entry(peer).or_default();
        if *of_peer >= self.most_of_peer {
            return Err(Full { most: self.most_of_peer });
        }
        *of_peer += 1;
        taken.all += 1;
        Ok(Seat { seats: Arc::clone(self), peer })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        taken.all -= 1;
        if let Some(of_peer) = taken.of_peer.get_mut(&self.peer) {
            *of_peer -= 1;
            if *of_peer == 0 {
                taken.of_peer.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_limited_for_a_peer_and_in_all_and_come_back() {
        let seats = Arc::new(Seats::new(3, 2));
        let [one, other] =
            ["10.0.0.1", "10.0.0.2"].map(|peer| Some(peer.parse().expect("an address")));
        let first = seats.take(one).expect("free");
        let second = seats.take(one).expect("free");
        assert_eq!(seats.take(one).expect_err("full"), Full { most: 2 });
        let third = seats.take(other).expect("free");
        assert_eq!(seats.take(other).expect_err("full"), Full { most: 3 });
        drop(first);
        drop(seats.take(other).expect("free"));
        drop((seats.take(one).expect("free"), second, third));
        assert!(seats.lock().of_peer.is_empty(), "nothing is kept of peers that are gone");
    }
}
