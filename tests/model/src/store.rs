//! The bucket: create-only puts, and HEAD.

use std::collections::BTreeMap;

use kafka2oss_chain::ObjectMetadata;

use crate::names::{Chain, Key, Names, PARTITION};
use crate::{Bounds, Rule};

/// An object of one link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Object {
    /// The chain of whoever put it.
    pub chain: Chain,
    /// First offset of its extent.
    pub first: i64,
    /// Offset after its extent.
    pub next: i64,
    /// Offset of its first record; from there on it has all of its extent.
    pub first_record: i64,
}

impl Object {
    fn metadata(&self, names: &Names) -> ObjectMetadata {
        let identity = names.identity(self.chain);
        ObjectMetadata {
            uid: identity.uid.clone(),
            chain_id: identity.chain_id(),
            partition: PARTITION,
            first_offset: self.first,
            next_offset: self.next,
            records: u64::try_from(self.next - self.first_record)
                .expect("the first record is in the extent"),
            crc64: 0,
            leader_epoch: None,
        }
    }
}

/// A put, signed and sent in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Put {
    /// The object's key.
    pub key: Key,
    /// The object.
    pub object: Object,
}

/// Objects by their keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Store(BTreeMap<Key, Object>);

impl Store {
    /// Creates an object, or refuses to since there is one (`false`).
    pub(crate) fn put(&mut self, bounds: &Bounds, put: Put) -> bool {
        if bounds.without != Some(Rule::CreateOnly) && self.0.contains_key(&put.key) {
            return false;
        }
        self.0.insert(put.key, put.object);
        true
    }

    /// HEAD: what an object says about itself, and whose it really is.
    pub(crate) fn head(&self, names: &Names, key: Key) -> Option<(ObjectMetadata, Chain)> {
        self.0.get(&key).map(|object| (object.metadata(names), object.chain))
    }

    /// Whether there is an object.
    pub fn has(&self, key: Key) -> bool {
        self.0.contains_key(&key)
    }

    /// The objects of a chain.
    pub fn objects(&self, chain: Chain) -> impl Iterator<Item = &Object> {
        self.0.values().filter(move |object| object.chain == chain)
    }
}
