//! The servers of a run, and the topics that scenarios share.

use anyhow::Result;
use kafka2oss_proto::v1;
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};
use kafka2oss_tests::minio::MinioServer;
use kafka2oss_tests::name::unique;
use tokio::sync::OnceCell;

use crate::authority::TrustedAuthority;
use crate::destination::Destination;
use crate::topics::{self, Codec, Content, PARTITIONS, Topic};

/// How much is measured, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scale {
    /// Rounds of each comparison.
    pub(crate) rounds: usize,
    /// Smaller topics, fewer configurations.
    pub(crate) quick: bool,
}

impl Scale {
    /// Everything, or a part that takes minutes.
    pub(crate) fn new(quick: bool) -> Self {
        Self { rounds: if quick { 2 } else { 5 }, quick }
    }

    /// How many values of this size a topic has: a multiple of [`PARTITIONS`], with
    /// many divisors.
    pub(crate) fn records(self, value_bytes: usize) -> u64 {
        let (whole, part) = match value_bytes {
            ..1_000 => (3_960_000, 1_008_000),
            1_000..10_000 => (1_008_000, 288_000),
            _ => (100_800, 30_000),
        };
        if self.quick { part } else { whole }
    }
}

/// A broker with topics, and a store.
#[derive(Debug)]
pub(crate) struct World {
    /// The broker.
    pub(crate) kafka: KafkaServer,
    minio: MinioServer,
    trusted: TrustedAuthority,
    /// A second store, which speaks TLS, once it was asked for.
    encrypted: OnceCell<MinioServer>,
    topics: Vec<(Content, Topic)>,
}

impl World {
    /// Starts both.
    pub(crate) async fn start(trusted: TrustedAuthority) -> Result<Self> {
        let options = KafkaOptions { heap_mib: 1_024, ..KafkaOptions::default() };
        Ok(Self {
            kafka: KafkaServer::start(options).await?,
            minio: MinioServer::start().await?,
            trusted,
            encrypted: OnceCell::new(),
            topics: Vec::new(),
        })
    }

    /// The topic with as many values of this size as the scale has; made when it is
    /// first asked for.
    pub(crate) async fn topic(
        &mut self,
        scale: Scale,
        value_bytes: usize,
        codec: Codec,
    ) -> Result<Topic> {
        let records = scale.records(value_bytes);
        let (partitions, empty_partitions) = (PARTITIONS, 0);
        self.topic_of(Content { value_bytes, records, codec, partitions, empty_partitions }).await
    }

    /// The topic of this content; made when it is first asked for.
    pub(crate) async fn topic_of(&mut self, content: Content) -> Result<Topic> {
        if let Some((_, topic)) = self.topics.iter().find(|(of, _)| *of == content) {
            return Ok(topic.clone());
        }
        let topic = topics::fill(&self.kafka, &unique("records"), content).await?;
        self.topics.push((content, topic.clone()));
        Ok(topic)
    }

    /// A new bucket of MinIO.
    pub(crate) async fn minio_bucket(&self) -> Result<Destination> {
        bucket_of(&self.minio).await
    }

    /// A new bucket of a MinIO that speaks TLS.
    pub(crate) async fn encrypted_bucket(&self) -> Result<Destination> {
        let start = || MinioServer::start_encrypted(self.trusted.authority());
        bucket_of(self.encrypted.get_or_try_init(start).await?).await
    }
}

async fn bucket_of(minio: &MinioServer) -> Result<Destination> {
    let bucket = unique("bucket");
    minio.create_bucket(&bucket).await?;
    Ok(Destination { store_type: v1::StoreType::S3, access: minio.access(), bucket })
}
