//! What the control plane knows: what is wanted and where it is placed, durably; the agents
//! and what they say; the secrets that stand in memory only. Every other part reads it.

pub(crate) mod agent;
pub(crate) mod deletion;

use std::sync::Arc;
use std::time::Duration;

use crate::catalog::{Catalog, Change};
use crate::fleet::Fleet;
use crate::secrets::InlineSecrets;
use crate::store::StoreError;
use crate::store::agents::AgentRecord;
use crate::store::connectors::ConnectorRecord;

/// What one control plane knows.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) catalog: Catalog,
    pub(crate) fleet: Fleet,
    pub(crate) secrets: InlineSecrets,
    /// An agent that is not heard of for this long loses its tasks.
    pub(crate) lease: Duration,
}

impl Known {
    /// What an earlier process left in `catalog`.
    pub(crate) fn new(catalog: Catalog, lease: Duration) -> Self {
        let agents = catalog.agents().into_iter();
        let agents = agents.map(|(id, record)| (id, AgentRecord::clone(&record))).collect();
        let fleet = Fleet::new(lease, agents);
        Self { catalog, fleet, secrets: InlineSecrets::default(), lease }
    }

    /// Stores what is to be known of an agent after a restart. The caller holds its lock.
    pub(crate) async fn remember_agent(
        &self,
        id: &str,
        record: AgentRecord,
    ) -> Result<(), StoreError> {
        self.catalog.apply(vec![Change::Agent(id.to_owned(), Some(Arc::new(record)))]).await
    }

    /// Removes a connector for good, and makes what comes `with` that durable. The caller
    /// holds its lock. Returns whether it was still there.
    pub(crate) async fn forget(
        &self,
        record: &ConnectorRecord,
        with: Vec<Change>,
    ) -> Result<bool, StoreError> {
        let (name, uid) = (record.name(), record.uid());
        if self.catalog.connector(name).is_none_or(|current| current.uid() != uid) {
            return Ok(false);
        }
        let mut gone = with;
        gone.push(Change::Connector(name.to_owned(), None));
        gone.push(Change::Placement(name.to_owned(), None));
        self.catalog.apply(gone).await?;
        self.secrets.forget(uid);
        self.fleet.forget_removals(uid);
        Ok(true)
    }
}
