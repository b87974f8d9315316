//! sled behind the store: bytes in, bytes out, and one thread that writes.
//!
//! A write is answered once it is on disk, and visible before that. The thread takes
//! whatever is waiting, hands batch after batch (each atomic, each with a [marker]) to
//! sled, syncs once for all of them, and says in a second place how far it came: group
//! commit. What becomes of a caller meanwhile changes nothing. None of it ever runs on the
//! async runtime.

mod contents;
mod database;
mod durable;
mod last_batch;
mod loss;
mod marker;
mod opening;
mod thread;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

pub(crate) use loss::Loss;
pub(crate) use opening::OnLoss;
pub(super) use opening::Schema;

use super::error::{Failure, FailureKind, StoreError};
use super::medium::{Held, Medium, Publish, Row, RowChange};
use super::progress::Progress;
use thread::Order;

/// Writes that wait for the thread; more wait in their callers.
const QUEUE: usize = 1_024;
/// How long no write may end though one is under way. After some failed writes, as on a
/// full disk, sled (0.34) only logs and never returns from the flush.
const WRITE_LIMIT: Duration = Duration::from_secs(20);

/// sled, and the thread that writes to it.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    folder: PathBuf,
    /// Absent once closed: sled holds the folder's lock as long as one
    /// handle lives.
    database: Arc<Mutex<Option<sled::Db>>>,
    orders: mpsc::Sender<Order>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    progress: Arc<Progress>,
    /// Why no write is taken any more.
    failure: Arc<watch::Sender<Option<Failure>>>,
}

impl Engine {
    /// Opens the store in `folder`, makes it when it is not there. Blocks.
    pub(super) fn open(folder: &Path, schema: Schema, on_loss: OnLoss) -> Result<Self, StoreError> {
        let writer = opening::open(folder, schema, on_loss)?;
        let database = writer.database().clone();
        let (orders, received) = mpsc::channel(QUEUE);
        let failure = Arc::new(watch::Sender::new(None));
        let progress = Arc::new(Progress::default());
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn({
                let (failure, progress) = (Arc::clone(&failure), Arc::clone(&progress));
                move || thread::run(writer, received, &failure, &progress)
            })
            .map_err(|error| Failure::of_io("cannot start a thread", &error))?;
        Ok(Self {
            folder: folder.to_path_buf(),
            database: Arc::new(Mutex::new(Some(database))),
            orders,
            thread: Arc::new(Mutex::new(Some(thread))),
            progress,
            failure,
        })
    }

    async fn until_failed(&self) -> Failure {
        let mut failure = self.failure.subscribe();
        loop {
            let now = Instant::now();
            let limit = self.progress.waiting_since().unwrap_or(now) + WRITE_LIMIT;
            if limit <= now {
                self.fail(self.hanging());
            }
            tokio::select! {
                biased;
                // The sender is this engine's, and lives.
                Ok(failed) = failure.wait_for(Option::is_some) => {
                    if let Some(failed) = failed.clone() {
                        return failed;
                    }
                }
                () = sleep_until(limit) => {}
            }
        }
    }

    async fn write(&self, changes: Vec<RowChange>, publish: Publish) -> Result<(), StoreError> {
        let failed = self.failure.borrow().clone();
        if let Some(failed) = failed {
            return Err(failed.into());
        }
        let write = async {
            let room = self.orders.reserve().await.map_err(|_| StoreError::Closed)?;
            // From here to the answer nothing waits but for that.
            let (done, answer) = oneshot::channel();
            self.progress.queue();
            room.send(Order::Write(changes, publish, done));
            answer.await.map_err(|_| StoreError::Closed)?
        };
        tokio::select! {
            biased;
            outcome = write => outcome,
            // Whoever waits behind a write that hangs hears so before the process ends.
            failed = self.until_failed() => Err(failed.into()),
        }
    }

