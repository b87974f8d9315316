//! Against the OSS emulator: what it allows.

use std::sync::Arc;

use kafka2oss_chain::MetadataError;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::spec::{SecretSource, StoreType};
use kafka2oss_sandbox::oss::{
    Fault, Occurrence, Operation, OssEmulator, OssOptions, RequestMatch, Versioning,
};
use kafka2oss_sink::{ObjectStore, Probe, Probed, PutOutcome, fresh_probe_key};

use crate::support::{
    CREATED, destination, has_one_winner, is_create_only, object, plain, refusal, run,
};

pub(crate) const BUCKET: &str = "kafka-sink";
pub(crate) const ID: &str = "LTAI-test";
pub(crate) const SECRET: &str = "the-secret-of-the-test";

pub(crate) async fn start() -> OssEmulator {
    let access_keys = vec![(ID.to_owned(), SECRET.to_owned())];
    let emulator = OssEmulator::start(OssOptions { access_keys, ..OssOptions::default() });
    let emulator = emulator.await.unwrap();
    emulator.create_bucket(BUCKET).await.unwrap();
    emulator
}

pub(crate) fn store(emulator: &OssEmulator) -> ObjectStore {
    store_as(emulator, plain(ID), plain(SECRET))
}

pub(crate) fn store_as(
    emulator: &OssEmulator,
    id: SecretSource,
    secret: SecretSource,
) -> ObjectStore {
    let endpoint = emulator.endpoint();
    ObjectStore::new(&destination(StoreType::Oss, endpoint, BUCKET, id, secret))
}

pub(crate) fn on(operation: Operation) -> RequestMatch {
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
            object.metadata.crc64 = object.body.crc64();
            assert_eq!(store.put(&object).await.unwrap(), CREATED);
            let stored = store.head(key).await.unwrap().unwrap();
            assert_eq!((stored.size, stored.metadata), (size as u64, Ok(object.metadata)));
        }
    });
}

#[test]
fn a_put_that_is_no_longer_allowed_once_it_is_signed_is_not_sent() {
    run(async {
        let emulator = start().await;
        let store = store(&emulator);
        let outcome = store.put_while(&object("k", "[1]"), Arc::new(|| false)).await.unwrap();
        assert_eq!(outcome, None);
        assert_eq!(emulator.counters().requests, 0);
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
        let probed = store(&emulator).probe(fresh_probe_key("p/")).await;
        assert_eq!(probed, Probed { outcome: Ok(Probe::ExactlyOnce), left: None });
        assert_eq!(emulator.list(BUCKET, "").await.unwrap(), []);
        let requests = emulator.requests();
        assert!(
            requests[0].key.as_deref().is_some_and(|key| key.starts_with("p/.kafka2oss-probe/"))
        );
        assert!(requests[0].create_only);
    });
}

#[test]
fn versioning_downgrades_the_probe_and_shows_in_later_answers() {
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
                let Probed { outcome, left } = store.probe(fresh_probe_key("")).await;
                fault.remove();
                let Ok(Probe::AtLeastOnce { code, reason }) = outcome else {
                    panic!("{state:?}: {outcome:?}")
                };
                assert_eq!(code, ErrorCode::StoreVersioningOn, "{reason}");
                assert_eq!(left, None, "each version is deleted by its id");
                assert_eq!(emulator.list(BUCKET, ".kafka2oss-probe/").await.unwrap(), []);
            }
            let outcome = store.put(&object("k", "[]")).await.unwrap();
            let PutOutcome::Created { version_id } = outcome else { panic!("{outcome:?}") };
            let stored = store.head("k").await.unwrap().unwrap();
            assert_eq!(stored.version_id, version_id);
            let doubt = store.doubt("k", version_id.as_deref()).map(|doubt| doubt.code);
            assert_eq!(doubt, Some(ErrorCode::StoreVersioningOn), "{version_id:?}");
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
        // One object stays, however often the same key is probed, and is told of.
        let key = fresh_probe_key("");
        for _ in 0..3 {
            let Probed { outcome, left } = store(&emulator).probe(key.clone()).await;
            assert_eq!(outcome, Ok(Probe::ExactlyOnce));
            let left = left.unwrap();
            assert!(left.is_certain);
            let problem = left.problem;
            assert_eq!(problem.code, ErrorCode::StoreProbeLeft);
            let permission = format!("oss:DeleteObject on acs:oss:*:*:{BUCKET}/{key}");
            for named in [BUCKET, &key, &permission] {
                assert!(problem.message.contains(named), "{named}: {problem}");
            }
            assert_eq!(emulator.list(BUCKET, ".kafka2oss-probe/").await.unwrap().len(), 1);
        }
    });
}

#[test]
fn one_passing_failure_of_each_request_of_a_probe_fails_nothing() {
    run(async {
        let emulator = start().await;
        let unavailable = Fault::Refuse { status: 500, code: "InternalError".to_owned() };
        for operation in [
            Operation::PutObject,
            Operation::HeadObject,
            Operation::GetBucketVersioning,
            Operation::DeleteObject,
        ] {
            for fault in [Fault::LostAnswer, Fault::ConnectionReset, unavailable.clone()] {
                let shown = format!("{operation:?} {fault:?}");
                emulator.faults().inject(on(operation), fault, Occurrence::Times(1));
                let probed = store(&emulator).probe(fresh_probe_key("")).await;
                let expected = Probed { outcome: Ok(Probe::ExactlyOnce), left: None };
                assert_eq!(probed, expected, "{shown}");
            }
        }
        assert_eq!(emulator.list(BUCKET, "").await.unwrap(), []);
    });
}

#[test]
fn a_probe_that_may_not_put_asks_for_nothing_else_and_leaves_nothing() {
    run(async {
        let emulator = start().await;
        let denied = Fault::Refuse { status: 403, code: "AccessDenied".to_owned() };
        emulator.faults().inject(on(Operation::PutObject), denied, Occurrence::Always);
        let Probed { outcome, left } = store(&emulator).probe(fresh_probe_key("")).await;
        assert_eq!(outcome.unwrap_err().code, ErrorCode::StoreAccessDenied);
        assert_eq!(left, None);
        assert_eq!(emulator.counters().requests, 1);
    });
}

#[test]
fn the_bucket_may_be_elsewhere_and_the_answer_says_where() {
    run(async {
        let emulator = start().await;
        let endpoint = "oss-cn-shanghai.aliyuncs.com".to_owned();
        let elsewhere = Fault::Elsewhere { endpoint };
        emulator.faults().inject(RequestMatch::any(), elsewhere, Occurrence::Always);
        let store = store(&emulator);
        for error in [refusal(&store).await, store.head("k").await.unwrap_err()] {
            assert_eq!(error.code, ErrorCode::StoreEndpointWrong, "{error}");
            let right = "https://s3.oss-cn-shanghai.aliyuncs.com";
            assert!(error.message.contains(right), "{error}");
        }
    });
}
