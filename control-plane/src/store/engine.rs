//! sled behind the store: bytes in, bytes out, and one thread that writes.
//!
//! A write is answered once it is flushed. The thread takes whatever is
//! waiting, applies batch after batch (each atomic) and flushes once for all
//! of them: group commit. sled's flush is an fsync; it never runs on the
//! async runtime.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::StoreError;

/// Writes that wait for the thread; more wait in their callers.
const QUEUE: usize = 1_024;
/// Batches that share one flush at most.
const GROUP: usize = 256;
/// Memory that sled may use for its cache: 64 MiB.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;
/// What a write may take, with those before it and the flush. After some failed writes,
/// as on a full disk, sled (0.34) only logs and never returns from the flush.
const WRITE_LIMIT: Duration = Duration::from_secs(20);
/// A process that has just ended may hold the lock for a moment longer.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;
type Row = (Vec<u8>, Vec<u8>);

type Done = oneshot::Sender<Result<(), StoreError>>;

enum Order {
    Write(Changes, Done),
    /// Takes no further write and ends once the earlier ones are on disk.
    Close,
}

/// sled, and the thread that writes to it.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    /// Absent once closed: sled holds the folder's lock as long as one
    /// handle lives.
    database: Arc<Mutex<Option<sled::Db>>>,
    orders: mpsc::Sender<Order>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    /// Why no write is taken any more.
    failure: Arc<watch::Sender<Option<StoreError>>>,
}

impl Engine {
    pub(super) fn open(folder: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder)
            .map_err(|error| StoreError::Engine(format!("{}: {error}", folder.display())))?;
        let database = open_database(folder)?;
        let (orders, received) = mpsc::channel(QUEUE);
        let failure = Arc::new(watch::Sender::new(None));
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn({
                let (database, failure) = (database.clone(), Arc::clone(&failure));
                move || write_all(&database, received, &failure)
            })
            .map_err(|error| StoreError::Engine(error.to_string()))?;
        Ok(Self {
            database: Arc::new(Mutex::new(Some(database))),
            orders,
            thread: Arc::new(Mutex::new(Some(thread))),
            failure,
        })
    }

    /// Waits until no write is taken any more, and says why.
    pub(super) async fn failed(&self) -> StoreError {
        let mut failure = self.failure.subscribe();
        let failed = failure.wait_for(Option::is_some).await;
        // The sender is this engine's, and lives.
        failed.ok().and_then(|failed| failed.clone()).unwrap_or(StoreError::Poisoned)
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.database()?.get(key).map_err(engine_error)?;
        Ok(value.map(|value| value.to_vec()))
    }

    pub(super) fn scan(&self, prefix: &[u8]) -> Result<Vec<Row>, StoreError> {
        self.database()?
            .scan_prefix(prefix)
            .map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec())).map_err(engine_error))
            .collect()
    }

    pub(super) async fn apply(&self, changes: Changes) -> Result<(), StoreError> {
        if self.failure.borrow().is_some() {
            return Err(StoreError::Poisoned);
        }
        let write = async {
            let (done, answer) = oneshot::channel();
            self.orders.send(Order::Write(changes, done)).await.map_err(|_| StoreError::Closed)?;
            answer.await.map_err(|_| StoreError::Closed)?
        };
        tokio::select! {
            biased;
            outcome = timeout(WRITE_LIMIT, write) => match outcome {
                Ok(outcome) => outcome,
                Err(_) => {
                    let error =
                        StoreError::Engine(format!("a write took longer than {WRITE_LIMIT:?}"));
                    self.failure.send_replace(Some(error.clone()));
                    Err(error)
                }
            },
            // Whoever waits behind it hears so before the process ends.
            failed = self.failed() => Err(failed),
        }
    }

    /// For use before there is a runtime's task that could wait.
    pub(super) fn apply_blocking(&self, changes: Changes) -> Result<(), StoreError> {
        let database = self.database()?;
        apply_one(&database, changes)?;
        database.flush().map_err(engine_error)?;
        Ok(())
    }

    /// Waits until everything is on disk and the folder is free.
    pub(super) async fn close(&self) {
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
}

