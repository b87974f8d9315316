//! What the records of the store are, summed up so that one that is lost, came back or
//! has other bytes is noticed (pure).
//!
//! Each record has a hash over key and value; the sum of all, modulo 2^128, does not
//! depend on their order and is kept up to date by each change. It is there against
//! damage and old copies, not against somebody who forges records.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest, Sha256};

use crate::store::medium::RowChange;

/// The records by their hashes.
#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    records: HashMap<Vec<u8>, u128>,
    sum: u128,
    families: BTreeMap<u32, u64>,
}

impl Contents {
    /// A record was written.
    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) {
        let hash = hash(key, value);
        self.sum = self.sum.wrapping_add(hash);
        match self.records.insert(key.to_vec(), hash) {
            Some(before) => self.sum = self.sum.wrapping_sub(before),
            None => *self.families.entry(family(key)).or_default() += 1,
        }
    }

    /// A record was removed, if it was there.
    pub(super) fn remove(&mut self, key: &[u8]) {
        let Some(before) = self.records.remove(key) else { return };
        self.sum = self.sum.wrapping_sub(before);
        if let Some(count) = self.families.get_mut(&family(key)) {
            *count -= 1;
        }
        self.families.retain(|_, count| *count > 0);
    }

    /// A batch was written.
    pub(super) fn apply(&mut self, changes: &[RowChange]) {
        for (key, value) in changes {
            match value {
                Some(value) => self.put(key, value),
                None => self.remove(key),
            }
        }
    }

    /// Whether there is a record of this key.
    pub(super) fn has(&self, key: &[u8]) -> bool {
        self.records.contains_key(key)
    }

    /// Whether there is none at all.
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The sum of the hashes, modulo 2^128.
    pub(super) fn sum(&self) -> u128 {
        self.sum
    }

    /// How many records each family has, by the first byte of their keys.
    pub(super) fn families(&self) -> &BTreeMap<u32, u64> {
        &self.families
    }
}

fn family(key: &[u8]) -> u32 {
    key.first().copied().unwrap_or_default().into()
}

fn hash(key: &[u8], value: &[u8]) -> u128 {
    let mut hasher = Sha256::new();
    hasher.update((key.len() as u64).to_be_bytes());
    hasher.update(key);
    hasher.update(value);
    first_half(&hasher.finalize())
}

/// The first 128 bits of a SHA-256.
pub(super) fn first_half(hash: &[u8]) -> u128 {
    hash.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(records: &BTreeMap<Vec<u8>, Vec<u8>>) -> Contents {
        let mut contents = Contents::default();
        for (key, value) in records {
            contents.put(key, value);
        }
        contents
    }

    fn told(contents: &Contents) -> (u128, BTreeMap<u32, u64>) {
        (contents.sum(), contents.families().clone())
    }

    fn change() -> impl Strategy<Value = RowChange> {
        let key = proptest::collection::vec(0..3_u8, 1..3);
        (key, proptest::option::of(proptest::collection::vec(any::<u8>(), 0..4)))
    }

    proptest! {
        #[test]
        fn the_sum_is_that_of_what_is_there_however_it_came_to_be(
            changes in proptest::collection::vec(change(), 0..40),
        ) {
            let mut records = BTreeMap::new();
            for (key, value) in changes.clone() {
                match value {
                    Some(value) => records.insert(key, value),
                    None => records.remove(&key),
                };
            }
            let mut contents = Contents::default();
            contents.apply(&changes);
            prop_assert_eq!(told(&contents), told(&of(&records)));
            prop_assert_eq!(contents.is_empty(), records.is_empty());
        }

        #[test]
        fn a_record_that_is_gone_or_another_one_is_noticed(
            records in proptest::collection::btree_map(
                proptest::collection::vec(any::<u8>(), 1..4),
                proptest::collection::vec(any::<u8>(), 1..4),
                1..20,
            ),
            which: prop::sample::Index, bit in 0..8_u32,
        ) {
            let whole = of(&records);
            let key = records.keys().nth(which.index(records.len())).expect("there is one").clone();
            let mut without = records.clone();
            without.remove(&key);
            prop_assert_ne!(of(&without).sum(), whole.sum());
            let mut flipped = records;
            flipped.get_mut(&key).expect("it is there")[0] ^= 1 << bit;
            prop_assert_ne!(of(&flipped).sum(), whole.sum());
        }
    }

    #[test]
    fn a_byte_that_moves_from_key_to_value_is_noticed() {
        let contents = |key: &[u8], value: &[u8]| {
            let mut contents = Contents::default();
            contents.put(key, value);
            contents.sum()
        };
        assert_ne!(contents(b"ab", b"c"), contents(b"a", b"bc"));
    }
}
