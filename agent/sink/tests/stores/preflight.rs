//! The checks of a preflight on real stores: each right by itself, and nothing left.

use std::time::Duration;

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::preflight::{Check, Finding, Part, Verdict};
use kafka2oss_domain::spec::{Destination, StoreType};
use kafka2oss_sandbox::oss::{Fault, Occurrence, OssEmulator, RequestMatch, Versioning};
use kafka2oss_sink::{LeftObject, ObjectStore, fresh_probe_key};
use kafka2oss_tests::minio::{MinioServer, shared_minio};
use kafka2oss_tests::port;
use tokio::sync::mpsc;

use crate::oss;
use crate::support::{destination, plain, run};

const PREFIX: &str = "p/";

/// What a preflight found, and what it left.
#[derive(Debug)]
struct Found(Vec<Finding>, Option<LeftObject>);

impl Found {
    async fn by(store: &ObjectStore) -> Self {
        let (sender, mut findings) = mpsc::channel(100);
        let left = store.preflight(fresh_probe_key(PREFIX), &sender).await;
        drop(sender);
        let mut found = Vec::new();
        while let Some(finding) = findings.recv().await {
            found.push(finding);
        }
        let found = Self(found, left);
        for check in Check::ALL.iter().filter(|check| check.part() == Part::Store) {
            found.of(*check);
        }
        found
    }

    fn of(&self, check: Check) -> &Finding {
        let mut found = self.0.iter().filter(|one| one.check == check);
        let one = found.next().unwrap_or_else(|| panic!("{check} in {self:#?}"));
        assert!(found.next().is_none(), "{check} was told twice: {self:#?}");
        one
    }

    fn is(&self, check: Check, verdict: Verdict, code: ErrorCode, words: &str) {
        let found = self.of(check);
        assert_eq!((found.verdict, found.code), (verdict, Some(code)), "{found:?}");
        assert!(found.detail.contains(words), "`{words}` is not in {found:?}");
    }

    /// Fails unless these, and no others, warn or fail.
    fn only(&self, checks: &[Check]) {
        let wrong = self.0.iter().filter(|one| one.verdict >= Verdict::Warn);
        let mut wrong: Vec<_> = wrong.map(|one| one.check).collect();
        wrong.sort_unstable();
        assert_eq!(wrong, checks, "{self:#?}");
    }
}

/// MinIO's bucket by a session that may do all but this.
async fn without(minio: &MinioServer, bucket: &str, action: &str) -> ObjectStore {
    let actions = [
        "s3:PutObject",
        "s3:GetObject",
        "s3:DeleteObject",
        "s3:ListBucket",
        "s3:GetBucketVersioning",
        "s3:GetBucketObjectLockConfiguration",
    ];
    let actions: Vec<_> = actions.into_iter().filter(|one| *one != action).collect();
    let policy = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": {actions:?},
        "Resource": ["arn:aws:s3:::{bucket}", "arn:aws:s3:::{bucket}/*"]}}]}}"#
    );
    let session = minio.session(&policy).await.unwrap();
    let (id, secret) = (plain(&session.access_key), plain(&session.secret_key));
    let mut destination = destination(StoreType::S3, minio.endpoint(), bucket, id, secret);
    destination.credentials.session_token = Some(plain(&session.session_token));
    ObjectStore::new(&destination)
}

fn minio_at(minio: &MinioServer, bucket: &str) -> Destination {
    let (id, secret) = (plain(minio.access_key()), plain(minio.secret_key()));
    destination(StoreType::S3, minio.endpoint(), bucket, id, secret)
}

