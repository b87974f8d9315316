//! A flush: whether every record that stood in a topic when it began stands in an object
//! by now, and in which.
//!
//! Agents tell of it in two ways: their reports of partitions, and what they say of the
//! flush itself. What an agent says counts for partitions that it had, by the reports,
//! since the flush began; until a report shows that, it waits.

use std::collections::{BTreeMap, BTreeSet};

use kafka2oss_proto::{agent, v1};

/// Objects that are told of; where there are more, the last one of a partition is.
pub(crate) const MOST_OBJECTS: usize = 10_000;
/// Agents that are remembered with what they say of a partition that they do not have.
const CLAIMANTS: usize = 4;
/// Reports of one of them.
const CLAIMS: usize = 16;

/// The partitions of a flush.
#[derive(Debug)]
pub(crate) struct Barrier {
    partitions: BTreeMap<i32, Partition>,
    /// Those of which something is to be told.
    changed: BTreeSet<i32>,
    reached: usize,
    objects: usize,
}

/// How far a flush is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Every partition is reached.
    Reached,
    /// Those that are not have stopped: without a decision nothing more comes.
    Stuck,
    /// It may be reached.
    Under,
}

#[derive(Debug, Default)]
struct Partition {
    target: i64,
    /// Bare ID of the agent that has it, as was reported last; empty when none does.
    owner: String,
    /// The first of them.
    first_owner: String,
    /// All of them.
    owners: BTreeSet<String>,
    /// What was said by agents that do not have it, as far as is known.
    claims: BTreeMap<String, Vec<agent::v1::FlushReportPartition>>,
    /// Whether anything was reported of it.
    is_seen: bool,
    /// Its committed offset in the first report.
    reported_from: Option<i64>,
    /// Its position in the first word of an agent that has it, and whether that was the
    /// first owner.
    told_from: Option<(i64, bool)>,
    committed: Option<i64>,
    state: i32,
    error_code: String,
    error_message: String,
    reached: bool,
    /// By first offset.
    objects: BTreeMap<i64, v1::FlushedObject>,
    /// Whether some were left out.
    dropped: bool,
}

impl Barrier {
    /// Up to these offsets; nothing is known yet.
    pub(crate) fn new(targets: BTreeMap<i32, i64>) -> Self {
        let partition = |target| Partition { target, ..Partition::default() };
        let changed = targets.keys().copied().collect();
        let partitions = targets.into_iter().map(|(key, target)| (key, partition(target)));
        Self { partitions: partitions.collect(), changed, reached: 0, objects: 0 }
    }

    /// Takes in what is shown of the connector's partitions.
    pub(crate) fn report(&mut self, partitions: &[v1::PartitionProgress]) {
        for one in partitions {
            let Some(known) = self.partitions.get_mut(&one.partition) else { continue };
            let agent = one.agent.strip_prefix("agents/").unwrap_or_default();
            if !std::mem::replace(&mut known.is_seen, true) {
                known.reported_from = one.committed_offset;
            }
            known.belongs_to(agent);
            let mut changed = known.describe(one);
            changed |= known.commits(one.committed_offset);
            let object = known.last_of(one);
            let claims = known.claims.remove(agent).unwrap_or_default();
            if changed {
                self.changed.insert(one.partition);
            }
            if let Some(object) = object {
                self.add(one.partition, object);
            }
            for claim in claims {
                self.apply(agent, claim);
            }
            self.note_reached(one.partition, one.committed_offset);
        }
    }

    /// Takes in what an agent says of the flush.
    pub(crate) fn told(&mut self, agent: &str, report: agent::v1::FlushReport) {
        for one in report.partitions {
            let Some(known) = self.partitions.get_mut(&one.partition) else { continue };
            if known.owners.contains(agent) {
                self.apply(agent, one);
            } else if known.claims.contains_key(agent) || known.claims.len() < CLAIMANTS {
                let claims = known.claims.entry(agent.to_owned()).or_default();
                if claims.len() >= CLAIMS {
                    // The latest says where it stands.
                    claims.remove(0);
                    known.dropped = true;
                }
                claims.push(one);
            }
        }
    }

    /// Takes in what an agent says of a partition that it has or had.
    fn apply(&mut self, agent: &str, told: agent::v1::FlushReportPartition) {
        let agent::v1::FlushReportPartition { partition, committed_offset, complete_to, objects } =
            told;
        let Some(known) = self.partitions.get_mut(&partition) else { return };
        if let Some(committed) = committed_offset {
            let firsts = objects.iter().filter_map(|object| Some(object.extent?.first_offset));
            let stood = firsts.fold(committed, i64::min);
            let is_first = known.first_owner == agent;
            known.told_from.get_or_insert((stood, is_first));
        }
        if known.commits(committed_offset) {
            self.changed.insert(partition);
        }
        for object in objects {
            self.add(partition, object);
        }
        self.note_reached(partition, complete_to);
    }

    fn note_reached(&mut self, partition: i32, complete_to: Option<i64>) {
        let Some(known) = self.partitions.get_mut(&partition) else { return };
        if !known.reached && complete_to.is_some_and(|to| to >= known.target) {
            known.reached = true;
            self.reached += 1;
            self.changed.insert(partition);
        }
    }

