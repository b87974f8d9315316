//! The product's processes: a control plane and one agent, fresh for each run.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use aws_smithy_types::date_time::{DateTime, Format as DateTimeFormat};
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::agent_service_client::AgentServiceClient;
use kafka2oss_proto::v1::connector_service_client::ConnectorServiceClient;
use kafka2oss_proto::v1::instance_service_client::InstanceServiceClient;
use kafka2oss_tests::port;
use kafka2oss_tests::process::{Binary, Product};
use kafka2oss_tests::scratch::Scratch;
use kafka2oss_tests::wait::eventually;
use tonic::transport::{Channel, Endpoint};

use crate::connector::Connector;

/// What a process may take to start.
const START_LIMIT: Duration = Duration::from_secs(60);

const INSTANCE: &str = "alikafka_benchmark";
const AGENT: &str = "agent";

/// What makes the agent log [`ASSIGNMENT`], and what that is: an event of its
/// consumer (`agent/src/task/session/mod.rs`).
const ASSIGNMENT_LOG: &str = "info,kafka2oss_agent::task::session=debug";
const ASSIGNMENT: &str = "event=Assigned([";
const EMPTY_ASSIGNMENT: &str = "event=Assigned([])";

/// Tasks that the agent takes: more than any scenario has.
const CAPACITY: &str = "256";

/// A control plane with a registered broker, and one agent.
#[derive(Debug)]
pub(crate) struct Deployment {
    // Dropped in this order: the agent ends before what it talks to.
    agent: Product,
    control_plane: Product,
    _folders: [Scratch; 2],
    channel: Channel,
}

impl Deployment {
    /// Starts both and waits until the agent is connected.
    pub(crate) async fn start(bootstrap: &str) -> Result<Self> {
        Self::start_with(bootstrap, "info", &[]).await
    }

    /// As [`Deployment::start`], for [`Deployment::assigned_at`]: a few more lines of
    /// the agent's log for each object.
    pub(crate) async fn start_with_assignments(bootstrap: &str) -> Result<Self> {
        Self::start_with(bootstrap, ASSIGNMENT_LOG, &[]).await
    }

    /// As [`Deployment::start`], with a memory budget of so many bytes.
    pub(crate) async fn start_with_budget(bootstrap: &str, bytes: u64) -> Result<Self> {
        Self::start_with(bootstrap, "info", &["--memory-budget-bytes", &bytes.to_string()]).await
    }

    async fn start_with(bootstrap: &str, log: &str, settings: &[&str]) -> Result<Self> {
        let [port] = port::free()?;
        let address = format!("127.0.0.1:{port}");
        let (data, state) = (Scratch::new("control-plane-data")?, Scratch::new(AGENT)?);

        let mut command = Binary::ControlPlane.command()?;
        command.args(["--listen", &address]).arg("--data-dir").arg(data.path());
        let control_plane = Product::spawn(command)?;
        let mut command = Binary::Agent.command()?;
        command
            .args(["--control-plane", &format!("http://{address}")])
            .args(["--agent-id", AGENT, "--capacity", CAPACITY])
            .args(settings)
            .arg("--state-dir")
            .arg(state.path())
            .env("RUST_LOG", log);
        let agent = Product::spawn(command)?;

        let channel = Endpoint::from_shared(format!("http://{address}"))?.connect_lazy();
        let deployment = Self { agent, control_plane, _folders: [data, state], channel };
        deployment.is_connected().await.with_context(|| deployment.logs())?;
        deployment.register(bootstrap).await?;
        Ok(deployment)
    }

    /// Process id of the agent.
    pub(crate) fn agent_pid(&self) -> u32 {
        self.agent.pid()
    }

    /// When the agent's consumer was first given partitions, by the agent's log: they
    /// are looked up and fetched from then on.
    pub(crate) fn assigned_at(&self) -> Result<SystemTime> {
        let first = first_assignment(&self.agent.log()?);
        first.with_context(|| format!("no {ASSIGNMENT:?} with a time\n{}", self.agent.log_tail()))
    }

    /// Fails when a process has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        for process in [&mut self.agent, &mut self.control_plane] {
            let ended = process.exit_status()?;
            ensure!(ended.is_none(), "a process has ended: {ended:?}\n{}", process.log_tail());
        }
        Ok(())
    }

    /// Creates a connector.
    pub(crate) async fn create(&self, id: &str, spec: v1::ConnectorSpec) -> Result<Connector> {
        let request = v1::CreateConnectorRequest {
            parent: format!("instances/{INSTANCE}"),
            connector_id: id.into(),
            connector: Some(v1::Connector { spec: Some(spec), ..Default::default() }),
            ..Default::default()
        };
        let mut client = ConnectorServiceClient::new(self.channel.clone());
        let created = client.create_connector(request).await?.into_inner();
        Ok(Connector::new(client, id, created.name))
    }

    /// The ends of both logs, for an error message.
    pub(crate) fn logs(&self) -> String {
        format!("{}\n{}", self.control_plane.log_tail(), self.agent.log_tail())
    }

    async fn is_connected(&self) -> Result<()> {
        let mut client = AgentServiceClient::new(self.channel.clone());
        eventually("the agent is connected", START_LIMIT, async || {
            let request = v1::GetAgentRequest { name: format!("agents/{AGENT}") };
            let agent = client.get_agent(request).await?.into_inner();
            ensure!(agent.state() == v1::AgentState::Connected, "{agent:?}");
            Ok(Some(()))
        })
        .await
    }

    async fn register(&self, bootstrap: &str) -> Result<()> {
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
        InstanceServiceClient::new(self.channel.clone()).create_instance(request).await?;
        Ok(())
    }
}

/// When the first assignment of partitions was logged.
fn first_assignment(log: &str) -> Option<SystemTime> {
    let is_one = |line: &&str| line.contains(ASSIGNMENT) && !line.contains(EMPTY_ASSIGNMENT);
    let time = log.lines().find(is_one)?.split_whitespace().next()?;
    DateTime::from_str(time, DateTimeFormat::DateTime).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::first_assignment;

    #[test]
    fn the_first_assignment_that_is_not_empty_counts() {
        let log = "2026-11-22T23:00:00.000001Z  INFO kafka2oss_agent: memory budget\n\
                   2026-11-22T23:00:01.000001Z DEBUG session: consumer event event=Assigned([])\n\
                   2026-11-22T23:00:02.250000Z DEBUG session: consumer event event=Assigned([3, 0])\n\
                   2026-11-22T23:00:09.000001Z DEBUG session: consumer event event=Assigned([1])";

        let expected = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_388_402_250);
        assert_eq!(first_assignment(log), Some(expected));
        assert_eq!(first_assignment("yesterday event=Assigned([0])"), None);
        assert_eq!(first_assignment(""), None);
    }
}
