//! What runs all the time beside the server.

use std::convert::Infallible;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::task::JoinHandle;

use crate::core::Core;
use crate::reconcile::leases;
use crate::session::lessons;
use crate::store::StoreError;
use crate::supervision::Failure;
use crate::{observe, reconcile};

/// A loop of the process, which ends when that is to stop.
pub(super) type Loop = (&'static str, BoxFuture<'static, ()>);

/// The loops of a control plane.
pub(crate) fn all(core: &Arc<Core>) -> Vec<Loop> {
    vec![
        ("the reconciler", reconcile::run(Arc::clone(core)).boxed()),
        ("the publisher of statuses", observe::publish(Arc::clone(core)).boxed()),
        ("the keeper of lessons", lessons::run(Arc::clone(core)).boxed()),
        ("the watch over pauses", leases::watch_pauses(Arc::clone(core)).boxed()),
    ]
}

/// Runs `loops`, and the watch over the store; all of them are watched.
pub(crate) fn run(core: &Arc<Core>, loops: Vec<Loop>) -> Vec<JoinHandle<()>> {
    let supervision = &core.supervision;
    let watched =
        loops.into_iter().map(|(name, run)| supervision.spawn(name, run.map(Ok::<_, Infallible>)));
    let mut running: Vec<_> = watched.collect();
    running.push(supervision.spawn("the watch over the store", watch_store(Arc::clone(core))));
    running
}

/// How the store has failed.
pub(super) fn store_failure(error: &StoreError) -> Failure {
    Failure::Store { code: error.code(), cause: error.to_string() }
}

/// Fails with the store; ends when the process is to stop.
async fn watch_store(core: Arc<Core>) -> Result<(), Infallible> {
    tokio::select! {
        biased;
        error = core.catalog.failed() => {
            core.supervision.fail(store_failure(&error));
            core.stop.cancelled().await;
        }
        () = core.stop.cancelled() => {}
    }
    Ok(())
}
