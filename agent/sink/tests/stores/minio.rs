//! Against MinIO.

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use kafka2oss_proto::ErrorCode;
use kafka2oss_proto::spec::StoreType;
use kafka2oss_sink::{ObjectStore, Probe, PutOutcome};
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
        assert_eq!(store.probe("p/").await.unwrap(), Probe::ExactlyOnce);
    });
}

#[test]
fn a_versioned_bucket_does_not_and_its_puts_say_so() {
    run(async {
        let (minio, store) = start("versioned").await;
        let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
        let client = minio.access().client();
        let request = client.put_bucket_versioning().bucket("versioned");
        request.versioning_configuration(enabled.build()).send().await.unwrap();

        let probe = store.probe("").await.unwrap();
        let Probe::AtLeastOnce { code, reason } = probe else { panic!("exactly once") };
        assert_eq!(code, ErrorCode::StoreVersioningOn, "{reason}");
        let outcome = store.put(&object("k", "[]")).await.unwrap();
        assert!(matches!(outcome, PutOutcome::Created { version_id: Some(_) }), "{outcome:?}");
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

        assert_eq!(error.code, ErrorCode::StoreUnreachable, "{error}");
        assert!(error.message.contains("UnknownIssuer"), "{error}");
    });
}
