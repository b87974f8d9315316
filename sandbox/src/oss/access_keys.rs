//! The access keys that may sign requests.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Error, S3ErrorCode, S3Result};

/// Access key ids with their secrets; can be changed while the emulator runs.
#[derive(Clone)]
pub(crate) struct AccessKeys(Arc<RwLock<HashMap<String, SecretKey>>>);

impl AccessKeys {
    pub(crate) fn new(keys: Vec<(String, String)>) -> Self {
        let keys = keys.into_iter().map(|(id, secret)| (id, secret.into())).collect();
        Self(Arc::new(RwLock::new(keys)))
    }

    pub(crate) fn set(&self, id: &str, secret: &str) {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        keys.insert(id.to_owned(), secret.into());
    }

    pub(crate) fn remove(&self, id: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

#[async_trait::async_trait]
impl S3Auth for AccessKeys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let unknown = || {
            S3Error::with_message(
                S3ErrorCode::InvalidAccessKeyId,
                "The OSS Access Key Id you provided does not exist in our records.",
            )
        };
        keys.get(access_key).cloned().ok_or_else(unknown)
    }
}
