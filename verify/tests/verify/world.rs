//! A topic, a bucket, and what verifies them.

use std::future::Future;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use anyhow::Result;
use kafka2oss_chain::{Commit, CommitMetadata, Identity};
use kafka2oss_domain::spec::{
    AccessKey, AddressingStyle, Destination, Instance, KafkaSecurity, Pool, SecretSource, StoreType,
};
use kafka2oss_kafka::partition_list::offset_with_metadata;
use kafka2oss_sandbox::oss::Faults;
use kafka2oss_sink::ObjectStore;
use kafka2oss_tests::bucket::Bucket;
use kafka2oss_tests::kafka::{KafkaServer, shared_kafka};
use kafka2oss_tests::minio::shared_minio;
use kafka2oss_tests::name::unique;
use kafka2oss_tests::oss::OssServer;
use kafka2oss_tests::produce::{Producer, Record};
use kafka2oss_tests::read::Consumed;
use kafka2oss_verify::{Kind, Options, Report, Verification};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

pub(crate) const LIMIT: Duration = Duration::from_secs(120);
const BUCKET: &str = "verify";
pub(crate) const PREFIX: &str = "p/";

/// Runs a test on the one runtime of all: connections to stores are pooled by
/// the process and served by the runtime that made them.
pub(crate) fn run(test: impl Future<Output = Result<()>>) {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
    RUNTIME.block_on(async { tokio::time::timeout(LIMIT, test).await.expect("hangs").unwrap() });
}

/// A topic and a bucket of a test's own.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) kafka: &'static KafkaServer,
    pub(crate) topic: String,
    pub(crate) bucket: Bucket,
    pub(crate) store: ObjectStore,
    /// Whose chain is written.
    pub(crate) identity: Identity,
    /// The emulator, unless the bucket is on MinIO.
    pub(crate) oss: Option<Arc<OssServer>>,
}

impl World {
    /// An empty topic with this many partitions, and a bucket on the emulator.
    pub(crate) async fn start(partitions: i32) -> Result<Self> {
        let oss = OssServer::start().await?;
        let store = ObjectStore::new(&destination(
            StoreType::Oss,
            oss.endpoint(),
            BUCKET,
            (oss.access_key(), oss.secret_key()),
        ));
        let bucket = oss.access().bucket(BUCKET);
        Self::with(partitions, &[], bucket, store, Some(oss)).await
    }

    /// The same with a bucket on MinIO.
    pub(crate) async fn start_on_minio(partitions: i32) -> Result<Self> {
        let minio = shared_minio().await?;
        let bucket = minio.access().bucket(unique(BUCKET));
        let store = ObjectStore::new(&destination(
            StoreType::S3,
            minio.endpoint(),
            bucket.name(),
            (minio.access_key(), minio.secret_key()),
        ));
        Self::with(partitions, &[], bucket, store, None).await
    }

    /// An empty topic of one partition with settings.
    pub(crate) async fn start_with_topic(settings: &[(&str, &str)]) -> Result<Self> {
        let oss = OssServer::start().await?;
        let key = (oss.access_key(), oss.secret_key());
        let destination = destination(StoreType::Oss, oss.endpoint(), BUCKET, key);
        let bucket = oss.access().bucket(BUCKET);
        Self::with(1, settings, bucket, ObjectStore::new(&destination), Some(oss)).await
    }

    async fn with(
        partitions: i32,
        settings: &[(&str, &str)],
        bucket: Bucket,
        store: ObjectStore,
        oss: Option<OssServer>,
    ) -> Result<Self> {
        let kafka = shared_kafka().await?;
        let topic = unique("source");
        kafka.admin()?.create_topic(&topic, partitions, settings).await?;
        bucket.create().await?;
        let identity = Identity { uid: unique("uid"), topic_id: "topic-id".into(), epoch: 1 };
        Ok(Self { kafka, topic, bucket, store, identity, oss: oss.map(Arc::new) })
    }

