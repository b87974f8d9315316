//! What changed, in the order of the last changes.
//!
//! A change names the connector (or the agent), not its content: who reads it gets the
//! connector as it is by then. A connector that changes again moves to the end,
//! so that there are never more changes than connectors. Deletions stay where
//! they are; the oldest are forgotten once they are many. So a reader that knows
//! only how far it has come learns everything that it has not seen, however
//! much that is, unless deletions after that place were forgotten.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use kafka2oss_domain::names::InstanceName;

/// Where a reader stands: after the change of this number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position(pub(super) u64);

/// What follows a position is not all there any more, or never was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost;

/// One connector of one life: another one after delete and create. Or an agent, which has
/// no uid: what is told of one that is there again follows on what was told of its end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Life {
    /// Its full name.
    pub(crate) name: String,
    /// Its uid; empty for agents.
    pub(crate) uid: String,
}

/// What happened to a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is new, or its content or status changed.
    Changed(Arc<Life>),
    /// It is gone.
    Deleted(Arc<Life>),
}

impl Change {
    /// The connector that it is about.
    pub(super) fn life(&self) -> &Arc<Life> {
        match self {
            Self::Changed(life) | Self::Deleted(life) => life,
        }
    }
}

/// Changes with their positions, in their order.
pub(crate) type Changed = Vec<(Position, Change)>;

/// The changes of one process.
#[derive(Debug)]
pub(super) struct Changes {
    newest: u64,
    all: BTreeMap<u64, Change>,
    /// Where the last change of each connector that exists stands.
    latest: HashMap<Arc<Life>, u64>,
    of_instance: HashMap<String, BTreeSet<u64>>,
    /// Where deletions stand.
    deletions: VecDeque<u64>,
    /// Deletions up to here were forgotten.
    forgotten: u64,
    /// Deletions that are kept.
    kept: usize,
}

impl Changes {
    /// None yet. The last `kept` deletions will be kept.
    pub(super) fn keeping(kept: usize) -> Self {
        Self {
            newest: 0,
            all: BTreeMap::new(),
            latest: HashMap::new(),
            of_instance: HashMap::new(),
            deletions: VecDeque::new(),
            forgotten: 0,
            kept,
        }
    }

    /// A connector is new or changed.
    pub(super) fn changed(&mut self, life: &Arc<Life>) -> Position {
        self.remove_latest(life);
        let position = self.add(Change::Changed(Arc::clone(life)));
        self.latest.insert(Arc::clone(life), position.0);
        position
    }

    /// A connector is gone.
    pub(super) fn deleted(&mut self, life: &Arc<Life>) -> Position {
        self.remove_latest(life);
        let position = self.add(Change::Deleted(Arc::clone(life)));
        self.deletions.push_back(position.0);
        if self.deletions.len() > self.kept
            && let Some(oldest) = self.deletions.pop_front()
        {
            self.remove(oldest);
            self.forgotten = oldest;
        }
        position
    }

    /// Where the changes end now.
    pub(super) fn end(&self) -> Position {
        Position(self.newest)
    }

    /// Whether everything after `position` is there.
    pub(super) fn check(&self, position: Position) -> Result<(), Lost> {
        let there = (self.forgotten..=self.newest).contains(&position.0);
        if there { Ok(()) } else { Err(Lost) }
    }

    /// At most `most` changes after `position`, of one instance or of all.
    pub(super) fn after(
        &self,
        position: Position,
        instance: Option<&InstanceName>,
        most: usize,
    ) -> Result<Changed, Lost> {
        self.check(position)?;
        let range = (Bound::Excluded(position.0), Bound::Unbounded);
        let numbered = |(number, change): (&u64, &Change)| (Position(*number), change.clone());
        Ok(match instance {
            None => self.all.range(range).take(most).map(numbered).collect(),
            Some(instance) => {
                let numbers = self.of_instance.get(&instance.to_string());
                let numbers = numbers.into_iter().flat_map(|numbers| numbers.range(range));
                let changes = numbers.filter_map(|number| self.all.get_key_value(number));
                changes.take(most).map(numbered).collect()
            }
        })
    }