#[test]
fn each_right_is_a_check_of_its_own_and_nothing_is_left() {
    run(async {
        let minio = shared_minio().await.unwrap();
        let bucket = "preflight";
        minio.create_bucket(bucket).await.unwrap();
        let denied = ErrorCode::StoreAccessDenied;

        let all = Found::by(&without(minio, bucket, "").await).await;
        all.only(&[]);

        let no_list = Found::by(&without(minio, bucket, "s3:ListBucket").await).await;
        no_list.is(Check::StoreList, Verdict::Warn, denied, "s3:ListBucket");
        no_list.only(&[Check::StoreList]);

        let no_get = Found::by(&without(minio, bucket, "s3:GetObject").await).await;
        no_get.is(Check::StoreHead, Verdict::Fail, denied, "s3:GetObject");
        no_get.is(Check::StoreGet, Verdict::Warn, denied, "s3:GetObject");
        no_get.only(&[Check::StoreHead, Check::StoreGet]);

        let no_versioning =
            Found::by(&without(minio, bucket, "s3:GetBucketVersioning").await).await;
        assert_eq!(no_versioning.of(Check::StoreVersioning).verdict, Verdict::Skipped);
        no_versioning.only(&[]);

        let action = "s3:GetBucketObjectLockConfiguration";
        let no_lock = Found::by(&without(minio, bucket, action).await).await;
        assert_eq!(no_lock.of(Check::StoreObjectLock).verdict, Verdict::Skipped);
        no_lock.only(&[]);

        let no_put = Found::by(&without(minio, bucket, "s3:PutObject").await).await;
        no_put.is(Check::StorePut, Verdict::Fail, denied, "s3:PutObject");
        no_put.only(&[Check::StorePut]);
        assert_eq!(no_put.of(Check::StoreHead).verdict, Verdict::Skipped);
        assert_eq!(no_put.of(Check::StoreList).verdict, Verdict::Pass);

        assert!(minio.access().bucket(bucket).keys("").await.unwrap().is_empty());

        // What cannot be deleted is named, and is what stays.
        let no_delete = Found::by(&without(minio, bucket, "s3:DeleteObject").await).await;
        let left = ErrorCode::StoreProbeLeft;
        no_delete.is(Check::StoreDelete, Verdict::Warn, left, "p/.kafka2oss-probe/");
        no_delete.only(&[Check::StoreDelete]);
        assert!(no_delete.1.is_some() && no_put.1.is_none() && all.1.is_none());
        let keys = minio.access().bucket(bucket).keys("").await.unwrap();
        assert!(no_delete.of(Check::StoreDelete).detail.contains(&keys[0]), "{keys:?}");
        assert_eq!(keys.len(), 1);
    });
}

#[test]
fn a_bucket_a_secret_and_a_region_that_are_wrong_are_told() {
    run(async {
        let minio = MinioServer::start_in("eu-central-7").await.unwrap();
        minio.create_bucket("there").await.unwrap();
        let at = |change: &dyn Fn(&mut Destination)| {
            let mut destination = minio_at(&minio, "there");
            destination.signing_region = "eu-central-7".to_owned();
            change(&mut destination);
            ObjectStore::new(&destination)
        };
        Found::by(&at(&|_| {})).await.only(&[]);

        let found = Found::by(&at(&|at| at.bucket = "not-there".to_owned())).await;
        found.is(Check::StoreBucket, Verdict::Fail, ErrorCode::StoreBucketNotFound, "not-there");
        found.only(&[Check::StoreBucket]);
        assert_eq!(found.of(Check::StorePut).verdict, Verdict::Skipped);

        let found = Found::by(&at(&|at| at.credentials.secret = plain("wrong"))).await;
        let invalid = ErrorCode::StoreCredentialsInvalid;
        found.is(Check::StoreCredentials, Verdict::Fail, invalid, "SignatureDoesNotMatch");
        found.only(&[Check::StoreCredentials]);

        let found = Found::by(&at(&|at| at.signing_region = "us-east-1".to_owned())).await;
        let wrong = ErrorCode::StoreRegionWrong;
        found.is(Check::StoreRegion, Verdict::Fail, wrong, "`eu-central-7`");
        found.only(&[Check::StoreRegion]);

        let missing = |at: &mut Destination| {
            let nowhere = "KAFKA2OSS_NO_SUCH_VARIABLE".to_owned();
            at.credentials.secret = kafka2oss_domain::spec::SecretSource::Environment(nowhere);
        };
        let found = Found::by(&at(&missing)).await;
        let unreadable = ErrorCode::SecretUnreadable;
        found.is(Check::StoreCredentials, Verdict::Fail, unreadable, "KAFKA2OSS_NO_SUCH_VARIABLE");

        let [closed] = port::free().unwrap();
        let found = Found::by(&at(&|at| at.endpoint = format!("http://127.0.0.1:{closed}"))).await;
        let unreachable = ErrorCode::StoreUnreachable;
        found.is(Check::StoreConnect, Verdict::Fail, unreachable, &closed.to_string());
        found.only(&[Check::StoreConnect]);
    });
}

