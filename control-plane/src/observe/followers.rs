//! Who waits for the next change: of one connector, of one instance, or of all, so that a
//! change wakes only those whom it concerns.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// Those who wait for what has one name.
#[derive(Debug, Default)]
pub(super) struct Followers {
    /// By name; of those that somebody follows.
    bells: Mutex<HashMap<String, watch::Sender<()>>>,
}

impl Followers {
    /// Rings each time from now on.
    pub(super) fn follow(&self, name: &str) -> watch::Receiver<()> {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever comes sweeps those whom nobody follows any more.
        bells.retain(|_, bell| bell.receiver_count() > 0);
        let bell = bells.entry(name.to_owned());
        bell.or_insert_with(|| watch::Sender::new(())).subscribe()
    }

    /// Wakes those who follow this name.
    pub(super) fn ring(&self, name: &str) {
        let bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = bells.get(name) {
            bell.send_replace(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_are_woken_who_follow_the_name() {
        let followers = Followers::default();
        let here = followers.follow("instances/i");
        let there = followers.follow("instances/j");
        followers.ring("instances/i");
        let rung = [here, there].map(|bell| bell.has_changed().expect("open"));
        assert_eq!(rung, [true, false]);
    }
}
