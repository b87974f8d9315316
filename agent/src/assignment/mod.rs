//! What this agent is to run, as domain types: the border between the stream
//! and the supervisor.

mod cache;
mod credentials;
mod guidance;
mod keyring;

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka2oss_chain::Keys;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::names::ConnectorName;
use kafka2oss_domain::spec::{ConnectorSpec, Instance};
use kafka2oss_domain::{ErrorCode, feature};
use kafka2oss_proto::{Count, agent, v1};

use crate::task::{CommitsSeen, Guidance, Mode, TaskSpec};

pub(crate) use cache::{AssignmentCache, Cached, StoreIdentity, replace};
pub(crate) use keyring::Keyring;

/// What an agent can do beyond the first version of the protocol, by name. An
/// assignment that names another feature is refused.
pub(crate) const FEATURES: &[&str] = &[feature::OWN_KEYS, feature::PREFLIGHT, feature::FLUSH];

/// Assignments by connector.
pub(crate) type Assignments = BTreeMap<ConnectorName, Assignment>;

/// The tasks of one connector that this agent is to run, checked.
#[derive(Debug, Clone)]
pub(crate) struct Assignment {
    pub(crate) connector: ConnectorName,
    pub(crate) generation: u64,
    pub(crate) placement_version: u64,
    pub(crate) guidance: Guidance,
    /// Index of each task -> its share of thread_concurrency.
    pub(crate) tasks: BTreeMap<u32, u32>,
    pub(crate) fixed: Arc<Fixed>,
    pub(crate) credentials: Option<v1::StoreCredentials>,
    /// Names the inline ones among them.
    pub(crate) secrets_id: String,
    pub(crate) spec: Arc<ConnectorSpec>,
    instance: Arc<Instance>,
    /// For tasks that start. One that runs learns of a change from the store itself.
    keys: Keys,
    /// As it came, with withheld secrets filled in.
    wire: agent::v1::ConnectorAssignment,
}

/// What a task cannot change while it runs: another one means a restart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fixed {
    pub(crate) uid: String,
    /// Without credentials: those are replaced under running tasks.
    spec: v1::ConnectorSpec,
    /// Only what Kafka clients are made from: labels, etag and the cluster id
    /// that an agent reported change nothing for a task.
    connection: v1::Instance,
    epoch: u64,
    topic_id: String,
    start_offsets: BTreeMap<i32, i64>,
}

impl Assignment {
    /// What the task of this index runs; `None` without such a task.
    pub(crate) fn task(&self, index: u32) -> Option<TaskSpec> {
        let threads = *self.tasks.get(&index)?;
        Some(TaskSpec {
            connector: self.connector.clone(),
            uid: self.fixed.uid.clone(),
            index,
            threads,
            spec: Arc::clone(&self.spec),
            instance: Arc::clone(&self.instance),
            epoch: self.fixed.epoch,
            topic_id: self.fixed.topic_id.clone(),
            start_offsets: self.fixed.start_offsets.clone(),
            keys: self.keys,
        })
    }

    /// Whether it names this topic or group on the brokers of `instance`, as far as can
    /// be told without asking them.
    pub(crate) fn names(&self, instance: &v1::Instance, resource: &str) -> bool {
        let mine = self.wire.instance.as_ref();
        let same_brokers = mine.is_some_and(|mine| {
            let shares = |server| instance.bootstrap_servers.contains(server);
            mine.name == instance.name || mine.bootstrap_servers.iter().any(shares)
        });
        same_brokers && self.spec.names().any(|name| name == resource)
    }

    /// Keeps those of its tasks that are listed here.
    pub(crate) fn retain_tasks(&mut self, listed: &[agent::v1::TaskAssignment]) {
        let is_listed = |index: i32| listed.iter().any(|task| task.index == index);
        self.tasks.retain(|index, _| is_listed(index.to_wire()));
        self.wire.tasks.retain(|task| is_listed(task.index));
    }

    /// Has its tasks take no record from now on.
    pub(crate) fn pause(&mut self) {
        self.guidance.mode = Mode::Pause;
        self.wire.set_run_mode(agent::v1::RunMode::Pause);
    }

    /// The wire form for the disk: plain secrets are withheld, and what says
    /// nothing any more to whoever reads it later is left out.
    fn to_cache(&self) -> agent::v1::ConnectorAssignment {
        let mut wire = self.wire.clone();
        if let Some(spec) = &mut wire.spec {
            credentials::withhold_plain(spec);
        }
        wire.committed_partitions.clear();
        wire
    }

    /// What was written by [`Assignment::to_cache`], where secrets need no
    /// filling in. Any partition may have been committed since.
    fn from_cache(wire: agent::v1::ConnectorAssignment) -> Result<Self, Problem> {
        let mut assignment = Self::try_from(wire)?;
        assignment.guidance.commits_seen = CommitsSeen::Unknown;
        Ok(assignment)
    }
}

/// Checks everything that came on the stream; withheld secrets have been filled
/// in before where they are known ([`Keyring::complete`]).
impl TryFrom<agent::v1::ConnectorAssignment> for Assignment {
    type Error = Problem;

