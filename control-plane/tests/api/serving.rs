//! What every service has: reflection, health, request IDs, limits.

use std::task::Poll;
use std::time::Duration;

use futures::stream;
use http::uri::PathAndQuery;
use kafka2oss_control_plane::{ControlPlane, Options};
use kafka2oss_proto::v1;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::client::Grpc;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_prost::ProstCodec;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use crate::agent::{Agent, Script, prepared};
use crate::server::{Server, violations};

/// What reflection answers to one question.
pub(crate) async fn reflect(
    channel: &Channel,
    ask: MessageRequest,
) -> Result<MessageResponse, Status> {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(ask) };
    let requests = tokio_stream::iter([request]);
    let mut client = ServerReflectionClient::new(channel.clone());
    let mut answers = client.server_reflection_info(requests).await.expect("a stream").into_inner();
    let answer: ServerReflectionResponse = answers.message().await?.expect("an answer");
    Ok(answer.message_response.expect("a response"))
}

/// Names of the services that reflection lists, in order; it describes each.
pub(crate) async fn services(channel: &Channel) -> Vec<String> {
    let Ok(MessageResponse::ListServicesResponse(list)) =
        reflect(channel, MessageRequest::ListServices(String::new())).await
    else {
        panic!("no list of services");
    };
    let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    names.sort_unstable();
    for name in &names {
        let symbol = MessageRequest::FileContainingSymbol(name.clone());
        let described = reflect(channel, symbol).await;
        assert!(matches!(described, Ok(MessageResponse::FileDescriptorResponse(_))), "{name}");
    }
    names
}

#[tokio::test]
async fn reflection_lists_the_services_and_knows_the_details_of_errors() {
    let server = Server::start().await;
    let expected = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "kafka2oss.agent.v1.AgentControlService",
        "kafka2oss.v1.AgentService",
        "kafka2oss.v1.ConnectorService",
        "kafka2oss.v1.InstanceService",
        "kafka2oss.v1.ServerService",
    ];
    assert_eq!(services(&server.channel).await, expected);
    let symbol = MessageRequest::FileContainingSymbol("google.rpc.BadRequest".to_owned());
    let known = reflect(&server.channel, symbol).await.expect("known");
    assert!(matches!(known, MessageResponse::FileDescriptorResponse(_)));
}

#[tokio::test]
async fn health_says_serving() {
    let server = Server::start().await;
    let mut client = HealthClient::new(server.channel.clone());
    for service in ["", "kafka2oss.v1.ConnectorService"] {
        let request = tonic_health::pb::HealthCheckRequest { service: service.to_owned() };
        let answer = client.check(request).await.expect("known").into_inner();
        assert_eq!(
            answer.status(),
            tonic_health::pb::health_check_response::ServingStatus::Serving
        );
    }
}

#[tokio::test]
async fn a_request_id_goes_back_with_the_answer() {
    let mut server = Server::start().await;
    let answer = server.agents.list_agents(v1::ListAgentsRequest::default()).await.expect("ok");
    assert_eq!(answer.metadata().get("x-request-id").map(|id| id.len()), Some(26));
    let mut request = Request::new(v1::ListAgentsRequest { page_size: -1, ..Default::default() });
    request.metadata_mut().insert("x-request-id", MetadataValue::from_static("mine"));
    let status = server.agents.list_agents(request).await.expect_err("refused");
    assert_eq!(status.metadata().get("x-request-id").map(|id| id.as_bytes()), Some(&b"mine"[..]));
    assert_eq!(violations(&status)[0].0, "page_size");
}

#[tokio::test]
async fn a_request_ends_at_its_deadline_and_a_stream_does_not() {
    let mut server =
        Server::start_with(|options| options.request_timeout = Duration::from_millis(300)).await;
    server.register("alikafka_1").await;
    let mut script = Script::willing("a");
    script.prepare = Box::new(prepared);
    let mut agent = Agent::connect(&server.channel, script).await;
    let name = server.create("sink").await.name;
    server.deploy(&name).await;
    server.until_state(&name, v1::ConnectorState::Running).await;
    // Nobody ever reports the object.
    let request = v1::SendTestMessageRequest { name, wait: true, ..Default::default() };
    let status = server.connectors.send_test_message(request.clone()).await.expect_err("late");
    assert_eq!(status.code(), Code::DeadlineExceeded);
    let mut request = Request::new(request);
    request.set_timeout(Duration::from_millis(100));
    let status = server.connectors.send_test_message(request).await.expect_err("late");
    assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status}");
    agent.assigned(|list| !list.connectors.is_empty()).await;
}

/// A call of ListAgents that is open and never says what it asks for.
async fn silent(server: &Server) -> JoinHandle<Result<tonic::Response<()>, Status>> {
    let mut client = Grpc::new(server.channel.clone());
    client.ready().await.expect("ready");
    let (open, is_open) = oneshot::channel();
    let mut open = Some(open);
    // What a call says is looked for after it was opened.
    let nothing = stream::poll_fn(move |_| {
        open.take().map(|open| open.send(()));
        Poll::<Option<v1::ListAgentsRequest>>::Pending
    });
    let call = tokio::spawn(async move {
        let path = PathAndQuery::from_static("/kafka2oss.v1.AgentService/ListAgents");
        let codec = ProstCodec::<v1::ListAgentsRequest, ()>::default();
        client.client_streaming(Request::new(nothing), path, codec).await
    });
    is_open.await.expect("opened");
    call
}

#[tokio::test]
async fn requests_whose_message_does_not_come_hold_up_no_others() {
    let mut server = Server::start_with(|options| options.max_requests = 1).await;
    let mut silent_ones = Vec::new();
    for _ in 0..20 {
        silent_ones.push(silent(&server).await);
    }
    server.agents.list_agents(v1::ListAgentsRequest::default()).await.expect("carried out");
    assert!(silent_ones.iter().all(|one| !one.is_finished()));
    silent_ones.iter().for_each(JoinHandle::abort);
}

#[tokio::test]
async fn a_second_process_on_the_same_folder_is_refused() {
    let server = Server::start().await;
    let mut options = Options::at(server.folder());
    options.listen.set_port(0);
    let refusal = ControlPlane::start(options).await.expect_err("refused");
    assert!(format!("{refusal:#}").contains("in use by another process"), "{refusal:#}");
}

#[tokio::test]
async fn an_address_that_is_not_loopback_is_refused_without_consent() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = Options::at(folder.path());
    options.listen = ([0, 0, 0, 0], 0).into();
    let refusal = ControlPlane::start(options.clone()).await.expect_err("refused");
    assert!(refusal.to_string().contains("--insecure-listen"), "{refusal}");
    options.insecure_listen = true;
    ControlPlane::start(options).await.expect("started").shutdown().await;
}
