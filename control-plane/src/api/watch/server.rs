//! How watches are served: a thousand watchers of a thousand connectors get a million
//! messages, each of which is encoded once. So these methods have a codec that writes bytes,
//! and everything else is left to the generated servers.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use kafka2oss_proto::v1;
use kafka2oss_proto::v1::agent_service_server::AgentServiceServer;
use kafka2oss_proto::v1::connector_service_server::ConnectorServiceServer;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service};
use tonic::server::{Grpc, NamedService, ServerStreamingService};
use tonic::{Request, Response, Status};

use super::Messages;
use super::window::Window;
use crate::api::error::ApiError;
use crate::api::parts::Parts;
use crate::api::{Agents, Api, Connectors};
use crate::budget::Seats;
use crate::observe::Message;

/// The paths of the methods that are served here.
#[cfg(test)]
pub(crate) const PATHS: [&str; 2] = [WatchConnectors::PATH, WatchAgents::PATH];

/// Serves ConnectorService.
pub(crate) type ConnectorServer = Watching<WatchConnectors, ConnectorServiceServer<Connectors>>;
/// Serves AgentService.
pub(crate) type AgentServer = Watching<WatchAgents, AgentServiceServer<Agents>>;

/// A method that watches.
pub(crate) trait Method: Clone + Send + Sync + 'static {
    const PATH: &'static str;
    type Request: prost::Message + Default + 'static;

    fn open(
        api: &Arc<Api>,
        seats: &Arc<Seats>,
        request: Request<Self::Request>,
    ) -> Result<Messages, ApiError>;
}

/// Watches connectors.
#[derive(Debug, Clone)]
pub(crate) struct WatchConnectors;

impl Method for WatchConnectors {
    const PATH: &'static str = "/kafka2oss.v1.ConnectorService/WatchConnectors";
    type Request = v1::WatchConnectorsRequest;

    fn open(
        api: &Arc<Api>,
        seats: &Arc<Seats>,
        request: Request<v1::WatchConnectorsRequest>,
    ) -> Result<Messages, ApiError> {
        super::connectors(api, seats, request)
    }
}

/// Watches agents.
#[derive(Debug, Clone)]
pub(crate) struct WatchAgents;

impl Method for WatchAgents {
    const PATH: &'static str = "/kafka2oss.v1.AgentService/WatchAgents";
    type Request = v1::WatchAgentsRequest;

    fn open(
        api: &Arc<Api>,
        seats: &Arc<Seats>,
        request: Request<v1::WatchAgentsRequest>,
    ) -> Result<Messages, ApiError> {
        super::agents(api, seats, request)
    }
}

/// Serves a service that has one method that watches.
#[derive(Debug, Clone)]
pub(crate) struct Watching<M, S> {
    watches: Watches<M>,
    others: S,
    most: usize,
}

impl ConnectorServer {
    /// Messages are up to `most` bytes, both ways.
    pub(crate) fn new(api: &Arc<Api>, seats: &Arc<Seats>, most: usize) -> Self {
        let connectors = Connectors::new(Arc::clone(api), Arc::clone(seats));
        let others = ConnectorServiceServer::new(connectors)
            .max_decoding_message_size(most)
            .max_encoding_message_size(most);
        Self { watches: Watches::new(api, seats), others, most }
    }
}

impl AgentServer {
    /// Messages are up to `most` bytes, both ways.
    pub(crate) fn new(api: &Arc<Api>, seats: &Arc<Seats>, most: usize) -> Self {
        let agents = Agents::new(Arc::clone(api), Arc::clone(seats));
        let others = AgentServiceServer::new(agents)
            .max_decoding_message_size(most)
            .max_encoding_message_size(most);
        Self { watches: Watches::new(api, seats), others, most }
    }
}

impl<M, S: NamedService> NamedService for Watching<M, S> {
    const NAME: &'static str = S::NAME;
}

impl<M, S> Service<http::Request<Body>> for Watching<M, S>
where
    M: Method,
    S: Service<
            http::Request<Body>,
            Response = http::Response<Body>,
            Error = Infallible,
            Future = BoxFuture<http::Response<Body>, Infallible>,
        >,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<http::Response<Body>, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        if request.uri().path() != M::PATH {
            return self.others.call(request);
        }
        let watches = self.watches.clone();
        let mut grpc = Grpc::new(Parts::default())
            .apply_max_message_size_config(Some(self.most), Some(self.most));
        Box::pin(async move {
            let answer = grpc.server_streaming(watches, request).await;
            Ok(answer.map(|body| Body::new(Window::new(body))))
        })
    }
}

#[derive(Debug, Clone)]
struct Watches<M> {
    api: Arc<Api>,
    seats: Arc<Seats>,
    method: PhantomData<M>,
}

impl<M> Watches<M> {
    fn new(api: &Arc<Api>, seats: &Arc<Seats>) -> Self {
        Self { api: Arc::clone(api), seats: Arc::clone(seats), method: PhantomData }
    }
}

impl<M: Method> ServerStreamingService<M::Request> for Watches<M> {
    type Response = Message;
    type ResponseStream = Messages;
    type Future = std::future::Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<M::Request>) -> Self::Future {
        let answer = M::open(&self.api, &self.seats, request).map(Response::new);
        std::future::ready(answer.map_err(Status::from))
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use v1::agent_service_server::AgentService;
    use v1::connector_service_server::ConnectorService;
    use v1::watch_connectors_response::Event;

    use super::*;
    use crate::catalog::Catalog;
    use crate::server::Parts as Process;
    use crate::store::Store;

    #[tokio::test]
    async fn the_services_by_themselves_say_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let catalog = Catalog::load(
            Store::open(folder.path(), crate::store::OnLoss::Refuse).expect("opened"),
        )
        .expect("read");
        let options = crate::Options::at(folder.path());
        let parts = Process::new(&options, catalog).expect("random bytes");
        let seats = Arc::new(Seats::new(2, 2));
        let connectors = Connectors::new(Arc::clone(&parts.api), Arc::clone(&seats));
        let request =
            v1::WatchConnectorsRequest { parent: "instances/-".to_owned(), ..Default::default() };
        let answer = connectors.watch_connectors(Request::new(request)).await.expect("a stream");
        let first = answer.into_inner().next().await.expect("no end").expect("no error");
        assert_eq!(first.event, Some(Event::Synced(())));
        let agents = Agents::new(Arc::clone(&parts.api), seats);
        let request = Request::new(v1::WatchAgentsRequest::default());
        let answer = agents.watch_agents(request).await.expect("a stream");
        let first = answer.into_inner().next().await.expect("no end").expect("no error");
        assert_eq!(first.event, Some(v1::watch_agents_response::Event::Synced(())));
    }
}
