//! What is durable, write by write: nothing goes back, nothing that somebody was told is
//! changed afterwards, nobody's write takes another one's back, and no agent is forgotten
//! that may still run something.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use kafka2oss_proto::agent::v1::RunMode;
use kafka2oss_proto::v1;
use prost::Message;
use tokio::time::Instant;

use super::answers::PARTITIONS;
use super::ledger::Ledger;
use super::world::LEASE;
use crate::store::Family;
use crate::store::agents::{AgentRecord, Agents};
use crate::store::connectors::{ConnectorRecord, Connectors};
use crate::store::medium::RowChange;
use crate::store::placements::{PlacementRecord, Placements};

/// What is durable of a connector.
#[derive(Debug, Clone, Default)]
struct One {
    record: Option<Arc<ConnectorRecord>>,
    placement: Option<Arc<PlacementRecord>>,
}

/// What was ever durable of a uid.
#[derive(Debug, Default)]
struct Life {
    placement_version: u64,
    revision: u64,
    /// By generation: the desired state and the number of the epoch.
    generations: BTreeMap<i64, (v1::DesiredState, i64)>,
    /// By number: epochs whose start is fixed.
    epochs: HashMap<i64, v1::Epoch>,
    /// When it was deleted.
    deleted: Option<Instant>,
}

/// What is durable, and what was.
#[derive(Debug)]
pub(super) struct Durable {
    ledger: Arc<Ledger>,
    connectors: BTreeMap<String, One>,
    gone: BTreeSet<String>,
    lives: HashMap<String, Life>,
}

impl Durable {
    pub(super) fn new(ledger: Arc<Ledger>) -> Self {
        Self { ledger, connectors: BTreeMap::new(), gone: BTreeSet::new(), lives: HashMap::new() }
    }

    /// The highest generation and placement version of a uid that were ever durable.
    pub(super) fn highest(&self, uid: &str) -> (i64, u64) {
        let Some(life) = self.lives.get(uid) else { return (0, 0) };
        let generation = life.generations.last_key_value().map_or(0, |(generation, _)| *generation);
        (generation, life.placement_version)
    }

    /// The highest revision of a uid that was ever durable.
    pub(super) fn revision(&self, uid: &str) -> u64 {
        self.lives.get(uid).map_or(0, |life| life.revision)
    }

    /// The desired state and the number of the epoch that a generation of a uid has.
    pub(super) fn generation(&self, uid: &str, generation: i64) -> Option<(v1::DesiredState, i64)> {
        self.lives.get(uid)?.generations.get(&generation).copied()
    }

    /// An epoch of a uid whose start is fixed.
    pub(super) fn epoch(&self, uid: &str, number: i64) -> Option<&v1::Epoch> {
        self.lives.get(uid)?.epochs.get(&number)
    }

    /// A connector.
    pub(super) fn connector(&self, name: &str) -> Option<&Arc<ConnectorRecord>> {
        self.connectors.get(name)?.record.as_ref()
    }

    /// All connectors.
    pub(super) fn connectors(&self) -> impl Iterator<Item = &Arc<ConnectorRecord>> {
        self.connectors.values().filter_map(|one| one.record.as_ref())
    }

    /// Whether an agent is gone.
    pub(super) fn is_gone(&self, agent: &str) -> bool {
        self.gone.contains(agent)
    }

    /// The placement of a connector.
    pub(super) fn placement(&self, name: &str) -> Option<&Arc<PlacementRecord>> {
        self.connectors.get(name)?.placement.as_ref()
    }

    /// The placements, by connector.
    pub(super) fn placements(&self) -> BTreeMap<String, PlacementRecord> {
        let placed = self.connectors.iter().filter_map(|(name, one)| {
            Some((name.clone(), PlacementRecord::clone(one.placement.as_ref()?)))
        });
        placed.collect()
    }

