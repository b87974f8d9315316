//! Agents whose lease ran out are gone, durably; those that are long gone are
//! forgotten.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::inbox::Inbox;
use crate::catalog::{Change, Exclusive};
use crate::known::Known;
use crate::store::StoreError;

/// Agents without a stream and without tasks that are remembered.
const IDLE_KEPT: usize = 1_000;
/// Agents that are gone in one write at most.
const AT_ONCE: usize = 64;

/// Takes the leases that ran out from their agents.
///
/// Under each agent's lock, as its Hello is: one that comes back meanwhile is
/// either heard of before, and keeps its lease, or after, and has a new one.
pub(super) async fn expire(known: &Known, inbox: &Inbox) -> Result<(), StoreError> {
    // Also where this loop wakes before the one that watches.
    known.fleet.notice_pause();
    for ids in known.fleet.silent().chunks(AT_ONCE) {
        let _locks = lock_all(known, ids).await;
        let gone = known.fleet.expire(ids);
        let records = gone
            .iter()
            .map(|(id, record)| Change::Agent(id.clone(), Some(Arc::new(record.clone()))));
        known.catalog.apply(records.collect()).await?;
        for (id, _) in gone {
            tracing::warn!(agent = id, "the agent's lease ran out");
            inbox.agent(&id);
        }
    }
    Ok(())
}

/// Has the fleet notice when the process did not run for a while, until the
/// process stops: what could not be heard meanwhile counts against no agent.
pub(crate) async fn watch_pauses(known: Arc<Known>, stop: CancellationToken) {
    let often = known.lease / 16;
    loop {
        known.fleet.notice_pause();
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(often) => {}
        }
    }
}

/// Forgets agents that have been gone for `age`, each under its lock: one that
/// comes back meanwhile is kept.
pub(super) async fn forget(known: &Known, inbox: &Inbox, age: Duration) -> Result<(), StoreError> {
    for ids in known.fleet.gone_for(age).chunks(AT_ONCE) {
        let _locks = lock_all(known, ids).await;
        let forgotten = known.fleet.forget(ids, age);
        let changes = forgotten.iter().map(|id| Change::Agent(id.clone(), None));
        known.catalog.apply(changes.collect()).await?;
        for id in &forgotten {
            inbox.agent(id);
        }
    }
    Ok(())
}

/// Forgets agents that have neither a stream nor a task, of many the ones that were heard of
/// longest ago: anybody may come under any name, and go. Each is forgotten under its lock: one
/// that comes back meanwhile is kept.
pub(crate) async fn forget_idle(known: &Known, inbox: &Inbox) -> Result<(), StoreError> {
    let mut idle = known.fleet.absent(IDLE_KEPT);
    idle.retain(|id| known.catalog.connectors_on(id).is_empty());
    idle.truncate(idle.len().saturating_sub(IDLE_KEPT).min(AT_ONCE));
    idle.sort_unstable();
    let _locks = lock_all(known, &idle).await;
    let forgotten = known.fleet.forget_absent(&idle);
    let changes = forgotten.iter().map(|id| Change::Agent(id.clone(), None));
    known.catalog.apply(changes.collect()).await?;
    for id in &forgotten {
        inbox.agent(id);
    }
    Ok(())
}

/// The locks of these agents, taken in the order of the ids, in which they are.
async fn lock_all(known: &Known, ids: &[String]) -> Vec<Exclusive> {
    let mut locks = Vec::with_capacity(ids.len());
    for id in ids {
        locks.push(known.catalog.lock(&format!("agents/{id}")).await);
    }
    locks
}
