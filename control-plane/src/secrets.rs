//! Inline secrets of connectors, in memory only.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use kafka2oss_proto::spec::{self, HasSecrets, HeldSecrets};

/// Inline secrets by the connector's uid. They are lost with the process; the
/// agents that have them keep theirs, and the user can give them again.
#[derive(Debug, Default)]
pub(crate) struct InlineSecrets {
    held: Mutex<HashMap<String, HeldSecrets>>,
}

impl InlineSecrets {
    /// Takes the plain secrets of `message`, which then holds none: those that
    /// were kept for `uid` are forgotten.
    pub(crate) fn take(&self, uid: &str, message: &mut impl HasSecrets) {
        let secrets = HeldSecrets::of(message);
        spec::redact(message);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if secrets.is_empty() {
            held.remove(uid);
        } else {
            held.insert(uid.to_owned(), secrets);
        }
    }

    /// Puts the secrets kept for `uid` in the place of withheld ones.
    pub(crate) fn restore(&self, uid: &str, message: &mut impl HasSecrets) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secrets) = held.get(uid) {
            spec::restore(message, secrets);
        }
    }

    /// Whether every secret that `message` withholds is kept for `uid`.
    pub(crate) fn has_all<M: HasSecrets + Clone>(&self, uid: &str, message: &M) -> bool {
        let mut whole = message.clone();
        self.restore(uid, &mut whole);
        let complete = !spec::has_withheld(&whole);
        // Wipes the copies.
        spec::redact(&mut whole);
        complete
    }

    /// Forgets those of a connector that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}
