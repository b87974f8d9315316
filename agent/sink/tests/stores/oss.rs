//! Against the OSS emulator.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use kafka2oss_proto::ErrorCode;
use kafka2oss_proto::spec::{AddressingStyle, SecretSource, StoreType};
use kafka2oss_sandbox::oss::{
    Fault, Occurrence, Operation, OssEmulator, OssOptions, RequestMatch, ThrottleCode, Versioning,
};
use kafka2oss_sink::{MetadataError, ObjectStore, Probe, PutOutcome};

use crate::support::{
    CREATED, destination, has_one_winner, is_create_only, object, plain, refusal, run,
};

const BUCKET: &str = "kafka-sink";
const ID: &str = "LTAI-test";
const SECRET: &str = "the-secret-of-the-test";

async fn start() -> OssEmulator {
    let access_keys = vec![(ID.to_owned(), SECRET.to_owned())];
    let emulator = OssEmulator::start(OssOptions { access_keys, ..OssOptions::default() });
    let emulator = emulator.await.unwrap();
    emulator.create_bucket(BUCKET).await.unwrap();
    emulator
}

fn store(emulator: &OssEmulator) -> ObjectStore {
    store_as(emulator, plain(ID), plain(SECRET))
}

fn store_as(emulator: &OssEmulator, id: SecretSource, secret: SecretSource) -> ObjectStore {
    let endpoint = emulator.endpoint();
    ObjectStore::new(&destination(StoreType::Oss, endpoint, BUCKET, id, secret))
}

fn on(operation: Operation) -> RequestMatch {
    RequestMatch::operation(operation)
}

#[test]
fn an_object_is_created_once_and_read_back() {
    run(async { is_create_only(&store(&start().await)).await });
}

#[test]
fn of_racing_writers_one_wins() {
    run(async { has_one_winner(&store(&start().await)).await });
}

#[test]
fn an_empty_and_a_large_object_are_stored_as_they_are() {
    run(async {
        let emulator = start().await;
        let store = store(&emulator);
        for (key, size) in [("empty", 0), ("large", 40 << 20)] {
            let mut object = object(key, "");
            object.body = vec![b'x'; size].into();
            object.metadata.crc64 = kafka2oss_sink::crc64(&object.body);
            assert_eq!(store.put(&object).await.unwrap(), CREATED);
            let stored = store.head(key).await.unwrap().unwrap();
            assert_eq!((stored.size, stored.metadata), (size as u64, Ok(object.metadata)));
        }
    });
}

#[test]
fn a_put_whose_answer_is_lost_is_found_by_the_next() {
    run(async {
        let emulator = start().await;
        let store = store(&emulator);
        let lost = on(Operation::PutObject);
        emulator.faults().inject(lost, Fault::LostAnswer, Occurrence::Times(1));

        let object = object("k", "[1]");
        let error = store.put(&object).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::StoreUnreachable, "{error}");
        assert!(error.message.contains("PutObject of `k` in bucket `kafka-sink`"), "{error}");
        assert_eq!(emulator.counters().puts, 1, "one attempt, no retries inside");

        assert_eq!(store.put(&object).await.unwrap(), PutOutcome::Exists);
        assert_eq!(store.head("k").await.unwrap().unwrap().metadata, Ok(object.metadata));
    });
}

#[test]
fn a_throttled_put_carries_the_stores_delay() {
    run(async {
        let emulator = start().await;
        let store = store(&emulator);
        for code in [
            ThrottleCode::TotalQpsLimitExceeded,
            ThrottleCode::PartitionQpsLimitted,
            ThrottleCode::UploadTrafficRateLimitExceeded,
        ] {
            let delay = Duration::from_millis(750);
            let throttle = Fault::Throttle { code, delay };
            emulator.faults().inject(RequestMatch::any(), throttle, Occurrence::Times(1));
            let error = refusal(&store).await;
            assert_eq!(error.code, ErrorCode::StoreThrottled, "{error}");
            assert_eq!(error.delay, Some(delay));
            assert_eq!(error.store_code.as_deref(), Some(code.as_str()));
        }
        assert_eq!(store.put(&object("refused", "[]")).await.unwrap(), CREATED);
    });
}

