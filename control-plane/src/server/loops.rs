//! What runs all the time beside the server.

use std::convert::Infallible;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::parts::Parts;
use crate::known::Known;
use crate::reconcile::leases;
use crate::session::lessons;
use crate::store::StoreError;
use crate::supervision::{Failure, Supervision};
use crate::{observe, reconcile};

/// A loop of the process, which ends when that is to stop.
pub(super) type Loop = (&'static str, BoxFuture<'static, ()>);

/// The loops of a control plane.
pub(crate) fn all(parts: &Parts) -> Vec<Loop> {
    let Parts { known, observed, sessions, reconciler, stop, .. } = parts;
    let publisher = observe::publish(Arc::clone(observed), stop.clone());
    let of_agents = observe::publish_agents(Arc::clone(observed), stop.clone());
    let pauses = leases::watch_pauses(Arc::clone(known), stop.clone());
    vec![
        ("the reconciler", reconcile::run(Arc::clone(reconciler)).boxed()),
        ("the publisher of statuses", publisher.boxed()),
        ("the publisher of agents", of_agents.boxed()),
        ("the keeper of lessons", lessons::run(Arc::clone(sessions)).boxed()),
        ("the watch over pauses", pauses.boxed()),
    ]
}

/// Runs `loops`, and the watch over the store; all of them are watched.
pub(crate) fn run(parts: &Parts, loops: Vec<Loop>) -> Vec<JoinHandle<()>> {
    let Parts { known, supervision, stop, .. } = parts;
    let watched =
        loops.into_iter().map(|(name, run)| supervision.spawn(name, run.map(Ok::<_, Infallible>)));
    let mut running: Vec<_> = watched.collect();
    running.push(supervision.spawn(
        "the watch over the store",
        watch_store(Arc::clone(known), supervision.clone(), stop.clone()),
    ));
    running
}

/// How the store has failed.
pub(super) fn store_failure(error: &StoreError) -> Failure {
    Failure::Store { code: error.code(), cause: error.to_string() }
}

/// Fails with the store; ends when the process is to stop.
async fn watch_store(
    known: Arc<Known>,
    supervision: Supervision,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    tokio::select! {
        biased;
        error = known.catalog.failed() => {
            supervision.fail(store_failure(&error));
            stop.cancelled().await;
        }
        () = stop.cancelled() => {}
    }
    Ok(())
}
