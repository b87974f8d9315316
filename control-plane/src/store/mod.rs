//! What must survive: typed records in key families, over an embedded
//! key-value store.
//!
//! A key is one byte that names the family, then the record's name in UTF-8.
//! A value is a protobuf message of the family whose first field is the
//! version of its form. One file a family says which names and values it has
//! and how long they live:
//!
//! | byte | family | |
//! |---|---|---|
//! | `0x01` | `meta` | the store itself |
//! | `0x02` | `instances` | registered Kafka instances |
//! | `0x03` | `connectors` | intent, and what must not be learned twice |
//! | `0x04` | `placements` | which agent runs which task |
//! | `0x05` | `agents` | agents that have been seen |
//! | `0x06` | `request_ids` | answers that a repeated request gets again |
//!
//! No record holds a plain secret: whoever makes one redacts it before.

pub(crate) mod agents;
pub(crate) mod connectors;
mod engine;
pub(crate) mod instances;
pub(crate) mod meta;
pub(crate) mod placements;
pub(crate) mod request_ids;

use std::path::Path;

use prost::Message;

use engine::Engine;
use meta::MetaRecord;

/// A key family.
pub(crate) trait Family {
    /// First byte of its keys; never given to another family.
    const ORDINAL: u8;
    /// The newest form of its values; older ones are read.
    const FORM: u32;
    /// Its values.
    type Record: Message + Default + Clone;

    /// The form that a value says it has.
    fn form(record: &Self::Record) -> u32;
    /// Sets the form of a value that is to be written.
    fn set_form(record: &mut Self::Record, form: u32);
}

/// Why the store did not do what it was asked to.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum StoreError {
    /// Another process has the folder open.
    #[error("the data folder {0} is in use by another process")]
    InUse(String),
    /// The folder or its files cannot be read or written.
    #[error("the store failed: {0}")]
    Engine(String),
    /// A value cannot be read.
    #[error("a record of family {family:#04x} cannot be read: {reason}")]
    Corrupt {
        /// First byte of the key.
        family: u8,
        /// What is wrong with it.
        reason: String,
    },
    /// An earlier write failed, so what is on disk is not known any more.
    #[error("the store refuses writes since an earlier one failed; restart the control plane")]
    Poisoned,
    /// The control plane is shutting down.
    #[error("the store is closed")]
    Closed,
}

/// Changes that become durable together, or not at all.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    changes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Batch {
    /// No change yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Writes a record, in the newest form of its family.
    pub(crate) fn put<F: Family>(&mut self, name: &str, record: &F::Record) {
        let mut record = record.clone();
        F::set_form(&mut record, F::FORM);
        self.changes.push((key::<F>(name), Some(record.encode_to_vec())));
    }

    /// Removes a record, if it is there.
    pub(crate) fn delete<F: Family>(&mut self, name: &str) {
        self.changes.push((key::<F>(name), None));
    }
}

/// The store of one control plane.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    engine: Engine,
    meta: MetaRecord,
}

impl Store {
    /// Opens the store in `folder`, makes it when it is not there. Blocks.
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreError> {
        let engine = Engine::open(folder)?;
        let mut store = Self { engine, meta: MetaRecord::default() };
        store.meta = match store.get::<meta::Meta>(meta::NAME)? {
            Some(meta) => meta,
            None => {
                let meta = MetaRecord::draw();
                let mut batch = Batch::new();
                batch.put::<meta::Meta>(meta::NAME, &meta);
                store.engine.apply_blocking(batch.changes)?;
                meta
            }
        };
        Ok(store)
    }

    /// What identifies this store to agents.
    pub(crate) fn meta(&self) -> &MetaRecord {
        &self.meta
    }

    /// One record. Blocks.
    pub(crate) fn get<F: Family>(&self, name: &str) -> Result<Option<F::Record>, StoreError> {
        self.engine.get(&key::<F>(name))?.map(|value| decode::<F>(&value)).transpose()
    }

    /// Every record of a family, in the order of the names. Blocks.
    pub(crate) fn scan<F: Family>(&self) -> Result<Vec<(String, F::Record)>, StoreError> {
        let rows = self.engine.scan(&[F::ORDINAL])?;
        rows.into_iter()
            .map(|(key, value)| {
                let name = String::from_utf8(key.get(1..).unwrap_or_default().to_vec())
                    .map_err(|_| corrupt::<F>("its name is not UTF-8"))?;
                Ok((name, decode::<F>(&value)?))
            })
            .collect()
    }

