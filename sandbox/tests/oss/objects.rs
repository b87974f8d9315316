use std::sync::{Arc, Mutex};

use crate::support::*;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

/// Upper-case MD5 and CRC-64/XZ of `123456789`, the latter from the catalogue of
/// CRC algorithms.
const ETAG: &str = "\"25F9E794323B453885F5181F1B624D0B\"";
const CRC64: &str = "11051210869376104954";

#[tokio::test]
async fn put_get_and_head_tell_etag_crc64_and_request_id() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let seen = HeaderLog::default();

    let put = client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(ByteStream::from_static(b"123456789"))
        .customize()
        .interceptor(seen.clone())
        .send()
        .await
        .unwrap();
    let get = client.get_object().bucket(BUCKET).key("k").customize();
    let get = get.interceptor(seen.clone()).send().await.unwrap();
    let head = client.head_object().bucket(BUCKET).key("k").customize();
    let head = head.interceptor(seen.clone()).send().await.unwrap();

    assert_eq!([put.e_tag(), get.e_tag(), head.e_tag()], [Some(ETAG); 3]);
    assert_eq!(head.content_length(), Some(9));
    assert!(head.last_modified().is_some());
    assert_eq!(seen.values("x-oss-hash-crc64ecma"), [CRC64; 3]);
    let mut ids = seen.values("x-oss-request-id");
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn user_metadata_and_content_headers_come_back() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let put = client.put_object().bucket(BUCKET).key("k").content_type("application/json");
    let put = put.metadata("chain-id", "0a1b2c3d").metadata("next-offset", "42");
    put.content_encoding("gzip").body(ByteStream::from_static(b"x")).send().await.unwrap();

    let head = client.head_object().bucket(BUCKET).key("k").send().await.unwrap();
    let metadata = head.metadata().unwrap();
    assert_eq!(metadata["chain-id"], "0a1b2c3d");
    assert_eq!(metadata["next-offset"], "42");
    assert_eq!(head.content_type(), Some("application/json"));
    assert_eq!(head.content_encoding(), Some("gzip"));
    let meta = emulator.get(BUCKET, "k").await.unwrap().meta;
    assert_eq!(meta.user_metadata["chain-id"], "0a1b2c3d");
}

#[tokio::test]
async fn a_range_gives_a_part() {
    let emulator = emulator().await;
    let client = client(&emulator);
    put(&client, "k", "0123456789").await;
    for (range, expected) in [("bytes=2-4", "234"), ("bytes=8-", "89"), ("bytes=-3", "789")] {
        let part = client.get_object().bucket(BUCKET).key("k").range(range).send().await.unwrap();
        assert!(part.content_range().is_some_and(|range| range.ends_with("/10")));
        assert_eq!(part.body.collect().await.unwrap().to_vec(), expected.as_bytes());
    }
    let beyond = client.get_object().bucket(BUCKET).key("k").range("bytes=10-").send().await;
    assert_refused(beyond, 416, "InvalidRange");
}

#[tokio::test]
async fn a_missing_object_is_named_as_such_and_its_deletion_succeeds() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let get = client.get_object().bucket(BUCKET).key("k").send().await;
    assert_refused(get, 404, "NoSuchKey");

    let head = client.head_object().bucket(BUCKET).key("k").send().await;
    assert!(head.as_ref().is_err_and(|error| {
        error.as_service_error().is_some_and(|error| error.is_not_found())
    }));
    assert!(matches!(head, Err(SdkError::ServiceError(_))));

    client.delete_object().bucket(BUCKET).key("k").send().await.unwrap();
}

#[tokio::test]
async fn illegal_keys_are_refused() {
    let emulator = emulator().await;
    let client = client(&emulator);
    for key in ["/leading", "\\leading", &"k".repeat(1024), &"k".repeat(1025)] {
        let put = client.put_object().bucket(BUCKET).key(key).send().await;
        assert_refused(put, 400, "InvalidObjectName");
    }
    put(&client, &"k".repeat(1023), "1").await;
}

#[tokio::test]
async fn deletion_of_several_needs_content_md5() {
    let emulator = emulator().await;
    let client = client(&emulator);
    put(&client, "a", "1").await;
    put(&client, "b", "2").await;
    let keys = ["a", "b"].map(|key| ObjectIdentifier::builder().key(key).build().unwrap());
    let delete = Delete::builder().set_objects(Some(keys.to_vec())).build().unwrap();
    let request = || client.delete_objects().bucket(BUCKET).delete(delete.clone());

    // The SDK sends CRC32 in its place.
    assert_refused(request().send().await, 400, "MissingArgument");
    let with_md5 = |md5: fn(&[u8]) -> String| {
        request()
            .customize()
            .mutate_request(move |request| {
                let md5 = md5(request.body().bytes().unwrap());
                request.headers_mut().insert("content-md5", md5);
            })
            .send()
    };
    assert_refused(with_md5(|_| STANDARD.encode([0; 16])).await, 400, "InvalidDigest");
    assert_eq!(emulator.list(BUCKET, "").await.unwrap().len(), 2);

    let deleted = with_md5(|body| STANDARD.encode(Md5::digest(body))).await.unwrap();
    assert_eq!(deleted.deleted().len(), 2);
    assert!(emulator.list(BUCKET, "").await.unwrap().is_empty());
}

#[tokio::test]
async fn multipart_uploads_are_not_implemented() {
    let emulator = emulator().await;
    let create = client(&emulator).create_multipart_upload().bucket(BUCKET).key("k").send().await;
    assert_refused(create, 501, "NotImplemented");
}

/// Keeps the headers of replies.
#[derive(Debug, Clone, Default)]
struct HeaderLog(Arc<Mutex<Vec<(String, String)>>>);

impl HeaderLog {
    fn values(&self, name: &str) -> Vec<String> {
        let log = self.0.lock().unwrap();
        log.iter().filter(|(header, _)| header == name).map(|(_, value)| value.clone()).collect()
    }
}

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for HeaderLog {
    fn name(&self) -> &'static str {
        "HeaderLog"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response().headers();
        let headers = headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.0.lock().unwrap().extend(headers);
        Ok(())
    }
}
