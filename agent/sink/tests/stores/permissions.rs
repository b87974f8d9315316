//! What credentials may do, by MinIO's own policies and sessions.

use std::path::Path;

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::spec::{SecretSource, StoreType};
use kafka2oss_sink::{ObjectStore, Probe, Probed, fresh_probe_key};
use kafka2oss_tests::minio::{MinioServer, shared_minio};
use kafka2oss_tests::sts::Session;

use crate::support::{CREATED, destination, object, plain, refusal, run};

const PREFIX: &str = "p/";

/// The policy that the documentation gives, without these actions.
fn documented(bucket: &str, without: &[&str]) -> String {
    let page = include_str!("../../../../docs/permissions.md");
    let policy = page.split("```json").nth(1).unwrap().split("```").next().unwrap();
    let mut policy = policy.replace("BUCKET", bucket).replace("PREFIX", PREFIX);
    for action in without {
        let known = format!("\"{action}\"");
        assert!(policy.contains(&known), "{action}");
        policy = policy.replace(&known, "\"s3:GetBucketLocation\"");
    }
    policy
}

fn store(minio: &MinioServer, bucket: &str, session: &Session) -> ObjectStore {
    store_with(minio, bucket, session, plain(&session.session_token))
}

fn store_with(
    minio: &MinioServer,
    bucket: &str,
    session: &Session,
    token: SecretSource,
) -> ObjectStore {
    let (id, secret) = (plain(&session.access_key), plain(&session.secret_key));
    let mut destination = destination(StoreType::S3, minio.endpoint(), bucket, id, secret);
    destination.credentials.session_token = Some(token);
    ObjectStore::new(&destination)
}

async fn probed(minio: &MinioServer, bucket: &str, without: &[&str]) -> Probed {
    let session = minio.session(&documented(bucket, without)).await.unwrap();
    store(minio, bucket, &session).probe(fresh_probe_key(PREFIX)).await
}

#[test]
fn the_documented_permissions_are_enough() {
    run(async {
        let minio = shared_minio().await.unwrap();
        minio.create_bucket("least").await.unwrap();
        let session = minio.session(&documented("least", &[])).await.unwrap();
        let store = store(minio, "least", &session);

        let probed = store.probe(fresh_probe_key(PREFIX)).await;
        assert_eq!(probed, Probed { outcome: Ok(Probe::ExactlyOnce), left: None });
        let object = object("p/k", "[1]");
        assert_eq!(store.put(&object).await.unwrap(), CREATED);
        assert_eq!(store.head("p/k").await.unwrap().unwrap().metadata, Ok(object.metadata));
    });
}

#[test]
fn each_permission_that_is_missing_is_named() {
    run(async {
        let minio = shared_minio().await.unwrap();
        minio.create_bucket("missing").await.unwrap();
        for action in ["s3:PutObject", "s3:GetObject"] {
            let error = probed(minio, "missing", &[action]).await.outcome.unwrap_err();
            assert_eq!(error.code, ErrorCode::StoreAccessDenied, "{error}");
            let resource = "arn:aws:s3:::missing/p/.kafka2oss-probe/";
            let named = format!("it needs {action} on {resource}");
            assert!(error.message.contains(&named), "{error}");
        }
        let probed = probed(minio, "missing", &["s3:DeleteObject"]).await;
        assert_eq!(probed.outcome, Ok(Probe::ExactlyOnce));
        let left = probed.left.unwrap().problem.message;
        assert!(left.contains("s3:DeleteObject on arn:aws:s3:::missing/p/"), "{left}");
    });
}

#[test]
fn in_a_versioned_bucket_deleting_a_version_is_a_permission_of_its_own() {
    run(async {
        let minio = shared_minio().await.unwrap();
        minio.create_bucket("versions").await.unwrap();
        let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
        let request = minio.access().client().put_bucket_versioning().bucket("versions");
        request.versioning_configuration(enabled.build()).send().await.unwrap();

        let sound = probed(minio, "versions", &[]).await;
        assert_eq!(sound, Probed { outcome: Ok(Probe::ExactlyOnce), left: None });
        let less = probed(minio, "versions", &["s3:DeleteObjectVersion"]).await;
        assert_eq!(less.outcome, Ok(Probe::ExactlyOnce));
        let left = less.left.unwrap().problem.message;
        assert!(left.contains("s3:DeleteObjectVersion on arn:aws:s3:::versions/p/"), "{left}");
    });
}

#[test]
fn a_session_token_that_is_missing_or_wrong_is_told_and_a_fresh_one_is_read_from_its_file() {
    run(async {
        let minio = shared_minio().await.unwrap();
        minio.create_bucket("session").await.unwrap();
        let policy = documented("session", &[]);
        let [first, second] =
            [minio.session(&policy).await.unwrap(), minio.session(&policy).await.unwrap()];
        let folder = tempfile::tempdir().unwrap();
        let files = ["id", "secret", "token"].map(|name| folder.path().join(name));
        let write = |session: &Session| {
            let Session { access_key, secret_key, session_token } = session;
            for (file, value) in files.iter().zip([access_key, secret_key, session_token]) {
                std::fs::write(file, value).unwrap();
            }
        };
        let file = |path: &Path| SecretSource::File(path.to_str().unwrap().to_owned());
        let [id, secret, token] = files.each_ref().map(|path| file(path));
        let endpoint = minio.endpoint();
        let mut at = destination(StoreType::S3, endpoint, "session", id, secret);
        at.credentials.session_token = Some(token);
        let store = ObjectStore::new(&at);

        write(&first);
        assert_eq!(store.put(&object("p/1", "[]")).await.unwrap(), CREATED);

        // Renewed but for its token, as between two writes.
        std::fs::write(&files[0], &second.access_key).unwrap();
        std::fs::write(&files[1], &second.secret_key).unwrap();
        let stale = refusal(&store).await;
        assert_eq!(stale.code, ErrorCode::StoreCredentialsInvalid, "{stale}");
        assert!(!stale.message.contains(&first.session_token), "{stale}");
        write(&second);
        assert_eq!(store.put(&object("p/2", "[]")).await.unwrap(), CREATED);

        // Temporary keys without a token are no keys.
        let none = store_with(minio, "session", &second, plain("nonsense"));
        assert_eq!(refusal(&none).await.code, ErrorCode::StoreCredentialsInvalid);
        std::fs::write(&files[2], "two\nlines").unwrap();
        let lines = refusal(&store).await;
        assert_eq!(lines.code, ErrorCode::StoreCredentialsInvalid, "{lines}");
        assert!(lines.message.contains("session token"), "{lines}");
    });
}

#[test]
fn another_region_than_the_stores_is_told_with_the_right_one() {
    run(async {
        let minio = MinioServer::start_in("eu-central-7").await.unwrap();
        minio.create_bucket("elsewhere").await.unwrap();
        let (id, secret) = (plain(minio.access_key()), plain(minio.secret_key()));
        let mut at = destination(StoreType::S3, minio.endpoint(), "elsewhere", id, secret);
        let wrong = ObjectStore::new(&at);
        for error in [
            refusal(&wrong).await,
            wrong.head("k").await.unwrap_err(),
            wrong.probe(fresh_probe_key("")).await.outcome.unwrap_err(),
        ] {
            assert_eq!(error.code, ErrorCode::StoreRegionWrong, "{error}");
            let right = "signed for region `us-east-1`, and the bucket's is `eu-central-7`";
            assert!(error.message.contains(right), "{error}");
        }

        at.signing_region = "eu-central-7".to_owned();
        assert_eq!(ObjectStore::new(&at).put(&object("k", "[]")).await.unwrap(), CREATED);
    });
}
