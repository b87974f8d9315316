//! Which writes are under way, and what waits until they are over.
//!
//! A caller that goes away leaves its write behind, and lets go of the locks under which
//! it was decided. So whatever is let go of while writes are under way stays held until
//! these have ended: who holds a record's lock sees in memory what is on disk.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::medium::Held;

/// The writes of one store.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    queued: u64,
    /// Of these, the first so many have ended: on disk and visible, or failed.
    settled: u64,
    /// What is held until so many have ended, in this order.
    held: VecDeque<(u64, Held)>,
    /// Since when no write has ended though one is under way.
    since: Option<Instant>,
    /// No write is taken any more: nothing is waited for.
    over: bool,
}

impl Progress {
    /// A write is about to be queued.
    pub(crate) fn queue(&self) {
        let mut state = self.lock();
        state.queued += 1;
        state.since.get_or_insert_with(Instant::now);
    }

    /// So many writes have ended.
    pub(crate) fn settle(&self, count: u64) {
        let mut state = self.lock();
        state.settled += count;
        state.since = (state.settled < state.queued).then(Instant::now);
        let mut released = Vec::new();
        let settled = state.settled;
        while let Some((_, held)) = state.held.pop_front_if(|(after, _)| *after <= settled) {
            released.push(held);
        }
        drop(state);
        drop(released);
    }

    /// Drops `held` once the writes have ended that are under way.
    pub(crate) fn release(&self, held: Held) {
        let mut state = self.lock();
        if state.over || state.settled >= state.queued {
            drop(state);
            drop(held);
        } else {
            let after = state.queued;
            state.held.push_back((after, held));
        }
    }

    /// No write ends any more: nothing is held for one.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.over = true;
        let released = std::mem::take(&mut state.held);
        drop(state);
        drop(released);
    }

    /// Since when no write has ended though one is under way.
    pub(crate) fn waiting_since(&self) -> Option<Instant> {
        self.lock().since
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_is_let_go_of_stays_held_until_the_writes_under_way_have_ended() {
        let progress = Progress::default();
        let lock = Arc::new(());
        let release = || progress.release(Box::new(Arc::clone(&lock)));
        release();
        assert_eq!(Arc::strong_count(&lock), 1);

        progress.queue();
        release();
        progress.queue();
        release();
        assert_eq!(Arc::strong_count(&lock), 3);
        progress.settle(1);
        assert_eq!(Arc::strong_count(&lock), 2);
        progress.settle(1);
        assert_eq!(Arc::strong_count(&lock), 1);
    }

    #[test]
    fn nothing_is_held_once_no_write_ends_any_more() {
        let progress = Progress::default();
        let lock = Arc::new(());
        progress.queue();
        progress.release(Box::new(Arc::clone(&lock)));
        progress.end();
        progress.release(Box::new(Arc::clone(&lock)));
        assert_eq!(Arc::strong_count(&lock), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_counts_from_the_first_write_and_anew_from_each_that_ends() {
        let progress = Progress::default();
        let begun = Instant::now();
        assert_eq!(progress.waiting_since(), None);
        progress.queue();
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        progress.queue();
        assert_eq!(progress.waiting_since(), Some(begun));
        progress.settle(1);
        assert_eq!(progress.waiting_since(), Some(Instant::now()));
        progress.settle(1);
        assert_eq!(progress.waiting_since(), None);
    }
}
