//! Names that were touched and not looked at yet, each once.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// The names.
#[derive(Debug, Default)]
pub(super) struct Touched(Mutex<BTreeSet<String>>);

impl Touched {
    /// Adds a name. Says whether it is the first one.
    pub(super) fn add(&self, name: &str) -> bool {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = names.is_empty();
        if !names.contains(name) {
            names.insert(name.to_owned());
        }
        first
    }

    /// Takes all of them.
    pub(super) fn take(&self) -> Vec<String> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *names).into_iter().collect()
    }
}
