//! Who the agent is to the store.

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::{AccessKey, SecretSource};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Resolves a destination's AccessKey and session token anew for each request: a
/// rotated file is picked up, and a wrong one that was corrected works at once.
/// `Debug` shows no secret.
#[derive(Debug, Clone)]
pub(crate) struct Resolved(pub(crate) AccessKey);

/// Tells credentials apart without holding them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialsDigest([u8; 32]);

impl Resolved {
    async fn load(&self) -> Result<Credentials, Problem> {
        let AccessKey { id, secret, session_token } = &self.0;
        let id = in_a_header("AccessKey ID", id).await?;
        let secret = kafka2oss_secrets::resolve(secret).await?;
        let token = match session_token {
            Some(token) => Some(in_a_header("session token", token).await?),
            None => None,
        };
        let token = token.map(|token| token.expose_secret().to_owned());
        Ok(Credentials::new(id.expose_secret(), secret.expose_secret(), token, None, "kafka2oss"))
    }

    /// # Errors
    /// As [`kafka2oss_secrets::resolve`].
    pub(crate) async fn digest(&self) -> Result<CredentialsDigest, Problem> {
        let credentials = self.load().await?;
        let mut digest = Sha256::new();
        let token = credentials.session_token().unwrap_or_default();
        for part in [credentials.access_key_id(), credentials.secret_access_key(), token] {
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        }
        Ok(CredentialsDigest(digest.finalize().into()))
    }
}

/// The value of a part that stands in a header. Two lines of a file would not even
/// be sent.
async fn in_a_header(name: &str, source: &SecretSource) -> Result<SecretString, Problem> {
    let value = kafka2oss_secrets::resolve(source).await?;
    if value.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(value);
    }
    let message = format!("the {name} has blanks or characters that none has");
    Err(Problem::new(ErrorCode::StoreCredentialsInvalid, message))
}

impl ProvideCredentials for Resolved {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.load().await.map_err(CredentialsError::provider_error)
        })
    }
}