    /// At most `most` deletions after `position` and up to `until`, of all instances.
    pub(super) fn deletions(
        &self,
        position: Position,
        until: Position,
        most: usize,
    ) -> Result<Changed, Lost> {
        self.check(position)?;
        let first = self.deletions.partition_point(|number| *number <= position.0);
        let numbers = self.deletions.iter().skip(first).take_while(|number| **number <= until.0);
        let changes = numbers.filter_map(|number| self.all.get_key_value(number));
        Ok(changes.take(most).map(|(number, one)| (Position(*number), one.clone())).collect())
    }

    fn add(&mut self, change: Change) -> Position {
        self.newest += 1;
        let instance = instance_of(&change.life().name);
        match self.of_instance.get_mut(instance) {
            Some(numbers) => numbers.insert(self.newest),
            None => self.of_instance.entry(instance.to_owned()).or_default().insert(self.newest),
        };
        self.all.insert(self.newest, change);
        Position(self.newest)
    }

    fn remove_latest(&mut self, life: &Arc<Life>) {
        if let Some(number) = self.latest.remove(life) {
            self.remove(number);
        }
    }

    fn remove(&mut self, number: u64) {
        let Some(change) = self.all.remove(&number) else { return };
        let instance = instance_of(&change.life().name);
        if let Some(numbers) = self.of_instance.get_mut(instance) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.of_instance.remove(instance);
            }
        }
    }
}

/// The name of a connector's instance; empty for agents.
pub(super) fn instance_of(connector: &str) -> &str {
    connector.split_once("/connectors/").map_or("", |(instance, _)| instance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(name: &str) -> Arc<Life> {
        Arc::new(Life { name: format!("instances/i/connectors/{name}"), uid: "u".to_owned() })
    }

    fn names(changes: Result<Changed, Lost>) -> Vec<String> {
        let name = |change: &Change| match change {
            Change::Changed(life) => life.name.replace("instances/i/connectors/", "+"),
            Change::Deleted(life) => life.name.replace("instances/i/connectors/", "-"),
        };
        changes.expect("all there").iter().map(|(_, change)| name(change)).collect()
    }

    #[test]
    fn a_connector_that_changes_again_is_told_once_at_its_last_place() {
        let mut changes = Changes::keeping(9);
        let start = changes.end();
        for name in ["a", "b", "a", "c", "a"] {
            changes.changed(&life(name));
        }
        assert_eq!(names(changes.after(start, None, 9)), ["+b", "+c", "+a"]);
        assert_eq!(names(changes.after(start, None, 2)), ["+b", "+c"]);
        let end = changes.end();
        assert_eq!(changes.after(end, None, 9), Ok(vec![]));
        changes.deleted(&life("c"));
        assert_eq!(names(changes.after(start, None, 9)), ["+b", "+a", "-c"]);
        assert_eq!(names(changes.after(end, None, 9)), ["-c"]);
    }

    #[test]
    fn who_misses_a_deletion_that_was_forgotten_learns_it() {
        let mut changes = Changes::keeping(2);
        let start = changes.end();
        for name in ["a", "b", "c"] {
            changes.deleted(&life(name));
            changes.changed(&life("x"));
        }
        assert_eq!(changes.after(start, None, 9), Err(Lost));
        assert_eq!(names(changes.after(Position(1), None, 9)), ["-b", "-c", "+x"]);
        assert_eq!(names(changes.deletions(Position(1), changes.end(), 9)), ["-b", "-c"]);
        assert_eq!(names(changes.deletions(Position(1), Position(4), 9)), ["-b"]);
        assert_eq!(changes.after(Position(99), None, 9), Err(Lost), "it never was there");
    }

    #[test]
    fn changes_of_others_cost_an_instance_nothing() {
        let mut changes = Changes::keeping(9);
        changes.changed(&life("a"));
        let elsewhere = |name: &str| {
            Arc::new(Life { name: format!("instances/j/connectors/{name}"), uid: "u".to_owned() })
        };
        changes.changed(&elsewhere("b"));
        changes.deleted(&elsewhere("b"));
        let here: InstanceName = "instances/i".parse().expect("a name");
        assert_eq!(names(changes.after(Position(0), Some(&here), 9)), ["+a"]);
    }
}
