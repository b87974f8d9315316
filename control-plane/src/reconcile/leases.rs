//! Agents whose lease ran out are gone, durably; those that are long gone are
//! forgotten.

use std::sync::Arc;
use std::time::Duration;

use crate::catalog::{Change, Exclusive};
use crate::core::Core;
use crate::store::StoreError;

/// Agents without a stream and without tasks that are remembered.
const IDLE_KEPT: usize = 1_000;
/// Agents that are gone in one write at most.
const AT_ONCE: usize = 64;

/// Takes the leases that ran out from their agents.
///
/// Under each agent's lock, as its Hello is: one that comes back meanwhile is
/// either heard of before, and keeps its lease, or after, and has a new one.
pub(super) async fn expire(core: &Core) -> Result<(), StoreError> {
    // Also where this loop wakes before the one that watches.
    core.fleet.notice_pause();
    for ids in core.fleet.silent().chunks(AT_ONCE) {
        let _locks = lock_all(core, ids).await;
        let gone = core.fleet.expire(ids);
        let records = gone
            .iter()
            .map(|(id, record)| Change::Agent(id.clone(), Some(Arc::new(record.clone()))));
        core.catalog.apply(records.collect()).await?;
        for (id, _) in gone {
            tracing::warn!(agent = id, "the agent's lease ran out");
            core.agent_changed(&id);
        }
    }
    Ok(())
}

/// Has the fleet notice when the process did not run for a while, until the
/// process stops: what could not be heard meanwhile counts against no agent.
pub(crate) async fn watch_pauses(core: Arc<Core>) {
    let often = core.settings.lease / 16;
    loop {
        core.fleet.notice_pause();
        tokio::select! {
            biased;
            () = core.stop.cancelled() => return,
            () = tokio::time::sleep(often) => {}
        }
    }
}

/// Forgets agents that have been gone for `age`, each under its lock: one that
/// comes back meanwhile is kept.
pub(super) async fn forget(core: &Core, age: Duration) -> Result<(), StoreError> {
    for ids in core.fleet.gone_for(age).chunks(AT_ONCE) {
        let _locks = lock_all(core, ids).await;
        let forgotten = core.fleet.forget(ids, age).into_iter();
        core.catalog.apply(forgotten.map(|id| Change::Agent(id, None)).collect()).await?;
    }
    Ok(())
}

/// Forgets agents that have neither a stream nor a task, of many the ones that were heard of
/// longest ago: anybody may come under any name, and go. Each is forgotten under its lock: one
/// that comes back meanwhile is kept.
pub(crate) async fn forget_idle(core: &Core) -> Result<(), StoreError> {
    let mut idle = core.fleet.absent(IDLE_KEPT);
    idle.retain(|id| core.catalog.connectors_on(id).is_empty());
    idle.truncate(idle.len().saturating_sub(IDLE_KEPT).min(AT_ONCE));
    idle.sort_unstable();
    let _locks = lock_all(core, &idle).await;
    let forgotten = core.fleet.forget_absent(&idle);
    let changes = forgotten.iter().map(|id| Change::Agent(id.clone(), None));
    core.catalog.apply(changes.collect()).await?;
    for id in &forgotten {
        core.agent_changed(id);
    }
    Ok(())
}

/// The locks of these agents, taken in the order of the ids, in which they are.
async fn lock_all(core: &Core, ids: &[String]) -> Vec<Exclusive> {
    let mut locks = Vec::with_capacity(ids.len());
    for id in ids {
        locks.push(core.catalog.lock(&format!("agents/{id}")).await);
    }
    locks
}
