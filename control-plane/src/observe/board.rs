//! What is shown of every connector, or every agent, worked out once for all who read it.
//!
//! A row takes another one's place when it is told to those who watch, and only
//! then; both are of records that are durable. Readers share rows, copy nothing,
//! and never hold up whoever writes for longer than it takes to find them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use kafka2oss_domain::names::InstanceName;
use tokio::sync::{Notify, watch};

use super::changes::{Changes, Life, Lost, Position, instance_of};
use super::followers::Followers;
use super::touched::Touched;
use super::watchable::{Row, Watchable};
use crate::chance;
use crate::named::Named;

/// Deletions that are remembered for those who have not heard of them.
const DELETIONS: usize = 16_384;
/// What those follow who follow all of them.
const ALL: &str = "instances/-";

#[derive(Debug)]
struct State<R> {
    /// Each with the position of its last change.
    rows: Named<(Position, R)>,
    /// How many rows each instance has that has any.
    counts: HashMap<String, usize>,
    changes: Changes,
}

/// What is shown of every connector, or every agent. Agents belong to no instance.
#[derive(Debug)]
pub(crate) struct Board<R> {
    /// Tells this process's tokens from those of others.
    process: String,
    /// Held from the reading of a record until what follows from it is told: so
    /// nothing takes the place of what is newer.
    order: Mutex<()>,
    state: RwLock<State<R>>,
    touched: Touched,
    wake: Notify,
    /// Of what is shown, by instance.
    followers: Followers,
    /// Of what is touched, by name.
    touches: Followers,
}

impl<R: Row> Default for Board<R> {
    fn default() -> Self {
        Self::remembering(DELETIONS)
    }
}

impl<R: Row> Board<R> {
    /// An empty one that remembers so many deletions.
    pub(super) fn remembering(deletions: usize) -> Self {
        let state = State {
            rows: Named::default(),
            counts: HashMap::new(),
            changes: Changes::keeping(deletions),
        };
        Self {
            process: chance::ulid().to_string(),
            order: Mutex::new(()),
            state: RwLock::new(state),
            touched: Touched::default(),
            wake: Notify::new(),
            followers: Followers::default(),
            touches: Followers::default(),
        }
    }

    /// Something that what is shown of `name` depends on may have changed.
    pub(crate) fn touch(&self, name: &str) {
        if self.touched.add(name) {
            self.wake.notify_one();
        }
        self.touches.ring(name);
    }

    /// Takes the names that were touched since it was last asked.
    pub(super) fn take_touched(&self) -> Vec<String> {
        self.touched.take()
    }

    /// Waits until something is touched.
    pub(super) async fn wait(&self) {
        self.wake.notified().await;
    }

    /// Lets nobody else show anything meanwhile.
    pub(super) fn in_order(&self) -> MutexGuard<'_, ()> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept of one.
    pub(super) fn row(&self, name: &str, uid: &str) -> Option<R> {
        self.read(|state| state.rows.get(name).map(|(_, row)| row.clone()))
            .filter(|row| row.shown().life().uid == uid)
    }

    /// What is kept of one from now on, which is told. The caller holds
    /// [`Board::in_order`].
    pub(super) fn show(&self, row: R) {
        let life = Arc::clone(row.shown().life());
        self.write(|state| {
            let position = state.changes.changed(&life);
            if state.rows.insert(&life.name, (position, row)).is_none() {
                *state.counts.entry(instance_of(&life.name).to_owned()).or_default() += 1;
            }
        });
        self.ring(&life.name);
    }

    /// Changes what is kept of one and not shown. The caller holds [`Board::in_order`].
    pub(super) fn change(&self, name: &str, change: impl FnOnce(&mut R)) {
        self.write(|state| {
            if let Some((_, row)) = state.rows.get_mut(name) {
                change(row);
            }
        });
    }

    /// One is gone: tells it.
    pub(crate) fn remove(&self, name: &str, uid: &str) {
        let _order = self.in_order();
        self.removed(name, uid);
    }

