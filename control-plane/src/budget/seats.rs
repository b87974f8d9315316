//! How many of something there are: of one peer or another one thing, and in all.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A peer; those that are not known are one.
type Peer = Option<IpAddr>;

/// Seats, such as those for watches.
#[derive(Debug)]
pub(crate) struct Seats<K: Eq + Hash = Peer> {
    most: usize,
    most_of_one: usize,
    taken: Mutex<Taken<K>>,
}

#[derive(Debug)]
struct Taken<K> {
    all: usize,
    of_one: HashMap<K, usize>,
}

/// A seat; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat<K: Eq + Hash = Peer> {
    seats: Arc<Seats<K>>,
    of: K,
}

/// There is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full {
    /// As many as there may be are taken.
    pub(crate) most: usize,
}

impl<K: Clone + Eq + Hash> Seats<K> {
    /// So many seats, and so many for one.
    pub(crate) fn new(most: usize, most_of_one: usize) -> Self {
        let taken = Mutex::new(Taken { all: 0, of_one: HashMap::new() });
        Self { most, most_of_one, taken }
    }

    /// Takes a seat for one.
    pub(crate) fn take(self: &Arc<Self>, of: K) -> Result<Seat<K>, Full> {
        let mut taken = self.lock();
        if taken.all >= self.most {
            return Err(Full { most: self.most });
        }
        let of_one = taken.of_one.entry(of.clone()).or_default();
        if *of_one >= self.most_of_one {
            return Err(Full { most: self.most_of_one });
        }
        *of_one += 1;
        taken.all += 1;
        Ok(Seat { seats: Arc::clone(self), of })
    }
}

impl<K: Eq + Hash> Seats<K> {
    fn lock(&self) -> MutexGuard<'_, Taken<K>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Seat<K> {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        taken.all -= 1;
        if let Some(of_one) = taken.of_one.get_mut(&self.of) {
            *of_one -= 1;
            if *of_one == 0 {
                taken.of_one.remove(&self.of);
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
        let [one, other]: [Peer; 2] =
            ["10.0.0.1", "10.0.0.2"].map(|peer| Some(peer.parse().expect("an address")));
        let first = seats.take(one).expect("free");
        let second = seats.take(one).expect("free");
        assert_eq!(seats.take(one).expect_err("full"), Full { most: 2 });
        let third = seats.take(other).expect("free");
        assert_eq!(seats.take(other).expect_err("full"), Full { most: 3 });
        drop(first);
        drop(seats.take(other).expect("free"));
        drop((seats.take(one).expect("free"), second, third));
        assert!(seats.lock().of_one.is_empty(), "nothing is kept of peers that are gone");
    }
}
