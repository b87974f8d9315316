//! What is to be looked at: connectors and agents about which something
//! changed. Each stands in it once, however much happened to it.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Connectors that are looked at in one pass at most, so that a pass is short.
const AT_ONCE: usize = 256;

/// Names of connectors and bare ids of agents.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Dirty {
    pub(super) connectors: BTreeSet<String>,
    pub(super) agents: BTreeSet<String>,
}

/// The reconciler's queue.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    dirty: Dirty,
    /// The last connector that was taken: the next pass begins after it, so
    /// that names that come again and again do not hold up others.
    last: String,
}

impl Queue {
    /// Something about a connector changed.
    pub(crate) fn connector(&self, name: &str) {
        self.connectors([name.to_owned()]);
    }

    /// Something about these connectors changed. The reconciler is not woken for none.
    pub(crate) fn connectors(&self, names: impl IntoIterator<Item = String>) {
        let mut names = names.into_iter().peekable();
        if names.peek().is_some() {
            self.lock().dirty.connectors.extend(names);
            self.wake.notify_one();
        }
    }

    /// Something about an agent changed, or it wants its assignments.
    pub(crate) fn agent(&self, id: &str) {
        self.lock().dirty.agents.insert(id.to_owned());
        self.wake.notify_one();
    }

    /// Something else waits for the reconciler.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Takes what is to be looked at: all agents, and as many connectors as
    /// fit in a pass.
    pub(super) fn take(&self) -> Dirty {
        let mut waiting = self.lock();
        let Waiting { dirty, last } = &mut *waiting;
        let agents = std::mem::take(&mut dirty.agents);
        let after = (Bound::Excluded(last.clone()), Bound::Unbounded);
        let before = (Bound::Unbounded, Bound::Included(last.clone()));
        let names = dirty.connectors.range(after).chain(dirty.connectors.range(before));
        let names: Vec<_> = names.take(AT_ONCE).cloned().collect();
        if let Some(name) = names.last() {
            last.clone_from(name);
        }
        for name in &names {
            dirty.connectors.remove(name);
        }
        if !dirty.connectors.is_empty() {
            self.wake.notify_one();
        }
        Dirty { connectors: names.into_iter().collect(), agents }
    }

    /// Puts back what could not be looked at.
    pub(super) fn put_back(&self, dirty: Dirty) {
        let mut waiting = self.lock();
        waiting.dirty.connectors.extend(dirty.connectors);
        waiting.dirty.agents.extend(dirty.agents);
    }

    /// Whether nothing is to be looked at.
    #[cfg(feature = "pieces")]
    pub(super) fn is_empty(&self) -> bool {
        self.lock().dirty == Dirty::default()
    }

    /// Waits until there is something to look at.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_come_again_and_again_hold_up_no_others() {
        let queue = Queue::default();
        let busy: BTreeSet<_> = (0..2 * AT_ONCE).map(|number| format!("a-{number:05}")).collect();
        queue.connector("z");
        let mut passes = 0;
        loop {
            queue.connectors(busy.iter().cloned());
            passes += 1;
            if queue.take().connectors.contains("z") {
                break;
            }
            assert!(passes < 4, "it waits for ever");
        }
    }

    #[test]
    fn what_changed_often_is_looked_at_once_and_nothing_is_left_out() {
        let queue = Queue::default();
        let names: BTreeSet<_> = (0..3 * AT_ONCE).map(|number| format!("{number:05}")).collect();
        for _ in 0..3 {
            queue.connectors(names.iter().cloned());
            queue.agent("a");
        }
        let mut seen = Vec::new();
        loop {
            let Dirty { connectors, agents } = queue.take();
            assert_eq!(agents.is_empty(), !seen.is_empty());
            if connectors.is_empty() {
                break;
            }
            assert!(connectors.len() <= AT_ONCE);
            seen.extend(connectors);
        }
        assert_eq!(seen, names.into_iter().collect::<Vec<_>>());
    }
}
