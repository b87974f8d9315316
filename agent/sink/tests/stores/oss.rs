//! Against the OSS emulator: what it allows.

use std::sync::Arc;

use kafka2oss_chain::MetadataError;
use kafka2oss_proto::ErrorCode;
use kafka2oss_proto::spec::{SecretSource, StoreType};
use kafka2oss_sandbox::oss::{
    Fault, Occurrence, Operation, OssEmulator, OssOptions, RequestMatch, Versioning,
};
use kafka2oss_sink::{ObjectStore, Probe, PutOutcome};

use crate::support::{CREATED, destination, has_one_winner, is_create_only, object, plain, run};

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
