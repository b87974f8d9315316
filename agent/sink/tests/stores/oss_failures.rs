//! Against the OSS emulator: what fails, and recovers.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::spec::{AddressingStyle, SecretSource, StoreType};
use kafka2oss_sandbox::oss::{
    Fault, Occurrence, Operation, OssEmulator, OssOptions, RequestMatch, ThrottleCode,
};
use kafka2oss_sink::{ObjectStore, Probed, PutOutcome};

use crate::oss::{BUCKET, ID, SECRET, on, start, store, store_as};
use crate::support::{CREATED, destination, object, plain, refusal, run};

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
        assert_eq!(
            store.probe("key".to_owned()).await.outcome.unwrap_err().code,
            ErrorCode::StoreBucketNotFound
        );

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
        assert!(down.message.contains(&format!("endpoint http://localhost:{}", address.port())));

        let access_keys = vec![(ID.to_owned(), SECRET.to_owned())];
        let options = OssOptions { listen: address, access_keys, ..OssOptions::default() };
        let emulator = OssEmulator::start(options).await.unwrap();
        emulator.create_bucket(BUCKET).await.unwrap();
        assert_eq!(store.put(&object("k", "[]")).await.unwrap(), CREATED);
    });
}

/// The control plane waits for a preparation for a minute.
#[test]
fn a_store_that_takes_requests_and_does_not_answer_ends_a_probe_within_a_minute() {
    run(async {
        let emulator = start().await;
        let silence = Fault::Latency(Duration::from_secs(600));
        emulator.faults().inject(RequestMatch::any(), silence, Occurrence::Always);
        let began = Instant::now();

        let Probed { outcome, left } = store(&emulator).probe("key".to_owned()).await;

        let error = outcome.unwrap_err();
        assert_eq!(error.code, ErrorCode::StoreUnreachable, "{error}");
        assert!(error.message.contains("no answer"), "{error}");
        assert!(!left.unwrap().is_certain, "nobody has said that it is there");
        assert!(began.elapsed() < Duration::from_secs(50), "{:?}", began.elapsed());
    });
}
