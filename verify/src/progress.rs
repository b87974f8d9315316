//! How far a verification is, for whoever waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far a verification is. Clones are of the same one.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    listed: AtomicU64,
    /// 0 until all are listed.
    all: AtomicU64,
    begun: AtomicU64,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Objects are listed, so many by now.
    Listing {
        /// Objects that count.
        objects: u64,
    },
    /// Links are compared with the topic.
    Comparing {
        /// Links that were begun.
        begun: u64,
        /// All that there are.
        all: u64,
    },
}

impl Progress {
    /// What is being done at this moment.
    pub fn phase(&self) -> Phase {
        let Counts { listed, all, begun } = &*self.0;
        match all.load(Ordering::Relaxed) {
            0 => Phase::Listing { objects: listed.load(Ordering::Relaxed) },
            all => Phase::Comparing { begun: begun.load(Ordering::Relaxed), all },
        }
    }

    pub(crate) fn listed(&self) {
        self.0.listed.fetch_add(1, Ordering::Relaxed);
    }

    /// All are listed; these are to be compared.
    pub(crate) fn begin(&self, all: u64) {
        self.0.all.store(all, Ordering::Relaxed);
    }

    /// One of them is begun.
    pub(crate) fn begun(&self) {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
    }
}
