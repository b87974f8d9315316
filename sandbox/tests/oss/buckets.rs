use crate::support::*;

#[tokio::test]
async fn buckets_are_made_seen_listed_and_deleted() {
    let emulator = emulator().await;
    let client = client(&emulator);
    client.create_bucket().bucket("second-bucket").send().await.unwrap();
    // An owner's repeated creation is no error on OSS.
    client.create_bucket().bucket("second-bucket").send().await.unwrap();
    client.head_bucket().bucket("second-bucket").send().await.unwrap();

    let listed = client.list_buckets().send().await.unwrap();
    let names: Vec<_> = listed.buckets().iter().filter_map(|bucket| bucket.name()).collect();
    assert_eq!(names, [BUCKET, "second-bucket"]);

    client.delete_bucket().bucket("second-bucket").send().await.unwrap();
    let gone = refused(client.head_bucket().bucket("second-bucket").send().await);
    assert_eq!(gone.status, 404);
}

#[tokio::test]
async fn a_bucket_with_objects_is_not_deleted() {
    let emulator = emulator().await;
    let client = client(&emulator);
    put(&client, "k", "1").await;
    assert_refused(client.delete_bucket().bucket(BUCKET).send().await, 409, "BucketNotEmpty");
}

#[tokio::test]
async fn a_missing_bucket_is_named_as_such() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let put = client.put_object().bucket("no-such-bucket").key("k").send().await;
    assert_refused(put, 404, "NoSuchBucket");
    let get = client.get_object().bucket("no-such-bucket").key("k").send().await;
    assert_refused(get, 404, "NoSuchBucket");
    let list = client.list_objects_v2().bucket("no-such-bucket").send().await;
    assert_refused(list, 404, "NoSuchBucket");
}

#[tokio::test]
async fn a_bucket_name_that_s3_allows_and_oss_does_not_is_refused() {
    let emulator = emulator().await;
    let create = client(&emulator).create_bucket().bucket("with.dots").send().await;
    assert_refused(create, 400, "InvalidBucketName");
    assert!(emulator.create_bucket("with_underscore").await.is_err());
}
