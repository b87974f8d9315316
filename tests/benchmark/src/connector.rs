//! A connector, over the control plane's API.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use kafka2oss_proto::v1::connector_service_client::ConnectorServiceClient;
use kafka2oss_proto::{Count, v1};
use tokio::time::sleep;
use tonic::transport::Channel;

use crate::deployment::Deployment;
use crate::destination::Destination;
use crate::topics::Topic;

/// What a whole topic may take.
const DELIVERY_LIMIT: Duration = Duration::from_secs(600);

/// What a start may take.
const START_LIMIT: Duration = Duration::from_secs(120);

/// Between two questions to the control plane.
const INTERVAL: Duration = Duration::from_millis(100);

/// A connector that was created.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    client: ConnectorServiceClient<Channel>,
    /// Its ID.
    pub(crate) id: String,
    name: String,
}

impl Connector {
    /// Of this ID and resource name.
    pub(crate) fn new(client: ConnectorServiceClient<Channel>, id: &str, name: String) -> Self {
        Self { client, id: id.to_owned(), name }
    }

    /// The group of its task.
    pub(crate) fn group(&self) -> String {
        format!("connect-{}", self.id)
    }

    /// Tells it to run.
    pub(crate) async fn deploy(&self) -> Result<()> {
        let request = v1::DeployConnectorRequest { name: self.name.clone(), ..Default::default() };
        self.client.clone().deploy_connector(request).await?;
        Ok(())
    }

    /// Waits until it runs, delivering exactly once.
    pub(crate) async fn runs(&self, deployment: &mut Deployment) -> Result<()> {
        let started = Instant::now();
        loop {
            let request = v1::GetConnectorRequest { name: self.name.clone() };
            let connector = self.client.clone().get_connector(request).await?.into_inner();
            let status = connector.status.context("a connector without a status")?;
            if status.state() == v1::ConnectorState::Running {
                let guarantee = status.delivery_guarantee();
                let is_exact = guarantee == v1::DeliveryGuarantee::ExactlyOnce;
                ensure!(is_exact, "{}", status.delivery_guarantee_reason);
                return Ok(());
            }
            deployment.check()?;
            if started.elapsed() > START_LIMIT {
                bail!("{} does not run: {status:?}\n{}", self.id, deployment.logs());
            }
            sleep(INTERVAL).await;
        }
    }

    /// Waits until it has committed the ends of a topic: then all stands in the
    /// bucket.
    pub(crate) async fn delivers(&self, topic: &Topic, deployment: &mut Deployment) -> Result<()> {
        let started = Instant::now();
        loop {
            let request = v1::GetConnectorProgressRequest { name: self.name.clone() };
            let progress = self.client.clone().get_connector_progress(request).await?.into_inner();
            let at_its_end = |partition: &&v1::PartitionProgress| {
                partition.committed_offset >= Some(topic.end())
            };
            let ended = progress.partitions.iter().filter(at_its_end).count();
            if ended == topic.partitions.unsigned_abs() as usize {
                return Ok(());
            }
            deployment.check()?;
            if started.elapsed() > DELIVERY_LIMIT {
                bail!("{} is not at its end: {progress:?}\n{}", self.id, deployment.logs());
            }
            sleep(INTERVAL).await;
        }
    }
}

/// What a connector makes of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Output {
    /// The objects' format.
    pub(crate) format: v1::OutputFormat,
    /// The objects' compression.
    pub(crate) compression: v1::Compression,
    /// When an object is closed.
    pub(crate) rotation: Rotation,
}

/// When an object is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rotation {
    /// At so many bytes before compression.
    pub(crate) max_bytes: u64,
    /// At so many records.
    pub(crate) max_records: Option<u64>,
    /// So long after its first record.
    pub(crate) max_age: Duration,
    /// So long after its last record.
    pub(crate) idle: Duration,
}

impl Default for Rotation {
    /// Objects of 8 MiB, and a last one a second after the last record.
    fn default() -> Self {
        Self {
            max_bytes: 8 << 20,
            max_records: None,
            max_age: Duration::from_secs(3_600),
            idle: Duration::from_secs(1),
        }
    }
}

impl Default for Output {
    /// Arrays without compression.
    fn default() -> Self {
        Self {
            format: v1::OutputFormat::JsonArray,
            compression: v1::Compression::None,
            rotation: Rotation::default(),
        }
    }
}

/// A spec that copies a topic from its beginning into a bucket, with one task: as
/// many consumers as there are agents.
pub(crate) fn spec(topic: &str, destination: &Destination, output: Output) -> v1::ConnectorSpec {
    let Output { format, compression, rotation } = output;
    let Rotation { max_bytes, max_records, max_age, idle } = rotation;
    v1::ConnectorSpec {
        source: Some(v1::KafkaSource {
            topic: topic.into(),
            consumer_offset: v1::ConsumerOffset::Earliest.into(),
            spread: Some(1),
            ..Default::default()
        }),
        destination: Some(destination.in_spec()),
        output: Some(v1::ConnectorOutput {
            format: format.into(),
            compression: compression.into(),
            rotation: Some(v1::RotationPolicy {
                max_bytes: Some(max_bytes.to_wire()),
                max_records: max_records.map(Count::to_wire),
                max_age: duration(max_age),
                idle: duration(idle),
            }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn duration(duration: Duration) -> Option<prost_types::Duration> {
    Some(prost_types::Duration {
        seconds: i64::try_from(duration.as_secs()).ok()?,
        nanos: i32::try_from(duration.subsec_nanos()).ok()?,
    })
}
