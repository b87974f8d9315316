//! When agents were told of connectors, and how long they prepared them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What all agents write down.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: Mutex<HashMap<u32, Entry>>,
}

/// Of one connector.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entry {
    /// When each of its agents was first assigned a task of it.
    pub(crate) arrivals: Vec<Instant>,
    /// For how long agents prepared it.
    pub(crate) prepared: Duration,
}

impl Ledger {
    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// An agent was assigned connectors that it did not have.
    pub(crate) fn arrived(&self, numbers: &[u32], at: Instant) {
        let mut entries = self.lock();
        for number in numbers {
            entries.entry(*number).or_default().arrivals.push(at);
        }
    }

    /// An agent has prepared a connector for so long.
    pub(crate) fn prepared(&self, number: u32, time: Duration) {
        self.lock().entry(number).or_default().prepared += time;
    }

    /// What is written of a connector.
    pub(crate) fn entry(&self, number: u32) -> Entry {
        self.lock().get(&number).cloned().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
