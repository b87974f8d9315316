//! The locks of records.
//!
//! Who changes a record holds its lock from reading it until the change is durable and
//! visible. A caller may go away in between: its future is dropped, its lock with it, and
//! the write goes on. So a lock that is let go of is free only once every write has ended
//! that was under way then: whoever has it next sees in memory what is on disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::store::Store;

/// A record's lock, held for writing.
pub(crate) type Exclusive = Guard<OwnedRwLockWriteGuard<()>>;
/// A record's lock, held so that it does not go away.
pub(crate) type Shared = Guard<OwnedRwLockReadGuard<()>>;

/// A lock that is held.
#[derive(Debug)]
pub(crate) struct Guard<T: Send + 'static> {
    /// Absent only while it is dropped.
    held: Option<T>,
    store: Store,
}

impl<T: Send> Drop for Guard<T> {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            self.store.release(Box::new(held));
        }
    }
}

/// Every lock that somebody holds or waits for.
#[derive(Debug, Default)]
pub(super) struct Locks {
    by_name: Mutex<HashMap<String, Weak<RwLock<()>>>>,
}

impl Locks {
    pub(super) async fn exclusive(&self, name: &str, store: &Store) -> Exclusive {
        let held = self.of(name).write_owned().await;
        Guard { held: Some(held), store: store.clone() }
    }

    pub(super) async fn shared(&self, name: &str, store: &Store) -> Shared {
        let held = self.of(name).read_owned().await;
        Guard { held: Some(held), store: store.clone() }
    }

    fn of(&self, name: &str) -> Arc<RwLock<()>> {
        let mut locks = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(name).and_then(Weak::upgrade) {
            return lock;
        }
        // Whoever adds one sweeps those that nobody holds once they are many.
        if locks.len() >= 1_024 {
            locks.retain(|_, lock| lock.strong_count() > 0);
        }
        let lock = Arc::new(RwLock::new(()));
        locks.insert(name.to_owned(), Arc::downgrade(&lock));
        lock
    }
}