    /// Takes in a batch that is durable now.
    ///
    /// # Panics
    /// It must not be.
    pub(super) fn take(&mut self, changes: &[RowChange]) {
        let mut before: BTreeMap<String, One> = BTreeMap::new();
        for (key, value) in changes {
            let Some((family, name)) = key.split_first() else { continue };
            let name = String::from_utf8_lossy(name).into_owned();
            let value = value.as_deref();
            match *family {
                Connectors::ORDINAL => self.note(&mut before, name).record = value.map(decoded),
                Placements::ORDINAL => self.note(&mut before, name).placement = value.map(decoded),
                Agents::ORDINAL => self.take_agent(&name, value.map(decoded)),
                _ => {}
            }
        }
        for (name, before) in before {
            let now = self.connectors.get(&name).cloned().unwrap_or_default();
            match (&before.record, &now.record) {
                (None, None) => {}
                (None, Some(new)) => check_new(new),
                (Some(old), Some(new)) => self.check_change(old, new),
                (Some(old), None) => self.check_end(old),
            }
            self.check_placement(&before, &now);
            self.remember(&now);
            if now.record.is_none() && now.placement.is_none() {
                self.connectors.remove(&name);
            }
        }
    }

    /// What is durable of a connector, which is about to change.
    fn note(&mut self, before: &mut BTreeMap<String, One>, name: String) -> &mut One {
        let one = self.connectors.entry(name.clone()).or_default();
        before.entry(name).or_insert_with(|| one.clone());
        one
    }

    fn take_agent(&mut self, id: &str, record: Option<Arc<AgentRecord>>) {
        if record.is_none_or(|record| record.gone_time.is_none()) {
            self.gone.remove(id);
        } else if self.gone.insert(id.to_owned()) {
            self.ledger.gone(id);
        }
    }

    fn remember(&mut self, now: &One) {
        if let Some(record) = &now.record {
            let connector = record.connector();
            let life = self.lives.entry(connector.uid.clone()).or_default();
            let number = record.epoch_number();
            life.revision = revision(connector);
            life.generations.insert(connector.generation, (connector.desired_state(), number));
            if let Some(epoch) = record.epoch.as_ref().filter(|_| record.start_is_fixed()) {
                life.epochs.entry(number).or_insert_with(|| epoch.clone());
            }
            if connector.desired_state() == v1::DesiredState::Deleted {
                life.deleted.get_or_insert_with(Instant::now);
            }
        }
        if let Some(placement) = &now.placement {
            let life = self.lives.entry(placement.uid.clone()).or_default();
            life.placement_version = placement.version;
        }
    }

    fn check_change(&self, old: &ConnectorRecord, new: &ConnectorRecord) {
        let (was, is) = (old.connector(), new.connector());
        let name = &was.name;
        assert_eq!(was.uid, is.uid, "{name} is made anew, and is still there");
        let revised = revision(is).checked_sub(revision(was));
        let raised = is.generation.checked_sub(was.generation);
        let is_next = matches!((revised, raised), (Some(0 | 1), Some(0)) | (Some(1), Some(1)));
        assert!(is_next, "{name} is {is:?} after {was:?}");
        if revised == Some(0) {
            // Nobody but a user changes what is a user's.
            assert_eq!(was, is);
            assert_eq!(old.reset, new.reset, "{name}");
        }
        if raised == Some(0) {
            assert_eq!((&was.spec, was.desired_state), (&is.spec, is.desired_state), "{name}");
            assert_eq!(old.epoch_number(), new.epoch_number(), "{name}");
        }
        let deleted = v1::DesiredState::Deleted;
        assert!(was.desired_state() != deleted || is.desired_state() == deleted, "{name} is back");
        assert!(old.epoch_number() <= new.epoch_number(), "{name} has an earlier epoch");
        if old.epoch_number() == new.epoch_number() {
            assert!(!old.start_is_fixed() || old.epoch == new.epoch, "{name} starts elsewhere");
            let committed = |partition| new.committed_partitions.contains(partition);
            assert!(old.committed_partitions.iter().all(committed), "{name} forgets commits");
        }
        let partitions = new.committed_partitions.iter();
        let strange: Vec<_> = partitions.filter(|one| !(0..PARTITIONS).contains(*one)).collect();
        assert!(strange.is_empty(), "{name} has commits of {strange:?}, as nobody of it says");
        if old.epoch_number() < new.epoch_number() {
            let is_fresh = new.committed_partitions.is_empty() && new.resumes.is_empty();
            assert!(is_fresh, "another epoch of {name} goes on with what was said of the last");
        }
        if new.epoch_number() > 1 && new.epoch_number() > old.epoch_number() {
            self.check_rest(name, old.uid());
        }
        let made = |topic| new.created_topics.contains(topic);
        assert!(old.created_topics.iter().all(made), "{name} forgets topics");
        assert!(old.last_resume <= new.last_resume, "{name} forgets decisions");
        if let Some(was) = &old.deletion {
            let is = new.deletion.clone().unwrap_or_default();
            assert!(!was.orphan_resources || is.orphan_resources, "{name}");
            assert!(!was.delete_error_topics || is.delete_error_topics, "{name}");
            let agents = was.agents.iter().map(String::as_str);
            self.check_forgotten(old.uid(), agents, &is.agents);
        }
    }

