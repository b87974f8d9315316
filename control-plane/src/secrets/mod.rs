//! Inline secrets of connectors, in memory only.

mod digests;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

pub(crate) use digests::{Digests, Same, compare};
use kafka2oss_proto::spec::{self, HasSecrets, HeldSecrets};

/// Inline secrets by the connector's uid. They are lost with the process; the
/// agents that have them keep theirs, and the user can give them again.
#[derive(Debug, Default)]
pub(crate) struct InlineSecrets {
    held: Mutex<HashMap<String, HeldSecrets>>,
}

/// Secrets that were replaced.
#[derive(Debug)]
pub(crate) struct Earlier(Option<HeldSecrets>);

impl InlineSecrets {
    /// Takes the plain secrets of `message`, which then holds none, in the
    /// place of those that were kept for `uid` before; returns these.
    pub(crate) fn replace(&self, uid: &str, message: &mut impl HasSecrets) -> Earlier {
        let secrets = HeldSecrets::of(message);
        spec::redact(message);
        self.put(uid, secrets)
    }

    /// Takes a replacement back.
    pub(crate) fn put_back(&self, uid: &str, earlier: Earlier) {
        self.put(uid, earlier.0.unwrap_or_default());
    }

    fn put(&self, uid: &str, secrets: HeldSecrets) -> Earlier {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        Earlier(if secrets.is_empty() {
            held.remove(uid)
        } else {
            held.insert(uid.to_owned(), secrets)
        })
    }

    /// Puts the secrets kept for `uid` in the place of withheld ones.
    pub(crate) fn restore(&self, uid: &str, message: &mut impl HasSecrets) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secrets) = held.get(uid) {
            spec::restore(message, secrets);
        }
    }

    /// Whether any are kept for `uid`.
    pub(crate) fn holds_some(&self, uid: &str) -> bool {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).contains_key(uid)
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

    #[test]
    fn what_was_taken_is_restored_for_its_connector_only() {
        let secrets = InlineSecrets::default();
        let mut message = credentials("value");
        secrets.replace("u", &mut message);
        assert!(!spec::has_plain(&message));
        assert!(secrets.has_all("u", &message) && !secrets.has_all("other", &message));
        secrets.restore("u", &mut message);
        assert_eq!(message, credentials("value"));
        secrets.forget("u");
        assert!(!secrets.has_all("u", &{
            let mut redacted = credentials("value");
            spec::redact(&mut redacted);
            redacted
        }));
    }

    #[test]
    fn a_replacement_can_be_taken_back() {
        let secrets = InlineSecrets::default();
        secrets.replace("u", &mut credentials("old"));
        let mut message = credentials("new");
        let earlier = secrets.replace("u", &mut message);
        secrets.put_back("u", earlier);
        secrets.restore("u", &mut message);
        assert_eq!(message, credentials("old"));
    }

    #[test]
    fn debug_output_shows_no_value() {
        let secrets = InlineSecrets::default();
        secrets.replace("u", &mut credentials("s3cret"));
        assert!(!format!("{secrets:?}").contains("s3cret"));
    }
}
