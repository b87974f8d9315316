//! How many watches are open: of one peer, and in all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Seats for watches.
#[derive(Debug)]
pub(crate) struct Seats {
    most: usize,
    most_of_peer: usize,
    /// Those that are taken, by peer; of one that is not known under none.
    taken: Mutex<HashMap<Option<IpAddr>, usize>>,
}

/// A seat; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    peer: Option<IpAddr>,
}

/// There is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full {
    /// As many as there may be are taken.
    pub(super) most: usize,
}

impl Seats {
    /// So many seats, and so many for one peer.
    pub(crate) fn new(most: usize, most_of_peer: usize) -> Self {
        Self { most, most_of_peer, taken: Mutex::default() }
    }

    /// Takes a seat for a peer.
    pub(super) fn take(self: &Arc<Self>, peer: Option<IpAddr>) -> Result<Seat, Full> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.values().sum::<usize>() >= self.most {
            return Err(Full { most: self.most });
        }
        let of_peer = taken.entry(peer).or_default();
        if *of_peer >= self.most_of_peer {
            return Err(Full { most: self.most_of_peer });
        }
        *of_peer += 1;
        Ok(Seat { seats: Arc::clone(self), peer })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_peer) = taken.get_mut(&self.peer) {
            *of_peer -= 1;
            if *of_peer == 0 {
                taken.remove(&self.peer);
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
        let _second = seats.take(one).expect("free");
        assert_eq!(seats.take(one).expect_err("full"), Full { most: 2 });
        let _third = seats.take(other).expect("free");
        assert_eq!(seats.take(other).expect_err("full"), Full { most: 3 });
        drop(first);
        drop(seats.take(other).expect("free"));
        seats.take(one).expect("free");
    }
}
