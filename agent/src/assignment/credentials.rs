//! The secrets within a spec on the wire.

use kafka2oss_proto::v1::store_credentials::Kind;
use kafka2oss_proto::v1::{AccessKey, ConnectorSpec, Secret, StoreCredentials, secret::Source};

/// The credentials of a spec.
pub(super) fn of(spec: &ConnectorSpec) -> Option<&StoreCredentials> {
    spec.destination.as_ref()?.credentials.as_ref()
}

/// Takes the credentials out of a spec.
pub(super) fn remove(spec: &mut ConnectorSpec) {
    if let Some(destination) = &mut spec.destination {
        destination.credentials = None;
    }
}

/// Puts `withheld` in the place of each plain secret.
pub(super) fn withhold_plain(spec: &mut ConnectorSpec) {
    for secret in secrets_mut(spec) {
        if let Some(Source::Plain(_)) = secret.source {
            secret.source = Some(Source::Withheld(true));
        }
    }
}

/// Puts the plain secrets of `held` in the places of withheld ones. Returns
/// whether none is withheld afterwards.
pub(super) fn fill_withheld(spec: &mut ConnectorSpec, held: Option<&StoreCredentials>) -> bool {
    let mut held = held.cloned();
    let mut held = held.as_mut().map(|held| secrets_of(held)).unwrap_or_default().into_iter();
    let mut whole = true;
    for secret in secrets_mut(spec) {
        let held = held.next();
        if !is_withheld(secret) {
            continue;
        }
        match held {
            // A reference is not what was withheld: it was there before.
            Some(Secret { source: Some(Source::Plain(value)) }) => {
                secret.source = Some(Source::Plain(std::mem::take(value)));
            }
            _ => whole = false,
        }
    }
    whole
}

/// Whether a secret of the spec is withheld.
pub(super) fn has_withheld(spec: &ConnectorSpec) -> bool {
    secrets_mut(&mut spec.clone()).iter().any(|secret| is_withheld(secret))
}

fn is_withheld(secret: &Secret) -> bool {
    matches!(secret.source, Some(Source::Withheld(_)))
}

/// The secrets of a spec, always in the same order.
fn secrets_mut(spec: &mut ConnectorSpec) -> Vec<&mut Secret> {
    spec.destination
        .as_mut()
        .and_then(|destination| destination.credentials.as_mut())
        .map(secrets_of)
        .unwrap_or_default()
}

fn secrets_of(credentials: &mut StoreCredentials) -> Vec<&mut Secret> {
    match &mut credentials.kind {
        Some(Kind::AccessKey(AccessKey { id, secret, session_token })) => {
            id.iter_mut().chain(secret).chain(session_token).collect()
        }
        None => Vec::new(),
    }
}
