//! Whether plain secrets are the ones that were given before, without keeping them.

use hmac::{Hmac, KeyInit, Mac};
use kafka2oss_proto::spec::{HasSecrets, HeldSecrets};
use sha2::Sha256;

use crate::chance;
use crate::store::request_ids::SecretsDigest;

/// Makes digests under a key that this process draws and nobody else ever has: whoever
/// reads the store cannot try values against them. So they tell nothing after a restart,
/// just as the secrets themselves are lost by it.
pub(crate) struct Digests {
    key_id: String,
    key: [u8; 32],
}

/// Whether secrets are the same as earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Same {
    /// They are, or there are none, and were none.
    Yes,
    /// They are not.
    No,
    /// Another process has seen the earlier ones.
    Unknown,
}

impl Digests {
    /// Under a key of its own.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(crate) fn draw() -> anyhow::Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self { key_id: chance::ulid().to_string(), key })
    }

    /// That of the plain secrets of `message`; none where it has none.
    pub(crate) fn of(&self, message: &impl HasSecrets) -> Option<SecretsDigest> {
        let secrets = HeldSecrets::of(message);
        if secrets.is_empty() {
            return None;
        }
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        secrets.visit(|path, value| {
            for part in [path, value] {
                // With their lengths, so that no two lists of parts are the same bytes.
                mac.update(&(part.len() as u64).to_be_bytes());
                mac.update(part.as_bytes());
            }
        });
        let digest = mac.finalize().into_bytes().to_vec();
        Some(SecretsDigest { key_id: self.key_id.clone(), digest })
    }
}

/// Whether secrets with the digest `given`, of this process, are those of which `earlier`
/// was made.
pub(crate) fn compare(earlier: Option<&SecretsDigest>, given: Option<&SecretsDigest>) -> Same {
    match (earlier, given) {
        (None, None) => Same::Yes,
        (Some(_), None) => Same::No,
        (Some(earlier), Some(given)) if earlier.key_id == given.key_id => {
            // How long that takes tells nothing: nobody can choose a digest.
            if earlier.digest == given.digest { Same::Yes } else { Same::No }
        }
        // Of another process, or of a form before digests.
        (Some(_) | None, Some(_)) => Same::Unknown,
    }
}

impl std::fmt::Debug for Digests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Digests").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use kafka2oss_proto::v1::{self, secret::Source, store_credentials::Kind};

    use super::*;

    fn credentials(id: Source, value: Source) -> v1::StoreCredentials {
        let secret = |source| Some(v1::Secret { source: Some(source) });
        let (id, secret) = (secret(id), secret(value));
        v1::StoreCredentials {
            kind: Some(Kind::AccessKey(v1::AccessKey { id, secret, session_token: None })),
        }
    }

    fn plain(value: &str) -> Source {
        Source::Plain(value.to_owned())
    }

    #[test]
    fn the_same_values_in_the_same_places_are_the_same_and_nothing_else_is() {
        let digests = Digests::draw().expect("random bytes");
        let given = credentials(plain("ab"), plain("c"));
        let digest = digests.of(&given);
        assert_eq!(compare(digest.as_ref(), digests.of(&given).as_ref()), Same::Yes);
        let reference = || Source::Environment("E".to_owned());
        for other in [
            credentials(plain("a"), plain("bc")),
            credentials(plain("c"), plain("ab")),
            credentials(plain("ab"), plain("d")),
            credentials(plain("ab"), reference()),
            credentials(reference(), reference()),
        ] {
            assert_eq!(
                compare(digest.as_ref(), digests.of(&other).as_ref()),
                Same::No,
                "{other:?}"
            );
        }
        let none = credentials(reference(), reference());
        assert_eq!(digests.of(&none), None);
        assert_eq!(compare(None, digests.of(&none).as_ref()), Same::Yes);
    }

    #[test]
    fn another_process_cannot_tell_and_nothing_shows_the_key_or_a_value() {
        let (first, second) =
            (Digests::draw().expect("random bytes"), Digests::draw().expect("random bytes"));
        let given = credentials(plain("ab"), plain("s3cret"));
        let digest = first.of(&given);
        assert_eq!(compare(digest.as_ref(), second.of(&given).as_ref()), Same::Unknown);
        assert_eq!(compare(None, second.of(&given).as_ref()), Same::Unknown);
        let shown = format!("{first:?} {digest:?}");
        assert!(!shown.contains("s3cret") && !shown.contains(&format!("{:?}", first.key)));
    }
}
