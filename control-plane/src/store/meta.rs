//! Family `0x01`: the store itself.
//!
//! - Key: the name [`NAME`], the only one.
//! - Value: [`MetaRecord`].
//! - Lifetime: written when the store is made, never removed.

use crate::chance;

/// Name of the only record.
pub(crate) const NAME: &str = "store";

/// What identifies the store to agents.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MetaRecord {
    /// Form of this value.
    #[prost(uint32, tag = "1")]
    pub(crate) form: u32,
    /// Drawn when the store is made.
    #[prost(string, tag = "2")]
    pub(crate) store_id: String,
    /// Raised when the store goes on without something that it had: agents then take lower
    /// versions.
    #[prost(uint64, tag = "3")]
    pub(crate) store_epoch: u64,
}

impl MetaRecord {
    /// Of a new store.
    pub(crate) fn draw() -> Self {
        Self { form: 0, store_id: chance::ulid().to_string(), store_epoch: 1 }
    }

    /// Of a store that goes on without something that it had.
    pub(super) fn raised(self) -> Self {
        Self { store_epoch: self.store_epoch + 1, ..self }
    }
}

super::family! {
    /// The store itself.
    Meta = 0x01, form 1, MetaRecord
}
