//! A topic, a bucket, and a deployment of the product between them.

use std::collections::BTreeMap;
use std::ops::Deref;

use anyhow::{Result, ensure};
use kafka2oss_proto::v1;
use kafka2oss_tests::bucket::{Bucket, S3Access};
use kafka2oss_tests::judge::Judge;
use kafka2oss_tests::kafka::{KafkaServer, shared_kafka};
use kafka2oss_tests::minio::{MinioServer, shared_minio};
use kafka2oss_tests::name::unique;
use kafka2oss_tests::oss::OssServer;
use kafka2oss_tests::produce::{Produced, Producer, Record};
use kafka2oss_tests::read::{Consumed, read_topic};
use kafka2oss_tests::topic::KafkaAdmin;
use kafka2oss_tests::wait::eventually;

use crate::connector::{Connector, ends};
use crate::deployment::{Deployment, LIMIT, Settings};
use crate::spec::{Parts, access_key, milliseconds, plain};

/// The instance that every world has registered.
pub(crate) const INSTANCE: &str = "instances/alikafka_e2e";

/// The store that a world's bucket is in.
#[derive(Debug)]
pub(crate) enum Store {
    Oss(OssServer),
    Minio(Minio),
}

/// A MinIO of all tests, or of one.
#[derive(Debug)]
pub(crate) enum Minio {
    Shared(&'static MinioServer),
    Own(MinioServer),
}

impl Deref for Minio {
    type Target = MinioServer;

    fn deref(&self) -> &MinioServer {
        match self {
            Self::Shared(server) => server,
            Self::Own(server) => server,
        }
    }
}

impl Store {
    pub(crate) async fn oss() -> Result<Self> {
        Ok(Self::Oss(OssServer::start().await?))
    }

    pub(crate) async fn minio() -> Result<Self> {
        Ok(Self::Minio(Minio::Shared(shared_minio().await?)))
    }

    pub(crate) async fn create_bucket(&self, name: &str) -> Result<()> {
        match self {
            Self::Oss(server) => Ok(server.create_bucket(name).await?),
            Self::Minio(server) => server.create_bucket(name).await,
        }
    }

    /// How it is reached.
    pub(crate) fn access(&self) -> S3Access {
        match self {
            Self::Oss(server) => server.access(),
            Self::Minio(server) => server.access(),
        }
    }

    pub(crate) fn bucket(&self, name: &str) -> Bucket {
        self.access().bucket(name)
    }

    /// A bucket of this store as a connector's destination, with its
    /// credentials inline.
    pub(crate) fn destination(&self, bucket: &str) -> v1::ObjectStoreDestination {
        let store_type = match self {
            Self::Oss(_) => v1::StoreType::Oss,
            Self::Minio(_) => v1::StoreType::S3,
        };
        let access = self.access();
        v1::ObjectStoreDestination {
            store_type: store_type.into(),
            bucket: bucket.into(),
            endpoint: access.endpoint,
            signing_region: access.region,
            credentials: Some(access_key(plain(access.access_key), plain(access.secret_key))),
            ..Default::default()
        }
    }
}

/// A topic, a bucket, and a deployment with the topic's instance registered.
#[derive(Debug)]
pub(crate) struct World {
    /// Bootstrap servers of the broker.
    pub(crate) bootstrap: String,
    pub(crate) store: Store,
    /// An empty bucket, which exists.
    pub(crate) bucket: Bucket,
    /// An empty topic, which exists.
    pub(crate) topic: String,
    pub(crate) deployment: Deployment,
}

impl World {
    /// On the shared broker, with an OSS emulator and one agent.
    pub(crate) async fn new(partitions: i32) -> Result<Self> {
        Self::with(partitions, Settings::default()).await
    }

    /// On the shared broker, with an OSS emulator.
    pub(crate) async fn with(partitions: i32, settings: Settings) -> Result<Self> {
        Self::on(shared_kafka().await?, partitions, settings).await
    }

    /// On a broker, with an OSS emulator.
    pub(crate) async fn on(
        kafka: &KafkaServer,
        partitions: i32,
        settings: Settings,
    ) -> Result<Self> {
        Self::between(kafka, Store::oss().await?, partitions, settings, |_| {}).await
    }