#[test]
fn what_the_store_refuses_has_its_code_and_its_words() {
    run(async {
        let emulator = start().await;
        let store = store(&emulator);
        for (status, code, expected) in [
            (403, "AccessDenied", ErrorCode::StoreAccessDenied),
            (403, "RequestTimeTooSkewed", ErrorCode::StoreClockSkewed),
            (400, "PublicEndpointForbidden", ErrorCode::StoreEndpointRestricted),
            (409, "ConditionalRequestConflict", ErrorCode::StoreUnavailable),
            (500, "InternalError", ErrorCode::StoreUnavailable),
            (409, "ObjectNotAppendable", ErrorCode::StoreRequestRejected),
        ] {
            let refuse = Fault::Refuse { status, code: code.to_owned() };
            let fault = emulator.faults().inject(RequestMatch::any(), refuse, Occurrence::Always);
            let put = refusal(&store).await;
            assert_eq!(put.code, expected, "{put}");
            assert!(put.message.contains(code), "{put}");
            assert!(put.message.contains("request ID 0"), "{put}");
            // A refused HEAD has no body; the words come by another way.
            let head = store.head("k").await.unwrap_err();
            assert_eq!(head.code, expected, "{head}");
            fault.remove();
        }
    });
}

#[test]
fn a_missing_bucket_is_told_from_a_missing_object_and_recovers_when_created() {
    run(async {
        let emulator = start().await;
        let endpoint = emulator.endpoint();
        let missing = destination(StoreType::Oss, endpoint, "not-yet", plain(ID), plain(SECRET));
        let store = ObjectStore::new(&missing);

        assert_eq!(refusal(&store).await.code, ErrorCode::StoreBucketNotFound);
        assert_eq!(store.head("k").await.unwrap_err().code, ErrorCode::StoreBucketNotFound);
        assert_eq!(store.probe("").await.unwrap_err().code, ErrorCode::StoreBucketNotFound);

        emulator.create_bucket("not-yet").await.unwrap();
        assert_eq!(store.head("k").await.unwrap(), None);
        assert_eq!(store.put(&object("k", "[]")).await.unwrap(), CREATED);
    });
}

fn write(path: &Path, content: &str) {
    std::fs::File::create(path).unwrap().write_all(content.as_bytes()).unwrap();
}

#[test]
fn a_secret_in_a_file_is_read_anew_for_each_request() {
    run(async {
        let emulator = start().await;
        let folder = tempfile::tempdir().unwrap();
        let (id, secret) = (folder.path().join("id"), folder.path().join("secret"));
        let file = |path: &Path| SecretSource::File(path.to_str().unwrap().to_owned());
        let store = store_as(&emulator, file(&id), file(&secret));

        let unreadable = refusal(&store).await;
        assert_eq!(unreadable.code, ErrorCode::SecretUnreadable, "{unreadable}");
        assert!(unreadable.message.contains(id.to_str().unwrap()), "{unreadable}");

        write(&id, ID);
        write(&secret, "wrong-secret\n");
        let wrong = refusal(&store).await;
        assert_eq!(wrong.code, ErrorCode::StoreCredentialsInvalid, "{wrong}");
        assert!(!format!("{wrong:?}").contains("wrong-secret"), "{wrong:?}");
        let head = store.head("k").await.unwrap_err();
        assert_eq!(head.code, ErrorCode::StoreCredentialsInvalid, "{head}");

        write(&secret, &format!("{SECRET}\n"));
        assert_eq!(store.put(&object("k", "[]")).await.unwrap(), CREATED);

        emulator.remove_access_key(ID);
        emulator.set_access_key("LTAI-rotated", "another-secret");
        assert_eq!(refusal(&store).await.code, ErrorCode::StoreCredentialsInvalid);
        write(&id, "LTAI-rotated");
        write(&secret, "another-secret");
        assert_eq!(store.put(&object("k", "[]")).await.unwrap(), PutOutcome::Exists);

        write(&id, "two\nlines");
        let lines = refusal(&store).await;
        assert_eq!(lines.code, ErrorCode::StoreCredentialsInvalid, "{lines}");
        assert!(!lines.message.contains("two"), "{lines}");
    });
}

#[test]
fn credentials_that_were_lost_are_asked_for() {
    run(async {
        let emulator = start().await;
        let store = store_as(&emulator, plain(ID), SecretSource::Withheld);
        for error in [refusal(&store).await, store.head("k").await.unwrap_err()] {
            assert_eq!(error.code, ErrorCode::CredentialsRequired, "{error}");
        }
        assert_eq!(emulator.counters().requests, 0, "nothing is sent without them");
    });
}

