//! Everything that `dev` runs, from start to stop.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use kafka2oss_agent::{Agent, Environment, StopReason};
use kafka2oss_control_plane::ControlPlane;
use kafka2oss_proto::v1;
use tempfile::TempDir;
use tonic::transport::Channel;
use tonic::{Code, Status};
use v1::agent_service_client::AgentServiceClient;
use v1::connector_service_client::ConnectorServiceClient;
use v1::instance_service_client::InstanceServiceClient;

use super::kafka::Kafka;
use super::screen::Screen;
use super::settings::Settings;
use super::store::Store;
use crate::client::{Address, DevState, Failure, StateFile, connect, names};
use crate::output;

/// Port of the control plane, where it is free.
const PORT: u16 = 7250;
const AGENT: &str = "dev";
/// ID of the instance that is registered for the Kafka here.
pub(super) const INSTANCE: &str = "dev";
/// Ctrl-C should not take long, even where the store does not answer.
const SHUTDOWN_SECONDS: u64 = 10;
const AGENT_CONNECTS_WITHIN: Duration = Duration::from_secs(10);

/// Everything that `dev` runs.
pub(super) struct Services {
    pub(super) kafka: Kafka,
    pub(super) store: Store,
    /// `HOST:PORT` of the control plane.
    pub(super) address: SocketAddr,
    /// To it, as a client's.
    pub(super) channel: Channel,
    control_plane: ControlPlane,
    agent: Agent,
    keeps: bool,
    state_file: Option<StateFile>,
    // Last, so that its files go after those who use them.
    _root: Root,
}

/// Where control plane, agent and emulator keep their files.
enum Root {
    Temporary(TempDir),
    Kept(PathBuf),
}

impl Services {
    /// Starts everything and registers the instance.
    pub(super) async fn start(settings: &Settings) -> anyhow::Result<Self> {
        let root = Root::open(settings.keep.as_ref())?;
        let keeps = matches!(root, Root::Kept(_));
        let folder = root.path();
        let kafka = Kafka::start(settings.kafka.as_deref()).await?;
        for (topic, partitions) in &settings.topics {
            kafka.ensure_topic(topic, *partitions).await?;
        }
        let store = Store::start(settings.store.as_ref(), folder, keeps).await?;

        let start = async |listen| {
            let mut options = kafka2oss_control_plane::Options::at(folder.join("control-plane"));
            options.listen = listen;
            ControlPlane::start(options).await.context("the control plane")
        };
        let control_plane = match settings.listen {
            Some(listen) => start(listen).await?,
            None => start_at_usual_port(PORT, start).await?,
        };
        let address = control_plane.address();

        let mut options = kafka2oss_agent::Options::new(AGENT);
        options.control_plane = format!("http://{address}");
        options.state_dir = Some(folder.join("agent"));
        options.shutdown_seconds = SHUTDOWN_SECONDS;
        let environment = Environment { admins: kafka.admins(), membership: kafka.membership() };
        let agent = Agent::start(options, environment).await.context("the agent")?;

        let channel = connect(&Address::given(&address.to_string())).await?;
        register(&channel, kafka.bootstrap(), &store.destination.signing_region).await?;
        // Else what comes next would be told that there is no agent.
        await_agent(&channel).await?;
        let state_file = write_state(address, &kafka, &store);
        Ok(Self {
            kafka,
            store,
            address,
            channel,
            control_plane,
            agent,
            keeps,
            state_file,
            _root: root,
        })
    }

    /// Whether client commands find this control plane without an address.
    pub(super) fn is_found_by_clients(&self) -> bool {
        self.state_file.is_some()
    }

    /// Whether topics and groups outlive the control plane that knows whose
    /// they are.
    pub(super) fn forgets_what_kafka_keeps(&self) -> bool {
        !self.kafka.is_embedded() && !self.keeps
    }

    /// Says which connectors leave something in Kafka that nobody knows of any
    /// more.
    pub(super) async fn show_what_stays(&self, screen: Screen) -> anyhow::Result<()> {
        let mut connectors = ConnectorServiceClient::new(self.channel.clone());
        let parent = format!("instances/{INSTANCE}");
        let request = v1::ListConnectorsRequest { parent, ..Default::default() };
        let left = connectors.list_connectors(request).await.map_err(failed)?.into_inner();
        let names: Vec<_> = left.connectors.iter().map(|left| names::short(&left.name)).collect();
        if !names.is_empty() {
            screen.title(format_args!(
                "Topics and groups of {} stay in Kafka; delete connectors before the end, or keep \
                 them with --keep DIR",
                names.join(", ")
            ))?;
        }
        Ok(())
    }

