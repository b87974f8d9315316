//! The thread that writes: takes whatever waits, makes it durable together, makes it
//! visible, answers.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::{mpsc, oneshot, watch};

use super::writer::Writer;
use crate::store::error::{Failure, FailureKind, StoreError};
use crate::store::medium::{Publish, RowChange};
use crate::store::progress::Progress;
use crate::supervision::words;

/// Batches that share one sync at most.
const GROUP: usize = 256;
/// Changes that are handed to sled before it is asked how much log they made.
const PORTION: usize = 32;

/// Whom to answer.
pub(super) type Done = oneshot::Sender<Result<(), StoreError>>;

pub(super) enum Order {
    Write(Vec<RowChange>, Publish, Done),
    /// Takes no further write and ends once the earlier ones are on disk.
    Close,
}

/// Carries out orders until the store is closed. After a failure it refuses them: some of
/// it may be on disk, some not, and only a new start can tell.
pub(super) fn run(
    mut writer: Writer,
    mut orders: mpsc::Receiver<Order>,
    failure: &watch::Sender<Option<Failure>>,
    progress: &Progress,
) {
    // Also where this thread panics.
    let _ended = Ended { failure, progress };
    while let Some(first) = orders.blocking_recv() {
        let mut waiting = Vec::new();
        let failed = failure.borrow().clone();
        let outcome = match failed {
            Some(failed) => {
                match first {
                    Order::Write(_, publish, done) => waiting.push((publish, done)),
                    Order::Close => orders.close(),
                }
                Err(failed)
            }
            None => {
                // What sled has written is open after a panic of it, too.
                let written = catch_unwind(AssertUnwindSafe(|| {
                    write_group(&mut writer, first, &mut orders, &mut waiting)
                }))
                .unwrap_or_else(|panic| Err(Failure::new(FailureKind::Disk, words(&*panic))));
                if let Err(error) = &written {
                    tracing::error!(%error, "a write failed, further ones are refused");
                    failure.send_replace(Some(error.clone()));
                }
                written
            }
        };
        let count = waiting.len() as u64;
        let mut answers = Vec::with_capacity(waiting.len());
        for (publish, done) in waiting {
            if outcome.is_ok() {
                publish();
            }
            answers.push(done);
        }
        progress.settle(count);
        for done in answers {
            // A caller that went away needs no answer.
            let _ = done.send(outcome.clone().map_err(StoreError::from));
        }
    }
}

/// Writes what waits, and syncs once for all of it.
fn write_group(
    writer: &mut Writer,
    first: Order,
    orders: &mut mpsc::Receiver<Order>,
    waiting: &mut Vec<(Publish, Done)>,
) -> Result<(), Failure> {
    let mut portion = 0;
    let mut next = Some(first);
    while let Some(order) = next.take() {
        match order {
            Order::Write(changes, publish, done) => {
                waiting.push((publish, done));
                portion += changes.len() + 1;
                writer.apply(changes)?;
            }
            Order::Close => orders.close(),
        }
        if portion >= PORTION {
            portion = 0;
            writer.flush()?;
            if writer.must_sync() {
                break;
            }
        }
        if waiting.len() < GROUP {
            next = orders.try_recv().ok();
        }
    }
    if waiting.is_empty() {
        return Ok(());
    }
    writer.flush()?;
    writer.sync()
}

/// Nothing waits for a thread that has ended.
struct Ended<'a> {
    failure: &'a watch::Sender<Option<Failure>>,
    progress: &'a Progress,
}

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let detail = "the thread that writes has ended in a panic";
            self.failure.send_replace(Some(Failure::new(FailureKind::Disk, detail)));
        }
        self.progress.end();
    }
}
