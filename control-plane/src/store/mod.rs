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
//!
//! # On disk
//!
//! In the folder of the store:
//!
//! | name | |
//! |---|---|
//! | `db`, `conf`, `snap.*`, `blobs/` | sled's (0.34): its log in segments of 512 KiB, its settings, the log's pages as of the last start, values above 128 KiB |
//! | `last-batch` | the marker of the last batch that is on disk; locked while the store is open |
//! | `kept-{number}/` | sled's files since `--accept-loss` was used; `last-batch` names the folder that counts, the files that were damaged stay where they are |
//!
//! Each batch writes, beside its records, the marker: key `0x00`, no family's. It has the
//! batch's number, a hash that goes over the one before, the sum of the hashes of all
//! records, and how many each family has. A batch is answered once it is in sled's files,
//! these are durable, and its marker is durable in `last-batch`, too.
//!
//! A start reads everything, and compares. sled's files may be ahead of `last-batch`: the
//! process ended between the two. Anything else is a loss, and the store is not opened: one
//! whose files are behind it, gone or of another store, whose records are not those that
//! its marker tells of, which sled cannot read, or which has no `last-batch`. What is made
//! first in a new store, and in one of a version without markers, is `last-batch` with
//! number 0.

pub(crate) mod agents;
pub(crate) mod connectors;
mod engine;
mod error;
pub(crate) mod instances;
pub(crate) mod medium;
pub(crate) mod meta;
pub(crate) mod placements;
pub(crate) mod progress;
pub(crate) mod request_ids;

use std::path::Path;
use std::sync::Arc;

use prost::Message;

use engine::{Engine, Schema};
use medium::{Held, Medium, Publish, RowChange};
use meta::MetaRecord;

pub(crate) use engine::OnLoss;
#[cfg(any(test, feature = "pieces"))]
pub(crate) use error::Failure;
#[cfg(test)]
pub(crate) use error::FailureKind;
pub(crate) use error::StoreError;

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

/// Changes that become durable together, or not at all.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    changes: Vec<RowChange>,
}

impl Batch {
    /// No change yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Writes a record, in the newest form of its family.
    pub(crate) fn put<F: Family>(&mut self, name: &str, record: &F::Record) {
        self.changes.push((key::<F>(name), Some(encode::<F>(record))));
    }

    /// Removes a record, if it is there.
    pub(crate) fn delete<F: Family>(&mut self, name: &str) {
        self.changes.push((key::<F>(name), None));
    }
}

/// The store of one control plane.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    medium: Arc<dyn Medium>,
    meta: MetaRecord,
}

impl Store {
    /// Opens the store in `folder`, makes it when it is not there. Blocks.
    pub(crate) fn open(folder: &Path, on_loss: OnLoss) -> Result<Self, StoreError> {
        Self::over(Arc::new(Engine::open(folder, SCHEMA, on_loss)?))
    }

    /// The store that `medium` keeps. Blocks.
    pub(crate) fn over(medium: Arc<dyn Medium>) -> Result<Self, StoreError> {
        let mut store = Self { medium, meta: MetaRecord::default() };
        let meta = store.get::<meta::Meta>(meta::NAME)?;
        store.meta = meta.ok_or_else(|| corrupt::<meta::Meta>("it is not there"))?;
        Ok(store)
    }

    /// What identifies this store to agents.
    pub(crate) fn meta(&self) -> &MetaRecord {
        &self.meta
    }

    /// One record. Blocks.
    pub(crate) fn get<F: Family>(&self, name: &str) -> Result<Option<F::Record>, StoreError> {
        self.medium.get(&key::<F>(name))?.map(|value| decode::<F>(&value)).transpose()
    }

    /// Every record of a family, in the order of the names. Blocks.
    pub(crate) fn scan<F: Family>(&self) -> Result<Vec<(String, F::Record)>, StoreError> {
        let rows = self.medium.scan(&[F::ORDINAL])?;
        rows.into_iter()
            .map(|(key, value)| {
                let name = String::from_utf8(key.get(1..).unwrap_or_default().to_vec())
                    .map_err(|_| corrupt::<F>("its name is not UTF-8"))?;
                Ok((name, decode::<F>(&value)?))
            })
            .collect()
    }

    /// Writes a batch, has `publish` called, and returns: batches one after the other, and
    /// whatever becomes of the caller once its batch is queued. Those under way at the same
    /// time share one sync.
    pub(crate) async fn apply(&self, batch: Batch, publish: Publish) -> Result<(), StoreError> {
        self.medium.apply(batch.changes, publish).await
    }

    /// Drops `held`, such as a lock, once the batches have ended that are under way.
    pub(crate) fn release(&self, held: Held) {
        self.medium.release(held);
    }

    /// Waits until the store takes no write any more, though it was not closed, and
    /// says why. What is on disk is whole up to the last write that was answered; only
    /// opening it anew helps.
    pub(crate) async fn failed(&self) -> StoreError {
        self.medium.failed().await.into()
    }

    /// Waits until everything is on disk and the folder is free. What is asked
    /// of the store after that fails.
    pub(crate) async fn close(&self) {
        self.medium.close().await;
    }
}

/// The record that names the store is the first; what is left of a store is worth
/// something as long as it is there.
const SCHEMA: Schema = Schema {
    key: || key::<meta::Meta>(meta::NAME),
    draw: || encode::<meta::Meta>(&MetaRecord::draw()),
    raise: |value| Ok(encode::<meta::Meta>(&decode::<meta::Meta>(value)?.raised())),
    name: |family| match u8::try_from(family).unwrap_or_default() {
        meta::Meta::ORDINAL => "the store's name",
        instances::Instances::ORDINAL => "instances",
        connectors::Connectors::ORDINAL => "connectors",
        placements::Placements::ORDINAL => "placements",
        agents::Agents::ORDINAL => "agents",
        request_ids::RequestIds::ORDINAL => "request IDs",
        _ => "others",
    },
};

fn key<F: Family>(name: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + name.len());
    key.push(F::ORDINAL);
    key.extend_from_slice(name.as_bytes());
    key
}

fn corrupt<F: Family>(reason: impl Into<String>) -> StoreError {
    StoreError::Corrupt { family: F::ORDINAL, reason: reason.into() }
}

fn encode<F: Family>(record: &F::Record) -> Vec<u8> {
    let mut record = record.clone();
    F::set_form(&mut record, F::FORM);
    record.encode_to_vec()
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
mod tests;