    /// The same. The caller holds [`Board::in_order`].
    pub(super) fn removed(&self, name: &str, uid: &str) {
        let gone = self.write(|state| {
            let (_, row) = state.rows.get(name).filter(|(_, row)| row.shown().life().uid == uid)?;
            let life = Arc::clone(row.shown().life());
            state.rows.remove(name);
            if let Some(count) = state.counts.get_mut(instance_of(name)) {
                *count -= 1;
                if *count == 0 {
                    state.counts.remove(instance_of(name));
                }
            }
            Some(state.changes.deleted(&life))
        });
        if gone.is_some() {
            self.ring(name);
        }
    }

    /// At most `most` of one instance or of all, after the name `after`, in
    /// the order of the names.
    pub(crate) fn list(
        &self,
        instance: Option<&InstanceName>,
        after: &str,
        most: usize,
    ) -> Vec<Arc<R::Shown>> {
        self.rows_after(instance, after, most, |_| true)
    }

    /// The same, of those that changed after `since`.
    pub(super) fn list_changed(
        &self,
        instance: Option<&InstanceName>,
        after: &str,
        most: usize,
        since: Position,
    ) -> Vec<Arc<R::Shown>> {
        self.rows_after(instance, after, most, |position| position > since)
    }

    fn rows_after(
        &self,
        instance: Option<&InstanceName>,
        after: &str,
        most: usize,
        wanted: impl Fn(Position) -> bool,
    ) -> Vec<Arc<R::Shown>> {
        let prefix = instance.map_or(String::new(), |instance| format!("{instance}/connectors/"));
        // None has its instance's prefix as its name.
        let start = after.max(prefix.as_str());
        self.read(|state| {
            state
                .rows
                .after(start)
                .take_while(|(name, _)| name.starts_with(&prefix))
                .filter(|(_, (position, _))| wanted(*position))
                .map(|(_, (_, row))| Arc::clone(row.shown()))
                .take(most)
                .collect()
        })
    }

    /// Up to `most` names after `after`.
    pub(super) fn names_after(&self, after: &str, most: usize) -> Vec<Arc<str>> {
        self.read(|state| {
            state.rows.after(after).map(|(name, _)| Arc::clone(name)).take(most).collect()
        })
    }

    /// How many are shown.
    pub(super) fn len(&self) -> usize {
        self.read(|state| state.rows.len())
    }

    /// The same, of one instance or of all.
    pub(crate) fn count(&self, instance: Option<&InstanceName>) -> usize {
        self.read(|state| match instance {
            Some(instance) => state.counts.get(&instance.to_string()).copied().unwrap_or_default(),
            None => state.rows.len(),
        })
    }

    /// What is shown now of those lives that go on.
    pub(super) fn shown(&self, lives: &[&Life]) -> Vec<Option<Arc<R::Shown>>> {
        self.read(|state| {
            let shown = |life: &&Life| {
                let (_, row) = state.rows.get(&life.name)?;
                (row.shown().life().uid == life.uid).then(|| Arc::clone(row.shown()))
            };
            lives.iter().map(shown).collect()
        })
    }

    /// Looks at what changed.
    pub(super) fn changes<T>(&self, look: impl FnOnce(&Changes) -> T) -> T {
        self.read(|state| look(&state.changes))
    }

    /// Follows what is shown of one instance or of all, to wait for the next change.
    pub(super) fn follow(&self, instance: Option<&InstanceName>) -> watch::Receiver<()> {
        match instance {
            Some(instance) => self.followers.follow(&instance.to_string()),
            None => self.followers.follow(ALL),
        }
    }

    /// Follows what what is shown of one depends on, shown or not.
    pub(crate) fn follow_touches(&self, name: &str) -> watch::Receiver<()> {
        self.touches.follow(name)
    }

    /// The token that stands for `position` in a watch; `watched` is the fingerprint of what
    /// it watches.
    pub(super) fn token(&self, watched: u64, position: Position) -> String {
        format!("{}-{watched:x}-{}", self.process, position.0)
    }

