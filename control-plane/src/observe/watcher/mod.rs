//! One watch: every connector, or every agent, as it is, then what changes, at the pace of whoever
//! reads it.
//!
//! A watcher keeps how far it has come, and little else: it makes the next few
//! messages when it is asked for them, out of what the board keeps. However much
//! changes meanwhile, it costs nothing and holds up nobody. What it has not told
//! yet is told once, as it is by then:
//!
//! - few changes one after the other, in their order;
//! - many like a snapshot: the deletions, then what is there and has changed since,
//!   in the order of the names. So a connector that changes all the time is told
//!   in its turn, which it would not be at the end of the changes.
//!
//! With a filter it looks at each of these, and tells those that the filter means, and
//! of those that it does not mean any more that they are to be dropped.

mod rows;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka2oss_domain::names::InstanceName;
use kafka2oss_filter::Filter;
use kafka2oss_proto::v1;
use tokio::sync::watch;

use super::board::Board;
use super::changes::{Change, Changes, Life, Lost, Position, instance_of};
use super::message::Message;
use super::watchable::{Event, Row, Watchable};
use rows::{Rows, Telling};

/// Whoever reads hears something this often at least.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How much a watcher keeps.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    /// Messages that are made at a time.
    part: usize,
    /// Changes that are told in their order; of more, what changed is told in the order of
    /// the names.
    few: usize,
}

const SIZES: Sizes = Sizes { part: 64, few: 1_024 };

/// A way through the names.
#[derive(Debug)]
struct Pass {
    /// Tells what changed after this; everything, as a snapshot does, without it.
    since: Option<Position>,
    /// Changes after this are told after the pass, whether it met them or not.
    until: Position,
    /// Deletions up to here are told.
    deleted: Position,
    /// Those up to this name are told.
    name: String,
}

#[derive(Debug)]
enum Stage {
    /// Nothing was told yet; with the token to resume from, empty for a snapshot.
    Opening(String),
    Passing(Pass),
    Following {
        /// To be told, in their order.
        changes: std::vec::IntoIter<(Position, Change)>,
        /// Where the stream stands once they are.
        position: Position,
    },
}

/// What a step comes to.
#[derive(Debug)]
enum Step {
    /// These are to be told; they may be none.
    Tell(Vec<Message>),
    /// Everything up to here is told.
    Wait(Position),
}

/// What a watch is of.
#[derive(Debug)]
pub(crate) struct Watched<S: Watchable> {
    /// One instance, or all.
    pub(crate) instance: Option<InstanceName>,
    /// Those of them, or all.
    pub(crate) filter: Option<Filter<S::Field>>,
    /// How much of each is shown.
    pub(crate) view: S::View,
    /// Tells its tokens from those of watches of others.
    pub(crate) fingerprint: u64,
}

/// One watch.
#[derive(Debug)]
pub(crate) struct Watcher<R: Row> {
    board: Arc<Board<R>>,
    instance: Option<InstanceName>,
    view: <R::Shown as Watchable>::View,
    fingerprint: u64,
    /// With a filter.
    rows: Option<Rows<R::Shown>>,
    bell: watch::Receiver<()>,
    stage: Stage,
    sizes: Sizes,
}

impl<R: Row> Watcher<R> {
    /// Goes on after a token; an empty one is a snapshot.
    pub(crate) fn new(board: Arc<Board<R>>, watched: Watched<R::Shown>, token: String) -> Self {
        let Watched { instance, filter, view, fingerprint } = watched;
        let bell = board.follow(instance.as_ref());
        let (rows, stage) = (filter.map(Rows::none), Stage::Opening(token));
        Self { board, instance, view, fingerprint, rows, bell, stage, sizes: SIZES }
    }

    /// Waits for the next messages, which are at least one and not many.
    pub(crate) async fn next(&mut self) -> Vec<Message> {
        loop {
            // What comes after this look rings.
            self.bell.borrow_and_update();
            match self.step() {
                // Others have their turn where a filter means few of many.
                Step::Tell(messages) if messages.is_empty() => tokio::task::yield_now().await,
                Step::Tell(messages) => return messages,
                Step::Wait(position) => {
                    // The board keeps the other end for as long as somebody follows.
                    if tokio::time::timeout(HEARTBEAT, self.bell.changed()).await.is_err() {
                        return vec![self.message(Some(position), Event::Heartbeat)];
                    }
                }
            }
        }
    }

    fn step(&mut self) -> Step {
        let step = match std::mem::replace(&mut self.stage, Stage::Opening(String::new())) {
            Stage::Opening(token) => self.open(&token),
            Stage::Passing(pass) => self.pass(pass),
            Stage::Following { changes, position } => self.follow(changes, position),
        };
        step.unwrap_or_else(|Lost| {
            self.snapshot();
            Step::Tell(vec![self.message(None, Event::Reset)])
        })
    }

    fn open(&mut self, token: &str) -> Result<Step, Lost> {
        if token.is_empty() {
            self.snapshot();
            return Ok(Step::Tell(Vec::new()));
        }
        let position = self.board.resume(self.fingerprint, token)?;
        if let Some(rows) = &mut self.rows {
            rows.resume();
        }
        self.stage = Stage::Following { changes: Vec::new().into_iter(), position };
        Ok(Step::Tell(vec![self.message(Some(position), Event::Synced)]))
    }

