//! A control plane for one test, and its clients.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use kafka2oss_control_plane::{ControlPlane, Options};
use kafka2oss_proto::v1::agent_service_client::AgentServiceClient;
use kafka2oss_proto::v1::connector_service_client::ConnectorServiceClient;
use kafka2oss_proto::v1::instance_service_client::InstanceServiceClient;
use kafka2oss_proto::v1::watch_agents_response::Event as AgentEvent;
use kafka2oss_proto::v1::watch_connectors_response::Event;
use kafka2oss_proto::v1::{self, secret::Source, store_credentials::Kind};
use tempfile::TempDir;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Nothing that a test waits for takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// The instance of [`Server::with_instance`].
pub(crate) const INSTANCE: &str = "instances/alikafka_1";

/// A control plane and its folder.
pub(crate) struct Server {
    control_plane: Option<ControlPlane>,
    options: Options,
    folder: TempDir,
    pub(crate) channel: Channel,
    pub(crate) instances: InstanceServiceClient<Channel>,
    pub(crate) connectors: ConnectorServiceClient<Channel>,
    pub(crate) agents: AgentServiceClient<Channel>,
}

impl Server {
    /// One with an empty store and a lease that no test outlives.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// One with options of the test's own.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut options = Options::at(folder.path());
        options.listen.set_port(0);
        options.lease = Duration::from_secs(600);
        options.heartbeat_interval = Some(Duration::from_millis(50));
        change(&mut options);
        let control_plane = ControlPlane::start(options.clone()).await.expect("started");
        let channel = connect(control_plane.address()).await;
        Self {
            control_plane: Some(control_plane),
            options,
            folder,
            instances: InstanceServiceClient::new(channel.clone()),
            connectors: ConnectorServiceClient::new(channel.clone()),
            agents: AgentServiceClient::new(channel.clone()),
            channel,
        }
    }

    /// One with [`INSTANCE`] registered.
    pub(crate) async fn with_instance() -> Self {
        let mut server = Self::start().await;
        server.register("alikafka_1").await;
        server
    }

    /// Stops it.
    pub(crate) async fn stop(&mut self) {
        if let Some(control_plane) = self.control_plane.take() {
            control_plane.shutdown().await;
        }
    }

    /// Starts it again on the same folder, with other options.
    pub(crate) async fn start_again(&mut self, change: impl FnOnce(&mut Options)) {
        change(&mut self.options);
        let control_plane = ControlPlane::start(self.options.clone()).await.expect("started");
        self.channel = connect(control_plane.address()).await;
        self.control_plane = Some(control_plane);
        self.instances = InstanceServiceClient::new(self.channel.clone());
        self.connectors = ConnectorServiceClient::new(self.channel.clone());
        self.agents = AgentServiceClient::new(self.channel.clone());
    }

    /// Stops it and starts it again on the same folder.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.start_again(|_| {}).await;
    }

    /// Where agents connect.
    pub(crate) async fn agent_channel(&self) -> Channel {
        let control_plane = self.control_plane.as_ref().expect("it runs");
        connect(control_plane.agent_address()).await
    }

    /// Where clients connect, and where agents do.
    pub(crate) fn addresses(&self) -> [SocketAddr; 2] {
        let control_plane = self.control_plane.as_ref().expect("it runs");
        [control_plane.address(), control_plane.agent_address()]
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) async fn register(&mut self, id: &str) -> v1::Instance {
        let request = v1::CreateInstanceRequest {
            instance_id: id.to_owned(),
            instance: Some(instance()),
            validate_only: false,
            ..Default::default()
        };
        self.instances.create_instance(request).await.expect("registered").into_inner()
    }

    pub(crate) async fn create(&mut self, id: &str) -> v1::Connector {
        self.connectors.create_connector(creation(id)).await.expect("created").into_inner()
    }

    pub(crate) async fn deploy(&mut self, name: &str) -> v1::Connector {
        let request = v1::DeployConnectorRequest { name: name.to_owned(), ..Default::default() };
        self.connectors.deploy_connector(request).await.expect("deployed").into_inner()
    }

    pub(crate) async fn pause(&mut self, name: &str) -> Result<v1::Connector, Status> {
        let request = v1::PauseConnectorRequest { name: name.to_owned(), ..Default::default() };
        Ok(self.connectors.pause_connector(request).await?.into_inner())
    }

    pub(crate) async fn resume(&mut self, name: &str) -> Result<v1::Connector, Status> {
        let request = v1::ResumeConnectorRequest { name: name.to_owned(), ..Default::default() };
        Ok(self.connectors.resume_connector(request).await?.into_inner())
    }

    pub(crate) async fn get(&mut self, name: &str) -> Result<v1::Connector, Status> {
        let request = v1::GetConnectorRequest { name: name.to_owned() };
        Ok(self.connectors.get_connector(request).await?.into_inner())
    }

    /// Waits until the connector is as `wanted` says.
    pub(crate) async fn until(
        &mut self,
        name: &str,
        wanted: impl Fn(&v1::Connector) -> bool,
    ) -> v1::Connector {
        let mut last = None;
        let seen = tokio::time::timeout(PATIENCE, async {
            let mut events = self.watch("").await;
            loop {
                let event = events.message().await.expect("no error").expect("no end").event;
                if let Some(Event::Upsert(connector)) = event
                    && connector.name == name
                {
                    if wanted(&connector) {
                        return connector;
                    }
                    last = Some(connector);
                }
            }
        });
        match seen.await {
            Ok(connector) => connector,
            Err(_) => panic!("it never came; the last that was seen: {last:#?}"),
        }
    }

    /// A connector that runs on the agents that are there.
    pub(crate) async fn running(&mut self, id: &str) -> v1::Connector {
        let name = self.create(id).await.name;
        self.deploy(&name).await;
        self.until_state(&name, v1::ConnectorState::Running).await
    }

    /// Waits until the connector is in this state.
    pub(crate) async fn until_state(
        &mut self,
        name: &str,
        state: v1::ConnectorState,
    ) -> v1::Connector {
        self.until(name, |connector| state_of(connector) == state).await
    }

    /// Waits until the agent of this ID is as `wanted` says.
    pub(crate) async fn until_agent(
        &mut self,
        id: &str,
        wanted: impl Fn(&v1::Agent) -> bool,
    ) -> v1::Agent {
        let request = v1::WatchAgentsRequest { filter: format!("id = {id}"), ..Default::default() };
        let mut last = None;
        let seen = tokio::time::timeout(PATIENCE, async {
            let mut events =
                self.agents.watch_agents(request).await.expect("a stream").into_inner();
            loop {
                let event = events.message().await.expect("no error").expect("no end").event;
                if let Some(AgentEvent::Upsert(agent)) = event {
                    if wanted(&agent) {
                        return agent;
                    }
                    last = Some(agent);
                }
            }
        });
        match seen.await {
            Ok(agent) => agent,
            Err(_) => panic!("it never came; the last that was seen: {last:#?}"),
        }
    }

    /// Waits until the connector is gone.
    pub(crate) async fn until_gone(&mut self, name: &str) {
        let gone = tokio::time::timeout(PATIENCE, async {
            let mut events = self.watch("").await;
            loop {
                if let Err(status) = self.get(name).await {
                    assert_eq!(status.code(), Code::NotFound);
                    return;
                }
                // Something changed: look again.
                events.message().await.expect("no error").expect("no end");
            }
        });
        gone.await.expect("gone in time");
    }

    pub(crate) async fn watch(
        &mut self,
        token: &str,
    ) -> tonic::Streaming<v1::WatchConnectorsResponse> {
        let request = v1::WatchConnectorsRequest {
            parent: "instances/-".to_owned(),
            resume_token: token.to_owned(),
            include_partitions: true,
            ..v1::WatchConnectorsRequest::default()
        };
        self.connectors.watch_connectors(request).await.expect("a stream").into_inner()
    }
}

