//! `kafka2oss-verify` as the judge of a connector's objects and error topics.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use kafka2oss_domain::spec::{
    AccessKey, AddressingStyle, Destination, Instance, KafkaSecurity, Pool, SecretSource, StoreType,
};
use kafka2oss_sink::ObjectStore;
use kafka2oss_tests::bucket::Bucket;
use kafka2oss_verify::{Options, Report, Verdict, Verification};

use crate::connector::Connector;
use crate::world::{Store, World};

impl World {
    /// What `kafka2oss-verify` says of a topic from its beginning, up to these
    /// ends by partition, and of the connector's objects in a bucket of the
    /// world's store.
    pub(crate) async fn verify(
        &self,
        connector: &Connector,
        topic: &str,
        bucket: &Bucket,
        ends: BTreeMap<i32, i64>,
        error_topics: &[&str],
    ) -> Result<Report> {
        let options = Options {
            starts: ends.keys().map(|partition| (*partition, 0)).collect(),
            bounds: ends,
            group: Some(connector.group()),
            error_topics: error_topics.iter().map(ToString::to_string).collect(),
            ..Options::default()
        };
        self.verify_with(connector, topic, bucket, options).await
    }

    /// What it says of the world's topic as far as the connector has come.
    pub(crate) async fn verify_so_far(&self, connector: &Connector) -> Result<Report> {
        let partitions = self.admin()?.partitions(&self.topic).await?.unwrap_or_default();
        let options = Options {
            starts: (0..partitions).map(|partition| (partition, 0)).collect(),
            group: Some(connector.group()),
            ..Options::default()
        };
        self.verify_with(connector, &self.topic, &self.bucket, options).await
    }

    async fn verify_with(
        &self,
        connector: &Connector,
        topic: &str,
        bucket: &Bucket,
        options: Options,
    ) -> Result<Report> {
        let verification = Verification {
            instance: self.instance(),
            topic: topic.into(),
            store: ObjectStore::new(&self.destination(bucket)),
            prefixes: vec![String::new()],
            hash_prefix: false,
            options: Options { connector: Some(connector.id.clone()), ..options },
        };
        Ok(verification.run().await?)
    }

    fn instance(&self) -> Instance {
        Instance {
            region_id: self.store.access().region,
            bootstrap_servers: vec![self.bootstrap.clone()],
            security: KafkaSecurity::default(),
            pool: Pool::default(),
            connectors_disabled: false,
            allow_shared_cluster: false,
        }
    }

    fn destination(&self, bucket: &Bucket) -> Destination {
        let (store_type, addressing_style) = match self.store {
            Store::Oss(_) => (StoreType::Oss, AddressingStyle::VirtualHosted),
            Store::Minio(_) => (StoreType::S3, AddressingStyle::Path),
        };
        let access = self.store.access();
        Destination {
            store_type,
            bucket: bucket.name().into(),
            endpoint: access.endpoint,
            signing_region: access.region,
            addressing_style,
            credentials: AccessKey {
                id: SecretSource::Plain(access.access_key.into()),
                secret: SecretSource::Plain(access.secret_key.into()),
                session_token: None,
            },
            allow_cross_region: false,
        }
    }
}

/// Fails unless nothing is wrong or outstanding, and this many records were compared in objects
/// and found in error topics.
pub(crate) fn assert_clean(report: &Report, in_objects: u64, dead_letters: u64) -> Result<()> {
    ensure!(report.verdict() == Verdict::Complete, "{report}");
    let found = |figure: fn(&kafka2oss_verify::PartitionReport) -> u64| report.total(figure);
    let compared = (found(|of| of.compared), found(|of| of.dead_letters));
    ensure!(compared == (in_objects, dead_letters), "{compared:?}: {report}");
    Ok(())
}
