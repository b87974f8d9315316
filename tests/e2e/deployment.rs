//! A control plane and its agents, as processes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::agent_service_client::AgentServiceClient;
use kafka2oss_proto::v1::connector_service_client::ConnectorServiceClient;
use kafka2oss_proto::v1::instance_service_client::InstanceServiceClient;
use kafka2oss_tests::port;
use kafka2oss_tests::process::{Binary, Product};
use kafka2oss_tests::scratch::Scratch;
use kafka2oss_tests::wait::eventually;
use tonic::transport::{Channel, Endpoint};

/// What any single thing may take on a machine that is busy with other tests.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// How a deployment is set up.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Agents to start with.
    pub(crate) agents: usize,
    /// `--lease` of the control plane. Long by default, so that whatever moves
    /// a task in a test, it is not the lease.
    pub(crate) lease: &'static str,
    /// VPC of the agents' pool.
    pub(crate) vpc_id: &'static str,
    /// vSwitch of the agents' pool.
    pub(crate) vswitch_id: &'static str,
    /// `--memory-budget-bytes` of the agents, if they are not to choose it.
    pub(crate) memory_budget: Option<u64>,
    /// What the agents' environment has besides.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// What the control plane runs in.
    pub(crate) surroundings: Surroundings,
}

/// What a process runs in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    /// A program and its arguments that start it.
    pub(crate) under: Vec<String>,
    /// What its environment has besides.
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            agents: 1,
            lease: "120s",
            vpc_id: "",
            vswitch_id: "",
            memory_budget: None,
            environment: Vec::new(),
            surroundings: Surroundings::default(),
        }
    }
}

/// An agent process.
#[derive(Debug)]
pub(crate) struct AgentProcess {
    /// Its id.
    pub(crate) id: String,
    /// The process.
    pub(crate) process: Product,
    /// Its `--state-dir`.
    pub(crate) state: Scratch,
}

/// A running control plane and its agents.
#[derive(Debug)]
pub(crate) struct Deployment {
    // Dropped in this order: agents end before what they talk to.
    pub(crate) agents: Vec<AgentProcess>,
    pub(crate) control_plane: Product,
    /// Data directory of the control plane.
    pub(crate) data: Scratch,
    settings: Settings,
    port: u16,
    channel: Channel,
    started: usize,
}

impl Deployment {
    /// Starts a control plane and the agents, and waits until they are
    /// connected.
    pub(crate) async fn start(settings: Settings) -> Result<Self> {
        Self::start_at(Scratch::new("control-plane-data")?, settings).await
    }

    /// As [`Deployment::start`], with a data directory that is there.
    pub(crate) async fn start_at(data: Scratch, settings: Settings) -> Result<Self> {
        let [port] = port::free()?;
        let control_plane = spawn_control_plane(&data, port, &settings)?;
        let channel = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?.connect_lazy();
        let agents = settings.agents;
        let mut deployment =
            Self { agents: Vec::new(), control_plane, data, settings, port, channel, started: 0 };
        deployment.answers().await?;
        for _ in 0..agents {
            deployment.start_agent().await?;
        }
        Ok(deployment)
    }