    async fn end(&self) {
        // An error means that it is closed already.
        let _ = self.orders.send(Order::Close).await;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let database = self.database.lock().unwrap_or_else(PoisonError::into_inner).take();
        let closed = tokio::task::spawn_blocking(move || {
            let joined = thread.is_none_or(|thread| thread.join().is_ok());
            drop(database);
            joined
        });
        if !matches!(closed.await, Ok(true)) {
            tracing::error!("the store was not closed cleanly");
        }
    }

    fn database(&self) -> Result<sled::Db, StoreError> {
        let database = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        database.clone().ok_or(StoreError::Closed)
    }

    fn fail(&self, failure: Failure) {
        tracing::error!(error = %failure, "the store does not answer, further writes are refused");
        self.failure.send_if_modified(|known| {
            let is_first = known.is_none();
            known.get_or_insert(failure);
            is_first
        });
        self.progress.end();
    }

    /// Why no write ends, as far as one can see.
    fn hanging(&self) -> Failure {
        let is_full = rustix::fs::statvfs(&self.folder).is_ok_and(|disk| disk.f_bavail == 0);
        let kind = if is_full { FailureKind::Full } else { FailureKind::Hangs };
        Failure::new(kind, format!("a write took longer than {WRITE_LIMIT:?}"))
    }
}

impl Medium for Engine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.database()?.get(key).map_err(database::failure)?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn scan(&self, prefix: &[u8]) -> Result<Vec<Row>, StoreError> {
        let row = |row: sled::Result<(sled::IVec, sled::IVec)>| {
            let (key, value) = row.map_err(database::failure)?;
            Ok((key.to_vec(), value.to_vec()))
        };
        self.database()?.scan_prefix(prefix).map(row).collect()
    }

    fn apply(
        &self,
        changes: Vec<RowChange>,
        publish: Publish,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(changes, publish).boxed()
    }

    fn release(&self, held: Held) {
        self.progress.release(held);
    }

    fn failed(&self) -> BoxFuture<'_, Failure> {
        self.until_failed().boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.end().boxed()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    /// One whose thread never comes back from a flush.
    fn hanging() -> (Engine, mpsc::Receiver<Order>) {
        let (orders, received) = mpsc::channel(QUEUE);
        let engine = Engine {
            folder: PathBuf::new(),
            database: Arc::default(),
            orders,
            thread: Arc::default(),
            progress: Arc::default(),
            failure: Arc::new(watch::Sender::new(None)),
        };
        (engine, received)
    }

    fn write(engine: &Engine) -> tokio::task::JoinHandle<(Result<(), StoreError>, Instant)> {
        let engine = engine.clone();
        tokio::spawn(
            async move { (engine.apply(Vec::new(), Box::new(|| {})).await, Instant::now()) },
        )
    }

    #[tokio::test(start_paused = true)]
    async fn when_one_write_takes_too_long_all_that_wait_are_told_at_once() {
        let (engine, _hangs) = hanging();
        let begun = Instant::now();
        let first = write(&engine);
        tokio::task::yield_now().await;
        advance(WRITE_LIMIT / 2).await;
        let second = write(&engine);

        for waiting in [first, second] {
            let (outcome, at) = waiting.await.expect("no panic");
            assert!(matches!(outcome, Err(StoreError::Failed(_))), "{outcome:?}");
            assert_eq!(at - begun, WRITE_LIMIT);
        }
        let (outcome, at) = write(&engine).await.expect("no panic");
        assert!(matches!(outcome, Err(StoreError::Failed(_))), "{outcome:?}");
        assert_eq!(at - begun, WRITE_LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_hangs_is_noticed_also_when_its_caller_is_gone() {
        let (engine, _hangs) = hanging();
        let gone = write(&engine);
        tokio::task::yield_now().await;
        gone.abort();
        let lock = Arc::new(());
        engine.release(Box::new(Arc::clone(&lock)));
        assert_eq!(Arc::strong_count(&lock), 2);

        let begun = Instant::now();
        let failed = engine.failed().await;
        assert!(failed.to_string().contains("longer than 20s"), "{failed}");
        assert_eq!(begun.elapsed(), WRITE_LIMIT);
        assert_eq!(Arc::strong_count(&lock), 1, "nobody waits for it any more");
    }
}
