//! AgentControlService: the border of the agents' streams.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use kafka2oss_proto::agent;
use kafka2oss_proto::agent::v1::agent_control_service_server::AgentControlService;
use kafka2oss_proto::agent::v1::connect_request::Message;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::error::ApiError;
use super::request;
use crate::core::Core;
use crate::session;

/// Time that an agent has for its Hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves the agents.
#[derive(Debug, Clone)]
pub(crate) struct AgentControl {
    core: Arc<Core>,
}

impl AgentControl {
    /// Over what the process knows.
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

#[tonic::async_trait]
impl AgentControlService for AgentControl {
    type ConnectStream =
        Pin<Box<dyn Stream<Item = Result<agent::v1::ConnectResponse, Status>> + Send>>;

    async fn connect(
        &self,
        request: Request<Streaming<agent::v1::ConnectRequest>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let trusted = request::is_trusted(&request);
        let mut inbound = request.into_inner();
        let hello = hello(&mut inbound).await?;
        let core = Arc::clone(&self.core);
        let opened =
            request::to_its_end(
                async move { Ok(session::open(core, hello, inbound, trusted).await?) },
            );
        let outbound = ReceiverStream::new(opened.await?).map(Ok);
        Ok(Response::new(Box::pin(outbound)))
    }
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