#[test]
fn versions_and_a_default_retention_are_told_and_what_they_keep() {
    run(async {
        let minio = shared_minio().await.unwrap();
        minio.create_bucket("preflight-versions").await.unwrap();
        let client = minio.access().client();
        let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
        let request = client.put_bucket_versioning().bucket("preflight-versions");
        request.versioning_configuration(enabled.build()).send().await.unwrap();
        let found = Found::by(&ObjectStore::new(&minio_at(minio, "preflight-versions"))).await;
        found.only(&[]);
        assert!(found.of(Check::StoreVersioning).detail.contains("Enabled"), "{found:#?}");
        let listed = client.list_object_versions().bucket("preflight-versions").send().await;
        let listed = listed.unwrap();
        assert!(listed.versions().is_empty() && listed.delete_markers().is_empty(), "{listed:?}");

        let request = client.create_bucket().bucket("preflight-lock");
        request.object_lock_enabled_for_bucket(true).send().await.unwrap();
        let kept = aws_sdk_s3::types::DefaultRetention::builder()
            .mode(aws_sdk_s3::types::ObjectLockRetentionMode::Compliance)
            .days(1)
            .build();
        let rule = aws_sdk_s3::types::ObjectLockRule::builder().default_retention(kept).build();
        let lock = aws_sdk_s3::types::ObjectLockConfiguration::builder()
            .object_lock_enabled(aws_sdk_s3::types::ObjectLockEnabled::Enabled)
            .rule(rule)
            .build();
        let request = client.put_object_lock_configuration().bucket("preflight-lock");
        request.object_lock_configuration(lock).send().await.unwrap();
        let found = Found::by(&ObjectStore::new(&minio_at(minio, "preflight-lock"))).await;
        let left = ErrorCode::StoreProbeLeft;
        found.is(Check::StoreObjectLock, Verdict::Warn, left, "COMPLIANCE for 1 days");
        found.is(Check::StoreDelete, Verdict::Warn, left, "p/.kafka2oss-probe/");
        found.only(&[Check::StoreObjectLock, Check::StoreDelete]);
    });
}

/// The emulator's bucket, and what a preflight finds while it answers everything so.
async fn with(emulator: &OssEmulator, fault: Fault) -> Found {
    let fault = emulator.faults().inject(RequestMatch::any(), fault, Occurrence::Always);
    let found = Found::by(&oss::store(emulator)).await;
    fault.remove();
    found
}

#[test]
fn on_oss_versions_are_a_doubt_and_clocks_and_places_are_told() {
    run(async {
        let emulator = oss::start().await;
        let sound = Found::by(&oss::store(&emulator)).await;
        sound.only(&[]);
        assert_eq!(sound.of(Check::StoreObjectLock).verdict, Verdict::Skipped);
        let bucket = sound.of(Check::StoreBucket).subject.clone();
        assert!(emulator.list(&bucket, "").await.unwrap().is_empty(), "nothing is left");

        let skewed = Fault::Refuse { status: 403, code: "RequestTimeTooSkewed".to_owned() };
        let found = with(&emulator, skewed).await;
        let code = ErrorCode::StoreClockSkewed;
        found.is(Check::StoreClock, Verdict::Fail, code, "RequestTimeTooSkewed");
        found.only(&[Check::StoreClock]);

        let place = "oss-cn-shanghai.aliyuncs.com".to_owned();
        let found = with(&emulator, Fault::Elsewhere { endpoint: place }).await;
        let code = ErrorCode::StoreEndpointWrong;
        found.is(Check::StoreRegion, Verdict::Fail, code, "oss-cn-shanghai");

        let silent = Fault::Latency(Duration::from_secs(60));
        let found = with(&emulator, silent).await;
        let code = ErrorCode::StoreUnreachable;
        found.is(Check::StoreConnect, Verdict::Fail, code, "within 8 s");

        emulator.set_versioning(&bucket, Versioning::Enabled).await.unwrap();
        let found = Found::by(&oss::store(&emulator)).await;
        let code = ErrorCode::StoreVersioningOn;
        found.is(Check::StoreVersioning, Verdict::Warn, code, "Enabled");
        found.only(&[Check::StoreCreateOnly, Check::StoreVersioning]);
    });
}
