//! WatchConnectors and WatchAgents: a snapshot, then every change.

mod server;
mod window;

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use kafka2oss_domain::violation::Violations;
use kafka2oss_filter::Filter;
use kafka2oss_proto::v1;
use tonic::{Request, Status};

use super::error::ApiError;
use super::{listing, request};
use crate::api::Api;
use crate::budget::{Full, Seat, Seats};
use crate::fingerprint::fingerprint;
use crate::model::fields::{AGENTS, CONNECTORS};
use crate::observe::{Board, Message, Partitions, Row, Watched, Watcher};
use crate::supervision;
#[cfg(test)]
pub(super) use server::PATHS;
pub(crate) use server::{AgentServer, ConnectorServer};

/// Messages that are encoded already.
pub(super) type Messages = Pin<Box<dyn Stream<Item = Result<Message, Status>> + Send>>;

/// Opens a watch of connectors. Nothing of it is made before it is read.
pub(super) fn connectors(
    api: &Arc<Api>,
    seats: &Arc<Seats>,
    request: Request<v1::WatchConnectorsRequest>,
) -> Result<Messages, ApiError> {
    let peer = peer(&request);
    let v1::WatchConnectorsRequest { parent, resume_token, include_partitions, filter } =
        request.into_inner();
    let mut violations = Violations::new();
    let fingerprint = fingerprint(&[&parent, &filter]);
    let parent = request::parent(&parent, &mut violations);
    let filter = Filter::parse(&filter, &CONNECTORS);
    let filter = listing::expression("filter", filter, &mut violations).flatten();
    violations.into_result(()).map_err(ApiError::Invalid)?;
    if let Some(instance) = &parent {
        request::instance(api, instance)?;
    }
    let view = if include_partitions { Partitions::Shown } else { Partitions::Left };
    let watched = Watched { instance: parent, filter, view, fingerprint };
    open(api, seats, peer, &api.observed.board, watched, resume_token)
}

/// Opens a watch of agents. Nothing of it is made before it is read.
pub(super) fn agents(
    api: &Arc<Api>,
    seats: &Arc<Seats>,
    request: Request<v1::WatchAgentsRequest>,
) -> Result<Messages, ApiError> {
    let peer = peer(&request);
    let v1::WatchAgentsRequest { resume_token, filter } = request.into_inner();
    let mut violations = Violations::new();
    let fingerprint = fingerprint(&[&filter]);
    let filter = Filter::parse(&filter, &AGENTS);
    let filter = listing::expression("filter", filter, &mut violations).flatten();
    violations.into_result(()).map_err(ApiError::Invalid)?;
    let watched = Watched { instance: None, filter, view: (), fingerprint };
    open(api, seats, peer, &api.observed.agents, watched, resume_token)
}

fn peer<T>(request: &Request<T>) -> Option<IpAddr> {
    request.remote_addr().map(|peer| peer.ip().to_canonical())
}

fn open<R: Row>(
    api: &Arc<Api>,
    seats: &Arc<Seats>,
    peer: Option<IpAddr>,
    board: &Arc<Board<R>>,
    watched: Watched<R::Shown>,
    token: String,
) -> Result<Messages, ApiError> {
    let seat = seats.take(peer).map_err(|Full { most }| ApiError::TooManyWatches(most))?;
    let watcher = Watcher::new(Arc::clone(board), watched, token);
    let open = Open { api: Arc::clone(api), watcher, _seat: seat };
    Ok(stream::unfold(Some(open), next).flat_map(stream::iter).boxed())
}

struct Open<R: Row> {
    api: Arc<Api>,
    watcher: Watcher<R>,
    _seat: Seat,
}

/// The next messages, and the watch if it goes on. It ends with the process, and with an
/// error after a panic: without one it would look as if there was nothing more to tell.
async fn next<R: Row>(
    open: Option<Open<R>>,
) -> Option<(Vec<Result<Message, Status>>, Option<Open<R>>)> {
    let mut open = open?;
    let messages = tokio::select! {
        biased;
        () = open.api.stop.cancelled() => return None,
        messages = supervision::contained("a watch", open.watcher.next()) => messages,
    };
    Some(match messages {
        Some(messages) => (messages.into_iter().map(Ok).collect(), Some(open)),
        None => (vec![Err(ApiError::Internal.into())], None),
    })
}

/// The same messages taken apart: as whole services, those of connectors and of agents have
/// these methods, too; what serves them to clients is [`ConnectorServer`] and
/// [`AgentServer`], which do not take the messages apart.
pub(super) fn decoded<Response>(
    messages: Messages,
) -> Pin<Box<dyn Stream<Item = Result<Response, Status>> + Send>>
where
    Response: prost::Message + Default + 'static,
{
    let decoded = messages.map(|message| {
        message?.decode().map_err(|error| {
            tracing::error!(%error, "a message of a watch cannot be read");
            ApiError::Internal.into()
        })
    });
    decoded.boxed()
}
