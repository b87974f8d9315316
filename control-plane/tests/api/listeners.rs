//! One address for clients and agents, or one for each.

use std::net::SocketAddr;
use std::time::Duration;

use kafka2oss_control_plane::{ControlPlane, Options};
use kafka2oss_proto::agent::v1::agent_control_service_client::AgentControlServiceClient;
use kafka2oss_proto::agent::v1::command::Command;
use kafka2oss_proto::agent::v1::connect_response::Message as Told;
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::agent_service_client::AgentServiceClient;
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::agent::{Agent, Script};
use crate::server::{Server, reason};
use crate::serving::{reflect, services};

const PUBLIC: [&str; 4] = [
    "kafka2oss.v1.AgentService",
    "kafka2oss.v1.ConnectorService",
    "kafka2oss.v1.InstanceService",
    "kafka2oss.v1.ServerService",
];
const OF_AGENTS: &str = "kafka2oss.agent.v1.AgentControlService";
const OF_BOTH: [&str; 3] = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
];

fn apart(options: &mut Options) {
    options.agent_listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
}

async fn health(channel: &Channel, service: &str) -> Result<ServingStatus, Code> {
    let request = HealthCheckRequest { service: service.to_owned() };
    let answer = HealthClient::new(channel.clone()).check(request).await;
    answer.map(|answer| answer.into_inner().status()).map_err(|status| status.code())
}

async fn list_agents(channel: &Channel) -> Result<v1::ListAgentsResponse, Status> {
    let mut client = AgentServiceClient::new(channel.clone());
    Ok(client.list_agents(v1::ListAgentsRequest::default()).await?.into_inner())
}

/// Whether the messages of agents can be looked up.
async fn describes_agents(channel: &Channel) -> bool {
    let symbol = MessageRequest::FileContainingSymbol("kafka2oss.agent.v1.Hello".to_owned());
    match reflect(channel, symbol).await {
        Ok(MessageResponse::FileDescriptorResponse(_)) => true,
        Err(status) if status.code() == Code::NotFound => false,
        other => panic!("neither known nor unknown: {other:?}"),
    }
}

#[tokio::test]
async fn one_address_serves_clients_and_agents_unless_told_otherwise() {
    let mut server = Server::with_instance().await;
    let [clients, agents] = server.addresses();
    assert_eq!(clients, agents);
    assert!(describes_agents(&server.channel).await);
    for service in PUBLIC.into_iter().chain([OF_AGENTS, ""]) {
        assert_eq!(health(&server.channel, service).await, Ok(ServingStatus::Serving), "{service}");
    }

    let _agent = Agent::connect(&server.channel, Script::willing("a")).await;
    server.running("sink").await;
}

#[tokio::test]
async fn a_connector_runs_on_an_agent_that_came_by_the_agents_address() {
    let mut server = Server::start_with(apart).await;
    let [clients, agents] = server.addresses();
    assert_ne!(clients, agents);
    server.register("alikafka_1").await;

    let _agent = Agent::connect(&server.agent_channel().await, Script::willing("a")).await;
    server.running("sink").await;
}

#[tokio::test]
async fn the_clients_address_does_not_serve_agents_then() {
    let server = Server::start_with(apart).await;

    let expected: Vec<_> = OF_BOTH.into_iter().chain(PUBLIC).collect();
    assert_eq!(services(&server.channel).await, expected);
    assert!(!describes_agents(&server.channel).await);
    for service in PUBLIC.into_iter().chain([""]) {
        assert_eq!(health(&server.channel, service).await, Ok(ServingStatus::Serving), "{service}");
    }
    assert_eq!(health(&server.channel, OF_AGENTS).await, Err(Code::NotFound));
    let mut client = AgentControlServiceClient::new(server.channel.clone());
    let refusal = client.connect(tokio_stream::pending()).await.expect_err("refused");
    assert_eq!(refusal.code(), Code::Unimplemented);
}

#[tokio::test]
async fn the_agents_address_serves_nothing_else() {
    let server = Server::start_with(apart).await;
    let agents = server.agent_channel().await;

    let expected: Vec<_> = OF_BOTH.into_iter().chain([OF_AGENTS]).collect();
    assert_eq!(services(&agents).await, expected);
    assert!(describes_agents(&agents).await);
    for service in [OF_AGENTS, ""] {
        assert_eq!(health(&agents, service).await, Ok(ServingStatus::Serving), "{service}");
    }
    for service in PUBLIC {
        assert_eq!(health(&agents, service).await, Err(Code::NotFound), "{service}");
    }
    let refusal = list_agents(&agents).await.expect_err("refused");
    assert_eq!(refusal.code(), Code::Unimplemented);
}

#[tokio::test]
async fn what_is_under_way_at_one_address_leaves_the_others_limits_free() {
    let mut server = Server::start_with(|options| {
        apart(options);
        options.max_requests = 1;
        options.request_timeout = Duration::from_secs(600);
    })
    .await;
    server.register("alikafka_1").await;
    let agents = server.agent_channel().await;
    let mut agent = Agent::connect(&agents, Script::willing("a")).await;
    let name = server.running("sink").await.name;

    // Nobody ever reports the object, so that this one stays under way.
    let request = v1::SendTestMessageRequest { name, wait: true, ..Default::default() };
    let mut connectors = server.connectors.clone();
    let under_way = tokio::spawn(async move { connectors.send_test_message(request).await });
    agent
        .told(|told| match told {
            Told::Command(command) => {
                matches!(command.command, Some(Command::WriteTestMessage(_))).then_some(())
            }
            _ => None,
        })
        .await;

    let full = list_agents(&server.channel).await.expect_err("refused");
    assert_eq!(reason(&full), "TOO_MANY_REQUESTS");
    let free = list_agents(&agents).await.expect_err("not served here");
    assert_eq!(free.code(), Code::Unimplemented, "{free}");
    under_way.abort();
}

#[tokio::test]
async fn both_addresses_end_with_the_process() {
    let mut server = Server::start_with(apart).await;
    let addresses = server.addresses();
    let mut watches = Vec::new();
    for channel in [server.channel.clone(), server.agent_channel().await] {
        let request = HealthCheckRequest { service: String::new() };
        let watch = HealthClient::new(channel).watch(request).await.expect("known").into_inner();
        watches.push(watch);
    }
    for watch in &mut watches {
        assert_eq!(seen(watch).await, ServingStatus::Serving);
    }

    let said = async {
        for watch in &mut watches {
            assert_eq!(seen(watch).await, ServingStatus::NotServing);
        }
        // Requests under way are waited for.
        watches.clear();
    };
    tokio::join!(server.stop(), said);
    for address in addresses {
        assert!(TcpStream::connect(address).await.is_err(), "{address}");
    }
}

#[tokio::test]
async fn an_address_that_is_in_use_is_named_with_its_option() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = taken.local_addr().expect("an address");
    let mut options = Options::at(folder.path());
    options.listen = address;
    let refusal = format!("{:#}", ControlPlane::start(options).await.expect_err("refused"));
    assert!(refusal.starts_with(&format!("cannot listen on {address} (--listen)")), "{refusal}");

    let mut options = Options::at(folder.path());
    options.listen.set_port(0);
    options.agent_listen = Some(address);
    let refusal = format!("{:#}", ControlPlane::start(options).await.expect_err("refused"));
    let expected = format!("cannot listen on {address} (--agent-listen)");
    assert!(refusal.starts_with(&expected), "{refusal}");
}

async fn seen(watch: &mut tonic::Streaming<HealthCheckResponse>) -> ServingStatus {
    watch.message().await.expect("no error").expect("no end").status()
}
