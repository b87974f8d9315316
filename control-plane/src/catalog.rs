//! The durable state as it is in memory, and the only way to change it.
//!
//! Reads are from memory. A change is made under its record's lock: read,
//! decide, write, sync, and only then is it visible in memory. So nothing is
//! seen, answered or sent before it is durable, and writers of different
//! records share syncs. The store's own thread makes a change visible, in the
//! order in which changes are written: whatever becomes of the caller.

mod locks;
mod tables;

use std::sync::{Arc, PoisonError, RwLock};

use kafka2oss_domain::names::InstanceName;
use kafka2oss_domain::spec::Pool;

use crate::clock;
use crate::store::agents::{AgentRecord, Agents};
use crate::store::connectors::{ConnectorRecord, Connectors};
use crate::store::instances::{InstanceRecord, Instances};
use crate::store::meta::MetaRecord;
use crate::store::placements::{PlacementRecord, Placements};
use crate::store::request_ids::{KEPT, RequestIdRecord, RequestIds};
use crate::store::{Batch, Store, StoreError};
pub(crate) use locks::Exclusive;
use locks::{Locks, Shared};
use tables::Tables;

/// Request IDs that go in one write at most.
const AT_ONCE: usize = 64;

/// One change of one record.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Writes or removes an instance, by its name.
    Instance(String, Option<Arc<InstanceRecord>>),
    /// Writes or removes a connector, by its name.
    Connector(String, Option<Arc<ConnectorRecord>>),
    /// Writes or removes a placement, by its connector's name.
    Placement(String, Option<Arc<PlacementRecord>>),
    /// Writes or removes an agent, by its ID.
    Agent(String, Option<Arc<AgentRecord>>),
    /// Writes or removes a request ID, by its key.
    RequestId(String, Option<Arc<RequestIdRecord>>),
}

impl Change {
    /// Writes a connector.
    pub(crate) fn connector(record: ConnectorRecord) -> Self {
        Self::Connector(record.name().to_owned(), Some(Arc::new(record)))
    }
}

/// A connector and where its tasks run.
pub(crate) type Placed = (Arc<ConnectorRecord>, Option<Arc<PlacementRecord>>);

/// The durable state.
#[derive(Debug)]
pub(crate) struct Catalog {
    store: Store,
    tables: Arc<RwLock<Tables>>,
    locks: Locks,
}

impl Catalog {
    /// Reads everything that `store` has. Blocks.
    pub(crate) fn load(store: Store) -> Result<Self, StoreError> {
        let mut tables = Tables::default();
        for (name, record) in store.scan::<Instances>()? {
            tables.take(Change::Instance(name, Some(Arc::new(record))));
        }
        for (name, record) in store.scan::<Connectors>()? {
            tables.take(Change::Connector(name, Some(Arc::new(record))));
        }
        for (name, record) in store.scan::<Placements>()? {
            tables.take(Change::Placement(name, Some(Arc::new(record))));
        }
        for (name, record) in store.scan::<Agents>()? {
            tables.take(Change::Agent(name, Some(Arc::new(record))));
        }
        for (name, record) in store.scan::<RequestIds>()? {
            tables.take(Change::RequestId(name, Some(Arc::new(record))));
        }
        Ok(Self { store, tables: Arc::new(RwLock::new(tables)), locks: Locks::default() })
    }

    /// What identifies the store to agents.
    pub(crate) fn meta(&self) -> &MetaRecord {
        self.store.meta()
    }

    /// Ends the store's writer once everything is on disk. Later changes fail.
    pub(crate) async fn close(&self) {
        self.store.close().await;
    }

    /// Waits until changes cannot be made durable any more, and says why.
    pub(crate) async fn failed(&self) -> StoreError {
        self.store.failed().await
    }

    /// One instance.
    pub(crate) fn instance(&self, name: &InstanceName) -> Option<Arc<InstanceRecord>> {
        self.read(|tables| tables.instances.get(&name.to_string()).cloned())
    }

    /// Every instance, in the order of the names.
    pub(crate) fn instances(&self) -> Vec<Arc<InstanceRecord>> {
        self.read(|tables| tables.instances.values().cloned().collect())
    }

    /// One connector, by its full name.
    pub(crate) fn connector(&self, name: &str) -> Option<Arc<ConnectorRecord>> {
        self.read(|tables| tables.connector(name).cloned())
    }

    /// Every connector, in the order of the names.
    pub(crate) fn connectors(&self) -> Vec<Arc<ConnectorRecord>> {
        self.read(|tables| tables.connectors.iter().map(|(_, record)| Arc::clone(record)).collect())
    }

    /// The connectors of one instance.
    pub(crate) fn connectors_of(&self, instance: &InstanceName) -> Vec<Arc<ConnectorRecord>> {
        let prefix = format!("{instance}/connectors/");
        self.read(|tables| {
            tables
                .connectors
                .after(&prefix)
                .take_while(|(name, _)| name.starts_with(&prefix))
                .map(|(_, record)| Arc::clone(record))
                .collect()
        })
    }

    /// Names of the connectors of a pool.
    pub(crate) fn connectors_of_pool(&self, pool: &Pool) -> Vec<String> {
        self.read(|tables| tables.of_pool(pool))
    }

    /// Connectors that name a topic or a group, on any cluster.
    pub(crate) fn users_of(&self, resource: &str) -> Vec<Arc<ConnectorRecord>> {
        self.read(|tables| tables.of_resource(resource))
    }

    /// The connector of a uid.
    pub(crate) fn connector_of_uid(&self, uid: &str) -> Option<Arc<ConnectorRecord>> {
        self.read(|tables| tables.of_uid(uid))
    }

