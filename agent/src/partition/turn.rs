//! Whose turn it is: what is acknowledged in any order is told in the order of the
//! records.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

/// Hands out turns, one after another.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns {
    /// Ends with the last turn that was handed out.
    last: Arc<Mutex<Option<oneshot::Receiver<Infallible>>>>,
}

impl Turns {
    /// The turn behind all that were handed out before.
    pub(super) fn next(&self) -> Turn {
        let (this, ended) = oneshot::channel();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        Turn { before: last.replace(ended), _this: this }
    }
}

/// A place in the order. The next one's turn comes when this is dropped, whatever
/// became of it.
#[derive(Debug)]
pub(super) struct Turn {
    before: Option<oneshot::Receiver<Infallible>>,
    _this: oneshot::Sender<Infallible>,
}

impl Turn {
    /// Waits until the turn before this one has ended. Who waits must hold nothing
    /// that the ones before need.
    pub(super) async fn comes(&mut self) {
        if let Some(before) = self.before.take() {
            // Nothing is ever sent: it ends when the other side is dropped.
            let _ended = before.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::{Semaphore, mpsc};
    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn acknowledgements_in_reverse_are_told_in_order() {
        let (turns, slots) = (Turns::default(), Arc::new(Semaphore::new(1)));
        let (told, mut heard) = mpsc::unbounded_channel();
        let mut deliveries = JoinSet::new();
        let acknowledgements: Vec<_> = (0..3)
            .map(|offset| {
                let (acknowledge, acknowledged) = oneshot::channel::<()>();
                let (mut turn, slots, told) = (turns.next(), slots.clone(), told.clone());
                deliveries.spawn(async move {
                    acknowledged.await.expect("it is acknowledged");
                    // One that waits for its turn keeps nobody from a slot.
                    drop(slots.acquire_owned().await);
                    turn.comes().await;
                    told.send(offset).expect("somebody listens");
                });
                acknowledge
            })
            .collect();

        for acknowledge in acknowledgements.into_iter().rev() {
            acknowledge.send(()).expect("it waits");
            tokio::task::yield_now().await;
        }
        deliveries.join_all().await;

        let order: Vec<i32> = (0..3).map_while(|_| heard.try_recv().ok()).collect();
        assert_eq!(order, [0, 1, 2]);
    }

    #[tokio::test]
    async fn one_that_is_given_up_keeps_nobody() {
        let turns = Turns::default();
        let (mut first, given_up, mut last) = (turns.next(), turns.next(), turns.next());
        first.comes().await;
        drop(first);
        drop(given_up);
        last.comes().await;
    }
}