#[test]
fn an_object_of_someone_else_is_found_without_metadata_of_ours() {
    run(async {
        let emulator = start().await;
        emulator.put(BUCKET, "k", "theirs").await.unwrap();
        let stored = store(&emulator).head("k").await.unwrap().unwrap();
        assert_eq!(stored.size, 6);
        assert_eq!(stored.metadata, Err(MetadataError::Missing("kafka2oss-version")));
    });
}

#[test]
fn an_unversioned_bucket_allows_exactly_once_and_the_probe_leaves_nothing() {
    run(async {
        let emulator = start().await;
        assert_eq!(store(&emulator).probe("p/").await.unwrap(), Probe::ExactlyOnce);
        assert_eq!(emulator.list(BUCKET, "").await.unwrap(), []);
        let requests = emulator.requests();
        assert!(
            requests[0].key.as_deref().is_some_and(|key| key.starts_with("p/.kafka2oss-probe/"))
        );
        assert!(requests[0].create_only);
    });
}

#[test]
fn versioning_downgrades_the_probe_and_shows_in_answers_to_puts() {
    run(async {
        let emulator = start().await;
        let store = store(&emulator);
        let denied = Fault::Refuse { status: 403, code: "AccessDenied".to_owned() };
        for state in [Versioning::Enabled, Versioning::Suspended] {
            emulator.set_versioning(BUCKET, state).await.unwrap();
            // Also where the question for the state is refused.
            for question in [Occurrence::Times(0), Occurrence::Always] {
                let on = on(Operation::GetBucketVersioning);
                let fault = emulator.faults().inject(on, denied.clone(), question);
                let probe = store.probe("").await.unwrap();
                fault.remove();
                let Probe::AtLeastOnce { code, reason } = probe else {
                    panic!("{state:?}: exactly once")
                };
                assert_eq!(code, ErrorCode::StoreVersioningOn, "{reason}");
            }
            let outcome = store.put(&object("k", "[]")).await.unwrap();
            assert!(matches!(outcome, PutOutcome::Created { version_id: Some(_) }), "{outcome:?}");
        }
    });
}

#[test]
fn a_probe_may_be_denied_the_versioning_and_the_deletion() {
    run(async {
        let emulator = start().await;
        for operation in [Operation::GetBucketVersioning, Operation::DeleteObject] {
            let denied = Fault::Refuse { status: 403, code: "AccessDenied".to_owned() };
            emulator.faults().inject(on(operation), denied, Occurrence::Always);
        }
        assert_eq!(store(&emulator).probe("").await.unwrap(), Probe::ExactlyOnce);
        assert_eq!(emulator.list(BUCKET, ".kafka2oss-probe/").await.unwrap().len(), 1);
    });
}

#[test]
fn the_dialect_of_s3_is_refused_with_what_helps() {
    run(async {
        let emulator = start().await;
        let mut wrong =
            destination(StoreType::S3, emulator.endpoint(), BUCKET, plain(ID), plain(SECRET));
        let path_style = refusal(&ObjectStore::new(&wrong)).await;
        assert_eq!(path_style.store_code.as_deref(), Some("SecondLevelDomainForbidden"));
        assert!(path_style.message.contains("store_type OSS"), "{path_style}");

        wrong.addressing_style = AddressingStyle::VirtualHosted;
        let conditional = refusal(&ObjectStore::new(&wrong)).await;
        assert_eq!(conditional.store_code.as_deref(), Some("NotImplemented"), "{conditional}");
        assert!(conditional.message.contains("store_type OSS"), "{conditional}");
    });
}

#[test]
fn a_store_that_is_down_is_unreachable_and_recovers_when_it_is_back() {
    run(async {
        let emulator = start().await;
        let (address, store) = (emulator.address(), store(&emulator));
        emulator.stop().await;
        let down = refusal(&store).await;
        assert_eq!(down.code, ErrorCode::StoreUnreachable, "{down}");

        let access_keys = vec![(ID.to_owned(), SECRET.to_owned())];
        let options = OssOptions { listen: address, access_keys, ..OssOptions::default() };
        let emulator = OssEmulator::start(options).await.unwrap();
        emulator.create_bucket(BUCKET).await.unwrap();
        assert_eq!(store.put(&object("k", "[]")).await.unwrap(), CREATED);
    });
}