    fn add(&mut self, partition: i32, object: v1::FlushedObject) {
        let Some(known) = self.partitions.get_mut(&partition) else { return };
        let Some(extent) = object.extent.filter(|extent| extent.first_offset < known.target) else {
            return;
        };
        if let Some(there) = known.objects.get_mut(&extent.first_offset) {
            // What an agent says of the flush has the number of records, too.
            if there.records.is_none() {
                *there = object;
            }
            return;
        }
        if self.objects >= MOST_OBJECTS {
            known.dropped = true;
            self.objects -= known.objects.len();
            let last = known.objects.pop_last().filter(|(first, _)| *first > extent.first_offset);
            known.objects.clear();
            let (first, last) = last.unwrap_or((extent.first_offset, object));
            known.objects.insert(first, last);
        } else {
            known.objects.insert(extent.first_offset, object);
        }
        self.objects += 1;
    }

    /// How far it is.
    pub(crate) fn standing(&self) -> Standing {
        if self.reached == self.partitions.len() {
            return Standing::Reached;
        }
        let left = self.partitions.values().filter(|one| !one.reached);
        match left.into_iter().all(Partition::has_stopped) {
            true => Standing::Stuck,
            false => Standing::Under,
        }
    }

    /// What an agent is to flush: what it has, and what nobody is known to have.
    pub(crate) fn targets_of(&self, agent: &str) -> BTreeMap<i32, i64> {
        let left = self.partitions.iter().filter(|(_, one)| !one.reached);
        let its = left.filter(|(_, one)| one.owner == agent || one.owner.is_empty());
        its.map(|(partition, one)| (*partition, one.target)).collect()
    }

    /// How many partitions there are, and are reached.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.partitions.len(), self.reached)
    }

    /// The partitions that have changed since the last call.
    pub(crate) fn changes(&mut self) -> Vec<v1::FlushedPartition> {
        let changed = std::mem::take(&mut self.changed);
        let shown = |number: i32| Some(self.partitions.get(&number)?.shown(number));
        changed.into_iter().filter_map(shown).collect()
    }

    /// The partitions that are not reached.
    pub(crate) fn unreached(&self) -> impl Iterator<Item = v1::FlushedPartition> + '_ {
        let left = self.partitions.iter().filter(|(_, one)| !one.reached);
        left.map(|(number, one)| one.shown(*number))
    }

    /// Whether every object is known that holds a record below a target which is reached.
    pub(crate) fn has_all_objects(&self) -> bool {
        self.partitions.values().all(Partition::has_all_objects)
    }

    /// The objects, of each partition that has some or of which some are not known.
    pub(crate) fn objects(&self) -> impl Iterator<Item = v1::FlushedObjects> + '_ {
        let of = |(number, one): (&i32, &Partition)| v1::FlushedObjects {
            partition: *number,
            objects: one.since_begin().cloned().collect(),
            complete: one.has_all_objects(),
        };
        let all = self.partitions.iter().map(of);
        all.filter(|one| !one.complete || !one.objects.is_empty())
    }
}

impl Partition {
    fn belongs_to(&mut self, agent: &str) {
        if self.owner == agent {
            return;
        }
        agent.clone_into(&mut self.owner);
        if !agent.is_empty() {
            if self.first_owner.is_empty() {
                agent.clone_into(&mut self.first_owner);
            }
            self.owners.insert(agent.to_owned());
        }
    }

    fn describe(&mut self, one: &v1::PartitionProgress) -> bool {
        let is_same = self.state == one.state && self.error_code == one.error_code;
        self.state = one.state;
        self.error_code.clone_from(&one.error_code);
        self.error_message.clone_from(&one.error_message);
        // Of one that is reached nobody waits for what it does.
        !is_same && !self.reached
    }

    fn commits(&mut self, committed: Option<i64>) -> bool {
        let higher = self.committed.max(committed);
        let is_news = higher != self.committed && !self.reached;
        self.committed = higher;
        is_news
    }

    /// The last object that a report names, if it can be of the flush.
    fn last_of(&self, one: &v1::PartitionProgress) -> Option<v1::FlushedObject> {
        let extent = one.last_extent.filter(|_| !one.last_object.is_empty())?;
        let is_later = self.from().is_none_or(|from| extent.next_offset > from);
        is_later.then(|| v1::FlushedObject {
            object_key: one.last_object.clone(),
            extent: Some(extent),
            records: None,
        })
    }

    fn has_stopped(&self) -> bool {
        self.state == i32::from(v1::PartitionState::Stopped)
    }

    /// Where the chain stood when the flush began, as far as is known. A report may be late;
    /// what another agent said than the one that had it first may be of a while later.
    fn from(&self) -> Option<i64> {
        match (self.told_from, self.reported_from) {
            (Some((told, true)), _) => Some(told),
            (Some((told, false)), Some(reported)) => Some(told.min(reported)),
            (Some((told, false)), None) => Some(told),
            (None, reported) => reported,
        }
    }

    /// The objects that hold anything from then on.
    fn since_begin(&self) -> impl Iterator<Item = &v1::FlushedObject> {
        let from = self.from().unwrap_or(i64::MIN);
        let ends =
            |object: &v1::FlushedObject| object.extent.map_or(0, |extent| extent.next_offset);
        self.objects.values().filter(move |object| ends(object) > from)
    }

    /// Whether the objects cover what was committed since then, up to the target.
    fn has_all_objects(&self) -> bool {
        let (Some(from), Some(committed)) = (self.from(), self.committed) else {
            return !self.dropped;
        };
        let mut covered = from;
        for extent in self.since_begin().filter_map(|object| object.extent) {
            if extent.first_offset <= covered {
                covered = covered.max(extent.next_offset);
            }
        }
        covered >= committed.min(self.target)
    }

    fn shown(&self, number: i32) -> v1::FlushedPartition {
        v1::FlushedPartition {
            partition: number,
            target_offset: self.target,
            committed_offset: self.committed,
            reached: self.reached,
            state: self.state,
            error_code: self.error_code.clone(),
            error_message: self.error_message.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
