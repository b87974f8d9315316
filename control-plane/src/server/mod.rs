//! The process: everything wired together and served.

mod body;
mod connection;
mod files;
mod held;
mod incoming;
mod info;
mod kind;
mod layers;
mod limits;
mod listeners;
pub(crate) mod loops;
mod parts;
mod services;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use tokio::task::JoinHandle;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::Options;
use crate::budget::Seats;
use crate::catalog::Catalog;
use crate::journal::Journal;
use crate::observe::Observed;
use crate::store::{OnLoss, Store, StoreError};
use crate::supervision::Failure;
use listeners::{Audience, Port, Ports};
use loops::{Loop, store_failure};
pub(crate) use parts::Parts;

/// Headers of a call in bytes; each is kept while it is open.
const MAX_HEADERS: u32 = 16 << 10;
/// Calls of one connection.
const STREAMS: u32 = 200;
/// Calls that a peer has given up before anybody has looked at them: more end the connection
/// (rapid reset, CVE-2023-44487). This is h2's own default.
const RESETS: usize = 20;
/// Calls that were ended since the peer broke the protocol: more end the connection. h2's own
/// default is 1,024.
const ERRORS: usize = 128;
/// A silent connection is asked whether it lives this often.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// Time to answer that.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Where connectors' logs are, beside the store.
const CONNECTOR_LOGS: &str = "connector-logs";
/// Requests under way may take this long when the process stops.
const DRAIN: Duration = Duration::from_secs(5);

/// A control plane that serves. It goes on until [`ControlPlane::shutdown`];
/// dropped without that, it ends its streams and loops but does not wait.
#[derive(Debug)]
pub struct ControlPlane {
    parts: Parts,
    clients: Serving,
    /// Where agents have an address of their own.
    agents: Option<Serving>,
    loops: Vec<JoinHandle<()>>,
}

/// An address that is served.
#[derive(Debug)]
struct Serving {
    audience: Audience,
    address: SocketAddr,
    health: HealthReporter,
    server: JoinHandle<()>,
}

impl ControlPlane {
    /// Opens the store, binds and serves: clients can connect when it
    /// returns.
    ///
    /// # Errors
    ///
    /// When an option is illegal, the store cannot be opened (another process
    /// may have it) or an address cannot be bound. A [`Failure`] when the store's disk
    /// fails, or it has lost data.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        options.check()?;
        let ports = Ports::bind(&options).await?;
        let folder = options.data_dir.clone();
        let on_loss = if options.accept_loss { OnLoss::Accept } else { OnLoss::Refuse };
        let catalog =
            tokio::task::spawn_blocking(move || Catalog::load(Store::open(&folder, on_loss)?))
                .await?
                .map_err(|error| match &error {
                    StoreError::Lost(_) => Failure::StoreLost(error.to_string()).into(),
                    StoreError::Failed(_) => store_failure(&error).into(),
                    _ => anyhow::Error::from(error).context("cannot open the store"),
                })?;
        let mut parts = Parts::new(&options, catalog)?;
        parts.journal = keep_logs(&parts.observed, &options).await?;
        let loops = loops::all(&parts);
        Self::serve(&options, ports, parts, loops).await
    }

    /// Serves, and runs `loops` beside; all of them are watched.
    async fn serve(
        options: &Options,
        ports: Ports,
        parts: Parts,
        loops: Vec<Loop>,
    ) -> anyhow::Result<Self> {
        // Whoever is let in sees all of it.
        parts.observed.fill();
        let most = files::connections_with_warning(options.max_connections);
        let connections = Arc::new(Seats::new(most, options.max_connections_of_peer));
        let clients = Serving::start(options, ports.clients, &parts, &connections).await?;
        let agents = match ports.agents {
            Some(port) => Some(Serving::start(options, port, &parts, &connections).await?),
            None => None,
        };
        let loops = loops::run(&parts, loops);
        Ok(Self { parts, clients, agents, loops })
    }

    /// Where it listens for clients; with port 0 in the options the port that was chosen.
    pub fn address(&self) -> SocketAddr {
        self.clients.address
    }

    /// Where it listens for agents: the same, unless they have an address of their own.
    pub fn agent_address(&self) -> SocketAddr {
        self.agents.as_ref().unwrap_or(&self.clients).address
    }

    /// Waits until the process has to end, and says why: the store takes no write any more,
    /// as on a full disk, or a part that has to run all the time has ended. From then on
    /// health is NOT_SERVING. Only another process over the same folder helps, so that
    /// whoever waits for this shuts down and ends.
    pub async fn failed(&self) -> Failure {
        let failure = self.parts.supervision.failed().await;
        self.not_serving().await;
        failure
    }

    /// Ends all streams, lets requests under way finish for a moment, and
    /// returns once everything is on disk and the folder is free.
    pub async fn shutdown(mut self) {
        self.not_serving().await;
        self.parts.stop.cancel();
        let agents = async {
            if let Some(agents) = &mut self.agents {
                agents.end().await;
            }
        };
        tokio::join!(self.clients.end(), agents);
        for one in std::mem::take(&mut self.loops) {
            if let Err(error) = one.await {
                tracing::error!(%error, "a loop of the control plane did not end cleanly");
            }
        }
        if let Some(journal) = &self.parts.journal {
            journal.close().await;
        }
        self.parts.known.catalog.close().await;
    }

    async fn not_serving(&self) {
        for Serving { audience, health, .. } in std::iter::once(&self.clients).chain(&self.agents) {
            services::set_status(*audience, health, ServingStatus::NotServing).await;
        }
    }
}