    /// `host:port` of the control plane.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A channel to it, which connects again by itself.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub(crate) fn instances(&self) -> InstanceServiceClient<Channel> {
        InstanceServiceClient::new(self.channel())
    }

    pub(crate) fn connectors(&self) -> ConnectorServiceClient<Channel> {
        ConnectorServiceClient::new(self.channel())
    }

    /// Starts one more agent and waits until it is connected.
    pub(crate) async fn start_agent(&mut self) -> Result<()> {
        let id = format!("agent-{}", self.started);
        self.started += 1;
        let state = Scratch::new(&id)?;
        let process = self.spawn_agent(&id, &state)?;
        self.agents.push(AgentProcess { id: id.clone(), process, state });
        self.agent_is(&id, v1::AgentState::Connected).await.map(drop)
    }

    /// Starts an agent again that has ended, with its id and its state, and
    /// does not wait until it is connected.
    pub(crate) fn start_agent_again(&mut self, ended: AgentProcess) -> Result<()> {
        let AgentProcess { id, process: _, state } = ended;
        let process = self.spawn_agent(&id, &state)?;
        self.agents.push(AgentProcess { id, process, state });
        Ok(())
    }

    fn spawn_agent(&self, id: &str, state: &Scratch) -> Result<Product> {
        let mut command = Binary::Agent.command()?;
        command
            .args(["--control-plane", &format!("http://{}", self.address())])
            .args(["--agent-id", id])
            .args(["--vpc-id", self.settings.vpc_id])
            .args(["--vswitch-id", self.settings.vswitch_id])
            .arg("--state-dir")
            .arg(state.path())
            .env("RUST_LOG", "info,kafka2oss_agent=debug")
            .envs(self.settings.environment.iter().cloned());
        if let Some(bytes) = self.settings.memory_budget {
            command.args(["--memory-budget-bytes", &bytes.to_string()]);
        }
        Product::spawn(command)
    }

    /// Takes an agent out of the deployment, running; dropped, it is killed.
    pub(crate) fn take_agent(&mut self, id: &str) -> AgentProcess {
        let index = self.agents.iter().position(|agent| agent.id == id);
        self.agents.remove(index.unwrap_or_else(|| panic!("there is no agent {id}")))
    }

    /// Waits until the control plane shows an agent in this state.
    pub(crate) async fn agent_is(&self, id: &str, state: v1::AgentState) -> Result<v1::Agent> {
        let mut client = AgentServiceClient::new(self.channel());
        let what = format!("{id} is {}", state.as_str_name());
        let seen = eventually(what, LIMIT, async || {
            let request = v1::GetAgentRequest { name: format!("agents/{id}") };
            let agent = client.get_agent(request).await?.into_inner();
            ensure!(agent.state() == state, "{agent:?}");
            Ok(Some(agent))
        })
        .await;
        seen.with_context(|| self.logs())
    }

    /// Kills the control plane. The agents stay.
    pub(crate) fn kill_control_plane(&mut self) -> Result<()> {
        self.control_plane.kill9()
    }

    /// What the control plane runs in when it is started again.
    pub(crate) fn surround(&mut self, surroundings: Surroundings) {
        self.settings.surroundings = surroundings;
    }

    /// Starts the control plane again, with its data and on its port, and
    /// waits until it answers.
    pub(crate) async fn start_control_plane_again(&mut self) -> Result<()> {
        self.control_plane = spawn_control_plane(&self.data, self.port, &self.settings)?;
        self.answers().await
    }

    /// The ends of all logs, for an error message.
    pub(crate) fn logs(&self) -> String {
        let agents = self.agents.iter().map(|agent| agent.process.log_tail());
        let logs: Vec<_> = [self.control_plane.log_tail()].into_iter().chain(agents).collect();
        logs.join("\n")
    }

    async fn answers(&mut self) -> Result<()> {
        let mut client = self.instances();
        let process = &mut self.control_plane;
        let answered = eventually("the control plane answers", LIMIT, async || {
            if let Some(status) = process.exit_status()? {
                return Ok(Some(Err(anyhow::anyhow!("the control plane ended: {status}"))));
            }
            client.list_instances(v1::ListInstancesRequest::default()).await?;
            Ok(Some(Ok(())))
        })
        .await;
        answered.and_then(|outcome| outcome).with_context(|| process.log_tail())
    }
}

fn spawn_control_plane(data: &Scratch, port: u16, settings: &Settings) -> Result<Product> {
    let Surroundings { under, environment } = &settings.surroundings;
    let mut command = Binary::ControlPlane.command_under(under)?;
    command
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .args(["--lease", settings.lease])
        .arg("--data-dir")
        .arg(data.path())
        .args(["--log", "info,kafka2oss_control_plane=debug"])
        .envs(environment.iter().cloned());
    Product::spawn(command)
}
