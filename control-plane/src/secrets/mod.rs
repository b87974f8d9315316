//! Inline secrets of connectors, in memory only.

mod digests;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) use digests::{Digests, Same, compare};
use kafka2oss_proto::spec::{self, HasSecrets, HeldSecrets};

use crate::chance;

/// Inline secrets by the connector's uid, and the generation from which on they are its own.
/// They are lost with the process; the agents that have them keep theirs, and the user can
/// give them again.
#[derive(Debug, Default)]
pub(crate) struct InlineSecrets {
    held: Mutex<HashMap<String, BTreeMap<i64, HeldSecrets>>>,
}

impl InlineSecrets {
    /// Takes the plain secrets of `message`, which then holds none: from `generation` on they
    /// are those of `uid`, in the place of all before. That generation need not be durable
    /// yet, and nobody who has an earlier one gets them.
    pub(crate) fn take(&self, uid: &str, generation: i64, message: &mut impl HasSecrets) {
        let secrets = HeldSecrets::of(message);
        spec::redact(message);
        let mut held = self.lock();
        if !secrets.is_empty() || held.contains_key(uid) {
            held.entry(uid.to_owned()).or_default().insert(generation, secrets);
        }
    }

    /// This generation has not come to be.
    pub(crate) fn take_back(&self, uid: &str, generation: i64) {
        let mut held = self.lock();
        if let Some(of_connector) = held.get_mut(uid) {
            of_connector.remove(&generation);
            if of_connector.is_empty() {
                held.remove(uid);
            }
        }
    }

    /// This generation is durable. Who has just read the one before may still send it.
    pub(crate) fn settle(&self, uid: &str, generation: i64) {
        let mut held = self.lock();
        if let Some(of_connector) = held.get_mut(uid) {
            let before = of_connector.range(..generation).next_back().map(|(before, _)| *before);
            of_connector.retain(|kept, _| Some(*kept) >= before);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, BTreeMap<i64, HeldSecrets>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the secrets of this generation of `uid` in the place of withheld ones.
    pub(crate) fn restore(&self, uid: &str, generation: i64, message: &mut impl HasSecrets) {
        let held = self.lock();
        let of_connector = held.get(uid).and_then(|held| held.range(..=generation).next_back());
        if let Some((_, secrets)) = of_connector {
            spec::restore(message, secrets);
        }
    }

    /// Whether any are kept for `uid`.
    pub(crate) fn holds_some(&self, uid: &str) -> bool {
        self.lock().contains_key(uid)
    }

    /// Whether every secret that `message` withholds is kept for this generation of `uid`.
    pub(crate) fn has_all<M: HasSecrets + Clone>(
        &self,
        uid: &str,
        generation: i64,
        message: &M,
    ) -> bool {
        let mut whole = message.clone();
        self.restore(uid, generation, &mut whole);
        let complete = !spec::has_withheld(&whole);
        // Wipes the copies.
        spec::redact(&mut whole);
        complete
    }

    /// Forgets those of a connector that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }
}

/// Names the secrets that were just taken from `message`, for the agents that have them: it
/// is drawn, and not counted, since a store from a backup would count the same again. Empty
/// where it withholds none.
pub(crate) fn new_id(message: &impl HasSecrets) -> String {
    if spec::has_withheld(message) { chance::ulid().to_string() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use kafka2oss_proto::v1::{self, secret::Source, store_credentials::Kind};

    use super::*;

    fn credentials(value: &str) -> v1::StoreCredentials {
        let secret = |source| Some(v1::Secret { source: Some(source) });
        v1::StoreCredentials {
            kind: Some(Kind::AccessKey(v1::AccessKey {
                id: secret(Source::Environment("ID".to_owned())),
                secret: secret(Source::Plain(value.to_owned())),
                session_token: None,
            })),
        }
    }

    /// What a message with a withheld secret is for this generation.
    fn restored(secrets: &InlineSecrets, generation: i64) -> v1::StoreCredentials {
        let mut message = credentials("any");
        spec::redact(&mut message);
        secrets.restore("u", generation, &mut message);
        message
    }

    #[test]
    fn what_was_taken_is_restored_for_its_connector_only() {
        let secrets = InlineSecrets::default();
        let mut message = credentials("value");
        secrets.take("u", 1, &mut message);
        assert!(!spec::has_plain(&message));
        assert!(secrets.has_all("u", 1, &message) && !secrets.has_all("other", 1, &message));
        assert_eq!(restored(&secrets, 1), credentials("value"));
        secrets.forget("u");
        assert!(!secrets.has_all("u", 1, &message));
    }

    #[test]
    fn each_generation_has_its_own_whether_the_next_one_comes_to_be_or_not() {
        let secrets = InlineSecrets::default();
        secrets.take("u", 1, &mut credentials("one"));
        secrets.take("u", 4, &mut credentials("two"));
        for (generation, value) in [(1, "one"), (3, "one"), (4, "two"), (9, "two")] {
            assert_eq!(restored(&secrets, generation), credentials(value), "{generation}");
        }
        secrets.take_back("u", 4);
        assert_eq!(restored(&secrets, 4), credentials("one"));

        for (generation, value) in [(4, "three"), (5, "four")] {
            secrets.take("u", generation, &mut credentials(value));
            secrets.settle("u", generation);
        }
        assert_eq!(restored(&secrets, 4), credentials("three"), "it may be on its way");
        assert_eq!(secrets.lock()["u"].len(), 2);
    }

    #[test]
    fn references_in_the_place_of_values_end_these() {
        let secrets = InlineSecrets::default();
        let reference = || v1::StoreCredentials::default();
        secrets.take("u", 1, &mut reference());
        assert!(secrets.lock().is_empty());
        secrets.take("u", 2, &mut credentials("value"));
        secrets.take("u", 3, &mut reference());
        assert_eq!(restored(&secrets, 2), credentials("value"));
        assert!(spec::has_withheld(&restored(&secrets, 3)));
    }

    #[test]
    fn debug_output_shows_no_value() {
        let secrets = InlineSecrets::default();
        secrets.take("u", 1, &mut credentials("s3cret"));
        assert!(!format!("{secrets:?}").contains("s3cret"));
    }
}