    /// Writes a batch; returns once it is on disk. Batches under way at the
    /// same time share one flush.
    pub(crate) async fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        self.engine.apply(batch.changes).await
    }

    /// Waits until the store takes no write any more, though it was not closed, and
    /// says why. What is on disk is whole up to the last write that was answered; only
    /// opening it anew helps.
    pub(crate) async fn failed(&self) -> StoreError {
        self.engine.failed().await
    }

    /// Waits until everything is on disk and the folder is free. What is asked
    /// of the store after that fails.
    pub(crate) async fn close(&self) {
        self.engine.close().await;
    }
}

fn key<F: Family>(name: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + name.len());
    key.push(F::ORDINAL);
    key.extend_from_slice(name.as_bytes());
    key
}

fn corrupt<F: Family>(reason: impl Into<String>) -> StoreError {
    StoreError::Corrupt { family: F::ORDINAL, reason: reason.into() }
}

fn decode<F: Family>(value: &[u8]) -> Result<F::Record, StoreError> {
    let record = F::Record::decode(value).map_err(|error| corrupt::<F>(error.to_string()))?;
    match F::form(&record) {
        0 => Err(corrupt::<F>("it does not say its form")),
        form if form > F::FORM => Err(corrupt::<F>(format!(
            "it is of form {form}, this version knows up to {}: a newer control plane wrote it",
            F::FORM
        ))),
        _ => Ok(record),
    }
}

/// Implements [`Family`] for a record whose first field is `form`.
macro_rules! family {
    ($(#[$doc:meta])* $family:ident = $ordinal:literal, form $form:literal, $record:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $family;

        impl crate::store::Family for $family {
            const ORDINAL: u8 = $ordinal;
            const FORM: u32 = $form;
            type Record = $record;

            fn form(record: &$record) -> u32 {
                record.form
            }

            fn set_form(record: &mut $record, form: u32) {
                record.form = form;
            }
        }
    };
}
pub(crate) use family;

#[cfg(test)]
mod tests {
    use super::instances::{InstanceRecord, Instances};
    use super::*;

    fn record(region: &str) -> InstanceRecord {
        let instance = kafka2oss_proto::v1::Instance {
            region_id: region.to_owned(),
            ..kafka2oss_proto::v1::Instance::default()
        };
        InstanceRecord { form: 0, instance: Some(instance) }
    }

    #[tokio::test]
    async fn what_was_applied_is_there_after_the_store_was_opened_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).expect("opened");
        let id = store.meta().store_id.clone();
        let mut batch = Batch::new();
        batch.put::<Instances>("instances/a", &record("cn-hangzhou"));
        batch.put::<Instances>("instances/b", &record("cn-beijing"));
        store.apply(batch).await.expect("applied");
        let mut batch = Batch::new();
        batch.delete::<Instances>("instances/b");
        store.apply(batch).await.expect("applied");
        store.close().await;

        let store = Store::open(folder.path()).expect("opened again");
        assert_eq!(store.meta().store_id, id);
        let rows = store.scan::<Instances>().expect("read");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].0, "instances/a");
        assert_eq!(rows[0].1.instance, record("cn-hangzhou").instance);
    }

    #[test]
    fn a_folder_that_is_in_use_is_refused_with_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let _first = Store::open(folder.path()).expect("opened");
        let refusal = Store::open(folder.path()).expect_err("refused");
        assert!(matches!(refusal, StoreError::InUse(_)), "{refusal}");
    }

    #[test]
    fn a_value_of_a_newer_form_is_refused() {
        let newer = InstanceRecord { form: 99, instance: None }.encode_to_vec();
        assert!(matches!(decode::<Instances>(&newer), Err(StoreError::Corrupt { .. })));
        assert!(decode::<Instances>(&[0xff]).is_err());
    }

    #[tokio::test]
    async fn concurrent_writes_all_arrive() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).expect("opened");
        let writes = (0..200).map(|index| {
            let store = store.clone();
            async move {
                let mut batch = Batch::new();
                batch.put::<Instances>(&format!("instances/{index}"), &record("r"));
                store.apply(batch).await
            }
        });
        for result in futures::future::join_all(writes).await {
            result.expect("applied");
        }
        assert_eq!(store.scan::<Instances>().expect("read").len(), 200);
    }
}
