//! Objects of one value each: spilled ones, and those of records that their
//! error topic refuses as too large.

use std::sync::Arc;

use bytes::Bytes;
use kafka2oss_chain::{ChainId, KeyLayout, ObjectMetadata};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_sink::{NewObject, ObjectStore, PutOutcome, StoredObject};
use tokio::sync::watch;

use super::attempts::{Attempts, Patience};
use crate::task::PartitionBoard;

const CONTENT_TYPE: &str = "application/octet-stream";

/// Puts objects of one value. Their keys follow from chain and offset, so that
/// whoever puts one puts the same.
#[derive(Clone)]
pub(crate) struct ValueObjects {
    /// The connector's uid.
    pub uid: String,
    /// The chain.
    pub chain: ChainId,
    /// The partition.
    pub partition: i32,
    /// Where objects stand.
    pub layout: KeyLayout,
    /// The store, with the credentials of the moment.
    pub store: watch::Receiver<ObjectStore>,
    /// How long the store is tried.
    pub patience: Patience,
    /// What is seen of the partition.
    pub board: Arc<PartitionBoard>,
}

impl ValueObjects {
    /// Puts the value of the record at `offset`, or finds that it stands there,
    /// and returns its key.
    ///
    /// # Errors
    /// `STORE_OBJECT_FOREIGN` when something else stands there, or what has
    /// kept the store from taking it for longer than the patience.
    pub(super) async fn put(
        &self,
        offset: i64,
        extension: &str,
        value: Bytes,
    ) -> Result<String, Problem> {
        let content = self.store.borrow().content(value);
        let object = NewObject {
            key: self.layout.value(offset, extension),
            content_type: CONTENT_TYPE,
            metadata: ObjectMetadata {
                uid: self.uid.clone(),
                chain_id: self.chain,
                partition: self.partition,
                first_offset: offset,
                next_offset: offset + 1,
                records: 0,
                crc64: content.crc64(),
                leader_epoch: None,
            },
            body: content,
        };
        let mut attempts = Attempts::new(&self.board, self.patience);
        let mut damaged: Option<Problem> = None;
        loop {
            let store = self.store.borrow().clone();
            let found = match store.put(&object).await {
                Ok(PutOutcome::Created { .. }) => break,
                Ok(PutOutcome::Exists) => store.head(&object.key).await,
                Err(error) => Err(error),
            };
            match found {
                Ok(Some(_)) if damaged.is_some() => return damaged.map_or(Ok(object.key), Err),
                Ok(Some(stored)) if is_the_same(&stored, &object) => break,
                Ok(Some(_)) => return Err(foreign(&object.key)),
                Ok(None) => attempts.pause().await,
                Err(error) => {
                    if error.code == ErrorCode::StoreIntegrityMismatch {
                        damaged = Some(error.clone().into());
                    }
                    attempts.store_failed(error).await?;
                }
            }
        }
        attempts.worked();
        Ok(object.key)
    }
}

fn is_the_same(stored: &StoredObject, object: &NewObject) -> bool {
    stored.size == object.body.len() as u64 && stored.metadata.as_ref() == Ok(&object.metadata)
}

fn foreign(key: &str) -> Problem {
    let message = format!("object `{key}` does not hold the value of this record");
    Problem::new(ErrorCode::StoreObjectForeign, message)
}