async fn connect(address: SocketAddr) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{address}")).expect("an address");
    endpoint.connect().await.expect("connected")
}

pub(crate) fn state_of(connector: &v1::Connector) -> v1::ConnectorState {
    connector.status.as_ref().map(|status| status.state()).unwrap_or_default()
}

pub(crate) fn status_of(connector: &v1::Connector) -> &v1::ConnectorStatus {
    connector.status.as_ref().expect("a status")
}

/// The condition of this type.
pub(crate) fn condition<'a>(connector: &'a v1::Connector, kind: &str) -> &'a v1::Condition {
    let conditions = &status_of(connector).conditions;
    conditions.iter().find(|condition| condition.r#type == kind).expect("a condition")
}

/// The error code of a refusal.
pub(crate) fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// Field and code of each violation.
pub(crate) fn violations(status: &Status) -> Vec<(String, String)> {
    let bad = status.get_details_bad_request().expect("a BadRequest");
    bad.field_violations.into_iter().map(|one| (one.field, one.reason)).collect()
}

pub(crate) fn instance() -> v1::Instance {
    v1::Instance {
        region_id: "cn-hangzhou".to_owned(),
        bootstrap_servers: vec!["broker:9092".to_owned()],
        vpc_id: "vpc-1".to_owned(),
        vswitch_id: "vsw-1".to_owned(),
        ..v1::Instance::default()
    }
}

pub(crate) fn environment(name: &str) -> Option<v1::Secret> {
    Some(v1::Secret { source: Some(Source::Environment(name.to_owned())) })
}

pub(crate) fn plain(value: &str) -> Option<v1::Secret> {
    Some(v1::Secret { source: Some(Source::Plain(value.to_owned())) })
}

pub(crate) fn credentials(
    id: Option<v1::Secret>,
    secret: Option<v1::Secret>,
) -> v1::StoreCredentials {
    v1::StoreCredentials {
        kind: Some(Kind::AccessKey(v1::AccessKey { id, secret, session_token: None })),
    }
}

pub(crate) fn spec() -> v1::ConnectorSpec {
    v1::ConnectorSpec {
        source: Some(v1::KafkaSource {
            topic: "oss-test-input".to_owned(),
            ..v1::KafkaSource::default()
        }),
        destination: Some(v1::ObjectStoreDestination {
            bucket: "bucket-test".to_owned(),
            credentials: Some(credentials(environment("KEY_ID"), environment("KEY_SECRET"))),
            ..v1::ObjectStoreDestination::default()
        }),
        ..v1::ConnectorSpec::default()
    }
}

pub(crate) fn creation(id: &str) -> v1::CreateConnectorRequest {
    v1::CreateConnectorRequest {
        parent: INSTANCE.to_owned(),
        connector_id: id.to_owned(),
        connector: Some(v1::Connector { spec: Some(spec()), ..v1::Connector::default() }),
        ..v1::CreateConnectorRequest::default()
    }
}
