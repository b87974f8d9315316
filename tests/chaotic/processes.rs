//! The product's processes: a control plane and agents, killed, frozen and
//! started again.

use std::os::unix::process::ExitStatusExt;

use anyhow::{Context, Result, ensure};
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::agent_service_client::AgentServiceClient;
use kafka2oss_tests::child::ChildProcess;
use kafka2oss_tests::port;
use kafka2oss_tests::process::Binary;
use kafka2oss_tests::scratch::Scratch;
use kafka2oss_tests::wait::eventually;
use nix::libc::SIGTERM;
use tonic::transport::{Channel, Endpoint};

use crate::journal::Journal;
use crate::plan::{AGENTS, LEASE};
use crate::runner::LIMIT;

/// An agent, whether its process runs or not.
#[derive(Debug)]
struct Agent {
    id: String,
    /// Its `--state-dir`: it outlives the process.
    state: Scratch,
    process: Option<ChildProcess>,
    doing: Doing,
}

/// What an agent's process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Running,
    Frozen,
    /// It was told to end.
    Leaving,
    Gone,
}

/// A control plane and its agents, in one pool.
#[derive(Debug)]
pub(crate) struct Processes {
    agents: Vec<Agent>,
    control_plane: Option<ChildProcess>,
    data: Scratch,
    port: u16,
    channel: Channel,
    started: usize,
}

impl Processes {
    /// Starts all and waits until they are connected.
    pub(crate) async fn start(journal: &Journal) -> Result<Self> {
        let [port] = port::free()?;
        let mut processes = Self {
            agents: Vec::new(),
            control_plane: None,
            data: Scratch::new("control-plane-data")?,
            port,
            channel: Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?.connect_lazy(),
            started: 0,
        };
        processes.start_control_plane(journal)?;
        for _ in 0..AGENTS {
            let agent = processes.new_agent(journal)?;
            processes.agents.push(agent);
        }
        processes.are_connected().await?;
        Ok(processes)
    }

    /// A channel to the control plane, which connects again by itself.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Whether there is a control plane.
    pub(crate) fn has_control_plane(&self) -> bool {
        self.control_plane.is_some()
    }

    /// Kills the control plane.
    pub(crate) fn kill_control_plane(&mut self) -> Result<()> {
        match self.control_plane.take() {
            Some(mut process) => process.kill9(),
            None => Ok(()),
        }
    }

    /// Starts the control plane, with its data and on its port.
    pub(crate) fn start_control_plane(&mut self, journal: &Journal) -> Result<()> {
        let mut command = Binary::ControlPlane.command()?;
        command
            .args(["--listen", &format!("127.0.0.1:{}", self.port)])
            .args(["--lease", &format!("{}ms", LEASE.as_millis())])
            .arg("--data-dir")
            .arg(self.data.path())
            .args(["--log", "info,kafka2oss_control_plane=debug"]);
        let log = journal.log_of("control-plane");
        self.control_plane = Some(ChildProcess::spawn("the control plane", command, log)?);
        Ok(())
    }

    /// The first agent from `wanted` on whose process runs.
    pub(crate) fn running(&self, wanted: usize) -> Option<usize> {
        let mut turns = (0..AGENTS).map(|turn| (wanted + turn) % AGENTS);
        turns.find(|index| self.agents[*index].doing == Doing::Running)
    }

    /// Whether more than one agent runs, so that another can take the tasks of
    /// one that is frozen.
    pub(crate) fn several_run(&self) -> bool {
        self.agents.iter().filter(|agent| agent.doing == Doing::Running).count() > 1
    }

    /// Its id.
    pub(crate) fn id(&self, agent: usize) -> &str {
        &self.agents[agent].id
    }

    /// Kills an agent.
    pub(crate) fn kill(&mut self, agent: usize) -> Result<()> {
        let agent = &mut self.agents[agent];
        agent.doing = Doing::Gone;
        agent.process.take().context("it has a process")?.kill9()
    }

    /// Starts an agent that was killed again, with its id and state.
    pub(crate) fn start_again(&mut self, agent: usize, journal: &Journal) -> Result<()> {
        let Agent { id, state, .. } = &self.agents[agent];
        let process = self.spawn_agent(id, state, journal)?;
        let agent = &mut self.agents[agent];
        (agent.process, agent.doing) = (Some(process), Doing::Running);
        Ok(())
    }

    /// Freezes an agent: its connections stay open.
    pub(crate) fn freeze(&mut self, agent: usize) -> Result<()> {
        let agent = &mut self.agents[agent];
        agent.doing = Doing::Frozen;
        agent.process.as_mut().context("it has a process")?.pause()
    }

    /// Lets a frozen agent go on.
    pub(crate) fn thaw(&mut self, agent: usize) -> Result<()> {
        let agent = &mut self.agents[agent];
        agent.doing = Doing::Running;
        agent.process.as_mut().context("it has a process")?.resume()
    }

    /// Tells an agent to end.
    pub(crate) fn term(&mut self, agent: usize) -> Result<()> {
        let agent = &mut self.agents[agent];
        agent.doing = Doing::Leaving;
        agent.process.as_mut().context("it has a process")?.term()
    }

    /// Puts a new agent, with an id of its own, in the place of one that was
    /// told to end, once it has.
    pub(crate) async fn replace(&mut self, agent: usize, journal: &Journal) -> Result<()> {
        if let Some(process) = &mut self.agents[agent].process {
            let status = process.wait_exit(LIMIT).await?;
            // The signal itself ends one that has only just been started.
            let is_early = status.signal() == Some(SIGTERM);
            ensure!(status.success() || is_early, "{status}\n{}", process.log_tail());
        }
        self.agents[agent] = self.new_agent(journal)?;
        Ok(())
    }

    /// Fails if a process has ended that should not have.
    pub(crate) fn check(&mut self) -> Result<()> {
        let agents = self.agents.iter_mut().filter(|agent| agent.doing == Doing::Running);
        let agents = agents.filter_map(|agent| agent.process.as_mut());
        for process in agents.chain(&mut self.control_plane) {
            if let Some(status) = process.exit_status()? {
                anyhow::bail!("a process has ended by itself ({status})\n{}", process.log_tail());
            }
        }
        Ok(())
    }

    /// Waits until the control plane shows all agents as connected.
    pub(crate) async fn are_connected(&self) -> Result<()> {
        let mut client = AgentServiceClient::new(self.channel());
        for Agent { id, .. } in &self.agents {
            eventually(format!("{id} is connected"), LIMIT, async || {
                let request = v1::GetAgentRequest { name: format!("agents/{id}") };
                let agent = client.get_agent(request).await?.into_inner();
                ensure!(agent.state() == v1::AgentState::Connected, "{agent:?}");
                Ok(Some(()))
            })
            .await?;
        }
        Ok(())
    }

    fn new_agent(&mut self, journal: &Journal) -> Result<Agent> {
        let id = format!("agent-{}", self.started);
        self.started += 1;
        let state = Scratch::new(&id)?;
        let process = Some(self.spawn_agent(&id, &state, journal)?);
        Ok(Agent { id, state, process, doing: Doing::Running })
    }

    fn spawn_agent(&self, id: &str, state: &Scratch, journal: &Journal) -> Result<ChildProcess> {
        let mut command = Binary::Agent.command()?;
        command
            .args(["--control-plane", &format!("http://127.0.0.1:{}", self.port)])
            .args(["--agent-id", id])
            .arg("--state-dir")
            .arg(state.path())
            .env("RUST_LOG", "info,kafka2oss_agent=debug");
        ChildProcess::spawn(id, command, journal.log_of(id))
    }
}
