//! What the tests share.

use std::future::Future;
use std::sync::LazyLock;
use std::time::Duration;

use kafka2oss_chain::{ChainId, ObjectMetadata};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::spec::{AccessKey, AddressingStyle, Destination, SecretSource, StoreType};
use kafka2oss_sink::{Content, NewObject, ObjectStore, PutOutcome, StoreError};
use tokio::runtime::Runtime;

pub(crate) const CREATED: PutOutcome = PutOutcome::Created { version_id: None };

/// No request of a test may take longer.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs a test on the one runtime of all: connections are pooled by the process
/// and served by the runtime that made them.
pub(crate) fn run(test: impl Future<Output = ()>) {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
    RUNTIME.block_on(async { tokio::time::timeout(LIMIT, test).await.expect("the test hangs") });
}

pub(crate) fn plain(value: &str) -> SecretSource {
    SecretSource::Plain(value.into())
}

pub(crate) fn destination(
    store_type: StoreType,
    endpoint: impl Into<String>,
    bucket: &str,
    id: SecretSource,
    secret: SecretSource,
) -> Destination {
    Destination {
        store_type,
        bucket: bucket.to_owned(),
        endpoint: endpoint.into(),
        signing_region: "us-east-1".to_owned(),
        addressing_style: match store_type {
            StoreType::Oss => AddressingStyle::VirtualHosted,
            StoreType::S3 => AddressingStyle::Path,
        },
        credentials: AccessKey { id, secret, session_token: None },
        allow_cross_region: false,
    }
}

pub(crate) fn object(key: &str, body: &'static str) -> NewObject {
    let body = Content::from(body);
    NewObject {
        key: key.to_owned(),
        metadata: ObjectMetadata {
            uid: "01J9Z3".to_owned(),
            chain_id: ChainId::parse("k3v9x0ab").unwrap(),
            partition: 3,
            first_offset: 1000,
            next_offset: 1010,
            records: 9,
            crc64: body.crc64(),
            leader_epoch: None,
        },
        body,
        content_type: "application/json",
    }
}

/// The error of a put of a fresh object.
pub(crate) async fn refusal(store: &ObjectStore) -> StoreError {
    store.put(&object("refused", "[]")).await.unwrap_err()
}

/// Creating, refusing, reading, as every store must.
pub(crate) async fn is_create_only(store: &ObjectStore) {
    // A key with all that is encoded in a URL or a signature.
    let key = "t/topic name/p=3/t+3+00000000000000001000-k3v9x0ab.json/ä~%20";
    assert_eq!(store.head(key).await.unwrap(), None);
    assert_eq!(store.put(&object(key, "[1]")).await.unwrap(), CREATED);
    assert_eq!(store.put(&object(key, "[other]")).await.unwrap(), PutOutcome::Exists);

    let stored = store.head(key).await.unwrap().unwrap();
    assert_eq!(stored.size, 3, "the first body stands");
    assert_eq!(stored.metadata, Ok(object(key, "[1]").metadata));
}

/// Of writers that race for a key, one wins.
pub(crate) async fn has_one_winner(store: &ObjectStore) {
    for round in 0..5 {
        let object = object(&format!("race/{round}"), "[]");
        let writers: Vec<_> = (0..16)
            .map(|_| {
                let (store, object) = (store.clone(), object.clone());
                tokio::spawn(async move { store.put(&object).await })
            })
            .collect();
        let mut created = 0;
        for writer in writers {
            match writer.await.unwrap() {
                Ok(PutOutcome::Created { .. }) => created += 1,
                Ok(PutOutcome::Exists) => {}
                // The one error that says: neither.
                Err(error) => assert_eq!(error.code, ErrorCode::StoreUnavailable, "{error}"),
            }
        }
        assert_eq!(created, 1, "round {round}");
    }
}
