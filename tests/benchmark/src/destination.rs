//! A bucket, in the three forms in which it is asked for.

use anyhow::Result;
use kafka2oss_domain::spec::{self, AddressingStyle, SecretSource};
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::secret::Source;
use kafka2oss_sink::ObjectStore;
use kafka2oss_tests::bucket::{Addressing, Bucket, S3Access};
use tokio::task::JoinSet;

/// A bucket of a store.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    /// OSS's dialect, or S3's.
    pub(crate) store_type: v1::StoreType,
    /// The store.
    pub(crate) access: S3Access,
    /// The bucket's name.
    pub(crate) bucket: String,
}

impl Destination {
    /// As a connector's spec has it.
    pub(crate) fn in_spec(&self) -> v1::ObjectStoreDestination {
        let plain = |text: &str| v1::Secret { source: Some(Source::Plain(text.into())) };
        let pair = v1::AccessKey {
            id: Some(plain(&self.access.access_key)),
            secret: Some(plain(&self.access.secret_key)),
            session_token: None,
        };
        v1::ObjectStoreDestination {
            store_type: self.store_type.into(),
            bucket: self.bucket.clone(),
            endpoint: self.access.endpoint.clone(),
            signing_region: self.access.region.clone(),
            credentials: Some(v1::StoreCredentials {
                kind: Some(v1::store_credentials::Kind::AccessKey(pair)),
            }),
            ..Default::default()
        }
    }

    /// For who verifies.
    pub(crate) fn store(&self) -> ObjectStore {
        let plain = |text: &str| SecretSource::Plain(text.into());
        ObjectStore::new(&spec::Destination {
            store_type: match self.store_type {
                v1::StoreType::S3 => spec::StoreType::S3,
                v1::StoreType::Oss | v1::StoreType::Unspecified => spec::StoreType::Oss,
            },
            bucket: self.bucket.clone(),
            endpoint: self.access.endpoint.clone(),
            signing_region: self.access.region.clone(),
            addressing_style: match self.access.addressing {
                Addressing::PathStyle => AddressingStyle::Path,
                Addressing::VirtualHosted => AddressingStyle::VirtualHosted,
            },
            credentials: spec::AccessKey {
                id: plain(&self.access.access_key),
                secret: plain(&self.access.secret_key),
                session_token: None,
            },
            allow_cross_region: false,
        })
    }

    /// For the suite's own questions: past the product's client.
    pub(crate) fn bucket(&self) -> Bucket {
        self.access.bucket(&self.bucket)
    }

    /// Deletes all objects, so that a long run needs no more room than one round.
    pub(crate) async fn empty(&self) -> Result<()> {
        let bucket = self.bucket();
        let mut deletions = JoinSet::new();
        for key in bucket.keys("").await? {
            let bucket = bucket.clone();
            deletions.spawn(async move { bucket.delete(&key).await });
            if deletions.len() >= 8
                && let Some(deleted) = deletions.join_next().await
            {
                deleted??;
            }
        }
        deletions.join_all().await.into_iter().collect()
    }
}
