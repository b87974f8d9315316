//! Agents whose lease ran out are gone, durably.

use std::sync::Arc;

use crate::catalog::Change;
use crate::core::Core;
use crate::store::StoreError;

/// Agents that are gone in one write at most.
const AT_ONCE: usize = 256;

/// Takes the leases that ran out from their agents.
///
/// Under each agent's lock, as its Hello is: one that comes back meanwhile is
/// either heard of before, and keeps its lease, or after, and has a new one.
pub(super) async fn expire(core: &Core) -> Result<(), StoreError> {
    // In the order of the ids, which is that in which their locks are taken.
    for ids in core.fleet.silent().chunks(AT_ONCE) {
        let mut locks = Vec::with_capacity(ids.len());
        for id in ids {
            locks.push(core.catalog.lock(&format!("agents/{id}")).await);
        }
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
