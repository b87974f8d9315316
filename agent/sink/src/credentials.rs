//! Who the agent is to the store.

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use kafka2oss_proto::ErrorCode;
use kafka2oss_proto::error_code::Problem;
use kafka2oss_proto::spec::AccessKey;
use secrecy::ExposeSecret;

/// Resolves a destination's AccessKey anew for each request: a rotated file is
/// picked up, and a wrong one that was corrected works at once. `Debug` shows
/// no secret.
#[derive(Debug)]
pub(crate) struct Resolved(pub(crate) AccessKey);

impl Resolved {
    async fn load(&self) -> Result<Credentials, CredentialsError> {
        let problem = |problem: Problem| CredentialsError::provider_error(problem);
        let id = kafka2oss_secrets::resolve(&self.0.id).await.map_err(problem)?;
        let secret = kafka2oss_secrets::resolve(&self.0.secret).await.map_err(problem)?;
        // The id stands in a header. Two lines of a file would not even be sent.
        if !id.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(problem(Problem::new(
                ErrorCode::StoreCredentialsInvalid,
                "the AccessKey ID has blanks or characters that none has",
            )));
        }
        let (id, secret) = (id.expose_secret(), secret.expose_secret());
        Ok(Credentials::new(id, secret, None, None, "kafka2oss"))
    }
}

impl ProvideCredentials for Resolved {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.load())
    }
}
