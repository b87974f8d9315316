//! Where the process listens: one address for clients and agents, or one for each.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::TcpListener;

use crate::Options;

/// Who is served at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// Clients and agents.
    Everyone,
    /// Clients, where agents have an address of their own.
    Clients,
    /// Agents, at that address.
    Agents,
}

impl Audience {
    /// Whether the public API is served.
    pub(super) fn has_clients(self) -> bool {
        self != Self::Agents
    }

    /// Whether agents are.
    pub(super) fn has_agents(self) -> bool {
        self != Self::Clients
    }

    /// The part of the process that serves it, in messages.
    pub(super) fn server(self) -> &'static str {
        match self {
            Self::Everyone => "the server",
            Self::Clients => "the clients' server",
            Self::Agents => "the agents' server",
        }
    }
}

/// An address that is listened on.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) audience: Audience,
    pub(super) listener: TcpListener,
    pub(super) address: SocketAddr,
}

/// Both are bound before either is served.
#[derive(Debug)]
pub(super) struct Ports {
    /// Where clients connect; agents, too, where there is no other.
    pub(super) clients: Port,
    /// Where agents connect, if that is another.
    pub(super) agents: Option<Port>,
}

impl Ports {
    /// Those that the options name.
    ///
    /// # Errors
    ///
    /// Which of them cannot be listened on.
    pub(super) async fn bind(options: &Options) -> anyhow::Result<Self> {
        let Some(agents) = options.agent_listen else {
            let clients = Port::bind(Audience::Everyone, options.listen, "--listen").await?;
            return Ok(Self { clients, agents: None });
        };
        let clients = Port::bind(Audience::Clients, options.listen, "--listen").await?;
        let agents = Port::bind(Audience::Agents, agents, "--agent-listen").await?;
        Ok(Self { clients, agents: Some(agents) })
    }
}

impl Port {
    async fn bind(audience: Audience, given: SocketAddr, option: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(given)
            .await
            .with_context(|| format!("cannot listen on {given} ({option})"))?;
        let address = listener.local_addr()?;
        Ok(Self { audience, listener, address })
    }
}
