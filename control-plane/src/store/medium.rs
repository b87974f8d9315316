//! What a store needs of what keeps it.

use std::any::Any;
use std::fmt::Debug;

use futures::future::BoxFuture;

use super::StoreError;
use super::error::Failure;

/// A change of one row: its key, and its value unless it is removed.
pub(crate) type RowChange = (Vec<u8>, Option<Vec<u8>>);

/// A row: its key and its value.
pub(crate) type Row = (Vec<u8>, Vec<u8>);

/// Something that is held until it is dropped, as a lock is.
pub(crate) type Held = Box<dyn Any + Send>;

/// What is called once a batch is durable, before it is answered.
pub(crate) type Publish = Box<dyn FnOnce() + Send>;

/// Keeps rows durably.
pub(crate) trait Medium: Debug + Send + Sync {
    /// The value of a key. Blocks.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// The rows whose keys begin with `prefix`, in the order of the keys. Blocks.
    fn scan(&self, prefix: &[u8]) -> Result<Vec<Row>, StoreError>;

    /// Writes a batch, all or nothing, then calls `publish`, then returns. Batches are
    /// published in the order in which they are written, each also where this future was
    /// dropped after it had been queued.
    fn apply(
        &self,
        changes: Vec<RowChange>,
        publish: Publish,
    ) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Drops `held` once the writes have ended that are under way.
    fn release(&self, held: Held);

    /// Waits until no write is taken any more, and says why.
    fn failed(&self) -> BoxFuture<'_, Failure>;

    /// Waits until everything is durable and somebody else may have it.
    fn close(&self) -> BoxFuture<'_, ()>;
}
