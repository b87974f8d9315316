//! An AccessKey, or where it is.

use kafka2oss_proto::v1;
use v1::secret::Source;
use v1::store_credentials::Kind;

use crate::args::AccessKeyFlags;
use crate::client::{Failure, input};

/// The credentials that the flags give, over those that were given before;
/// `None` when the flags give none.
pub(in crate::client) fn credentials(
    flags: AccessKeyFlags,
    before: Option<&v1::StoreCredentials>,
) -> Result<Option<v1::StoreCredentials>, Failure> {
    let AccessKeyFlags {
        access_key_id,
        access_key_id_env,
        access_key_id_file,
        access_key_secret_env,
        access_key_secret_file,
        access_key_secret_stdin,
        session_token_env,
        session_token_file,
    } = flags;
    let id = access_key_id
        .map(Source::Plain)
        .or(access_key_id_env.map(Source::Environment))
        .or(access_key_id_file.map(Source::File));
    let mut secret =
        access_key_secret_env.map(Source::Environment).or(access_key_secret_file.map(Source::File));
    if access_key_secret_stdin {
        secret = Some(Source::Plain(input::stdin()?.trim_end_matches(['\r', '\n']).to_owned()));
    }
    let token = session_token_env.map(Source::Environment).or(session_token_file.map(Source::File));
    if id.is_none() && secret.is_none() && token.is_none() {
        return Ok(None);
    }
    let mut key = match before.and_then(|before| before.kind.clone()) {
        Some(Kind::AccessKey(key)) => key,
        None => v1::AccessKey::default(),
    };
    let message = |source| v1::Secret { source: Some(source) };
    // A token belongs to its AccessKey.
    let token_before = key.session_token.filter(|_| id.is_none());
    key.session_token = token.map(message).or(token_before);
    key.id = id.map(message).or(key.id);
    key.secret = secret.map(message).or(key.secret);
    Ok(Some(v1::StoreCredentials { kind: Some(Kind::AccessKey(key)) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str) -> Option<v1::Secret> {
        Some(v1::Secret { source: Some(Source::Environment(name.to_owned())) })
    }

    fn updated(flags: AccessKeyFlags) -> v1::AccessKey {
        let before = v1::AccessKey {
            id: secret("ID"),
            secret: secret("SECRET"),
            session_token: secret("TOKEN"),
        };
        let before = v1::StoreCredentials { kind: Some(Kind::AccessKey(before)) };
        let after = credentials(flags, Some(&before)).ok().flatten();
        match after.and_then(|after| after.kind) {
            Some(Kind::AccessKey(key)) => key,
            None => v1::AccessKey::default(),
        }
    }

    #[test]
    fn a_session_token_goes_with_the_accesskey_that_it_belongs_to() {
        let new = |name: &str| Some(name.to_owned());
        let key = updated(AccessKeyFlags {
            session_token_env: new("FRESH"),
            ..AccessKeyFlags::default()
        });
        assert_eq!((key.id, key.session_token), (secret("ID"), secret("FRESH")));

        let key = updated(AccessKeyFlags {
            access_key_secret_env: new("OTHER"),
            ..AccessKeyFlags::default()
        });
        assert_eq!((key.secret, key.session_token), (secret("OTHER"), secret("TOKEN")));

        let key = updated(AccessKeyFlags {
            access_key_id_env: new("LASTING"),
            access_key_secret_env: new("OTHER"),
            ..AccessKeyFlags::default()
        });
        assert_eq!((key.id, key.session_token), (secret("LASTING"), None));
    }
}
