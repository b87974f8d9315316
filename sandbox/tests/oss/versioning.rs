use crate::support::*;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use kafka2oss_sandbox::oss::Versioning;

#[tokio::test]
async fn the_state_is_set_and_read_by_requests() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let get = || client.get_bucket_versioning().bucket(BUCKET).send();
    assert_eq!(get().await.unwrap().status(), None);

    for state in [BucketVersioningStatus::Enabled, BucketVersioningStatus::Suspended] {
        let configuration = VersioningConfiguration::builder().status(state.clone()).build();
        let put = client.put_bucket_versioning().bucket(BUCKET);
        put.versioning_configuration(configuration).send().await.unwrap();
        assert_eq!(get().await.unwrap().status(), Some(&state));
    }
}

#[tokio::test]
async fn create_only_has_no_effect_where_versioning_is_enabled_or_suspended() {
    for state in [Versioning::Enabled, Versioning::Suspended] {
        let emulator = emulator().await;
        let client = client(&emulator);
        let plain = put_create_only(&client, "k", "first").await.unwrap();
        assert_eq!(plain.version_id(), None);

        emulator.set_versioning(BUCKET, state).await.unwrap();
        let second = put_create_only(&client, "k", "second").await.unwrap();
        let third = put_create_only(&client, "k", "third").await.unwrap();
        assert_eq!(read(&client, "k").await, "third");
        let head = client.head_object().bucket(BUCKET).key("k").send().await.unwrap();
        assert_eq!(head.version_id(), third.version_id());
        match state {
            Versioning::Enabled => assert_ne!(second.version_id(), third.version_id()),
            _ => assert_eq!(third.version_id(), Some("null")),
        }

        emulator.set_versioning(BUCKET, Versioning::Unversioned).await.unwrap();
        assert_refused(put_create_only(&client, "k", "4").await, 409, "FileAlreadyExists");
    }
}

#[tokio::test]
async fn a_deletion_in_a_versioned_bucket_tells_its_marker() {
    let emulator = emulator().await;
    let client = client(&emulator);
    emulator.set_versioning(BUCKET, Versioning::Enabled).await.unwrap();
    put(&client, "k", "1").await;
    let deleted = client.delete_object().bucket(BUCKET).key("k").send().await.unwrap();
    assert_eq!(deleted.delete_marker(), Some(true));
    assert!(deleted.version_id().is_some());
    let get = client.get_object().bucket(BUCKET).key("k").send().await;
    assert_refused(get, 404, "NoSuchKey");
}

#[tokio::test]
async fn a_version_is_deleted_by_its_id_without_a_marker() {
    let emulator = emulator().await;
    let client = client(&emulator);
    emulator.set_versioning(BUCKET, Versioning::Enabled).await.unwrap();
    let older = put_create_only(&client, "k", "1").await.unwrap();
    let newer = put_create_only(&client, "k", "2").await.unwrap();
    let delete = |version: Option<&str>| {
        let request = client.delete_object().bucket(BUCKET).key("k");
        request.set_version_id(version.map(str::to_owned)).send()
    };

    let deleted = delete(older.version_id()).await.unwrap();
    assert_eq!(deleted.delete_marker(), None);
    assert_eq!(read(&client, "k").await, "2");
    delete(newer.version_id()).await.unwrap();
    let get = client.get_object().bucket(BUCKET).key("k").send().await;
    assert_refused(get, 404, "NoSuchKey");
}
