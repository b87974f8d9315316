//! Everything that is durable, as it is in memory, with what is looked up by
//! other than its name.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use kafka2oss_domain::spec::Pool;

use super::{Change, Placed};
use crate::named::Named;
use crate::store::agents::AgentRecord;
use crate::store::connectors::ConnectorRecord;
use crate::store::instances::InstanceRecord;
use crate::store::placements::PlacementRecord;
use crate::store::request_ids::RequestIdRecord;

/// The tables of the catalog.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) instances: BTreeMap<String, Arc<InstanceRecord>>,
    pub(super) connectors: Named<Arc<ConnectorRecord>>,
    pub(super) placements: HashMap<String, Arc<PlacementRecord>>,
    pub(super) agents: BTreeMap<String, Arc<AgentRecord>>,
    pub(super) request_ids: BTreeMap<String, Arc<RequestIdRecord>>,
    /// The same, in the order of their times.
    request_ids_by_age: BTreeSet<((i64, i32), String)>,
    /// Names of the connectors of a pool.
    of_pool: Index<Pool>,
    /// Names of the connectors that use a topic or a group, on any cluster.
    of_resource: Index<String>,
    /// Name of the connector of a uid.
    of_uid: HashMap<String, String>,
    /// Names of the connectors that have tasks on an agent, or had them when
    /// they were deleted.
    of_agent: Index<String>,
    /// Names of the connectors whose deletion waits for an agent.
    of_deletion: Index<String>,
    /// How many tasks are placed on an agent; of those that have some.
    loads: HashMap<String, i32>,
}

/// Names by something that they share.
#[derive(Debug)]
struct Index<K>(HashMap<K, BTreeSet<String>>);

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq> Index<K> {
    fn add(&mut self, key: K, name: &str) {
        self.0.entry(key).or_default().insert(name.to_owned());
    }

    fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q, name: &str)
    where
        K: Borrow<Q>,
    {
        if let Some(names) = self.0.get_mut(key) {
            names.remove(name);
            if names.is_empty() {
                self.0.remove(key);
            }
        }
    }

    fn names<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> impl Iterator<Item = &String> + use<'_, K, Q>
    where
        K: Borrow<Q>,
    {
        self.0.get(key).into_iter().flatten()
    }
}

impl Tables {
    /// Takes in a change that is durable.
    pub(super) fn take(&mut self, change: Change) {
        match change {
            Change::Instance(name, record) => set(&mut self.instances, name, record),
            Change::Connector(name, record) => self.set_connector(&name, record),
            Change::Placement(name, record) => self.set_placement(&name, record),
            Change::Agent(name, record) => set(&mut self.agents, name, record),
            Change::RequestId(key, record) => self.set_request_id(key, record),
        }
    }

    /// One connector.
    pub(super) fn connector(&self, name: &str) -> Option<&Arc<ConnectorRecord>> {
        self.connectors.get(name)
    }

    /// One connector and where its tasks run.
    pub(super) fn placed(&self, name: &str) -> Option<Placed> {
        let record = self.connector(name).cloned()?;
        Some((record, self.placements.get(name).cloned()))
    }

    /// Deletions that wait for an agent to stop its tasks.
    pub(super) fn deletions_of(&self, agent: &str) -> Vec<String> {
        self.of_deletion.names(agent).cloned().collect()
    }

    /// Connectors of a pool.
    pub(super) fn of_pool(&self, pool: &Pool) -> Vec<String> {
        self.of_pool.names(pool).cloned().collect()
    }

    /// Connectors that name a topic or a group.
    pub(super) fn of_resource(&self, resource: &str) -> Vec<Arc<ConnectorRecord>> {
        let names = self.of_resource.names(resource);
        names.filter_map(|name| self.connector(name)).cloned().collect()
    }

    /// The connector of a uid.
    pub(super) fn of_uid(&self, uid: &str) -> Option<Arc<ConnectorRecord>> {
        self.connector(self.of_uid.get(uid)?).cloned()
    }

    /// Connectors that have or had tasks on an agent.
    pub(super) fn of_agent(&self, agent: &str) -> Vec<String> {
        self.of_agent.names(agent).cloned().collect()
    }