    /// Whether everything is kept for the next start.
    pub(super) fn keeps(&self) -> bool {
        self.keeps
    }

    /// Returns when the agent or the control plane has to end, which they should not.
    pub(super) async fn one_failed(&self) -> anyhow::Error {
        tokio::select! {
            ended = self.agent.stopped() => anyhow::Error::from(ended).context("the agent"),
            failure = self.control_plane.failed() => {
                let code = failure.code();
                anyhow::Error::from(failure).context(format!("the control plane: {code}"))
            }
        }
    }

    /// Stops everything, in the order in which nothing is missed.
    pub(super) async fn stop(self, screen: Screen) -> anyhow::Result<()> {
        screen.title("Stopping")?;
        // Nobody should come any more.
        drop(self.state_file);
        self.agent.stop(StopReason::Leaving).await;
        self.control_plane.shutdown().await;
        self.store.stop().await;
        self.kafka.stop().await;
        Ok(screen.step("stopped")?)
    }
}

impl Root {
    fn open(keep: Option<&PathBuf>) -> anyhow::Result<Self> {
        match keep {
            Some(path) => {
                std::fs::create_dir_all(path).with_context(|| path.display().to_string())?;
                Ok(Self::Kept(path.clone()))
            }
            None => Ok(Self::Temporary(
                tempfile::Builder::new()
                    .prefix("kafka2oss-dev-")
                    .tempdir()
                    .context("a temporary directory")?,
            )),
        }
    }

    fn path(&self) -> &std::path::Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }
}

/// Starts at the usual port, or at any free one where that is taken, also in
/// the moment between.
pub(super) async fn start_at_usual_port<T, E>(
    port: u16,
    start: impl AsyncFn(SocketAddr) -> Result<T, E>,
) -> Result<T, E> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let is_free = || TcpListener::bind(at(port)).is_ok();
    if is_free() {
        match start(at(port)).await {
            Err(_) if !is_free() => {}
            result => return result,
        }
    }
    start(at(0)).await
}

/// Registers the Kafka here, unless a kept store knows it.
async fn register(channel: &Channel, bootstrap: &str, region: &str) -> anyhow::Result<()> {
    let mut instances = InstanceServiceClient::new(channel.clone());
    let bootstrap_servers: Vec<_> = bootstrap.split(',').map(str::to_owned).collect();
    let created = instances
        .create_instance(v1::CreateInstanceRequest {
            instance_id: INSTANCE.to_owned(),
            instance: Some(v1::Instance {
                region_id: region.to_owned(),
                bootstrap_servers: bootstrap_servers.clone(),
                ..v1::Instance::default()
            }),
            validate_only: false,
            ..Default::default()
        })
        .await;
    match created {
        Ok(_) => Ok(()),
        Err(status) if status.code() == Code::AlreadyExists => {
            let name = format!("instances/{INSTANCE}");
            let request = v1::GetInstanceRequest { name };
            let known = instances.get_instance(request).await.map_err(failed)?.into_inner();
            anyhow::ensure!(
                known.bootstrap_servers == bootstrap_servers,
                "what is kept there belongs to the Kafka at {}: name that one by --kafka, or \
                 another directory by --keep",
                known.bootstrap_servers.join(",")
            );
            Ok(())
        }
        Err(status) => Err(failed(status)),
    }
}

async fn await_agent(channel: &Channel) -> anyhow::Result<()> {
    let mut agents = AgentServiceClient::new(channel.clone());
    let deadline = tokio::time::Instant::now() + AGENT_CONNECTS_WITHIN;
    loop {
        let request = v1::GetAgentRequest { name: format!("agents/{AGENT}") };
        match agents.get_agent(request).await {
            Ok(agent) if agent.get_ref().state() == v1::AgentState::Connected => return Ok(()),
            Err(status) if status.code() != Code::NotFound => return Err(failed(status)),
            _ if tokio::time::Instant::now() >= deadline => {
                anyhow::bail!("the agent did not connect within {AGENT_CONNECTS_WITHIN:?}")
            }
            _ => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// A refusal with all its details.
pub(super) fn failed(status: Status) -> anyhow::Error {
    Failure::from(status).into()
}

fn write_state(address: SocketAddr, kafka: &Kafka, store: &Store) -> Option<StateFile> {
    let state = DevState {
        address: address.to_string(),
        kafka: kafka.bootstrap().to_owned(),
        endpoint: store.destination.endpoint.clone(),
        bucket: store.destination.bucket.clone(),
        instance: INSTANCE.to_owned(),
        pid: std::process::id(),
    };
    // Everything works without it, with --address.
    StateFile::write(&state)
        .inspect_err(|error| output::note(format_args!("client commands need --address: {error}")))
        .ok()
}