    /// Another epoch is opened: none of its tasks takes a record of the one before.
    fn check_rest(&self, name: &str, uid: &str) {
        let tasks = self.placement(name).into_iter().flat_map(|placement| placement.agents());
        for agent in tasks {
            let mode = self.ledger.runs_of(agent, uid).map(|runs| runs.mode);
            assert_ne!(mode, Some(RunMode::Run), "{name} is reset, and {agent} runs it");
        }
    }

    /// A connector may be gone.
    fn check_end(&self, old: &ConnectorRecord) {
        use v1::DesiredState::{Created, Deleted};
        let (name, desired) = (old.name(), old.connector().desired_state());
        assert!(matches!(desired, Created | Deleted), "{name} is gone, and is {desired:?}");
        let deletion = old.deletion.clone().unwrap_or_default();
        let orphans = deletion.orphan_resources;
        if deletion.delete_error_topics && !orphans {
            let whole = self.ledger.removed(old.uid()).is_none_or(|whole| whole);
            assert!(whole, "{name} is gone, and its error topics are not");
        }
        let Some(runner) = self.ledger.runner(old.uid()) else { return };
        let deleted = self.lives.get(old.uid()).and_then(|life| life.deleted);
        let waited = deleted.is_some_and(|deleted| deleted.elapsed() >= LEASE);
        assert!(orphans && waited, "{name} is gone, and {runner} runs it");
    }

    fn check_placement(&self, before: &One, now: &One) {
        match (&before.placement, &now.placement) {
            (Some(old), Some(new)) if Arc::ptr_eq(old, new) => {}
            (None, None) => {}
            (None, Some(new)) => {
                let uid = now.record.as_ref().map(|record| record.uid());
                assert_eq!((uid, new.version), (Some(&*new.uid), 1), "it is placed first");
            }
            (Some(old), Some(new)) => {
                assert_eq!((&old.uid, old.version + 1), (&new.uid, new.version), "it is placed");
                let kept: Vec<_> = new.may_run_on().map(str::to_owned).collect();
                self.check_forgotten(&old.uid, old.may_run_on(), &kept);
            }
            (Some(old), None) => {
                let Some(record) = &now.record else { return };
                let kept = record.deletion.clone().unwrap_or_default().agents;
                self.check_forgotten(&old.uid, old.may_run_on(), &kept);
            }
        }
    }

    /// Of the agents that may have run a connector, those that still do are kept.
    fn check_forgotten<'a>(
        &self,
        uid: &str,
        agents: impl Iterator<Item = &'a str>,
        kept: &[String],
    ) {
        for agent in agents.filter(|agent| kept.iter().all(|kept| kept != agent)) {
            let runs = self.ledger.runs_of(agent, uid);
            assert!(runs.is_none(), "it is forgotten that {agent} runs {uid}: {runs:?}");
        }
    }
}

/// A connector that was not there.
fn check_new(new: &ConnectorRecord) {
    let connector = new.connector();
    let is = (connector.generation, connector.desired_state(), new.epoch_number());
    assert_eq!(is, (1, v1::DesiredState::Created, 0), "{} is new", connector.name);
}

/// How often a user has changed a connector, as its etag says.
pub(super) fn revision(connector: &v1::Connector) -> u64 {
    let (_, revision) = connector.etag.rsplit_once('-').expect("an etag of this version");
    revision.parse().expect("an etag of this version")
}

fn decoded<T: Message + Default>(value: &[u8]) -> Arc<T> {
    Arc::new(T::decode(value).expect("what was put"))
}
