//! The operations on buckets.

use std::time::{Duration, UNIX_EPOCH};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{
    Bucket, BucketVersioningStatus, CommonPrefix, CreateBucketInput, CreateBucketOutput,
    DeleteBucketInput, DeleteBucketOutput, ETag, EncodingType, GetBucketVersioningInput,
    GetBucketVersioningOutput, ListBucketsOutput, ListObjectsV2Input, ListObjectsV2Output, Object,
    Owner, PutBucketVersioningInput, PutBucketVersioningOutput, Timestamp,
};
use s3s::{S3Response, S3Result};

use super::OssService;
use crate::oss::listing::{Continuation, PageRequest, page};
use crate::oss::refusal::{Code, Refusal};
use crate::oss::store::Versioning;

impl OssService {
    pub(super) async fn do_list_buckets(&self) -> S3Result<S3Response<ListBucketsOutput>> {
        let buckets = self.on_store(|store| Ok(store.buckets())).await?;
        let bucket = |(name, created)| Bucket {
            name: Some(name),
            creation_date: Some(timestamp(created)),
            ..Bucket::default()
        };
        Ok(S3Response::new(ListBucketsOutput {
            buckets: Some(buckets.into_iter().map(bucket).collect()),
            owner: Some(Owner::default()),
            ..ListBucketsOutput::default()
        }))
    }

    pub(super) async fn do_create_bucket(
        &self,
        input: CreateBucketInput,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        let location = format!("/{}", input.bucket);
        self.on_store(move |store| Ok(store.create_bucket(&input.bucket)?)).await?;
        Ok(S3Response::new(CreateBucketOutput { location: Some(location) }))
    }

    pub(super) async fn do_delete_bucket(
        &self,
        input: DeleteBucketInput,
    ) -> S3Result<S3Response<DeleteBucketOutput>> {
        self.on_store(move |store| Ok(store.delete_bucket(&input.bucket)?)).await?;
        Ok(S3Response::new(DeleteBucketOutput::default()))
    }

    pub(super) async fn do_get_bucket_versioning(
        &self,
        input: GetBucketVersioningInput,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        let state = self.on_store(move |store| Ok(store.versioning(&input.bucket)?)).await?;
        let status = match state {
            Versioning::Unversioned => None,
            Versioning::Enabled => Some(BucketVersioningStatus::ENABLED),
            Versioning::Suspended => Some(BucketVersioningStatus::SUSPENDED),
        };
        Ok(S3Response::new(GetBucketVersioningOutput {
            status: status.map(BucketVersioningStatus::from_static),
            ..GetBucketVersioningOutput::default()
        }))
    }

    pub(super) async fn do_put_bucket_versioning(
        &self,
        input: PutBucketVersioningInput,
    ) -> S3Result<S3Response<PutBucketVersioningOutput>> {
        let status = input.versioning_configuration.status;
        let state = match status.as_ref().map(BucketVersioningStatus::as_str) {
            Some(BucketVersioningStatus::ENABLED) => Versioning::Enabled,
            Some(BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
            _ => return super::refuse(Code::InvalidArgument),
        };
        self.on_store(move |store| Ok(store.set_versioning(&input.bucket, state)?)).await?;
        Ok(S3Response::new(PutBucketVersioningOutput::default()))
    }

    pub(super) async fn do_list_objects(
        &self,
        input: ListObjectsV2Input,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let invalid = || Refusal::of(Code::InvalidArgument);
        let max_keys =
            input.max_keys.map(|max| usize::try_from(max).map_err(|_| invalid())).transpose()?;
        let continuation = input.continuation_token.as_deref();
        let continuation = continuation
            .map(|token| Continuation::decode(token).ok_or_else(invalid))
            .transpose()?;

        let (input, page) = self
            .on_store(move |store| {
                let request = PageRequest {
                    prefix: input.prefix.as_deref().unwrap_or_default(),
                    delimiter: input.delimiter.as_deref(),
                    start_after: input.start_after.as_deref(),
                    continuation,
                    max_keys,
                };
                let page = store.with_objects(&input.bucket, |objects| page(objects, &request))?;
                Ok((input, page))
            })
            .await?;

        let url = input.encoding_type.as_ref().map(EncodingType::as_str) == Some(EncodingType::URL);
        let encode = |text: String| {
            if url { utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string() } else { text }
        };
        let contents: Vec<_> = page
            .objects
            .into_iter()
            .map(|(key, entry)| Object {
                key: Some(encode(key)),
                e_tag: Some(ETag::Strong(entry.meta.etag.clone())),
                last_modified: Some(timestamp(entry.meta.last_modified)),
                size: i64::try_from(entry.meta.size).ok(),
                ..Object::default()
            })
            .collect();
        let common_prefixes: Vec<_> = page
            .common_prefixes
            .into_iter()
            .map(|prefix| CommonPrefix { prefix: Some(encode(prefix)) })
            .collect();
        let count = contents.len() + common_prefixes.len();
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(encode(input.prefix.unwrap_or_default())),
            delimiter: input.delimiter.map(encode),
            start_after: input.start_after.map(encode),
            continuation_token: input.continuation_token,
            encoding_type: input.encoding_type,
            max_keys: i32::try_from(page.max_keys).ok(),
            key_count: i32::try_from(count).ok(),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next.as_ref().map(Continuation::encode),
            contents: Some(contents),
            common_prefixes: Some(common_prefixes),
            ..ListObjectsV2Output::default()
        }))
    }
}

/// Of milliseconds since the epoch.
pub(super) fn timestamp(millis: u64) -> Timestamp {
    Timestamp::from(UNIX_EPOCH + Duration::from_millis(millis))
}
