//! What stands in one pool, in the orders in which it is asked for.
//!
//! What an agent can do and what a connector needs are few different sets of
//! features, most often one: so everything is kept by such a set, and whatever
//! asks looks at each set once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use super::Task;
use super::share::Share;

/// Features, by name.
pub(super) type Features = BTreeSet<String>;

/// An agent by the share of its capacity.
pub(super) type ByShare = (Share, Arc<str>);

/// One pool.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PoolIndex {
    /// Agents that take a further task, by what they can do; their share is
    /// the one that they have with it.
    pub(super) open: ByFeatures<ByShare>,
    /// How many tasks those take together.
    pub(super) room: i64,
    /// Agents that are connected and take tasks, by the share that is in use;
    /// without those that drain.
    pub(super) connected: BTreeSet<ByShare>,
    /// How many tasks those have together.
    pub(super) tasks: usize,
    /// Tasks without an agent, by what they need.
    pub(super) unplaced: ByFeatures<Task>,
    /// Connectors that have two tasks on one connected agent, by what they
    /// need.
    pub(super) doubled: ByFeatures<Arc<str>>,
    /// Tasks on agents that are gone without having given them back.
    pub(super) leaving: BTreeSet<Task>,
    /// Tasks on connected agents that drain, by what they need.
    pub(super) draining: ByFeatures<Task>,
    /// Those agents, and the ones that have drained.
    pub(super) draining_agents: BTreeSet<Arc<str>>,
}

impl PoolIndex {
    pub(super) fn is_empty(&self) -> bool {
        !self.has_agents()
            && self.unplaced.is_empty()
            && self.doubled.is_empty()
            && self.leaving.is_empty()
    }

    /// Whether some agent is connected.
    pub(super) fn has_agents(&self) -> bool {
        !(self.connected.is_empty() && self.draining_agents.is_empty())
    }

    /// The agent with room that has the smallest share of its capacity in use,
    /// of those that can do what is `needed` and are not `excluded`.
    pub(super) fn least_loaded(
        &self,
        needed: &Features,
        excluded: impl Fn(&str) -> bool,
    ) -> Option<&Arc<str>> {
        let able = self.open.supersets(needed);
        let firsts = able.filter_map(|open| open.iter().find(|(_, agent)| !excluded(agent)));
        firsts.min().map(|(_, agent)| agent)
    }

    /// The next task without an agent for which there is one with room. Where
    /// all room is needed for tasks that are to leave agents that are gone,
    /// those behind the first of them wait, since they are paced.
    pub(super) fn next_unplaced(&self) -> Option<&Task> {
        let placeable = self.unplaced.iter().filter(|(needed, _)| self.has_room_for(needed));
        let next = placeable.filter_map(|(_, tasks)| tasks.first()).min()?;
        let is_short = self.room <= self.leaving.len() as i64;
        let waits = is_short && self.leaving.first().is_some_and(|leaving| leaving < next);
        (!waits).then_some(next)
    }

    /// The next task of an agent that drains for which there is an agent with
    /// room. All of them wait while tasks of agents that are gone may need that
    /// room.
    pub(super) fn next_draining(&self) -> Option<&Task> {
        if self.room <= self.leaving.len() as i64 {
            return None;
        }
        let movable = self.draining.iter().filter(|(needed, _)| self.has_room_for(needed));
        movable.filter_map(|(_, tasks)| tasks.first()).min()
    }

    /// The doubled connector that follows `after` by its name, of those that
    /// need nothing but `offered`.
    pub(super) fn next_doubled(
        &self,
        offered: &Features,
        after: Option<&Arc<str>>,
    ) -> Option<&Arc<str>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = (from, Bound::Unbounded);
        let suited = self.doubled.iter().filter(|(needed, _)| needed.is_subset(offered));
        suited.filter_map(|(_, names)| names.range::<Arc<str>, _>(range).next()).min()
    }

    fn has_room_for(&self, needed: &Features) -> bool {
        self.open.supersets(needed).next().is_some()
    }
}

/// Ordered sets, none of them empty, by a set of features.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ByFeatures<T>(BTreeMap<Features, BTreeSet<T>>);

impl<T> Default for ByFeatures<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Ord> ByFeatures<T> {
    pub(super) fn insert(&mut self, features: &Features, item: T) {
        if let Some(items) = self.0.get_mut(features) {
            items.insert(item);
        } else {
            self.0.insert(features.clone(), BTreeSet::from([item]));
        }
    }

    pub(super) fn remove(&mut self, features: &Features, item: &T) {
        if let Some(items) = self.0.get_mut(features) {
            items.remove(item);
            if items.is_empty() {
                self.0.remove(features);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Features, &BTreeSet<T>)> {
        self.0.iter()
    }

    /// The sets of those that have all the features that are `needed`.
    fn supersets(&self, needed: &Features) -> impl Iterator<Item = &BTreeSet<T>> {
        self.iter().filter(|(features, _)| needed.is_subset(features)).map(|(_, items)| items)
    }
}
