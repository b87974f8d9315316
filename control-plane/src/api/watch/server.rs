//! How WatchConnectors is served: a thousand watchers of a thousand connectors get
//! a million messages, each of which is encoded once. So this method has a codec that
//! writes bytes, and everything else is left to the generated server.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::{Stream, StreamExt};
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::connector_service_server::{ConnectorServiceServer, SERVICE_NAME};
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::server::{Grpc, NamedService, ServerStreamingService};
use tonic::{Request, Response, Status};

use super::window::Window;
use crate::api::Api;
use crate::api::Connectors;
use crate::api::parts::Parts;
use crate::budget::Seats;
use crate::observe::Message;

/// The method's path.
pub(crate) const PATH: &str = "/kafka2oss.v1.ConnectorService/WatchConnectors";

/// Serves ConnectorService.
#[derive(Debug, Clone)]
pub(crate) struct ConnectorServer {
    watches: Watches,
    others: ConnectorServiceServer<Connectors>,
    most: usize,
}

impl ConnectorServer {
    /// Messages are up to `most` bytes, both ways.
    pub(crate) fn new(api: &Arc<Api>, seats: Arc<Seats>, most: usize) -> Self {
        let connectors = Connectors::new(Arc::clone(api), Arc::clone(&seats));
        let others = ConnectorServiceServer::new(connectors)
            .max_decoding_message_size(most)
            .max_encoding_message_size(most);
        Self { watches: Watches { api: Arc::clone(api), seats }, others, most }
    }
}

impl NamedService for ConnectorServer {
    const NAME: &'static str = SERVICE_NAME;
}

impl Service<http::Request<Body>> for ConnectorServer {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        if request.uri().path() != PATH {
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
struct Watches {
    api: Arc<Api>,
    seats: Arc<Seats>,
}

impl ServerStreamingService<v1::WatchConnectorsRequest> for Watches {
    type Response = Message;
    type ResponseStream = Pin<Box<dyn Stream<Item = Result<Message, Status>> + Send>>;
    type Future = std::future::Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<v1::WatchConnectorsRequest>) -> Self::Future {
        let messages = super::watch(&self.api, &self.seats, request);
        let answer = messages.map(|messages| Response::new(messages.boxed()));
        std::future::ready(answer.map_err(Status::from))
    }
}

#[cfg(test)]
mod tests {
    use v1::connector_service_server::ConnectorService;
    use v1::watch_connectors_response::Event;

    use super::*;
    use crate::catalog::Catalog;
    use crate::server::Parts as Process;
    use crate::store::Store;

    #[tokio::test]
    async fn the_service_by_itself_says_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let catalog = Catalog::load(
            Store::open(folder.path(), crate::store::OnLoss::Refuse).expect("opened"),
        )
        .expect("read");
        let options = crate::Options::at(folder.path());
        let parts = Process::new(&options, catalog).expect("random bytes");
        let seats = Arc::new(Seats::new(1, 1));
        let connectors = Connectors::new(Arc::clone(&parts.api), seats);
        let request =
            v1::WatchConnectorsRequest { parent: "instances/-".to_owned(), ..Default::default() };
        let answer = connectors.watch_connectors(Request::new(request)).await.expect("a stream");
        let first = answer.into_inner().next().await.expect("no end").expect("no error");
        assert_eq!(first.event, Some(Event::Synced(())));
    }
}
