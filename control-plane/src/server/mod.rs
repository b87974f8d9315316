//! The process: everything wired together and served.

mod layers;
mod limits;
pub(crate) mod loops;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use kafka2oss_proto::v1::agent_control_service_server::AgentControlServiceServer;
use kafka2oss_proto::v1::agent_service_server::AgentServiceServer;
use kafka2oss_proto::v1::instance_service_server::InstanceServiceServer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::api::{AgentControl, Agents, ConnectorServer, Instances, Seats};
use crate::catalog::Catalog;
use crate::core::{Core, Settings};
use crate::model::placement::Rebalance;
use crate::store::{OnLoss, Store, StoreError};
use crate::supervision::Failure;
use crate::{Options, Rebalancing};
use loops::{Loop, store_failure};

/// A message is up to this long: a spec is far below, a test message has two
/// parts of 1 MiB, a report of an agent with many partitions some MiB.
const MAX_MESSAGE: usize = 16 << 20;
/// A silent connection is asked whether it lives this often.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// Time to answer that.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests under way may take this long when the process stops.
const DRAIN: Duration = Duration::from_secs(5);

/// A control plane that serves. It goes on until [`ControlPlane::shutdown`];
/// dropped without that, it ends its streams and loops but does not wait.
#[derive(Debug)]
pub struct ControlPlane {
    address: SocketAddr,
    core: Arc<Core>,
    health: HealthReporter,
    server: JoinHandle<()>,
    loops: Vec<JoinHandle<()>>,
}

impl ControlPlane {
    /// Opens the store, binds and serves: clients can connect when it
    /// returns.
    ///
    /// # Errors
    ///
    /// When an option is illegal, the store cannot be opened (another process
    /// may have it) or the address cannot be bound. A [`Failure`] when the store's disk
    /// fails, or it has lost data.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        options.check()?;
        let listener = TcpListener::bind(options.listen)
            .await
            .with_context(|| format!("cannot listen on {}", options.listen))?;
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
        let settings = Settings {
            lease: options.lease,
            heartbeat: options.heartbeat(),
            rebalance: Rebalance {
                auto: options.rebalance == Rebalancing::Auto,
                interval: options.rebalance_interval,
            },
            allowed_concurrency: options.allowed_concurrency.clone(),
        };
        let core = Arc::new(Core::new(settings, catalog)?);
        let loops = loops::all(&core);
        Self::serve(&options, listener, core, loops).await
    }

    /// Serves, and runs `loops` beside; all of them are watched.
    async fn serve(
        options: &Options,
        listener: TcpListener,
        core: Arc<Core>,
        loops: Vec<Loop>,
    ) -> anyhow::Result<Self> {
        let address = listener.local_addr()?;
        // Whoever is let in sees all of it.
        core.statuses.fill(&core);
        let health = HealthReporter::new();
        let seats = Seats::new(options.max_watches, options.max_watches_of_peer);
        let routes = routes(&core, Arc::new(seats), &health).await?;
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let server = Server::builder()
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .http2_max_header_list_size(64 << 10)
            .layer(layers::stack(options))
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming, core.stop.clone().cancelled_owned());
        let server = core.supervision.spawn("the server", server);
        let loops = loops::run(&core, loops);
        Ok(Self { address, core, health, server, loops })
    }

    /// Where it listens; with port 0 in the options the port that was chosen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the process has to end, and says why: the store takes no write any more,
    /// as on a full disk, or a part that has to run all the time has ended. From then on
    /// health is NOT_SERVING. Only another process over the same folder helps, so that
    /// whoever waits for this shuts down and ends.
    pub async fn failed(&self) -> Failure {
        let failure = self.core.supervision.failed().await;
        not_serving(&self.health).await;
        failure
    }

    /// Ends all streams, lets requests under way finish for a moment, and
    /// returns once everything is on disk and the folder is free.
    pub async fn shutdown(mut self) {
        not_serving(&self.health).await;
        self.core.stop.cancel();
        match tokio::time::timeout(DRAIN, &mut self.server).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the server did not end cleanly"),
            Err(_) => {
                tracing::warn!("requests were still under way when the control plane stopped");
                self.server.abort();
            }
        }
        for one in std::mem::take(&mut self.loops) {
            if let Err(error) = one.await {
                tracing::error!(%error, "a loop of the control plane did not end cleanly");
            }
        }
        self.core.catalog.close().await;
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.core.stop.cancel();
    }
}

/// Says of each service, and of all together, that it does not serve.
async fn not_serving(health: &HealthReporter) {
    health.set_service_status("", ServingStatus::NotServing).await;
    health.set_not_serving::<ConnectorServer>().await;
    health.set_not_serving::<InstanceServiceServer<Instances>>().await;
    health.set_not_serving::<AgentServiceServer<Agents>>().await;
    health.set_not_serving::<AgentControlServiceServer<AgentControl>>().await;
}

async fn routes(
    core: &Arc<Core>,
    seats: Arc<Seats>,
    health: &HealthReporter,
) -> anyhow::Result<Routes> {
    macro_rules! service {
        ($server:ident, $service:ident) => {
            $server::new($service::new(Arc::clone(core)))
                .max_decoding_message_size(MAX_MESSAGE)
                .max_encoding_message_size(MAX_MESSAGE)
        };
    }
    let connectors = ConnectorServer::new(core, seats, MAX_MESSAGE);
    let instances = service!(InstanceServiceServer, Instances);
    let agents = service!(AgentServiceServer, Agents);
    let agent_control = service!(AgentControlServiceServer, AgentControl);
    health.set_serving::<ConnectorServer>().await;
    health.set_serving::<InstanceServiceServer<Instances>>().await;
    health.set_serving::<AgentServiceServer<Agents>>().await;
    health.set_serving::<AgentControlServiceServer<AgentControl>>().await;
    let health_service = tonic_health::server::HealthService::from_health_reporter(health.clone());

    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(kafka2oss_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let mut routes = Routes::builder();
    routes
        .add_service(connectors)
        .add_service(instances)
        .add_service(agents)
        .add_service(agent_control)
        .add_service(tonic_health::pb::health_server::HealthServer::new(health_service))
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    Ok(routes.routes())
}

#[cfg(test)]
mod tests;