    /// The position that a token stands for, if it is of this process and of a watch
    /// of the same, and what follows it is still there.
    pub(super) fn resume(&self, watched: u64, token: &str) -> Result<Position, Lost> {
        let (begin, number) = token.rsplit_once('-').ok_or(Lost)?;
        let (process, fingerprint) = begin.rsplit_once('-').ok_or(Lost)?;
        if process != self.process || u64::from_str_radix(fingerprint, 16) != Ok(watched) {
            return Err(Lost);
        }
        let position = Position(number.parse().map_err(|_| Lost)?);
        self.changes(|changes| changes.check(position)).map(|()| position)
    }

    fn ring(&self, name: &str) {
        self.followers.ring(ALL);
        self.followers.ring(instance_of(name));
        self.touches.ring(name);
    }

    fn read<T>(&self, read: impl FnOnce(&State<R>) -> T) -> T {
        read(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, write: impl FnOnce(&mut State<R>) -> T) -> T {
        write(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use kafka2oss_proto::v1;
    use tokio::time::Instant;

    use super::*;
    use crate::observe::shown::{ConnectorRow, Shown};
    use crate::store::connectors::ConnectorRecord;

    #[test]
    fn what_is_shown_is_counted_by_instance() {
        let board = Board::<ConnectorRow>::remembering(1);
        let show = |name: &str, uid: &str| {
            let [name, uid] = [name, uid].map(str::to_owned);
            let connector = v1::Connector { name, uid, ..Default::default() };
            let record =
                Arc::new(ConnectorRecord { connector: Some(connector), ..Default::default() });
            let shown = Arc::new(Shown::new(&record, v1::ConnectorStatus::default()));
            let _order = board.in_order();
            board.show(ConnectorRow {
                shown,
                record,
                memory: Arc::default(),
                told: Instant::now(),
            });
        };
        let counts = || {
            let of = |name: &str| board.count(Some(&name.parse().expect("a name")));
            (board.count(None), of("instances/i"), of("instances/j"))
        };
        for (name, uid) in
            [("i/connectors/a", "1"), ("i/connectors/b", "2"), ("j/connectors/a", "3")]
        {
            show(&format!("instances/{name}"), uid);
        }
        assert_eq!(counts(), (3, 2, 1));
        // The same one again, and another one of its name.
        show("instances/i/connectors/a", "1");
        show("instances/i/connectors/a", "4");
        board.remove("instances/i/connectors/a", "1");
        assert_eq!(counts(), (3, 2, 1));
        board.remove("instances/j/connectors/a", "3");
        board.remove("instances/i/connectors/a", "4");
        assert_eq!(counts(), (1, 1, 0));
    }

    #[test]
    fn a_token_resumes_in_its_process_only_and_while_nothing_is_missing() {
        let board = Board::<ConnectorRow>::remembering(1);
        let token = board.token(7, board.changes(Changes::end));
        assert_eq!(board.resume(7, &token), Ok(Position(0)));
        assert_eq!(board.resume(8, &token), Err(Lost), "of other connectors");
        assert_eq!(Board::<ConnectorRow>::remembering(1).resume(7, &token), Err(Lost));
        for wrong in ["", "x", "-", &format!("{token}9"), &token.replace('-', "")] {
            assert_eq!(board.resume(7, wrong), Err(Lost), "{wrong}");
        }
        for name in ["a", "b", "c"] {
            let life = Arc::new(Life { name: name.to_owned(), uid: "u".to_owned() });
            board.write(|state| state.changes.changed(&life));
        }
        assert_eq!(board.resume(7, &token), Ok(Position(0)), "volume does no harm");
        for name in ["a", "b"] {
            let life = Arc::new(Life { name: name.to_owned(), uid: "u".to_owned() });
            board.write(|state| state.changes.deleted(&life));
        }
        assert_eq!(board.resume(7, &token), Err(Lost));
    }
}
