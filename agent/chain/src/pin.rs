//! The key of the next object, announced before it is put.

use std::fmt;

use crate::{ChainId, ObjectKey};

/// The whole key of the next object of a chain. Once it is acknowledged as part
/// of the committed offset, the link that starts there stands under this key or
/// nowhere, whatever layout and format are by then, unless it is the own key of one
/// attempt ([`Keys`](crate::Keys)).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pin {
    key: String,
    is_own: bool,
}

impl Pin {
    /// Takes a key that was read somewhere, if it is one of the chain for a
    /// link that starts at `first`.
    pub fn of_chain(key: &str, chain: &ChainId, partition: i32, first: i64) -> Option<Self> {
        let parsed = ObjectKey::parse(key)?;
        let is_the_link = parsed.chain == *chain
            && parsed.partition == partition
            && parsed.offset == first
            && !parsed.is_value();
        is_the_link.then(|| Self::new(key.to_owned(), parsed.attempt.is_some()))
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether it is the own key of one attempt: nobody else puts anything there.
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    pub(crate) fn new(key: String, is_own: bool) -> Self {
        Self { key, is_own }
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)
    }
}