    /// Between a broker and a store, with a change to what the product is told of the
    /// broker.
    pub(crate) async fn between(
        kafka: &KafkaServer,
        store: Store,
        partitions: i32,
        settings: Settings,
        change: impl FnOnce(&mut v1::Instance),
    ) -> Result<Self> {
        let topic = unique("records");
        kafka.admin()?.create_topic(&topic, partitions, &[]).await?;
        let name = unique("bucket");
        store.create_bucket(&name).await?;
        let bucket = store.bucket(&name);
        let mut instance = v1::Instance {
            region_id: "cn-hangzhou".into(),
            bootstrap_servers: vec![kafka.bootstrap()],
            vpc_id: settings.vpc_id.into(),
            vswitch_id: settings.vswitch_id.into(),
            ..Default::default()
        };
        change(&mut instance);
        let deployment = Deployment::start(settings).await?;
        register(&deployment, INSTANCE, instance).await?;
        Ok(Self { bootstrap: kafka.bootstrap(), store, bucket, topic, deployment })
    }

    pub(crate) fn oss(&self) -> &OssServer {
        match &self.store {
            Store::Oss(server) => server,
            Store::Minio(_) => panic!("this world's store is MinIO"),
        }
    }

    pub(crate) fn admin(&self) -> Result<KafkaAdmin> {
        KafkaAdmin::new(&self.bootstrap)
    }

    /// Produces records to the topic.
    pub(crate) async fn produce(
        &self,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<Vec<Produced>> {
        Producer::new(&self.bootstrap)?.send_all(&self.topic, records).await
    }

    /// All records of some topic of the broker.
    pub(crate) async fn read(&self, topic: &str) -> Result<Vec<Consumed>> {
        read_topic(&self.bootstrap, topic).await
    }

    /// What a user has to give, from the topic's beginning, and rotation that a
    /// test need not wait for.
    pub(crate) fn spec(&self) -> v1::ConnectorSpec {
        let mut spec = v1::ConnectorSpec {
            destination: Some(self.store.destination(self.bucket.name())),
            ..Default::default()
        };
        spec.source().topic = self.topic.clone();
        spec.source().set_consumer_offset(v1::ConsumerOffset::Earliest);
        spec.rotation().max_age = milliseconds(2_000);
        spec.rotation().idle = milliseconds(200);
        spec
    }

    /// A connector of [`World::spec`].
    pub(crate) async fn connector(&self) -> Result<Connector> {
        self.connector_with(|_| {}).await
    }

    /// A connector of [`World::spec`] with a change.
    pub(crate) async fn connector_with(
        &self,
        change: impl FnOnce(&mut v1::ConnectorSpec),
    ) -> Result<Connector> {
        let mut spec = self.spec();
        change(&mut spec);
        self.create(&unique("sink"), spec).await
    }

    /// A connector of this ID.
    pub(crate) async fn create(&self, id: &str, spec: v1::ConnectorSpec) -> Result<Connector> {
        let request = v1::CreateConnectorRequest {
            parent: INSTANCE.into(),
            connector_id: id.into(),
            connector: Some(v1::Connector { spec: Some(spec), ..Default::default() }),
            ..Default::default()
        };
        let created = self.deployment.connectors().create_connector(request).await?.into_inner();
        ensure!(created.name == format!("{INSTANCE}/connectors/{id}"), "{}", created.name);
        Ok(Connector::new(self.deployment.channel(), &created.name))
    }

    /// Waits until the broker holds the group's offsets past these records:
    /// needs no control plane.
    pub(crate) async fn committed(
        &self,
        connector: &Connector,
        produced: &[Produced],
    ) -> Result<()> {
        let (admin, ends) = (self.admin()?, ends(produced));
        let what = format!("{} has committed {ends:?}", connector.group());
        eventually(what, LIMIT, async || {
            let committed: BTreeMap<_, _> =
                admin.committed_offsets(&connector.group(), &self.topic).await?;
            let there = ends.iter().all(|(partition, end)| committed.get(partition) >= Some(end));
            ensure!(there, "{committed:?}");
            Ok(Some(()))
        })
        .await
    }

    /// Fails unless each of these records stands in the topic's objects once,
    /// in order and unaltered, and nothing else does.
    pub(crate) async fn judge(&self, produced: &[Produced]) -> Result<()> {
        let prefix = format!("{}/", self.topic);
        Judge::default().judge_bucket(produced, &self.bucket, &prefix).await?.exactly_once()
    }
}

/// Registers an instance by its name.
pub(crate) async fn register(
    deployment: &Deployment,
    name: &str,
    instance: v1::Instance,
) -> Result<v1::Instance> {
    let request = v1::CreateInstanceRequest {
        instance_id: name.trim_start_matches("instances/").into(),
        instance: Some(instance),
        validate_only: false,
        ..Default::default()
    };
    let registered = deployment.instances().create_instance(request).await?.into_inner();
    ensure!(registered.name == name, "{}", registered.name);
    Ok(registered)
}
