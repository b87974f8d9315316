//! A control plane with instances, connectors and agents.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use kafka2oss_figures::resident::resident_bytes;
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::connector_service_client::ConnectorServiceClient;
use kafka2oss_proto::v1::instance_service_client::InstanceServiceClient;
use kafka2oss_proto::v1::{secret::Source, store_credentials::Kind};
use tonic::transport::Channel;

use crate::bound::within;
use crate::fleet::{Fleet, REGION, SPREAD, VPC, VSWITCH};
use crate::ledger::Ledger;
use crate::names;
use crate::options::Options;
use crate::pacing::closed_loop;
use crate::plane::Plane;
use crate::watcher;

/// What it takes at most until what is to be measured stands there: the control plane,
/// connectors that are not deployed, agents without tasks.
pub(crate) const START: Duration = Duration::from_secs(120);
/// Streams of agents are quiet when nothing came for so long.
const QUIET: Duration = Duration::from_secs(1);

/// A control plane and all that talks to it.
#[derive(Debug)]
pub(crate) struct World {
    // Before the control plane: it ends first.
    pub(crate) fleet: Fleet,
    pub(crate) plane: Plane,
    pub(crate) ledger: Arc<Ledger>,
    /// Connectors that are there, by number from 0 on.
    pub(crate) connectors: u32,
    client: ConnectorServiceClient<Channel>,
    bound: Duration,
}

impl World {
    /// Starts one with connectors that are not deployed, and agents that have
    /// acknowledged their empty lists.
    pub(crate) async fn start(options: &Options, connectors: u32, agents: u32) -> Result<Self> {
        let plane = Plane::start(options.control_plane.as_deref(), &options.plane, START).await?;
        let ledger = Arc::new(Ledger::default());
        let fleet = Fleet::start(&plane, 0, 0, &ledger)?;
        let client = ConnectorServiceClient::new(plane.channel()?);
        let bound = options.bound();
        let mut world = Self { fleet, plane, ledger, connectors, client, bound };
        for instance in 0..=names::instance_of(connectors + options.created()) {
            world.register(instance).await?;
        }
        let filled = closed_loop(0..connectors, |number| world.create(number));
        within(START, filled).await.context("to create the connectors")??;
        if agents > 0 {
            // Room for what is created later, and for those that vanish.
            let tasks = (connectors + options.created()) * SPREAD;
            let capacity = 2 * tasks.div_ceil(agents) + 8;
            world.fleet = Fleet::start(&world.plane, agents, capacity, &world.ledger)?;
            let acknowledged = world.fleet.acknowledged(START).await;
            acknowledged.with_context(|| format!("to greet agents: {}", world.fleet.trouble()))?;
        }
        Ok(world)
    }

    /// Deploys connectors, as fast as it goes, and waits until all below the last of them
    /// run and flow.
    ///
    /// # Errors
    /// [`NotWithin`](crate::bound::NotWithin) the bound, or what failed.
    pub(crate) async fn deploy_all(&self, numbers: Range<u32>) -> Result<()> {
        let watch = watcher::until_all_flow(self.plane.channel()?, numbers.end, self.bound);
        let deploys = closed_loop(numbers, |number| self.deploy(number));
        within(self.bound, async { tokio::try_join!(watch, deploys) }).await??;
        Ok(())
    }

    /// Waits until all connectors run and flow, and agents are told nothing any more.
    pub(crate) async fn settle(&self) -> Result<()> {
        watcher::until_all_flow(self.plane.channel()?, self.connectors, self.bound).await?;
        Ok(self.fleet.quiet(QUIET, self.bound).await?)
    }

    /// Waits until agents are told nothing any more.
    pub(crate) async fn quiet(&self) -> Result<()> {
        Ok(self.fleet.quiet(QUIET, self.bound).await?)
    }

    /// Creates the connector of this number.
    pub(crate) fn create(&self, number: u32) -> impl Future<Output = Result<()>> + use<> {
        let mut client = self.client.clone();
        let request = v1::CreateConnectorRequest {
            parent: names::instance(names::instance_of(number)),
            connector_id: names::connector_id(number),
            connector: Some(v1::Connector { spec: Some(spec(number)), ..Default::default() }),
            ..Default::default()
        };
        async move {
            client.create_connector(request).await?;
            Ok(())
        }
    }

    /// Looks at the connector of this number.
    pub(crate) fn get(&self, number: u32) -> impl Future<Output = Result<()>> + use<> {
        let mut client = self.client.clone();
        let request = v1::GetConnectorRequest { name: names::connector(number) };
        async move {
            client.get_connector(request).await?;
            Ok(())
        }
    }

    /// Deploys it.
    pub(crate) fn deploy(&self, number: u32) -> impl Future<Output = Result<()>> + use<> {
        let mut client = self.client.clone();
        let request =
            v1::DeployConnectorRequest { name: names::connector(number), ..Default::default() };
        async move {
            client.deploy_connector(request).await?;
            Ok(())
        }
    }

    /// Gives it this label.
    pub(crate) fn label(
        &self,
        number: u32,
        name: &str,
        value: String,
    ) -> impl Future<Output = Result<()>> + use<> {
        let mut client = self.client.clone();
        let request = v1::UpdateConnectorRequest {
            connector: Some(v1::Connector {
                name: names::connector(number),
                labels: [(name.to_owned(), value)].into(),
                ..Default::default()
            }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["labels".to_owned()] }),
            ..Default::default()
        };
        async move {
            client.update_connector(request).await?;
            Ok(())
        }
    }

    /// Memory of the control plane.
    pub(crate) fn resident_mib(&self) -> Result<f64> {
        Ok(resident_bytes(self.plane.pid()?)? as f64 / f64::from(1 << 20))
    }

    /// Registers the instances that connectors up to this number need and are not there.
    pub(crate) async fn register_up_to(&self, number: u32) -> Result<()> {
        let there = names::instance_of(self.connectors);
        for instance in there + 1..=names::instance_of(number) {
            self.register(instance).await?;
        }
        Ok(())
    }

    async fn register(&self, instance: u32) -> Result<()> {
        let request = v1::CreateInstanceRequest {
            instance_id: names::instance_id(instance),
            instance: Some(v1::Instance {
                region_id: REGION.to_owned(),
                bootstrap_servers: vec![format!("broker-{instance}:9092")],
                vpc_id: VPC.to_owned(),
                vswitch_id: VSWITCH.to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        };
        InstanceServiceClient::new(self.plane.channel()?).create_instance(request).await?;
        Ok(())
    }
}

fn spec(number: u32) -> v1::ConnectorSpec {
    let secret =
        |name: &str| Some(v1::Secret { source: Some(Source::Environment(name.to_owned())) });
    let credentials = v1::StoreCredentials {
        kind: Some(Kind::AccessKey(v1::AccessKey {
            id: secret("OSS_KEY_ID"),
            secret: secret("OSS_KEY_SECRET"),
            session_token: None,
        })),
    };
    v1::ConnectorSpec {
        source: Some(v1::KafkaSource {
            topic: format!("topic-{number:05}"),
            spread: Some(SPREAD.cast_signed()),
            ..Default::default()
        }),
        destination: Some(v1::ObjectStoreDestination {
            bucket: "bucket-test".to_owned(),
            credentials: Some(credentials),
            ..Default::default()
        }),
        ..Default::default()
    }
}