    fn snapshot(&mut self) {
        if let Some(rows) = &mut self.rows {
            rows.clear();
        }
        let until = self.board.changes(Changes::end);
        self.stage =
            Stage::Passing(Pass { since: None, until, deleted: until, name: String::new() });
    }

    fn pass(&mut self, mut pass: Pass) -> Result<Step, Lost> {
        if pass.deleted < pass.until {
            let most = self.sizes.part;
            let deletions = |changes: &Changes| changes.deletions(pass.deleted, pass.until, most);
            let deletions = self.board.changes(deletions)?;
            let all = deletions.len() < most;
            let last = deletions.last().map(|(position, _)| *position).filter(|_| !all);
            pass.deleted = last.unwrap_or(pass.until);
            // Where a stream stands within a pass is where it stood before.
            let messages = self.tell(&deletions, |_| pass.since);
            self.stage = Stage::Passing(pass);
            return Ok(Step::Tell(messages));
        }
        let (instance, most) = (self.instance.as_ref(), self.sizes.part);
        let part = match pass.since {
            None => self.board.list(instance, &pass.name, most),
            Some(since) => self.board.list_changed(instance, &pass.name, most, since),
        };
        let shown = |shown: &Arc<R::Shown>| self.shown(pass.since, shown);
        let mut messages: Vec<_> = part.iter().filter_map(shown).collect();
        match part.last() {
            Some(last) if part.len() == most => {
                last.life().name.clone_into(&mut pass.name);
                self.stage = Stage::Passing(pass);
            }
            _ => {
                if pass.since.is_none() {
                    messages.push(self.message(Some(pass.until), Event::Synced));
                }
                let changes = Vec::new().into_iter();
                self.stage = Stage::Following { changes, position: pass.until };
            }
        }
        Ok(Step::Tell(messages))
    }

    fn follow(
        &mut self,
        mut changes: std::vec::IntoIter<(Position, Change)>,
        position: Position,
    ) -> Result<Step, Lost> {
        if changes.len() == 0 {
            let most = self.sizes.few + 1;
            let (next, end) = self.board.changes(|changes| {
                (changes.after(position, self.instance.as_ref(), most), changes.end())
            });
            let next = next?;
            if next.is_empty() {
                self.stage = Stage::Following { changes, position: end };
                return Ok(Step::Wait(end));
            }
            self.stage = if next.len() == most {
                let (since, name) = (Some(position), String::new());
                Stage::Passing(Pass { since, until: end, deleted: position, name })
            } else {
                Stage::Following { changes: next.into_iter(), position: end }
            };
            return Ok(Step::Tell(Vec::new()));
        }
        let part: Vec<_> = changes.by_ref().take(self.sizes.part).collect();
        let messages = self.tell(&part, Some);
        self.stage = Stage::Following { changes, position };
        Ok(Step::Tell(messages))
    }

    /// What there is to say of changes, each with the token of the position that `at`
    /// makes of its own. One of what is gone by now is told by its deletion, which follows.
    fn tell(
        &mut self,
        changes: &[(Position, Change)],
        at: impl Fn(Position) -> Option<Position>,
    ) -> Vec<Message> {
        let lives: Vec<&Life> = changes.iter().map(|(_, change)| &**change.life()).collect();
        let shown = self.board.shown(&lives);
        let message = |((position, change), shown): (
            &(Position, Change),
            Option<Arc<R::Shown>>,
        )| match change {
            Change::Changed(_) => self.shown(at(*position), &*shown?),
            Change::Deleted(life) if self.is_watched(life) => {
                let told = self.rows.as_mut().is_none_or(|rows| rows.deleted(life));
                told.then(|| self.dropped(at(*position), life, v1::DropReason::Deleted))
            }
            Change::Deleted(_) => None,
        };
        changes.iter().zip(shown).filter_map(message).collect()
    }

    /// What there is to say of one that is new or changed.
    fn shown(&mut self, position: Option<Position>, shown: &R::Shown) -> Option<Message> {
        let telling = self.rows.as_mut().map_or(Telling::Upsert, |rows| rows.shown(shown));
        match telling {
            Telling::Upsert => Some(self.encoded(position, shown.upsert(self.view))),
            Telling::Drop => Some(self.dropped(position, shown.life(), v1::DropReason::Filtered)),
            Telling::Nothing => None,
        }
    }

    fn dropped(&self, position: Option<Position>, life: &Life, reason: v1::DropReason) -> Message {
        self.message(position, Event::Dropped(life, reason))
    }

    fn is_watched(&self, life: &Life) -> bool {
        let instance = instance_of(&life.name);
        self.instance.as_ref().is_none_or(|watched| watched.to_string() == instance)
    }

    fn message(&self, position: Option<Position>, event: Event<'_>) -> Message {
        self.encoded(position, R::Shown::encode(event))
    }

    fn encoded(&self, position: Option<Position>, event: Bytes) -> Message {
        let token = position.map(|position| self.board.token(self.fingerprint, position));
        Message::new(&token.unwrap_or_default(), event)
    }
}

#[cfg(test)]
mod tests;
