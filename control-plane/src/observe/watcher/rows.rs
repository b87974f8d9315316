//! Which connectors or agents a client has, of a watch with a filter: so that it drops each one that
//! the filter does not mean any more, and hears nothing of the others.

use std::collections::HashMap;
use std::sync::Arc;

use kafka2oss_filter::Filter;

use crate::observe::changes::Life;
use crate::observe::watchable::Watchable;

/// What a client is told of one that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    /// What it is now.
    Upsert,
    /// That it is to be dropped.
    Drop,
    /// Nothing: the client does not have it.
    Nothing,
}

/// What a client has. It costs an entry for each one that the filter meant; after
/// a token, for each other one that changed, too.
#[derive(Debug)]
pub(super) struct Rows<S: Watchable> {
    filter: Filter<S::Field>,
    /// Whether the client has it, where it is known.
    known: HashMap<Arc<Life>, bool>,
    /// What holds of others: after a token the client may have any.
    others: bool,
}

impl<S: Watchable> Rows<S> {
    /// Of a client that has nothing.
    pub(super) fn none(filter: Filter<S::Field>) -> Self {
        Self { filter, known: HashMap::new(), others: false }
    }

    /// Whether nothing is kept.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The client has nothing any more.
    pub(super) fn clear(&mut self) {
        self.known.clear();
        self.others = false;
    }

    /// The client has whatever it was told before.
    pub(super) fn resume(&mut self) {
        self.known.clear();
        self.others = true;
    }

    /// What is told of one that is new or changed.
    pub(super) fn shown(&mut self, shown: &S) -> Telling {
        let life = shown.life();
        let had = self.known.get(life).copied().unwrap_or(self.others);
        let has = self.filter.matches(shown);
        if has == self.others {
            self.known.remove(life);
        } else if self.known.get(life) != Some(&has) {
            self.known.insert(Arc::clone(life), has);
        }
        match (had, has) {
            (_, true) => Telling::Upsert,
            (true, false) => Telling::Drop,
            (false, false) => Telling::Nothing,
        }
    }

    /// Whether a deletion is told.
    pub(super) fn deleted(&mut self, life: &Arc<Life>) -> bool {
        self.known.remove(life).unwrap_or(self.others)
    }
}