    /// How many tasks are placed on an agent.
    pub(super) fn load(&self, agent: &str) -> i32 {
        self.loads.get(agent).copied().unwrap_or_default()
    }

    /// Request IDs, the oldest first.
    pub(super) fn oldest_request_ids(
        &self,
    ) -> impl Iterator<Item = (&String, &Arc<RequestIdRecord>)> {
        let keys = self.request_ids_by_age.iter().map(|(_, key)| key);
        keys.filter_map(|key| self.request_ids.get_key_value(key))
    }

    fn set_request_id(&mut self, key: String, record: Option<Arc<RequestIdRecord>>) {
        if let Some(before) = self.request_ids.remove(&key) {
            self.request_ids_by_age.remove(&(age(&before), key.clone()));
        }
        if let Some(record) = record {
            self.request_ids_by_age.insert((age(&record), key.clone()));
            self.request_ids.insert(key, record);
        }
    }

    fn set_connector(&mut self, name: &str, record: Option<Arc<ConnectorRecord>>) {
        if let Some(before) = self.connectors.get(name).cloned() {
            self.of_pool.remove(&before.pool(), name);
            self.of_uid.remove(before.uid());
            for resource in resources_of(&before) {
                self.of_resource.remove(resource, name);
            }
            for agent in deletion_waits_for(&before) {
                self.of_deletion.remove(agent, name);
                self.of_agent.remove(agent, name);
            }
        }
        if let Some(record) = &record {
            self.of_pool.add(record.pool(), name);
            self.of_uid.insert(record.uid().to_owned(), name.to_owned());
            for resource in resources_of(record) {
                self.of_resource.add(resource.to_owned(), name);
            }
            for agent in deletion_waits_for(record) {
                self.of_deletion.add(agent.clone(), name);
            }
        }
        match record {
            Some(record) => self.connectors.insert(name, record),
            None => self.connectors.remove(name),
        };
        self.index_agents(name);
    }

    fn set_placement(&mut self, name: &str, record: Option<Arc<PlacementRecord>>) {
        if let Some(before) = self.placements.get(name) {
            for agent in before.agents() {
                self.of_agent.remove(agent, name);
                if let Some(load) = self.loads.get_mut(agent) {
                    *load -= 1;
                    if *load == 0 {
                        self.loads.remove(agent);
                    }
                }
            }
        }
        for agent in record.iter().flat_map(|record| record.agents()) {
            *self.loads.entry(agent.to_owned()).or_default() += 1;
        }
        match record {
            Some(record) => self.placements.insert(name.to_owned(), record),
            None => self.placements.remove(name),
        };
        self.index_agents(name);
    }

    /// A connector's agents stand in its placement and, once it is deleted, in
    /// its own record: what one of the two lost, the other may still have.
    fn index_agents(&mut self, name: &str) {
        let placed = self.placements.get(name).cloned();
        let connector = self.connector(name).cloned();
        for agent in placed.iter().flat_map(|placement| placement.agents()) {
            self.of_agent.add(agent.to_owned(), name);
        }
        for agent in connector.iter().flat_map(|record| deletion_waits_for(record)) {
            self.of_agent.add(agent.clone(), name);
        }
    }
}

/// When a request was carried out; one that does not say so is older than all others.
fn age(record: &RequestIdRecord) -> (i64, i32) {
    record.create_time.map_or((i64::MIN, 0), |time| (time.seconds, time.nanos))
}

/// Topics and groups that a connector names.
fn resources_of(record: &ConnectorRecord) -> BTreeSet<&str> {
    let spec = record.spec();
    let source = spec.source.as_ref().map(|source| source.topic.as_str());
    let groups = spec.resources.iter().flat_map(|resources| {
        [resources.task_consumer_group.as_str(), resources.connector_consumer_group.as_str()]
    });
    let all = record.topics().into_iter().chain(source).chain(groups);
    all.filter(|name| !name.is_empty()).collect()
}

fn deletion_waits_for(record: &ConnectorRecord) -> &[String] {
    record.deletion.as_ref().map_or(&[], |deletion| &deletion.agents)
}

fn set<T>(table: &mut BTreeMap<String, Arc<T>>, name: String, record: Option<Arc<T>>) {
    match record {
        Some(record) => {
            table.insert(name, record);
        }
        None => {
            table.remove(&name);
        }
    }
}
