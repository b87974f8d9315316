//! Listing and getting, on the emulator and MinIO.

use kafka2oss_chain::MetadataError;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::spec::StoreType;
use kafka2oss_sink::{ObjectBody, ObjectStore};
use kafka2oss_tests::bucket::Bucket;
use kafka2oss_tests::minio::shared_minio;
use kafka2oss_tests::oss::OssServer;

use crate::support::{CREATED, destination, object, plain, run};

const BUCKET: &str = "reading";

/// Objects of a page, at most.
const PAGE: usize = 1_000;

async fn on_oss(oss: &OssServer) -> (ObjectStore, Bucket) {
    let keys = (plain(oss.access_key()), plain(oss.secret_key()));
    let store = destination(StoreType::Oss, oss.endpoint(), BUCKET, keys.0, keys.1);
    let bucket = oss.access().bucket(BUCKET);
    bucket.create().await.unwrap();
    (ObjectStore::new(&store), bucket)
}

async fn on_minio(name: &str) -> (ObjectStore, Bucket) {
    let minio = shared_minio().await.unwrap();
    let keys = (plain(minio.access_key()), plain(minio.secret_key()));
    let store = destination(StoreType::S3, minio.endpoint(), name, keys.0, keys.1);
    minio.create_bucket(name).await.unwrap();
    (ObjectStore::new(&store), minio.access().bucket(name))
}

async fn content(mut body: ObjectBody) -> Vec<u8> {
    let mut content = Vec::new();
    while let Some(chunk) = body.chunk().await.unwrap() {
        content.extend_from_slice(&chunk);
    }
    content
}

/// Keys and sizes under a prefix, and how many pages they took.
async fn listed(store: &ObjectStore, prefix: &str) -> (Vec<(String, u64)>, usize) {
    let (mut objects, mut pages, mut next) = (Vec::new(), 0, None);
    loop {
        let page = store.list(prefix, next.as_ref()).await.unwrap();
        objects.extend(page.objects.into_iter().map(|object| (object.key, object.size)));
        pages += 1;
        next = page.next;
        if next.is_none() {
            return (objects, pages);
        }
    }
}

async fn lists_whatever_a_key_is(store: &ObjectStore, bucket: &Bucket) {
    let keys = ["l/+", "l/a b", "l/a%2Fb", "l/t+3+0.json", "l/ä", "l/\u{1}<&>"];
    for key in keys.iter().chain(&["k/x", "m/x"]) {
        bucket.put(key, "12345").await.unwrap();
    }
    let (objects, pages) = listed(store, "l/").await;
    let mut expected: Vec<_> = keys.map(|key| (key.to_owned(), 5)).to_vec();
    expected.sort();
    assert_eq!((objects, pages), (expected, 1));
    assert_eq!(listed(store, "none").await, (Vec::new(), 1));
}

async fn gets_whole_objects_and_the_rest_of_one(store: &ObjectStore, bucket: &Bucket) {
    let key = "t/topic name/p=3/t+3+00000000000000001000-k3v9x0ab.json/ä~%20";
    let ours = object(key, "[1,2]");
    assert_eq!(store.put(&ours).await.unwrap(), CREATED);
    for (start, rest) in [(0, "[1,2]"), (3, "2]")] {
        let body = store.get(key, start).await.unwrap().unwrap();
        assert_eq!(body.metadata, Ok(ours.metadata.clone()));
        assert_eq!(content(body).await, rest.as_bytes());
    }
    bucket.put("theirs", "x").await.unwrap();
    let body = store.get("theirs", 0).await.unwrap().unwrap();
    assert_eq!(body.metadata, Err(MetadataError::Missing("kafka2oss-version")));
    assert_eq!(content(body).await, b"x");
    bucket.put("empty", "").await.unwrap();
    assert_eq!(content(store.get("empty", 0).await.unwrap().unwrap()).await, b"");
    assert!(store.get("none", 0).await.unwrap().is_none());
}

#[test]
fn oss_is_read_back() {
    run(async {
        let oss = OssServer::start().await.unwrap();
        let (store, bucket) = on_oss(&oss).await;
        lists_whatever_a_key_is(&store, &bucket).await;
        gets_whole_objects_and_the_rest_of_one(&store, &bucket).await;
    });
}

#[test]
fn s3_is_read_back() {
    run(async {
        let (store, bucket) = on_minio("read-back").await;
        lists_whatever_a_key_is(&store, &bucket).await;
        gets_whole_objects_and_the_rest_of_one(&store, &bucket).await;
    });
}

async fn pages_follow_each_other(store: &ObjectStore, bucket: &Bucket) {
    let expected: Vec<_> = (0..PAGE + 5).map(|index| (format!("+/{index:04}"), 1)).collect();
    for (key, _) in &expected {
        bucket.put(key, "1").await.unwrap();
    }
    assert_eq!(listed(store, "+/").await, (expected, 2));
}

#[test]
fn pages_of_a_listing_follow_each_other_on_oss() {
    run(async {
        let oss = OssServer::start().await.unwrap();
        let (store, bucket) = on_oss(&oss).await;
        pages_follow_each_other(&store, &bucket).await;
    });
}

#[test]
fn pages_of_a_listing_follow_each_other_on_s3() {
    run(async {
        let (store, bucket) = on_minio("pages").await;
        pages_follow_each_other(&store, &bucket).await;
    });
}

#[test]
fn a_missing_bucket_is_named() {
    run(async {
        let oss = OssServer::start().await.unwrap();
        let keys = (plain(oss.access_key()), plain(oss.secret_key()));
        let absent = destination(StoreType::Oss, oss.endpoint(), "absent", keys.0, keys.1);
        let store = ObjectStore::new(&absent);
        let listing = store.list("", None).await.unwrap_err();
        assert_eq!(listing.code, ErrorCode::StoreBucketNotFound, "{listing}");
        let get = store.get("k", 0).await.unwrap_err();
        assert_eq!(get.code, ErrorCode::StoreBucketNotFound, "{get}");
    });
}