    fn try_from(wire: agent::v1::ConnectorAssignment) -> Result<Self, Problem> {
        let agent::v1::ConnectorAssignment {
            connector,
            uid,
            generation,
            placement_version,
            spec,
            instance,
            epoch,
            run_mode,
            tasks,
            features,
            delivery_guarantee,
            committed_partitions,
            resumes,
            store_refuses_existing,
            secrets_id,
        } = wire.clone();
        check_features(&features)?;
        let connector: ConnectorName = connector.parse().map_err(unsupported)?;
        if uid.is_empty() {
            return Err(unsupported("uid is empty"));
        }
        let guidance = guidance::check(run_mode, committed_partitions, resumes)?;
        let (Some(spec), Some(instance)) = (spec, instance) else {
            return Err(unsupported("spec or instance is missing"));
        };
        let fixed = Fixed::new(uid, &spec, &instance, epoch)?;
        let credentials = credentials::of(&spec).cloned();
        // The control plane found both legal, by the rules of its version.
        let spec = ConnectorSpec::try_from(spec).map_err(unsupported)?;
        let instance = Instance::try_from(instance).map_err(unsupported)?;
        let tasks = check_tasks(tasks, spec.source.spread)?;
        Ok(Self {
            connector,
            generation: u64::from_wire(generation),
            placement_version,
            guidance,
            tasks,
            fixed: Arc::new(fixed),
            credentials,
            secrets_id,
            spec: Arc::new(spec),
            instance: Arc::new(instance),
            keys: keys(delivery_guarantee, store_refuses_existing),
            wire,
        })
    }
}

impl Fixed {
    fn new(
        uid: String,
        spec: &v1::ConnectorSpec,
        instance: &v1::Instance,
        epoch: Option<v1::Epoch>,
    ) -> Result<Self, Problem> {
        let v1::Epoch { number, topic_id, start_offsets, origin: _, fixed_time: _ } =
            epoch.unwrap_or_default();
        if start_offsets.is_empty() {
            return Err(Problem::new(
                ErrorCode::StartNotFixed,
                format!("epoch {number} has no start offsets, and a task cannot start without"),
            ));
        }
        if let Some((partition, offset)) =
            start_offsets.iter().find(|(partition, offset)| **partition < 0 || **offset < 0)
        {
            return Err(unsupported(format!("start of partition {partition} is {offset}")));
        }
        let mut spec = spec.clone();
        credentials::remove(&mut spec);
        Ok(Self {
            uid,
            spec,
            connection: connection(instance),
            epoch: u64::from_wire(number),
            topic_id,
            start_offsets,
        })
    }
}

/// Keys of their own wherever the store is not known to refuse a put whose key is
/// taken. Without that nothing is delivered exactly once.
fn keys(delivery_guarantee: i32, store_refuses_existing: bool) -> Keys {
    let is_exact = delivery_guarantee == i32::from(v1::DeliveryGuarantee::ExactlyOnce);
    if is_exact || store_refuses_existing { Keys::Shared } else { Keys::Own }
}

/// The part of an instance that Kafka clients are made from.
fn connection(instance: &v1::Instance) -> v1::Instance {
    v1::Instance {
        bootstrap_servers: instance.bootstrap_servers.clone(),
        security_protocol: instance.security_protocol,
        sasl_mechanism: instance.sasl_mechanism,
        kafka_credentials: instance.kafka_credentials.clone(),
        ca_certificate: instance.ca_certificate.clone(),
        client_certificate: instance.client_certificate.clone(),
        oauth_token: instance.oauth_token.clone(),
        ..v1::Instance::default()
    }
}

fn check_features(needed: &[String]) -> Result<(), Problem> {
    let lacking: Vec<_> =
        needed.iter().map(String::as_str).filter(|name| !FEATURES.contains(name)).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    Err(unsupported(format!("needs what this agent cannot do: {}", lacking.join(", "))))
}

fn check_tasks(
    tasks: Vec<agent::v1::TaskAssignment>,
    spread: u32,
) -> Result<BTreeMap<u32, u32>, Problem> {
    let mut checked = BTreeMap::new();
    for agent::v1::TaskAssignment { index, threads } in tasks {
        let Some(index) = u32::try_from(index).ok().filter(|index| *index < spread) else {
            return Err(unsupported(format!("task {index} is none of the {spread}")));
        };
        let Some(threads) = u32::try_from(threads).ok().filter(|threads| *threads > 0) else {
            return Err(unsupported(format!("task {index} has {threads} threads")));
        };
        if checked.insert(index, threads).is_some() {
            return Err(unsupported(format!("task {index} stands twice")));
        }
    }
    Ok(checked)
}

fn unsupported(reason: impl std::fmt::Display) -> Problem {
    Problem::new(
        ErrorCode::AgentUnsupported,
        format!("agent {} cannot run this assignment: {reason}", env!("CARGO_PKG_VERSION")),
    )
}

#[cfg(test)]
mod tests;
