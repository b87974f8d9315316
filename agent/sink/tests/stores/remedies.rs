//! Each error of a store, produced for real where a store, a wire or the emulator
//! gives it: the code, and a remedy that speaks of what is wrong.

use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::spec::{AddressingStyle, Destination, SecretSource, StoreType};
use kafka2oss_sandbox::oss::{Fault, Occurrence, OssEmulator, RequestMatch, ThrottleCode};
use kafka2oss_sink::{ObjectStore, Probe, StoreError, fresh_probe_key};
use kafka2oss_tests::certificate::Authority;
use kafka2oss_tests::minio::{MinioServer, shared_minio};
use kafka2oss_tests::port;
use kafka2oss_tests::proxy::{Disturbance, Proxy};

use crate::oss;
use crate::support::{destination, plain, refusal, run};

/// An error, what its message tells of the case, and what its remedy speaks of.
struct Case {
    error: StoreError,
    code: ErrorCode,
    told: &'static str,
    remedy: &'static str,
}

fn check(cases: Vec<Case>) {
    for Case { error, code, told, remedy } in cases {
        assert_eq!(error.code, code, "{error}");
        assert!(error.message.contains(told), "{told}: {error}");
        let spoken_of = code.remedy();
        assert!(spoken_of.contains(remedy), "{code} speaks of no {remedy}: {spoken_of}");
    }
}

fn minio_at(minio: &MinioServer) -> Destination {
    let (id, secret) = (plain(minio.access_key()), plain(minio.secret_key()));
    destination(StoreType::S3, minio.endpoint(), "remedies", id, secret)
}

async fn refused(destination: &Destination) -> StoreError {
    refusal(&ObjectStore::new(destination)).await
}

/// The answer while the emulator gives this to every request.
async fn with(emulator: &OssEmulator, fault: Fault) -> StoreError {
    let fault = emulator.faults().inject(RequestMatch::any(), fault, Occurrence::Always);
    let error = refusal(&oss::store(emulator)).await;
    fault.remove();
    error
}

fn refuse(status: u16, code: &str) -> Fault {
    Fault::Refuse { status, code: code.to_owned() }
}

#[test]
fn what_is_not_reached_is_told_by_how_far_the_request_came() {
    run(async {
        let minio = shared_minio().await.unwrap();
        let [closed] = port::free().unwrap();
        let at = |endpoint: String| Destination { endpoint, ..minio_at(minio) };
        let proxy = Proxy::start(minio.address()).await.unwrap();
        proxy.disturb(|| Some(Disturbance::Reset));
        let encrypted = MinioServer::start_encrypted(&Authority::new().unwrap()).await.unwrap();
        let plaintext = minio.endpoint().replace("http://", "https://");
        let unreachable = |error, told| Case {
            error,
            code: ErrorCode::StoreUnreachable,
            told,
            remedy: "host and port and the route",
        };
        check(vec![
            unreachable(refused(&at(format!("http://127.0.0.1:{closed}"))).await, "refused"),
            unreachable(refused(&at("http://nowhere.invalid:9000".to_owned())).await, "nowhere"),
            unreachable(
                refused(&at(format!("http://127.0.0.1:{}", proxy.port()))).await,
                "PutObject of `refused`",
            ),
            unreachable(refused(&at(plaintext)).await, "endpoint https://"),
            Case {
                error: refused(&at(encrypted.endpoint())).await,
                code: ErrorCode::StoreCertificateUntrusted,
                told: "UnknownIssuer",
                remedy: "SSL_CERT_FILE",
            },
        ]);
    });
}

