//! One create-only put.

use std::sync::Arc;

use aws_sdk_s3::config::Builder;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::timeout::TimeoutConfig;
use kafka2oss_chain::ObjectMetadata;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;

use crate::client::attempt_limit;
use crate::gate::SendGate;
use crate::integrity::Content;
use crate::payload::PayloadSignature;
use crate::reply::{Headers, KeptHeaders, Refusal};
use crate::{ObjectStore, StoreError};

/// An object to be created.
#[derive(Debug, Clone)]
pub struct NewObject {
    /// Its key: 1-1023 bytes, no leading slash.
    pub key: String,
    /// Its content.
    pub body: Content,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// What it says about itself, the checksum of `body` among it.
    pub metadata: ObjectMetadata,
}

/// Says whether a signed put may still be sent.
pub type StillAllowed = Arc<dyn Fn() -> bool + Send + Sync>;

/// What a create-only put came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// The object was created by this request.
    Created {
        /// The object's version, where the bucket keeps versions; see
        /// [`ObjectStore::doubt`].
        version_id: Option<String>,
    },
    /// An object of this key exists, and was left alone.
    Exists,
}

impl ObjectStore {
    /// Creates an object unless its key is taken: one attempt.
    ///
    /// # Errors
    /// See [`StoreError`]. After one the object may exist all the same, except
    /// where the store has refused the request.
    /// `STORE_INTEGRITY_MISMATCH` may leave an object with other bytes than sent;
    /// on OSS [`ObjectStore::head`] does not take it for one of ours.
    pub async fn put(&self, object: &NewObject) -> Result<PutOutcome, StoreError> {
        match self.put_while(object, Arc::new(|| true)).await? {
            Some(outcome) => Ok(outcome),
            None => {
                let subject = self.subject("PutObject", &object.key);
                Err(subject.error(ErrorCode::StoreUnavailable, "the request was not sent"))
            }
        }
    }

    /// As [`ObjectStore::put`], but the attempt is signed first and sent only if
    /// `still_allowed` says so then; `None` when it does not. Stores refuse what
    /// was signed more than 15 minutes ago, so that nothing lands later.
    ///
    /// # Errors
    /// As [`ObjectStore::put`].
    pub async fn put_while(
        &self,
        object: &NewObject,
        still_allowed: StillAllowed,
    ) -> Result<Option<PutOutcome>, StoreError> {
        let subject = self.subject("PutObject", &object.key);
        let answer = KeptHeaders::default();
        let gate = SendGate::new(still_allowed);
        let request = self
            .client
            .put_object()
            .bucket(&*self.bucket)
            .key(&object.key)
            .content_type(object.content_type)
            .set_metadata(Some(object.metadata.encode()))
            .body(ByteStream::from(object.body.bytes()));
        let limit = TimeoutConfig::builder()
            .operation_attempt_timeout(attempt_limit(object.body.len()))
            .build();
        let mut request = self
            .dialect
            .create_only(request, object)
            .customize()
            .interceptor(answer.clone())
            .interceptor(PayloadSignature::of(&object.body, self.signs_bodies))
            .interceptor(gate.clone())
            .config_override(Builder::new().timeout_config(limit));
        if let Some((name, value)) = self.dialect.create_only_header() {
            // Before the signature, which covers it.
            request = request.mutate_request(move |request: &mut HttpRequest| {
                request.headers_mut().insert(name, value);
            });
        }
        match request.send().await {
            Ok(output) => {
                let headers = answer.get();
                if let Some(difference) =
                    headers.and_then(|headers| self.dialect.stored_otherwise(headers, object))
                {
                    return Err(subject.error(ErrorCode::StoreIntegrityMismatch, difference));
                }
                // Every store names one; a proxy that says 200 to anything does not.
                if output.e_tag().is_none() {
                    let words = "the answer is no store's: it has no ETag";
                    return Err(subject.error(ErrorCode::StoreUnavailable, words));
                }
                let version_id = output.version_id().or_else(|| version_id(headers?));
                Ok(Some(PutOutcome::Created { version_id: version_id.map(str::to_owned) }))
            }
            Err(_) if gate.is_shut() => Ok(None),
            Err(error) => {
                let refusal = Refusal::of(&error);
                match refusal.as_ref().and_then(|refusal| refusal.code.as_deref()) {
                    // OSS and S3, in this order. Nothing else means that it exists.
                    Some("FileAlreadyExists" | "PreconditionFailed") => {
                        Ok(Some(PutOutcome::Exists))
                    }
                    _ => Err(subject.failed(&error)),
                }
            }
        }
    }

    /// What the version that an answer about `key` names says against puts being
    /// create-only: `STORE_VERSIONING_ON`.
    pub fn doubt(&self, key: &str, version_id: Option<&str>) -> Option<Problem> {
        let id = version_id.filter(|_| self.dialect.overwrites_versions())?;
        let message = format!("the store names version `{id}` of `{key}`");
        Some(Problem::new(ErrorCode::StoreVersioningOn, message))
    }
}

/// OSS's own header, in case it is not translated.
fn version_id(headers: &Headers) -> Option<&str> {
    headers.get("x-oss-version-id")
}
