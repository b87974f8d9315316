//! Against MinIO.

use aws_sdk_s3::types::{
    BucketVersioningStatus, DefaultRetention, ObjectLockConfiguration, ObjectLockEnabled,
    ObjectLockRetentionMode, ObjectLockRule, VersioningConfiguration,
};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::spec::StoreType;
use kafka2oss_sink::{ObjectStore, Probe, Probed, PutOutcome, fresh_probe_key};
use kafka2oss_tests::certificate::Authority;
use kafka2oss_tests::minio::{MinioServer, shared_minio};

use crate::support::{
    CREATED, destination, has_one_winner, is_create_only, object, plain, refusal, run,
};

fn store(minio: &MinioServer, bucket: &str, secret: &str) -> ObjectStore {
    ObjectStore::new(&destination(
        StoreType::S3,
        minio.endpoint(),
        bucket,
        plain(minio.access_key()),
        plain(secret),
    ))
}

async fn start(bucket: &str) -> (&'static MinioServer, ObjectStore) {
    let minio = shared_minio().await.unwrap();
    minio.create_bucket(bucket).await.unwrap();
    (minio, store(minio, bucket, minio.secret_key()))
}

#[test]
fn an_object_is_created_once_and_read_back() {
    run(async { is_create_only(&start("create-only").await.1).await });
}

#[test]
fn of_racing_writers_one_wins() {
    run(async { has_one_winner(&start("race").await.1).await });
}

#[test]
fn an_unversioned_bucket_allows_exactly_once() {
    run(async {
        let (_, store) = start("probe").await;
        let probed = store.probe(fresh_probe_key("p/")).await;
        assert_eq!(probed, Probed { outcome: Ok(Probe::ExactlyOnce), left: None });
    });
}

#[test]
fn a_versioned_bucket_allows_exactly_once_and_keeps_nothing_of_the_probe() {
    run(async {
        let (minio, store) = start("versioned").await;
        let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
        let client = minio.access().client();
        let request = client.put_bucket_versioning().bucket("versioned");
        request.versioning_configuration(enabled.build()).send().await.unwrap();

        let probed = store.probe(fresh_probe_key("")).await;
        assert_eq!(probed, Probed { outcome: Ok(Probe::ExactlyOnce), left: None });
        let versions = client.list_object_versions().bucket("versioned").send().await.unwrap();
        assert!(versions.versions().is_empty() && versions.delete_markers().is_empty());

        let object = object("k", "[]");
        let outcome = store.put(&object).await.unwrap();
        let PutOutcome::Created { version_id: Some(id) } = outcome else { panic!("{outcome:?}") };
        assert_eq!(store.doubt("k", Some(&id)), None, "the store honours the header");
        assert_eq!(store.put(&object).await.unwrap(), PutOutcome::Exists);
    });
}

#[test]
fn a_missing_bucket_is_told_from_a_missing_object_and_recovers_when_created() {
    run(async {
        let minio = shared_minio().await.unwrap();
        let store = store(minio, "not-yet", minio.secret_key());
        assert_eq!(refusal(&store).await.code, ErrorCode::StoreBucketNotFound);
        assert_eq!(store.head("k").await.unwrap_err().code, ErrorCode::StoreBucketNotFound);

        minio.create_bucket("not-yet").await.unwrap();
        assert_eq!(store.head("k").await.unwrap(), None);
        assert_eq!(store.put(&object("k", "[]")).await.unwrap(), CREATED);
    });
}

#[test]
fn a_wrong_secret_is_named_for_put_and_head() {
    run(async {
        let (minio, _) = start("wrong-secret").await;
        let store = store(minio, "wrong-secret", "not-the-secret");
        for error in [refusal(&store).await, store.head("k").await.unwrap_err()] {
            assert_eq!(error.code, ErrorCode::StoreCredentialsInvalid, "{error}");
            assert!(!format!("{error:?}").contains("not-the-secret"), "{error:?}");
        }
    });
}

/// The fact that the checksum header of the S3 dialect rests on: MinIO checks it
/// before it creates anything, and tells it in its answer.
#[test]
fn a_body_with_another_checksum_is_refused_and_not_created() {
    run(async {
        let (minio, store) = start("checksum").await;
        let client = minio.access().client();
        let put = client.put_object().bucket("checksum").key("k").body(b"[1]".to_vec().into());
        let error = put.checksum_crc32_c("AAAAAA==").send().await.unwrap_err();
        let code = error.as_service_error().and_then(|error| error.meta().code());
        assert_eq!(code, Some("XAmzContentChecksumMismatch"), "{error:?}");
        assert_eq!(store.head("k").await.unwrap(), None);
    });
}

#[test]
fn a_store_with_a_strangers_certificate_is_not_talked_to() {
    run(async {
        let minio = MinioServer::start_encrypted(&Authority::new().unwrap()).await.unwrap();
        minio.create_bucket("encrypted").await.unwrap();
        let store = store(&minio, "encrypted", minio.secret_key());

        let error = store.put(&object("k", "[]")).await.unwrap_err();

        assert_eq!(error.code, ErrorCode::StoreCertificateUntrusted, "{error}");
        assert!(error.message.contains("UnknownIssuer"), "{error}");
    });
}

/// Object Lock demands a checksum with each put, keeps versions, and lets nothing be
/// deleted before its time.
#[test]
fn a_bucket_with_object_lock_allows_exactly_once_and_the_probe_says_what_it_leaves() {
    run(async {
        let minio = shared_minio().await.unwrap();
        let client = minio.access().client();
        let create = client.create_bucket().bucket("locked").object_lock_enabled_for_bucket(true);
        create.send().await.unwrap();
        let retention = DefaultRetention::builder().mode(ObjectLockRetentionMode::Compliance);
        let rule = ObjectLockRule::builder().default_retention(retention.days(1).build()).build();
        let lock = ObjectLockConfiguration::builder();
        let lock = lock.object_lock_enabled(ObjectLockEnabled::Enabled).rule(rule).build();
        let put = client.put_object_lock_configuration().bucket("locked");
        put.object_lock_configuration(lock).send().await.unwrap();
        let store = store(minio, "locked", minio.secret_key());

        let key = fresh_probe_key("");
        for _ in 0..2 {
            let Probed { outcome, left } = store.probe(key.clone()).await;
            assert_eq!(outcome, Ok(Probe::ExactlyOnce));
            let problem = left.unwrap().problem;
            assert_eq!(problem.code, ErrorCode::StoreProbeLeft);
            assert!(problem.message.contains(&key), "{problem}");
            assert!(problem.message.contains("version "), "{problem}");
        }
        let versions = client.list_object_versions().bucket("locked").send().await.unwrap();
        assert_eq!((versions.versions().len(), versions.delete_markers().len()), (1, 0));
        let object = object("k", "[1]");
        assert!(matches!(store.put(&object).await.unwrap(), PutOutcome::Created { .. }));
        assert_eq!(store.put(&object).await.unwrap(), PutOutcome::Exists);
    });
}