    /// Names of the connectors that have tasks on an agent, or are being
    /// deleted and had some there.
    pub(crate) fn connectors_on(&self, agent: &str) -> Vec<String> {
        self.read(|tables| tables.of_agent(agent))
    }

    /// Names of the connectors whose deletion waits for an agent.
    pub(crate) fn deletions_on(&self, agent: &str) -> Vec<String> {
        self.read(|tables| tables.deletions_of(agent))
    }

    /// Connectors with tasks on an agent, in the order of the names, and how
    /// many each has there.
    pub(crate) fn tasks_of(&self, agent: &str) -> Vec<(String, usize)> {
        self.read(|tables| {
            let names = tables.of_agent(agent).into_iter();
            let counted = names.filter_map(|name| {
                let tasks = &tables.placements.get(&name)?.tasks;
                Some((name, tasks.iter().filter(|task| task.agent == agent).count()))
            });
            counted.filter(|(_, tasks)| *tasks > 0).collect()
        })
    }

    /// How many tasks are placed on each of these agents, in their order.
    pub(crate) fn loads<'i>(&self, agents: impl Iterator<Item = &'i str>) -> Vec<i32> {
        self.read(|tables| agents.map(|agent| tables.load(agent)).collect())
    }

    /// Where one connector's tasks run.
    pub(crate) fn placement(&self, connector: &str) -> Option<Arc<PlacementRecord>> {
        self.read(|tables| tables.placements.get(connector).cloned())
    }

    /// One connector and where its tasks run, as they are at one moment.
    pub(crate) fn connector_and_placement(&self, name: &str) -> Option<Placed> {
        self.read(|tables| tables.placed(name))
    }

    /// The same of each of these connectors, in their order.
    pub(crate) fn connectors_and_placements<'n>(
        &self,
        names: impl Iterator<Item = &'n str>,
    ) -> Vec<Option<Placed>> {
        self.read(|tables| names.map(|name| tables.placed(name)).collect())
    }

    /// Where every connector's tasks run, in no order.
    pub(crate) fn placements(&self) -> Vec<(String, Arc<PlacementRecord>)> {
        self.read(|tables| {
            tables
                .placements
                .iter()
                .map(|(name, record)| (name.clone(), Arc::clone(record)))
                .collect()
        })
    }

    /// Every agent that was ever seen, by its ID.
    pub(crate) fn agents(&self) -> Vec<(String, Arc<AgentRecord>)> {
        self.read(|tables| {
            tables.agents.iter().map(|(name, record)| (name.clone(), Arc::clone(record))).collect()
        })
    }

    /// What became of a request ID.
    pub(crate) fn request_id(&self, key: &str) -> Option<Arc<RequestIdRecord>> {
        self.read(|tables| tables.request_ids.get(key).cloned())
    }

    /// Request IDs that are old enough to be forgotten, the oldest first.
    pub(crate) fn expired_request_ids(&self) -> Vec<Change> {
        self.read(|tables| {
            let is_expired = |record: &RequestIdRecord| {
                record.create_time.as_ref().is_none_or(|time| clock::is_older(time, KEPT))
            };
            tables
                .oldest_request_ids()
                .take_while(|(_, record)| is_expired(record))
                .map(gone)
                .collect()
        })
    }

    /// The oldest request IDs, which are to go so that there is room for one more of `most`.
    pub(crate) fn request_ids_beyond(&self, most: usize) -> Vec<Change> {
        self.read(|tables| {
            let beyond = (tables.request_ids.len() + 1).saturating_sub(most);
            tables.oldest_request_ids().take(beyond.min(AT_ONCE)).map(gone).collect()
        })
    }

    /// Waits until nobody else holds the lock of the record `name`.
    pub(crate) async fn lock(&self, name: &str) -> Exclusive {
        self.locks.exclusive(name, &self.store).await
    }

    /// Waits until nobody changes the record `name`; many may hold this.
    pub(crate) async fn lock_shared(&self, name: &str) -> Shared {
        self.locks.shared(name, &self.store).await
    }

    /// Makes `changes` durable, all or none, then visible. The caller holds
    /// the locks of the records that others may change, too.
    ///
    /// Its future may be dropped: then either nothing is written, or the
    /// changes become durable and visible all the same, and the locks are
    /// free after that.
    pub(crate) async fn apply(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new();
        for change in &changes {
            match change {
                Change::Instance(name, record) => stage::<Instances>(&mut batch, name, record),
                Change::Connector(name, record) => stage::<Connectors>(&mut batch, name, record),
                Change::Placement(name, record) => stage::<Placements>(&mut batch, name, record),
                Change::Agent(name, record) => stage::<Agents>(&mut batch, name, record),
                Change::RequestId(name, record) => stage::<RequestIds>(&mut batch, name, record),
            }
        }
        let tables = Arc::clone(&self.tables);
        let publish = move || {
            let mut tables = tables.write().unwrap_or_else(PoisonError::into_inner);
            for change in changes {
                tables.take(change);
            }
        };
        self.store.apply(batch, Box::new(publish)).await
    }

    fn read<T>(&self, from: impl FnOnce(&Tables) -> T) -> T {
        from(&self.tables.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn gone((key, _): (&String, &Arc<RequestIdRecord>)) -> Change {
    Change::RequestId(key.clone(), None)
}

fn stage<F: crate::store::Family>(batch: &mut Batch, name: &str, record: &Option<Arc<F::Record>>) {
    match record {
        Some(record) => batch.put::<F>(name, record),
        None => batch.delete::<F>(name),
    }
}

#[cfg(test)]
mod tests;