fn open_database(folder: &Path) -> Result<sled::Db, StoreError> {
    let config = sled::Config::new().path(folder).cache_capacity(CACHE_BYTES).flush_every_ms(None);
    let mut tries = 0;
    loop {
        tries += 1;
        match config.open() {
            Ok(database) => return Ok(database),
            // sled 0.34's words; its lock has no kind of its own.
            Err(sled::Error::Io(error)) if error.to_string().contains("could not acquire lock") => {
                if tries == LOCK_TRIES {
                    return Err(StoreError::InUse(folder.display().to_string()));
                }
                std::thread::sleep(LOCK_PAUSE);
            }
            Err(error) => return Err(engine_error(error)),
        }
    }
}

fn write_all(
    database: &sled::Db,
    mut orders: mpsc::Receiver<Order>,
    failure: &watch::Sender<Option<StoreError>>,
) {
    let mut poisoned = false;
    while let Some(first) = orders.blocking_recv() {
        let mut group = Vec::new();
        let mut next = Some(first);
        while let Some(order) = next.take() {
            match order {
                Order::Write(changes, done) => group.push((changes, done)),
                Order::Close => orders.close(),
            }
            if group.len() < GROUP {
                next = orders.try_recv().ok();
            }
        }
        let (batches, waiting): (Vec<Changes>, Vec<Done>) = group.into_iter().unzip();
        let result = if poisoned {
            Err(StoreError::Poisoned)
        } else {
            // The thread goes on after a panic, so that whoever waits for it is answered.
            std::panic::catch_unwind(AssertUnwindSafe(|| write(database, batches)))
                .unwrap_or_else(|_| Err(StoreError::Engine("the store panicked".to_owned())))
        };
        if let Err(error) = &result {
            // Some of it may be on disk, some not: only a new start can tell.
            if !poisoned {
                tracing::error!(%error, "a write to the store failed, further ones are refused");
                failure.send_replace(Some(error.clone()));
            }
            poisoned = true;
        }
        for done in waiting {
            // A caller that went away needs no answer.
            let _ = done.send(result.clone());
        }
    }
}

fn write(database: &sled::Db, batches: Vec<Changes>) -> Result<(), StoreError> {
    for changes in batches {
        apply_one(database, changes)?;
    }
    database.flush().map_err(engine_error)?;
    Ok(())
}

fn apply_one(database: &sled::Db, changes: Changes) -> Result<(), StoreError> {
    let mut batch = sled::Batch::default();
    for (key, value) in changes {
        match value {
            Some(value) => batch.insert(key, value),
            None => batch.remove(key),
        }
    }
    database.apply_batch(batch).map_err(engine_error)
}

#[allow(clippy::needless_pass_by_value, reason = "it is used as a function of map_err")]
fn engine_error(error: sled::Error) -> StoreError {
    StoreError::Engine(error.to_string())
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, advance};

    use super::*;

    /// One whose thread never comes back from a flush.
    fn hanging() -> (Engine, mpsc::Receiver<Order>) {
        let (orders, received) = mpsc::channel(QUEUE);
        let engine = Engine {
            database: Arc::default(),
            orders,
            thread: Arc::default(),
            failure: Arc::new(watch::Sender::new(None)),
        };
        (engine, received)
    }

    #[tokio::test(start_paused = true)]
    async fn when_one_write_takes_too_long_all_that_wait_are_told_at_once() {
        let (engine, _hangs) = hanging();
        let begun = Instant::now();
        let write = |engine: &Engine| {
            let engine = engine.clone();
            tokio::spawn(async move { (engine.apply(Changes::new()).await, Instant::now()) })
        };
        let first = write(&engine);
        tokio::task::yield_now().await;
        advance(WRITE_LIMIT / 2).await;
        let second = write(&engine);

        for waiting in [first, second] {
            let (outcome, at) = waiting.await.expect("no panic");
            assert!(matches!(outcome, Err(StoreError::Engine(_))), "{outcome:?}");
            assert_eq!(at - begun, WRITE_LIMIT);
        }
        assert!(matches!(engine.apply(Changes::new()).await, Err(StoreError::Poisoned)));
    }
}
