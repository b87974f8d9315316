//! A control plane that says what a test tells it to.

use std::pin::Pin;

use futures::Stream as Messages;
use kafka2oss_proto::agent;
use kafka2oss_proto::agent::v1::agent_control_service_server::{
    AgentControlService, AgentControlServiceServer,
};
use kafka2oss_proto::agent::v1::{connect_request, connect_response};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_util::task::AbortOnDropHandle;
use tonic::{Request, Response, Status, Streaming};

use super::soon;

/// A control plane on a port of its own, which stays its own while it is away.
pub(crate) struct ControlPlane {
    listener: std::net::TcpListener,
    sender: mpsc::Sender<Stream>,
    streams: mpsc::Receiver<Stream>,
    server: Option<AbortOnDropHandle<()>>,
}

/// An agent's stream, after its Hello.
pub(crate) struct Stream {
    pub(crate) hello: agent::v1::Hello,
    incoming: Streaming<agent::v1::ConnectRequest>,
    outgoing: mpsc::Sender<Result<agent::v1::ConnectResponse, Status>>,
}

struct Service {
    streams: mpsc::Sender<Stream>,
}

impl ControlPlane {
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let (sender, streams) = mpsc::channel(4);
        let mut control_plane = Self { listener, sender, streams, server: None };
        control_plane.come_back();
        control_plane
    }

    /// Takes no more streams; those that there are end when they are dropped.
    pub(crate) fn go_away(&mut self) {
        self.server = None;
    }

    pub(crate) fn come_back(&mut self) {
        let listener = self.listener.try_clone().expect("one more handle");
        let listener = TcpListener::from_std(listener).expect("it does not block");
        let service = Service { streams: self.sender.clone() };
        let server = tonic::transport::Server::builder()
            .add_service(AgentControlServiceServer::new(service))
            .serve_with_incoming(TcpListenerStream::new(listener));
        let server = tokio::spawn(async move { server.await.expect("it serves") });
        self.server = Some(AbortOnDropHandle::new(server));
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().expect("it listens"))
    }

    /// The next stream that an agent opens.
    pub(crate) async fn stream(&mut self) -> Stream {
        soon("a stream", self.streams.recv()).await.expect("a sender is held")
    }

    /// The next stream, welcomed by the store `store`.
    pub(crate) async fn welcomed(&mut self) -> Stream {
        let stream = self.stream().await;
        stream.welcome("store").await;
        stream
    }
}

impl Stream {
    pub(crate) async fn welcome(&self, store_id: &str) {
        self.send(connect_response::Message::Welcome(agent::v1::Welcome {
            session_id: "session".to_owned(),
            heartbeat_interval: Some(prost_types::Duration { seconds: 3_600, nanos: 0 }),
            store_id: store_id.to_owned(),
            ..Default::default()
        }))
        .await;
    }

    pub(crate) async fn send(&self, message: connect_response::Message) {
        let response = agent::v1::ConnectResponse { message: Some(message) };
        self.outgoing.send(Ok(response)).await.expect("the agent listens");
    }

    /// Sends a list that answers no request, and returns the answer to it.
    pub(crate) async fn assign(
        &mut self,
        connectors: Vec<agent::v1::ConnectorAssignment>,
    ) -> agent::v1::AssignmentAck {
        self.assign_answering(0, connectors).await
    }

    /// Sends a list that answers the agent's requests up to this one, and
    /// returns the answer to it.
    pub(crate) async fn assign_answering(
        &mut self,
        answered_request: u64,
        connectors: Vec<agent::v1::ConnectorAssignment>,
    ) -> agent::v1::AssignmentAck {
        let nonce = "nonce".to_owned();
        let list = agent::v1::AssignmentList { version: 7, nonce, connectors, answered_request };
        self.send(connect_response::Message::Assignments(list)).await;
        let ack = self
            .until("an ack", |message| match message {
                connect_request::Message::AssignmentAck(ack) => Some(ack),
                _ => None,
            })
            .await;
        assert_eq!((ack.version, ack.nonce.as_str()), (7, "nonce"));
        ack
    }

    /// Number of the agent's next request for assignments.
    pub(crate) async fn request(&mut self) -> u64 {
        self.until("a request for assignments", |message| match message {
            connect_request::Message::AssignmentRequest(request) => Some(request.number),
            _ => None,
        })
        .await
    }

    /// The first of the next messages that `pick` picks.
    pub(crate) async fn until<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(connect_request::Message) -> Option<T>,
    ) -> T {
        soon(what, async {
            loop {
                let request = self.incoming.message().await.expect("a stream that stands");
                let message = request.and_then(|request| request.message);
                if let Some(picked) = pick(message.expect("not the end")) {
                    return picked;
                }
            }
        })
        .await
    }

    /// The next report that `like` likes.
    pub(crate) async fn report(
        &mut self,
        what: &str,
        like: impl Fn(&agent::v1::StatusReport) -> bool,
    ) -> agent::v1::StatusReport {
        self.until(what, |message| match message {
            connect_request::Message::StatusReport(report) if like(&report) => Some(report),
            _ => None,
        })
        .await
    }
}

#[tonic::async_trait]
impl AgentControlService for Service {
    type ConnectStream =
        Pin<Box<dyn Messages<Item = Result<agent::v1::ConnectResponse, Status>> + Send>>;

    async fn connect(
        &self,
        request: Request<Streaming<agent::v1::ConnectRequest>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let mut incoming = request.into_inner();
        let first = incoming.message().await?.and_then(|request| request.message);
        let Some(connect_request::Message::Hello(hello)) = first else {
            return Err(Status::invalid_argument("Hello comes first"));
        };
        let (outgoing, messages) = mpsc::channel(4);
        let stream = Stream { hello, incoming, outgoing };
        self.streams.send(stream).await.map_err(|_| Status::unavailable("the test is over"))?;
        Ok(Response::new(Box::pin(ReceiverStream::new(messages))))
    }
}
