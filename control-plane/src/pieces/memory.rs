//! Rows in memory, so that what is counted is the control plane's own work.

use std::collections::BTreeMap;
use std::future::{pending, ready};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::store::medium::{Held, Medium, Publish, Row, RowChange};
use crate::store::meta::{self, Meta, MetaRecord};
use crate::store::{Failure, Family, StoreError};

/// A store's rows. Every write succeeds at once.
#[derive(Debug)]
pub(super) struct Memory(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Memory {
    /// Those of a new store.
    pub(super) fn new() -> Self {
        let mut meta = MetaRecord::draw();
        Meta::set_form(&mut meta, Meta::FORM);
        let key = [&[Meta::ORDINAL], meta::NAME.as_bytes()].concat();
        Self(Mutex::new(BTreeMap::from([(key, prost::Message::encode_to_vec(&meta))])))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Medium for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.lock().get(key).cloned())
    }

    fn scan(&self, prefix: &[u8]) -> Result<Vec<Row>, StoreError> {
        let rows = self.lock();
        let rows = rows.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix));
        Ok(rows.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn apply(
        &self,
        changes: Vec<RowChange>,
        publish: Publish,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        let mut rows = self.lock();
        for (key, value) in changes {
            match value {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
        }
        drop(rows);
        publish();
        ready(Ok(())).boxed()
    }

    fn release(&self, held: Held) {
        drop(held);
    }

    fn failed(&self) -> BoxFuture<'_, Failure> {
        pending().boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }
}
