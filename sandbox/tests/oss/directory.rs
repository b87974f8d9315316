use std::path::Path;

use crate::support::*;
use kafka2oss_sandbox::oss::{
    OssEmulator, OssOptions, StartError, Storage, StoreError, Versioning,
};

async fn at(root: &Path) -> Result<OssEmulator, StartError> {
    let storage = Storage::Directory(root.to_owned());
    OssEmulator::start(OssOptions { storage, ..options() }).await
}

#[tokio::test]
async fn buckets_and_objects_survive_a_restart_on_the_same_port() {
    let root = tempfile::tempdir().unwrap();
    let long = format!("{}/ä", "k".repeat(900));
    let first = at(root.path()).await.unwrap();
    first.create_bucket(BUCKET).await.unwrap();
    first.create_bucket("versioned").await.unwrap();
    first.set_versioning("versioned", Versioning::Enabled).await.unwrap();
    let client = client(&first);
    put_create_only(&client, "t/0/00.json", "[\n1\n]").await.unwrap();
    put_create_only(&client, &long, "").await.unwrap();
    put(&client, "gone", "1").await;
    client.delete_object().bucket(BUCKET).key("gone").send().await.unwrap();
    let (listed, address) = (first.list(BUCKET, "").await.unwrap(), first.address());
    assert_eq!(listed.len(), 2);
    first.stop().await;

    let storage = Storage::Directory(root.path().to_owned());
    let options = OssOptions { listen: address, storage, ..options() };
    let second = OssEmulator::start(options).await.unwrap();
    assert_eq!(second.list(BUCKET, "").await.unwrap(), listed);
    // The client of before, with connections of before in its pool.
    assert_eq!(read(&client, "t/0/00.json").await, "[\n1\n]");
    assert_eq!(read(&client, &long).await, "");
    let again = put_create_only(&client, "t/0/00.json", "2").await;
    assert_refused(again, 409, "FileAlreadyExists");
    let versioned = client.get_bucket_versioning().bucket("versioned").send().await.unwrap();
    assert_eq!(versioned.status().map(|status| status.as_str()), Some("Enabled"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_racing_create_only_puts_exactly_one_wins() {
    let root = tempfile::tempdir().unwrap();
    let emulator = at(root.path()).await.unwrap();
    emulator.create_bucket(BUCKET).await.unwrap();
    crate::create_only::race(&emulator).await;
    let staged = std::fs::read_dir(root.path().join(".staging")).unwrap().count();
    assert_eq!(staged, 0);
}

#[tokio::test]
async fn an_overwrite_replaces_the_object() {
    let root = tempfile::tempdir().unwrap();
    let emulator = at(root.path()).await.unwrap();
    emulator.create_bucket(BUCKET).await.unwrap();
    let client = client(&emulator);
    put(&client, "k", "first").await;
    put(&client, "k", "second, and longer").await;
    assert_eq!(read(&client, "k").await, "second, and longer");
}

#[tokio::test]
async fn one_emulator_at_a_time_uses_a_directory() {
    let root = tempfile::tempdir().unwrap();
    let emulator = at(root.path()).await.unwrap();
    let second = at(root.path()).await;
    assert!(matches!(second, Err(StartError::Store(StoreError::InUse { .. }))));
    emulator.stop().await;
    at(root.path()).await.unwrap();
}

#[tokio::test]
async fn a_foreign_file_among_the_objects_is_reported() {
    let root = tempfile::tempdir().unwrap();
    let emulator = at(root.path()).await.unwrap();
    emulator.create_bucket(BUCKET).await.unwrap();
    emulator.stop().await;
    std::fs::write(root.path().join(BUCKET).join("objects/foreign"), "?").unwrap();
    let refused = at(root.path()).await;
    assert!(matches!(refused, Err(StartError::Store(StoreError::Corrupt { .. }))));
}