    /// Produces this many records with keys, headers and timestamps, round robin,
    /// and returns the records of the topic.
    pub(crate) async fn fill(&self, count: u64) -> Result<Vec<Consumed>> {
        let partitions = self.kafka.admin()?.partitions(&self.topic).await?.unwrap();
        let records = (0..count).zip((0..partitions).cycle()).map(|(number, partition)| {
            Record::new(format!("value {number}"))
                .key(number.to_string())
                .partition(partition)
                .timestamp(1_603_779_578_000 + i64::try_from(number).unwrap())
                .header("number", number.to_string())
        });
        self.produce(records).await
    }

    /// Produces records and returns all of the topic.
    pub(crate) async fn produce(
        &self,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<Vec<Consumed>> {
        // One for all: it takes a second to get its producer id.
        static PRODUCER: OnceCell<Producer> = OnceCell::const_new();
        let producer = PRODUCER.get_or_try_init(async || self.kafka.producer()).await?;
        producer.send_all(&self.topic, records).await?;
        self.kafka.read(&self.topic).await
    }

    /// What a test may do to the emulator's requests.
    pub(crate) fn faults(&self) -> Faults {
        self.oss.as_ref().expect("the bucket is on the emulator").faults()
    }

    pub(crate) fn instance(&self) -> Instance {
        Instance {
            region_id: "cn-hangzhou".into(),
            bootstrap_servers: vec![self.kafka.bootstrap()],
            security: KafkaSecurity::default(),
            pool: Pool::default(),
            connectors_disabled: false,
            allow_shared_cluster: false,
        }
    }

    pub(crate) fn verification(&self, options: Options) -> Verification {
        Verification {
            instance: self.instance(),
            topic: self.topic.clone(),
            store: self.store.clone(),
            prefixes: vec![PREFIX.into()],
            hash_prefix: false,
            options,
        }
    }

    /// What is wrong, by default up to the topic's end.
    pub(crate) async fn verify(&self) -> Result<Report> {
        self.verify_with(Options::default()).await
    }

    pub(crate) async fn verify_with(&self, options: Options) -> Result<Report> {
        let options = Options { include_headers: true, ..options };
        Ok(self.verification(options).run().await?)
    }

    /// Commits an offset of partition 0 as the chain's owner would.
    pub(crate) async fn commit(&self, group: &str, offset: i64) -> Result<()> {
        let metadata = CommitMetadata::new(self.identity.clone(), &Commit::start(offset)).encode();
        let list = offset_with_metadata(&self.topic, 0, offset, &metadata)?;
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.kafka.bootstrap());
        config.set("group.id", group).set("enable.auto.commit", "false");
        spawn_blocking(move || -> Result<()> {
            let consumer: BaseConsumer = config.create()?;
            Ok(consumer.commit(&list, CommitMode::Sync)?)
        })
        .await?
    }
}

fn destination(
    store_type: StoreType,
    endpoint: String,
    bucket: &str,
    (id, secret): (&str, &str),
) -> Destination {
    let plain = |text: &str| SecretSource::Plain(text.into());
    Destination {
        store_type,
        bucket: bucket.to_owned(),
        endpoint,
        signing_region: match store_type {
            StoreType::Oss => "cn-hangzhou".to_owned(),
            StoreType::S3 => "us-east-1".to_owned(),
        },
        addressing_style: match store_type {
            StoreType::Oss => AddressingStyle::VirtualHosted,
            StoreType::S3 => AddressingStyle::Path,
        },
        credentials: AccessKey { id: plain(id), secret: plain(secret), session_token: None },
        allow_cross_region: false,
    }
}

/// Asserts that exactly this is wrong: kinds and how often.
#[track_caller]
pub(crate) fn assert_found(report: &Report, expected: &[(Kind, u64)]) {
    let found: Vec<_> =
        report.findings.iter().map(|(kind, findings)| (*kind, findings.count)).collect();
    assert_eq!(found, expected, "{report}");
    assert_eq!(report.is_clean(), expected.is_empty());
}

/// Asserts that the first example of a kind is of these offsets of partition 0.
#[track_caller]
pub(crate) fn assert_example(report: &Report, kind: Kind, first: i64, last: i64) {
    let example = &report.findings[&kind].examples[0];
    let offsets = example.offsets.map(|offsets| (offsets.first, offsets.last));
    assert_eq!((example.partition, offsets), (Some(0), Some((first, last))), "{report}");
}
