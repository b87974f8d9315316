//! The bucket: puts, which are create-only unless the store overwrites, and HEAD.

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
pub struct Store {
    objects: BTreeMap<Key, Object>,
    /// Those that a lifecycle rule has moved away: they count, and are not found.
    moved: Vec<Object>,
}

impl Store {
    /// Creates an object, or refuses to since there is one (`false`).
    pub(crate) fn put(&mut self, bounds: &Bounds, put: Put) -> bool {
        let refuses = !bounds.taken.is_overwritten() && bounds.without != Some(Rule::CreateOnly);
        if refuses && self.objects.contains_key(&put.key) {
            return false;
        }
        self.objects.insert(put.key, put.object);
        true
    }

    /// HEAD: what an object says about itself, and whose it really is.
    pub(crate) fn head(&self, names: &Names, key: Key) -> Option<(ObjectMetadata, Chain)> {
        self.objects.get(&key).map(|object| (object.metadata(names), object.chain))
    }

    /// Whether there is an object.
    pub fn has(&self, key: Key) -> bool {
        self.objects.contains_key(&key)
    }

    /// The objects of a chain.
    pub fn objects(&self, chain: Chain) -> impl Iterator<Item = &Object> {
        let all = self.objects.values().chain(&self.moved);
        all.filter(move |object| object.chain == chain)
    }

    /// The objects that are found under their keys.
    pub(crate) fn found(&self) -> impl Iterator<Item = (Key, &Object)> {
        self.objects.iter().map(|(key, object)| (*key, object))
    }

    /// A lifecycle rule moves an object away.
    pub(crate) fn move_away(&mut self, key: Key) {
        self.moved.extend(self.objects.remove(&key));
        self.moved.sort_unstable();
    }
}
