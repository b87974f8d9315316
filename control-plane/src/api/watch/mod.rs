//! WatchConnectors: a snapshot, then every change.

mod server;
mod window;

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
use crate::model::fields::CONNECTORS;
use crate::observe::{Message, Watched, Watcher};
use crate::supervision;
pub(crate) use server::ConnectorServer;
#[cfg(test)]
pub(super) use server::PATH;

/// Opens a watch. Nothing of it is made before it is read.
pub(super) fn watch(
    api: &Arc<Api>,
    seats: &Arc<Seats>,
    request: Request<v1::WatchConnectorsRequest>,
) -> Result<impl Stream<Item = Result<Message, Status>> + Send + use<>, ApiError> {
    let peer = request.remote_addr().map(|peer| peer.ip().to_canonical());
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
    let seat = seats.take(peer).map_err(|Full { most }| ApiError::TooManyWatches(most))?;
    let board = Arc::clone(&api.observed.board);
    let watched = Watched { instance: parent, filter, partitions: include_partitions, fingerprint };
    let watcher = Watcher::new(board, watched, resume_token);
    let open = Open { api: Arc::clone(api), watcher, _seat: seat };
    Ok(stream::unfold(Some(open), next).flat_map(stream::iter))
}

struct Open {
    api: Arc<Api>,
    watcher: Watcher,
    _seat: Seat,
}

/// The next messages, and the watch if it goes on. It ends with the process, and with an
/// error after a panic: without one it would look as if there was nothing more to tell.
async fn next(open: Option<Open>) -> Option<(Vec<Result<Message, Status>>, Option<Open>)> {
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
