//! AgentControlService: the border of the agents' streams. Lists of assignments go out in
//! parts that are encoded already; so its only method has a codec that writes bytes.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{Stream, StreamExt};
use kafka2oss_proto::agent;
use kafka2oss_proto::agent::v1::agent_control_service_server::SERVICE_NAME;
use kafka2oss_proto::agent::v1::connect_request::Message;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::{Request, Response, Status, Streaming};

use super::error::{self, ApiError};
use super::parts::Parts;
use super::request;
use crate::session::{self, Sessions, Told};

/// Time that an agent has for its Hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// The method's path.
pub(super) const PATH: &str = "/kafka2oss.agent.v1.AgentControlService/Connect";

/// Serves the agents.
#[derive(Debug, Clone)]
pub(crate) struct AgentControl {
    sessions: Arc<Sessions>,
    most: usize,
}

impl AgentControl {
    /// Messages are up to `most` bytes, both ways.
    pub(crate) fn new(sessions: &Arc<Sessions>, most: usize) -> Self {
        Self { sessions: Arc::clone(sessions), most }
    }
}

impl NamedService for AgentControl {
    const NAME: &'static str = SERVICE_NAME;
}

impl Service<http::Request<Body>> for AgentControl {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        if request.uri().path() != PATH {
            return Box::pin(std::future::ready(Ok(error::unknown_method().into_http())));
        }
        let connect = Connect(Arc::clone(&self.sessions));
        let mut grpc = Grpc::new(Parts::default())
            .apply_max_message_size_config(Some(self.most), Some(self.most));
        Box::pin(async move { Ok(grpc.streaming(connect, request).await) })
    }
}

struct Connect(Arc<Sessions>);

impl StreamingService<agent::v1::ConnectRequest> for Connect {
    type Response = Told;
    type ResponseStream = Pin<Box<dyn Stream<Item = Result<Told, Status>> + Send>>;
    type Future =
        Pin<Box<dyn Future<Output = Result<Response<Self::ResponseStream>, Status>> + Send>>;

    fn call(&mut self, request: Request<Streaming<agent::v1::ConnectRequest>>) -> Self::Future {
        Box::pin(connect(Arc::clone(&self.0), request))
    }
}

async fn connect(
    sessions: Arc<Sessions>,
    request: Request<Streaming<agent::v1::ConnectRequest>>,
) -> Result<
    Response<<Connect as StreamingService<agent::v1::ConnectRequest>>::ResponseStream>,
    Status,
> {
    let trusted = request::is_trusted(&request);
    let mut inbound = request.into_inner();
    let hello = hello(&mut inbound).await?;
    let opened =
        request::to_its_end(
            async move { Ok(session::open(sessions, hello, inbound, trusted).await?) },
        );
    let outbound = ReceiverStream::new(opened.await?).map(Ok);
    Ok(Response::new(outbound.boxed()))
}

async fn hello(
    inbound: &mut Streaming<agent::v1::ConnectRequest>,
) -> Result<agent::v1::Hello, Status> {
    let wrong = |reason: &str| Status::from(ApiError::Hello(reason.to_owned()));
    match tokio::time::timeout(HELLO_TIMEOUT, inbound.message()).await {
        Ok(first) => match first?.and_then(|request| request.message) {
            Some(Message::Hello(hello)) => Ok(hello),
            _ => Err(wrong("the first message of a stream is Hello")),
        },
        Err(_) => Err(wrong("no Hello came within 10 s")),
    }
}
