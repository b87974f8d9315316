//! The services of an address, what health says of them, and what reflection tells.

use std::sync::Arc;

use kafka2oss_proto::v1::instance_service_server::InstanceServiceServer;
use kafka2oss_proto::v1::server_service_server::ServerServiceServer;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};
use tonic_reflection::server::Builder;

use super::info;
use super::listeners::Audience;
use super::parts::Parts;
use crate::Options;
use crate::api::{AgentControl, AgentServer, ConnectorServer, Instances, Server};
use crate::budget::Seats;

/// A message is up to this long: a report of an agent with many partitions has some MiB, and
/// so has a page of connectors. Requests are shorter (`limits.rs`).
pub(super) const MAX_MESSAGE: usize = 16 << 20;

type InstanceServer = InstanceServiceServer<Instances>;
type ServerServer = ServerServiceServer<Server>;

/// What clients use.
const PUBLIC: [&str; 4] =
    [ConnectorServer::NAME, InstanceServer::NAME, AgentServer::NAME, ServerServer::NAME];
/// What agents use.
const OF_AGENTS: [&str; 1] = [AgentControl::NAME];

/// Names of the product's services that `audience` is served.
fn names(audience: Audience) -> impl Iterator<Item = &'static str> {
    let public = PUBLIC.into_iter().filter(move |_| audience.has_clients());
    public.chain(OF_AGENTS.into_iter().filter(move |_| audience.has_agents()))
}

/// The services that `audience` is served, with health and reflection of just these.
pub(super) async fn routes(
    audience: Audience,
    parts: &Parts,
    options: &Options,
    health: &HealthReporter,
) -> anyhow::Result<Routes> {
    let mut routes = Routes::builder();
    if audience.has_clients() {
        let seats = Arc::new(Seats::new(options.max_watches, options.max_watches_of_peer));
        routes
            .add_service(ConnectorServer::new(&parts.api, &seats, MAX_MESSAGE))
            .add_service(
                InstanceServer::new(Instances::new(Arc::clone(&parts.api)))
                    .max_decoding_message_size(MAX_MESSAGE)
                    .max_encoding_message_size(MAX_MESSAGE),
            )
            .add_service(AgentServer::new(&parts.api, &seats, MAX_MESSAGE))
            .add_service(
                ServerServer::new(Server::new(info::of(parts, options)))
                    .max_decoding_message_size(MAX_MESSAGE)
                    .max_encoding_message_size(MAX_MESSAGE),
            );
    }
    if audience.has_agents() {
        routes.add_service(AgentControl::new(&parts.sessions, MAX_MESSAGE));
    }
    set_status(audience, health, ServingStatus::Serving).await;
    routes
        .add_service(HealthServer::new(HealthService::from_health_reporter(health.clone())))
        .add_service(reflection(audience).build_v1()?)
        .add_service(reflection(audience).build_v1alpha()?);
    Ok(routes.routes())
}

/// Says of each service that `audience` is served, and of all together, whether it serves.
pub(super) async fn set_status(audience: Audience, health: &HealthReporter, status: ServingStatus) {
    health.set_service_status("", status).await;
    for name in names(audience) {
        health.set_service_status(name, status).await;
    }
}

/// The agents' messages are made of the public ones, so that their descriptors name
/// services that are not served: those that are, are told by name.
fn reflection(audience: Audience) -> Builder<'static> {
    let mut builder = Builder::configure()
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET)
        .with_service_name("grpc.health.v1.Health")
        .with_service_name("grpc.reflection.v1.ServerReflection")
        .with_service_name("grpc.reflection.v1alpha.ServerReflection");
    if audience.has_clients() {
        builder =
            builder.register_encoded_file_descriptor_set(kafka2oss_proto::FILE_DESCRIPTOR_SET);
    }
    if audience.has_agents() {
        builder = builder
            .register_encoded_file_descriptor_set(kafka2oss_proto::agent::FILE_DESCRIPTOR_SET);
    }
    names(audience).fold(builder, Builder::with_service_name)
}