#[test]
fn wrong_credentials_are_told_from_missing_rights_and_from_another_place() {
    run(async {
        let minio = shared_minio().await.unwrap();
        minio.create_bucket("remedies").await.unwrap();
        let far = MinioServer::start_in("eu-central-7").await.unwrap();
        let with = |change: fn(&mut Destination)| {
            let mut destination = minio_at(minio);
            change(&mut destination);
            destination
        };
        let invalid = |error, told| Case {
            error,
            code: ErrorCode::StoreCredentialsInvalid,
            told,
            remedy: "session token",
        };
        let reading = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
            "Action":["s3:GetObject"],"Resource":["arn:aws:s3:::remedies/*"]}]}"#;
        let session = minio.session(reading).await.unwrap();
        let mut reader = minio_at(minio);
        reader.credentials.id = plain(&session.access_key);
        reader.credentials.secret = plain(&session.secret_key);
        reader.credentials.session_token = Some(plain(&session.session_token));
        let emulator = oss::start().await;
        check(vec![
            invalid(
                refused(&with(|to| to.credentials.id = plain("nobody"))).await,
                "InvalidAccessKeyId",
            ),
            invalid(
                refused(&with(|to| to.credentials.secret = plain("wrong"))).await,
                "SignatureDoesNotMatch",
            ),
            invalid(
                refused(&with(|to| to.credentials.session_token = Some(plain("stray")))).await,
                "oken",
            ),
            invalid(self::with(&emulator, refuse(400, "ExpiredToken")).await, "ExpiredToken"),
            invalid(
                self::with(&emulator, refuse(403, "SecurityTokenExpired")).await,
                "SecurityTokenExpired",
            ),
            Case {
                error: refused(&with(|to| to.bucket = "no-such-bucket".to_owned())).await,
                code: ErrorCode::StoreBucketNotFound,
                told: "no-such-bucket",
                remedy: "Create the bucket",
            },
            Case {
                error: refused(&minio_at(&far)).await,
                code: ErrorCode::StoreRegionWrong,
                told: "eu-central-7",
                remedy: "signing_region",
            },
            Case {
                error: self::with(
                    &emulator,
                    Fault::Elsewhere { endpoint: "oss-cn-beijing.aliyuncs.com".to_owned() },
                )
                .await,
                code: ErrorCode::StoreEndpointWrong,
                told: "https://s3.oss-cn-beijing.aliyuncs.com",
                remedy: "endpoint that the message names",
            },
            Case {
                error: refused(&with(|to| {
                    to.credentials.id = SecretSource::File("/nonexistent/id".to_owned());
                }))
                .await,
                code: ErrorCode::SecretUnreadable,
                told: "/nonexistent/id",
                remedy: "create the file",
            },
            Case {
                error: refused(&reader).await,
                code: ErrorCode::StoreAccessDenied,
                told: "s3:PutObject on arn:aws:s3:::remedies/refused",
                remedy: "the action on the resource that the message names",
            },
        ]);
    });
}

#[test]
fn what_the_store_itself_has_is_told_with_what_helps() {
    run(async {
        let emulator = oss::start().await;
        let delay = Duration::from_millis(200);
        let throttle = Fault::Throttle { code: ThrottleCode::TotalQpsLimitExceeded, delay };
        let s3_dialect = Destination {
            addressing_style: AddressingStyle::VirtualHosted,
            ..destination(
                StoreType::S3,
                emulator.endpoint(),
                oss::BUCKET,
                plain(oss::ID),
                plain(oss::SECRET),
            )
        };
        check(vec![
            Case {
                error: with(&emulator, throttle).await,
                code: ErrorCode::StoreThrottled,
                told: "TotalQpsLimitExceeded",
                remedy: "fewer objects",
            },
            Case {
                error: with(&emulator, refuse(503, "ServiceUnavailable")).await,
                code: ErrorCode::StoreUnavailable,
                told: "request ID",
                remedy: "operator",
            },
            Case {
                error: with(&emulator, refuse(403, "RequestTimeTooSkewed")).await,
                code: ErrorCode::StoreClockSkewed,
                told: "RequestTimeTooSkewed",
                remedy: "clock",
            },
            Case {
                error: with(&emulator, refuse(400, "PublicEndpointForbidden")).await,
                code: ErrorCode::StoreEndpointRestricted,
                told: "PublicEndpointForbidden",
                remedy: "internal endpoint",
            },
            Case {
                error: with(&emulator, refuse(400, "BadDigest")).await,
                code: ErrorCode::StoreIntegrityMismatch,
                told: "BadDigest",
                remedy: "memory or a proxy",
            },
            Case {
                error: with(&emulator, refuse(403, "UserDisable")).await,
                code: ErrorCode::StoreRequestRejected,
                told: "UserDisable",
                remedy: "the store's own code",
            },
            // What a store with another dialect says of ours.
            Case {
                error: refused(&s3_dialect).await,
                code: ErrorCode::StoreRequestRejected,
                told: "store_type OSS",
                remedy: "the store's own code",
            },
        ]);
    });
}

#[test]
fn what_a_bucket_cannot_guarantee_is_told_with_what_could() {
    run(async {
        let emulator = oss::start().await;
        let versioned = kafka2oss_sandbox::oss::Versioning::Suspended;
        emulator.set_versioning(oss::BUCKET, versioned).await.unwrap();
        let probed = oss::store(&emulator).probe(fresh_probe_key("")).await;
        let Ok(Probe::AtLeastOnce { code, .. }) = probed.outcome else { panic!("{probed:?}") };
        assert_eq!(code, ErrorCode::StoreVersioningOn);
        assert!(code.remedy().contains("bucket of OSS that never had versioning"));
    });
}
