//! The connector of a run, over the control plane's API.

use anyhow::{Context, Result, ensure};
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::connector_service_client::ConnectorServiceClient;
use kafka2oss_proto::v1::instance_service_client::InstanceServiceClient;
use kafka2oss_tests::name::unique;
use kafka2oss_tests::wait::eventually;
use tonic::transport::Channel;

use crate::plan::SESSION_TIMEOUT;
use crate::runner::LIMIT;
use crate::shape::{Shape, duration};

const INSTANCE: &str = "alikafka_chaos";

/// A connector with two tasks.
#[derive(Debug)]
pub(crate) struct Connector {
    /// Its ID.
    pub(crate) id: String,
    guarantee: v1::DeliveryGuarantee,
    name: String,
    channel: Channel,
}

impl Connector {
    /// Registers the broker, deploys a connector of `topic` from its beginning,
    /// and waits until it runs with this guarantee.
    pub(crate) async fn deploy(
        channel: Channel,
        bootstrap: &str,
        topic: &str,
        destination: v1::ObjectStoreDestination,
        shape: Shape,
        guarantee: v1::DeliveryGuarantee,
    ) -> Result<Self> {
        let request = v1::CreateInstanceRequest {
            instance_id: INSTANCE.into(),
            instance: Some(v1::Instance {
                region_id: "cn-hangzhou".into(),
                bootstrap_servers: vec![bootstrap.into()],
                ..Default::default()
            }),
            validate_only: false,
            ..Default::default()
        };
        InstanceServiceClient::new(channel.clone()).create_instance(request).await?;
        let spec = v1::ConnectorSpec {
            source: Some(v1::KafkaSource {
                topic: topic.into(),
                consumer_offset: v1::ConsumerOffset::Earliest.into(),
                spread: Some(2),
                ..Default::default()
            }),
            destination: Some(destination),
            runtime: Some(v1::ConnectorRuntime {
                session_timeout: duration(SESSION_TIMEOUT),
                ..Default::default()
            }),
            output: Some(shape.output()),
            ..Default::default()
        };
        let id = unique("chaos");
        let request = v1::CreateConnectorRequest {
            parent: format!("instances/{INSTANCE}"),
            connector_id: id.clone(),
            connector: Some(v1::Connector { spec: Some(spec), ..Default::default() }),
            ..Default::default()
        };
        let mut client = ConnectorServiceClient::new(channel.clone());
        let name = client.create_connector(request).await?.into_inner().name;
        client
            .deploy_connector(v1::DeployConnectorRequest {
                name: name.clone(),
                ..Default::default()
            })
            .await?;
        let connector = Self { id, guarantee, name, channel };
        connector.runs().await?;
        Ok(connector)
    }

    /// What is guaranteed.
    pub(crate) fn guarantee(&self) -> v1::DeliveryGuarantee {
        self.guarantee
    }

    /// The group of its tasks.
    pub(crate) fn group(&self) -> String {
        format!("connect-{}", self.id)
    }

    /// Where its dead letters go.
    pub(crate) fn error_topic(&self) -> String {
        format!("connect-error-{}", self.id)
    }

    /// Gives its output another shape.
    pub(crate) async fn update(&self, shape: Shape) -> Result<()> {
        let spec = v1::ConnectorSpec { output: Some(shape.output()), ..Default::default() };
        let name = self.name.clone();
        let connector = v1::Connector { name, spec: Some(spec), ..Default::default() };
        let paths = vec!["spec.output".to_owned()];
        let request = v1::UpdateConnectorRequest {
            connector: Some(connector),
            update_mask: Some(prost_types::FieldMask { paths }),
            ..Default::default()
        };
        // A control plane that was just started may not answer yet.
        eventually("the connector is updated", LIMIT, async || {
            self.client().update_connector(request.clone()).await?;
            Ok(Some(()))
        })
        .await
    }

    /// Waits until it is RUNNING with its guarantee.
    pub(crate) async fn runs(&self) -> Result<()> {
        eventually(format!("{} runs as {:?}", self.id, self.guarantee), LIMIT, async || {
            let request = v1::GetConnectorRequest { name: self.name.clone() };
            let connector = self.client().get_connector(request).await?.into_inner();
            let status = connector.status.context("a status")?;
            let is_as_good = status.delivery_guarantee() == self.guarantee;
            ensure!(status.state() == v1::ConnectorState::Running && is_as_good, "{status:?}");
            Ok(Some(()))
        })
        .await
    }

    /// Waits until it is shown to have written so many records, its whole life long.
    pub(crate) async fn has_written(&self, records: u64) -> Result<()> {
        eventually(format!("{} has written {records} records", self.id), LIMIT, async || {
            let request = v1::GetConnectorRequest { name: self.name.clone() };
            let connector = self.client().get_connector(request).await?.into_inner();
            let totals = connector.status.and_then(|status| status.totals).context("totals")?;
            ensure!(totals.records.unsigned_abs() == records, "{totals:?}");
            Ok(Some(()))
        })
        .await
    }

    /// What the control plane shows of it, for people.
    pub(crate) async fn describe(&self) -> String {
        let request = v1::GetConnectorProgressRequest { name: self.name.clone() };
        let progress = match self.client().get_connector_progress(request).await {
            Ok(progress) => progress.into_inner(),
            Err(error) => return format!("no progress is shown: {error}"),
        };
        let partitions = progress.partitions.iter().map(|partition| {
            let v1::PartitionProgress { partition: number, agent, task_index, .. } = partition;
            let v1::PartitionProgress { committed_offset, end_offset, .. } = partition;
            let v1::PartitionProgress { error_code, error_message, .. } = partition;
            let state = partition.state().as_str_name();
            format!(
                "partition {number} of task {task_index} on {agent:?}: {state}, committed \
                 {committed_offset:?} of {end_offset:?} {error_code} {error_message}"
            )
        });
        partitions.collect::<Vec<_>>().join("\n")
    }

    fn client(&self) -> ConnectorServiceClient<Channel> {
        ConnectorServiceClient::new(self.channel.clone())
    }
}
