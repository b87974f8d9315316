//! The operations on objects.

use bytes::Bytes;
use http::header::{IF_MATCH, IF_NONE_MATCH};
use http_body_util::BodyExt as _;
use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    ETag, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, Metadata,
    PutObjectInput, PutObjectOutput, StreamingBlob,
};
use s3s::{Body, S3Request, S3Response, S3Result};

use super::buckets::timestamp;
use super::{OssService, object_reply, refuse, version_header};
use crate::oss::front::{RawBody, is_create_only};
use crate::oss::integrity::Integrity;
use crate::oss::naming::check_key;
use crate::oss::refusal::{Code, Refusal};
use crate::oss::store::{NewObject, ObjectMeta, PutMode};

impl OssService {
    pub(super) async fn do_put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        if request.headers.contains_key(IF_NONE_MATCH) || request.headers.contains_key(IF_MATCH) {
            return refuse(Code::NotImplemented);
        }
        let mode =
            if is_create_only(&request.headers) { PutMode::CreateOnly } else { PutMode::Overwrite };
        let input = request.input;
        check_key(&input.key)?;
        let body = match input.body {
            Some(body) => Body::from(body)
                .collect()
                .await
                .map_err(|error| Refusal::new(Code::InvalidRequest, error.to_string()))?
                .to_bytes(),
            None => Bytes::new(),
        };

        let meta = self
            .on_store(move |store| {
                let integrity = Integrity::of(&body);
                if let Some(header) = &input.content_md5 {
                    integrity.check_content_md5(header)?;
                }
                let object = NewObject {
                    body,
                    integrity,
                    content_type: input.content_type,
                    content_encoding: input.content_encoding,
                    user_metadata: input.metadata.unwrap_or_default().into_iter().collect(),
                };
                Ok(store.put(&input.bucket, &input.key, object, mode)?)
            })
            .await?;
        let output = PutObjectOutput {
            e_tag: Some(ETag::Strong(meta.etag.clone())),
            version_id: meta.version_id.clone(),
            ..PutObjectOutput::default()
        };
        Ok(object_reply(output, &meta))
    }

    pub(super) async fn do_get_object(
        &self,
        input: GetObjectInput,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        check_key(&input.key)?;
        let GetObjectInput { bucket, key, range, .. } = input;
        let object = self.on_store(move |store| Ok(store.get(&bucket, &key)?)).await?;

        let total = object.meta.size;
        let (body, content_range) = match range {
            None => (object.body, None),
            Some(range) => {
                let range = range.check(total).map_err(|_| Refusal::of(Code::InvalidRange))?;
                let header = format!("bytes {}-{}/{total}", range.start, range.end - 1);
                // Both fit: the range lies within a body that is in memory.
                (object.body.slice(range.start as usize..range.end as usize), Some(header))
            }
        };
        let meta = object.meta;
        let output = GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(body.len()).ok(),
            content_range,
            content_type: meta.content_type.clone(),
            content_encoding: meta.content_encoding.clone(),
            e_tag: Some(ETag::Strong(meta.etag.clone())),
            last_modified: Some(timestamp(meta.last_modified)),
            metadata: user_metadata(&meta),
            version_id: meta.version_id.clone(),
            body: Some(StreamingBlob::from(Body::from(body))),
            ..GetObjectOutput::default()
        };
        Ok(object_reply(output, &meta))
    }

    pub(super) async fn do_head_object(
        &self,
        input: HeadObjectInput,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        check_key(&input.key)?;
        let HeadObjectInput { bucket, key, .. } = input;
        let meta = self.on_store(move |store| Ok(store.head(&bucket, &key)?)).await?;
        let output = HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(meta.size).ok(),
            content_type: meta.content_type.clone(),
            content_encoding: meta.content_encoding.clone(),
            e_tag: Some(ETag::Strong(meta.etag.clone())),
            last_modified: Some(timestamp(meta.last_modified)),
            metadata: user_metadata(&meta),
            version_id: meta.version_id.clone(),
            ..HeadObjectOutput::default()
        };
        Ok(object_reply(output, &meta))
    }

    pub(super) async fn do_delete_object(
        &self,
        input: DeleteObjectInput,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        check_key(&input.key)?;
        let DeleteObjectInput { bucket, key, version_id, .. } = input;
        if let Some(version_id) = version_id {
            let wanted = version_id.clone();
            // Only the newest version is kept; an older one is gone as it is.
            self.on_store(move |store| Ok(store.delete_version(&bucket, &key, &wanted)?)).await?;
            let headers = version_header(Some(&version_id));
            let output = DeleteObjectOutput {
                version_id: Some(version_id),
                ..DeleteObjectOutput::default()
            };
            return Ok(S3Response::with_headers(output, headers));
        }
        let version_id = self.on_store(move |store| Ok(store.delete(&bucket, &key)?)).await?;
        let headers = version_header(version_id.as_deref());
        let output = DeleteObjectOutput {
            delete_marker: version_id.is_some().then_some(true),
            version_id,
            ..DeleteObjectOutput::default()
        };
        Ok(S3Response::with_headers(output, headers))
    }

    pub(super) async fn do_delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let Some(header) = request.headers.get("content-md5") else {
            return refuse(Code::MissingArgument);
        };
        let body = request.extensions.get::<RawBody>().map(|body| body.0.clone());
        Integrity::of(&body.unwrap_or_default())
            .check_content_md5(header.to_str().unwrap_or_default())?;

        let DeleteObjectsInput { bucket, delete, .. } = request.input;
        let quiet = delete.quiet.unwrap_or(false);
        let deleted = self
            .on_store(move |store| {
                let mut deleted = Vec::new();
                for object in delete.objects {
                    store.delete(&bucket, &object.key)?;
                    deleted.push(DeletedObject { key: Some(object.key), ..Default::default() });
                }
                Ok(deleted)
            })
            .await?;
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted: (!quiet).then_some(deleted),
            ..DeleteObjectsOutput::default()
        }))
    }
}

fn user_metadata(meta: &ObjectMeta) -> Option<Metadata> {
    (!meta.user_metadata.is_empty()).then(|| meta.user_metadata.clone().into_iter().collect())
}