impl Serving {
    /// Serves `port` until the process stops, with limits that are its own: what is under
    /// way at one address leaves the other's free. Of both are `connections`, as files are.
    async fn start(
        options: &Options,
        port: Port,
        parts: &Parts,
        connections: &Arc<Seats>,
    ) -> anyhow::Result<Self> {
        let Port { audience, listener, address } = port;
        let health = HealthReporter::new();
        let routes = services::routes(audience, parts, options, &health).await?;
        let incoming = incoming::incoming(listener, address, Arc::clone(connections));
        let server = Server::builder()
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .http2_max_header_list_size(MAX_HEADERS)
            .max_concurrent_streams(STREAMS)
            .http2_max_pending_accept_reset_streams(Some(RESETS))
            .http2_max_local_error_reset_streams(Some(ERRORS))
            .layer(layers::stack(options))
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming, parts.stop.clone().cancelled_owned());
        let server = parts.supervision.spawn(audience.server(), server);
        Ok(Self { audience, address, health, server })
    }

    /// Waits until it has ended, for a moment.
    async fn end(&mut self) {
        match tokio::time::timeout(DRAIN, &mut self.server).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(address = %self.address, %error, "a server did not end cleanly");
            }
            Err(_) => {
                tracing::warn!(
                    address = %self.address,
                    "requests were still under way when the control plane stopped"
                );
                self.server.abort();
            }
        }
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.parts.stop.cancel();
    }
}

/// Has connectors' logs kept beside the store, where they are to be and can be.
async fn keep_logs(observed: &Arc<Observed>, options: &Options) -> anyhow::Result<Option<Journal>> {
    let most = u64::from(options.connector_logs_mib) << 20;
    if most == 0 {
        return Ok(None);
    }
    let (observed, folder) = (Arc::clone(observed), options.data_dir.join(CONNECTOR_LOGS));
    let kept = tokio::task::spawn_blocking(move || observed.keep_logs(&folder, most)).await?;
    Ok(match kept {
        Ok(journal) => Some(journal),
        Err(error) => {
            let code = ErrorCode::LogsNotKept;
            tracing::warn!(%code, %error, "connectors' logs are not kept: {}", code.remedy());
            None
        }
    })
}

#[cfg(test)]
mod tests;
