//! A table that is rewritten in place while a watch goes on.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use comfy_table::Table;
use tokio::time::{Instant, MissedTickBehavior};
use tonic::{Response, Status, Streaming};

use super::watching;
use super::{Client, Failure, Selection};
use crate::output::Screen;

/// The shortest time between two drawings, however much changes.
const SHORTEST: Duration = Duration::from_millis(250);
/// The longest one: ages grow, and terminals change their size.
const LONGEST: Duration = Duration::from_secs(1);

/// What a message means for the rows.
pub(super) enum Change<T> {
    Upsert(String, T),
    Drop(String),
    /// What is there is told anew, up to [`Change::Synced`].
    Reset,
    Synced,
    Nothing,
}

/// The rows by their names, which is their order.
struct View<T> {
    rows: BTreeMap<String, T>,
    is_whole: bool,
    is_changed: bool,
    /// Why the connection was lost, until it is there again.
    lost: Option<String>,
}

impl<T> View<T> {
    fn new() -> Self {
        Self { rows: BTreeMap::new(), is_whole: false, is_changed: false, lost: None }
    }

    fn take(&mut self, change: Change<T>) {
        self.is_changed = true;
        self.lost = None;
        match change {
            Change::Upsert(name, row) => drop(self.rows.insert(name, row)),
            Change::Drop(name) => drop(self.rows.remove(&name)),
            Change::Reset => {
                self.rows.clear();
                self.is_whole = false;
            }
            Change::Synced => self.is_whole = true,
            Change::Nothing => {}
        }
    }

    fn lose(&mut self, why: &str) {
        self.lost = Some(format!("connection lost, trying again: {why}"));
        self.is_changed = true;
    }

    /// Whether something is to be drawn that was not; it is taken for drawn.
    fn is_due(&mut self, since: Duration) -> bool {
        let is_due = self.is_whole && (self.is_changed || since >= LONGEST);
        self.is_changed &= !is_due;
        is_due
    }
}

/// Draws the table of what `open` watches until the watch ends; `change` says what a message
/// means.
pub(super) async fn show<M, T>(
    client: &Client,
    selection: &Selection,
    open: impl AsyncFn(String) -> Result<Response<Streaming<M>>, Status>,
    token: impl Fn(&M) -> &str,
    change: impl Fn(M) -> Result<Change<T>, Failure>,
    table: impl Fn(&BTreeMap<String, T>) -> Table,
) -> Result<(), Failure> {
    let view = RefCell::new(View::new());
    let take = |message| {
        let change = change(message)?;
        view.borrow_mut().take(change);
        Ok(())
    };
    let lost = |why: &str| view.borrow_mut().lose(why);
    let followed = watching::follow(selection, open, token, take, lost);
    tokio::select! {
        ended = followed => ended,
        ended = draw(client, &view, table) => ended.map(|never| match never {}),
    }
}

async fn draw<T>(
    client: &Client,
    view: &RefCell<View<T>>,
    table: impl Fn(&BTreeMap<String, T>) -> Table,
) -> Result<Infallible, Failure> {
    let mut screen = Screen::default();
    let mut last = Instant::now();
    let mut ticks = tokio::time::interval(SHORTEST);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let lines = {
            let mut view = view.borrow_mut();
            if !view.is_due(last.elapsed()) {
                continue;
            }
            let mut lines = client.out.lines(&table(&view.rows));
            lines.extend(view.lost.clone());
            lines
        };
        last = Instant::now();
        screen.draw(lines)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_drawn_once_all_are_there_and_again_when_something_changed() {
        let mut view = View::new();
        view.take(Change::Upsert("b".to_owned(), 1));
        assert!(!view.is_due(LONGEST), "there may be more");
        view.take(Change::Upsert("a".to_owned(), 2));
        view.take(Change::Synced);
        assert!(view.is_due(Duration::ZERO));
        assert!(!view.is_due(Duration::ZERO) && view.is_due(LONGEST));
        assert_eq!(view.rows.keys().collect::<Vec<_>>(), ["a", "b"]);
        view.take(Change::Drop("a".to_owned()));
        assert!(view.is_due(Duration::ZERO));
        assert_eq!(view.rows.len(), 1);
    }

    #[test]
    fn a_lost_connection_is_shown_until_something_comes() {
        let mut view = View::new();
        view.take(Change::Synced);
        assert!(view.is_due(Duration::ZERO));
        view.lose("reset");
        assert!(view.is_due(Duration::ZERO));
        assert_eq!(view.lost.as_deref(), Some("connection lost, trying again: reset"));
        view.take(Change::<u8>::Nothing);
        assert_eq!(view.lost, None);
        // What is told anew replaces what was there, and is drawn as a whole.
        view.take(Change::Upsert("a".to_owned(), 1));
        view.take(Change::Reset);
        assert!(!view.is_due(LONGEST) && view.rows.is_empty());
    }
}
