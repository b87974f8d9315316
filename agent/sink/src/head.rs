//! What stands under a key.

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use kafka2oss_chain::{MetadataError, ObjectMetadata};
use kafka2oss_domain::ErrorCode;

use crate::reply::{KeptHeaders, Refusal};
use crate::{ObjectStore, StoreError};

/// An object that stands in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Bytes of its content.
    pub size: u64,
    /// What it says about itself, or why it is not an object of kafka2oss.
    pub metadata: Result<ObjectMetadata, MetadataError>,
    /// Its version, where the bucket keeps versions.
    pub version_id: Option<String>,
}

impl ObjectStore {
    /// The object of this key; `None` when there is none.
    ///
    /// # Errors
    /// See [`StoreError`]; `STORE_BUCKET_NOT_FOUND` when it is the bucket that is
    /// missing, `STORE_INTEGRITY_MISMATCH` when the store's own checksum of the
    /// object is not the one in its metadata.
    ///
    /// `STORE_ACCESS_DENIED` says neither that there is one nor that there is none:
    /// S3 gives it for a missing object to those who may not list the bucket.
    pub async fn head(&self, key: &str) -> Result<Option<StoredObject>, StoreError> {
        let subject = self.subject("HeadObject", key);
        let answer = KeptHeaders::default();
        let request = self.client.head_object().bucket(&*self.bucket).key(key);
        let output = match request.customize().interceptor(answer.clone()).send().await {
            Ok(output) => output,
            Err(error) => return self.absent(key, &error).await,
        };
        // A negative length is none.
        let size = output.content_length().and_then(|length| u64::try_from(length).ok());
        let metadata = ObjectMetadata::decode(output.metadata().into_iter().flatten());
        if let (Ok(metadata), Some(headers)) = (&metadata, answer.get())
            && let Some(difference) = self.dialect.stands_otherwise(headers, metadata.crc64)
        {
            return Err(subject.error(ErrorCode::StoreIntegrityMismatch, difference));
        }
        let version_id = output.version_id().map(str::to_owned);
        Ok(Some(StoredObject { size: size.unwrap_or_default(), metadata, version_id }))
    }

    async fn absent(
        &self,
        key: &str,
        error: &SdkError<HeadObjectError, HttpResponse>,
    ) -> Result<Option<StoredObject>, StoreError> {
        let subject = self.subject("HeadObject", key);
        match Refusal::of(error) {
            None => Err(subject.failed(error)),
            // It is there; its metadata is not even text, which the SDK refuses.
            Some(Refusal { status: 200..300, .. }) => {
                let length =
                    error.raw_response().and_then(|raw| raw.headers().get("content-length"));
                let size = length.and_then(|length| length.parse().ok()).unwrap_or_default();
                let metadata = Err(MetadataError::NotText);
                Ok(Some(StoredObject { size, metadata, version_id: None }))
            }
            Some(refusal) => match refusal.code.as_deref() {
                Some("NoSuchKey") => Ok(None),
                None if matches!(refusal.status, 400..=428 | 430..=499) => {
                    self.explain(key, refusal).await
                }
                _ => Err(subject.refused(refusal)),
            },
        }
    }

    /// An answer to HEAD has no body, so that a missing object and a missing
    /// bucket, a wrong secret and a wrong clock look alike, where the store does
    /// not tell in a header. GET of one byte needs the same permission, and its
    /// refusal has a body.
    async fn explain(
        &self,
        key: &str,
        unexplained: Refusal,
    ) -> Result<Option<StoredObject>, StoreError> {
        let request = self.client.get_object().bucket(&*self.bucket).key(key).range("bytes=0-0");
        let error = match request.send().await {
            Err(error) => error,
            Ok(_) => {
                // Created between the two, say: the next HEAD will tell.
                let words = "HEAD was refused and GET was not; it is asked again";
                let subject = self.subject("HeadObject", key);
                return Err(subject.error(ErrorCode::StoreUnavailable, words));
            }
        };
        match Refusal::of(&error) {
            Some(Refusal { code: Some(code), .. }) if code == "NoSuchKey" => Ok(None),
            Some(Refusal { code: None, .. }) if unexplained.status == 404 => Ok(None),
            Some(Refusal { code: None, .. }) => {
                Err(self.subject("HeadObject", key).refused(unexplained))
            }
            _ => Err(self.subject("GetObject", key).failed(&error)),
        }
    }
}
