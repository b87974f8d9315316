//! What can be wrong on the store's side: shown with its code and its cure,
//! and over by itself when the cause is gone.

use std::fs;

use anyhow::Result;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use kafka2oss_proto::v1;
use kafka2oss_sandbox::oss::{
    Fault, Occurrence, Operation, RequestMatch, RequestRecord, Versioning,
};
use kafka2oss_tests::name::unique;
use kafka2oss_tests::produce::numbered;
use kafka2oss_tests::scratch::Scratch;

use crate::spec::{Parts, access_key, file, plain, temporary_key};
use crate::world::{Store, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_is_shown_and_filled_once_it_is_there() -> Result<()> {
    let mut world = World::new(2).await?;
    let name = unique("later");
    world.bucket = world.store.bucket(&name);
    let mut produced = world.produce(numbered("before ", 0..100, 2)).await?;
    let connector = world.connector().await?;
    connector.deploy().await?;

    let shown = connector.shows("STORE_BUCKET_NOT_FOUND").await?;
    assert_eq!(shown.status.unwrap_or_default().state(), v1::ConnectorState::Failed);
    produced.extend(world.produce(numbered("meanwhile ", 0..100, 2)).await?);
    world.store.create_bucket(&name).await?;

    connector.is(v1::ConnectorState::Running).await?;
    connector.delivered(&produced).await?;
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_in_a_file_is_shown_and_a_right_one_is_picked_up() -> Result<()> {
    // given a secret in a file that MinIO does not take
    let mut world = World::new(2).await?;
    world.store = Store::minio().await?;
    let name = unique("bucket");
    world.store.create_bucket(&name).await?;
    world.bucket = world.store.bucket(&name);
    let Store::Minio(minio) = &world.store else { unreachable!() };
    let folder = Scratch::new("secrets")?;
    let (id, secret) = (folder.join("id"), folder.join("secret"));
    fs::write(&id, minio.access_key())?;
    fs::write(&secret, "wrong")?;
    let mut produced = world.produce(numbered("before ", 0..100, 2)).await?;
    let connector = world
        .connector_with(|spec| {
            spec.destination().credentials = Some(access_key(file(&id), file(&secret)));
        })
        .await?;
    connector.deploy().await?;
    connector.shows("STORE_CREDENTIALS_INVALID").await?;

    // when it is put right, with the line break that editors leave
    fs::write(&secret, format!("{}\n", minio.secret_key()))?;

    // then
    connector.is(v1::ConnectorState::Running).await?;
    produced.extend(world.produce(numbered("after ", 0..100, 2)).await?);
    connector.delivered(&produced).await?;
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_revoked_while_it_runs_is_shown_and_a_rotated_one_is_picked_up()
-> Result<()> {
    // given a connector that runs with a secret in a file
    let world = World::new(2).await?;
    let folder = Scratch::new("secrets")?;
    let (id, secret) = (folder.join("id"), folder.join("secret"));
    fs::write(&id, world.oss().access_key())?;
    fs::write(&secret, world.oss().secret_key())?;
    let connector = world
        .connector_with(|spec| {
            spec.destination().credentials = Some(access_key(file(&id), file(&secret)));
        })
        .await?;
    connector.run().await?;
    let mut produced = world.produce(numbered("before ", 0..100, 2)).await?;
    connector.delivered(&produced).await?;

    // when the store has another secret
    world.oss().set_access_key(world.oss().access_key(), "rotated-secret");
    produced.extend(world.produce(numbered("meanwhile ", 0..100, 2)).await?);
    connector.is(v1::ConnectorState::Degraded).await?;
    connector.shows("STORE_CREDENTIALS_INVALID").await?;

    // then the new one is enough, where the old one stood
    fs::write(&secret, "rotated-secret")?;
    connector.is(v1::ConnectorState::Running).await?;
    connector.delivered(&produced).await?;
    world.oss().set_access_key(world.oss().access_key(), world.oss().secret_key());
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_reached_for_a_while_is_shown_and_nothing_is_lost() -> Result<()> {
    // given a connector that runs
    let world = World::new(2).await?;
    let connector = world.connector().await?;
    connector.run().await?;
    let mut produced = world.produce(numbered("before ", 0..100, 2)).await?;
    connector.delivered(&produced).await?;

    // when its store drops every connection, some after having done the work
    let faults = world.oss().faults();
    faults.inject(RequestMatch::any(), Fault::LostAnswer, Occurrence::Times(3));
    faults.inject(RequestMatch::any(), Fault::ConnectionReset, Occurrence::Always);
    produced.extend(world.produce(numbered("meanwhile ", 0..100, 2)).await?);
    connector.is(v1::ConnectorState::Degraded).await?;
    connector.shows("STORE_UNREACHABLE").await?;

    // then it goes on by itself when the store does
    faults.clear();
    connector.is(v1::ConnectorState::Running).await?;
    produced.extend(world.produce(numbered("after ", 0..100, 2)).await?);
    connector.delivered(&produced).await?;
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_with_versioning_gives_at_least_once_with_its_reason() -> Result<()> {
    let world = World::new(1).await?;
    world.oss().set_versioning(world.bucket.name(), Versioning::Enabled).await?;
    let connector = world.connector().await?;

    let running = connector.run().await?;

    let status = running.status.unwrap_or_default();
    assert_eq!(status.delivery_guarantee(), v1::DeliveryGuarantee::AtLeastOnce);
    let reason = &status.delivery_guarantee_reason;
    assert!(reason.contains("STORE_VERSIONING_ON"), "{reason}");
    let produced = world.produce(numbered("r", 0..100, 1)).await?;
    connector.delivered(&produced).await?;
    world.judge(&produced).await
}

/// S3 and MinIO refuse the second put of a key whatever versions a bucket keeps.
#[tokio::test(flavor = "multi_thread")]
async fn a_versioned_bucket_of_s3_and_temporary_keys_that_may_not_list_it_give_exactly_once()
-> Result<()> {
    // given a bucket with versions, and a session with no more than is documented
    let mut world = World::new(2).await?;
    world.store = Store::minio().await?;
    let name = unique("bucket");
    world.store.create_bucket(&name).await?;
    world.bucket = world.store.bucket(&name);
    let Store::Minio(minio) = &world.store else { unreachable!() };
    let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
    let request = minio.access().client().put_bucket_versioning().bucket(&name);
    request.versioning_configuration(enabled.build()).send().await?;
    let page = include_str!("../../docs/permissions.md");
    let policy = page.split("```json").nth(1).and_then(|rest| rest.split("```").next());
    let policy = policy.expect("the page has one").replace("BUCKET", &name).replace("PREFIX", "");
    let session = minio.session(&policy).await?;

    // when
    let connector = world
        .connector_with(|spec| {
            let (id, secret) = (plain(&session.access_key), plain(&session.secret_key));
            let token = plain(&session.session_token);
            spec.destination().credentials = Some(temporary_key(id, secret, token));
        })
        .await?;
    let running = connector.run().await?;

    // then
    let status = running.status.unwrap_or_default();
    assert_eq!(status.delivery_guarantee(), v1::DeliveryGuarantee::ExactlyOnce);
    let produced = world.produce(numbered("r", 0..100, 2)).await?;
    connector.delivered(&produced).await?;
    let later = connector.get().await?.status.unwrap_or_default();
    assert_eq!(later.delivery_guarantee(), v1::DeliveryGuarantee::ExactlyOnce);
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_known_is_not_probed_again_while_only_kafkas_side_is_wrong() -> Result<()> {
    // given a connector whose topic does not exist yet
    let mut world = World::new(1).await?;
    world.topic = unique("later");
    let connector = world.connector().await?;
    connector.deploy().await?;
    connector.shows("KAFKA_TOPIC_NOT_FOUND").await?;

    // when it does
    world.admin()?.create_topic(&world.topic, 1, &[]).await?;
    connector.is(v1::ConnectorState::Running).await?;

    // then it was prepared more than once, and the store tried out once
    let put = |request: &RequestRecord| {
        let is_probe = request.key.as_ref().is_some_and(|key| key.contains(".kafka2oss-probe/"));
        is_probe && request.operation == Operation::PutObject
    };
    assert_eq!(world.oss().requests().iter().filter(|request| put(request)).count(), 2);
    let produced = world.produce(numbered("r", 0..10, 1)).await?;
    connector.delivered(&produced).await?;
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_elsewhere_is_shown_with_where_it_is() -> Result<()> {
    let world = World::new(1).await?;
    let endpoint = "oss-cn-shanghai.aliyuncs.com".to_owned();
    let elsewhere = Fault::Elsewhere { endpoint };
    world.oss().faults().inject(RequestMatch::any(), elsewhere, Occurrence::Always);
    let connector = world.connector().await?;
    connector.deploy().await?;

    let shown = connector.shows("STORE_ENDPOINT_WRONG").await?;

    let status = format!("{:?}", shown.status);
    assert!(status.contains("https://s3.oss-cn-shanghai.aliyuncs.com"), "{status}");
    Ok(())
}
