//! The operations, on s3s's typed requests. s3s has checked address and signature
//! before; what is not implemented here is answered `NotImplemented` by s3s.

mod buckets;
mod objects;

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use s3s::dto::{
    CreateBucketInput, CreateBucketOutput, DeleteBucketInput, DeleteBucketOutput,
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput,
    GetBucketVersioningInput, GetBucketVersioningOutput, GetObjectInput, GetObjectOutput,
    HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput,
    ListBucketsOutput, ListObjectsV2Input, ListObjectsV2Output, PutBucketVersioningInput,
    PutBucketVersioningOutput, PutObjectInput, PutObjectOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result};

use super::refusal::{Code, Refusal};
use super::store::{ObjectMeta, Store};

const CRC64: HeaderName = HeaderName::from_static("x-oss-hash-crc64ecma");
const VERSION_ID: HeaderName = HeaderName::from_static("x-oss-version-id");

/// The S3 operations on a store.
#[derive(Clone)]
pub(crate) struct OssService {
    store: Arc<Store>,
}

impl OssService {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    /// Runs work on the store where it may block.
    async fn on_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, Refusal> + Send + 'static,
    ) -> S3Result<T> {
        let store = Arc::clone(&self.store);
        let result = tokio::task::spawn_blocking(move || work(&store)).await;
        let failed = |error| Refusal::new(Code::InternalError, format!("{error}"));
        Ok(result.map_err(failed)??)
    }

    async fn require_bucket(&self, bucket: String) -> S3Result<()> {
        self.on_store(move |store| Ok(store.versioning(&bucket).map(|_| ())?)).await
    }
}

/// A reply with the headers that OSS adds for an object.
fn object_reply<T>(output: T, meta: &ObjectMeta) -> S3Response<T> {
    let mut headers = version_header(meta.version_id.as_deref());
    headers.insert(CRC64, HeaderValue::from(meta.crc64));
    S3Response::with_headers(output, headers)
}

fn version_header(version_id: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(value) = version_id.and_then(|id| HeaderValue::from_str(id).ok()) {
        headers.insert(VERSION_ID, value);
    }
    headers
}

fn refuse<T>(code: Code) -> S3Result<T> {
    Err(Refusal::of(code).into())
}

#[async_trait::async_trait]
impl S3 for OssService {
    async fn list_buckets(
        &self,
        _request: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        self.do_list_buckets().await
    }

    async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        self.do_create_bucket(request.input).await
    }

    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.require_bucket(request.input.bucket).await?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn delete_bucket(
        &self,
        request: S3Request<DeleteBucketInput>,
    ) -> S3Result<S3Response<DeleteBucketOutput>> {
        self.do_delete_bucket(request.input).await
    }

    async fn get_bucket_versioning(
        &self,
        request: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        self.do_get_bucket_versioning(request.input).await
    }

    async fn put_bucket_versioning(
        &self,
        request: S3Request<PutBucketVersioningInput>,
    ) -> S3Result<S3Response<PutBucketVersioningOutput>> {
        self.do_put_bucket_versioning(request.input).await
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        self.do_list_objects(request.input).await
    }

    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        self.do_put_object(request).await
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        self.do_get_object(request.input).await
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        self.do_head_object(request.input).await
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.do_delete_object(request.input).await
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        self.do_delete_objects(request).await
    }
}
