//! One log of what changed, which feeds every watch.
//!
//! An event names the connector that changed, not its content: a watcher reads
//! the connector as it is when it gets there. So several changes that a slow
//! watcher has not seen yet become one, and what it sees last is always what
//! is. The log is a bounded ring with sequence numbers: a watcher reads at its
//! own pace, blocks nobody, and learns when what it wants is no longer there.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use ulid::Ulid;

/// Events that are kept.
const KEPT: usize = 8_192;

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// A connector is new, or its content or status changed.
    Changed {
        /// Its full name.
        name: String,
        /// Its uid.
        uid: String,
    },
    /// A connector is gone.
    Deleted {
        /// Its full name.
        name: String,
        /// Its uid.
        uid: String,
    },
}

impl Event {
    /// The full name of the connector that it is about.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Changed { name, .. } | Self::Deleted { name, .. } => name,
        }
    }
}

/// Where a reader stands: after the event of this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position(u64);

/// What a reader asked for has left the log, or never was in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost;

#[derive(Debug)]
struct Ring {
    /// Number of the newest event; 0 before the first.
    newest: u64,
    events: VecDeque<Event>,
}

/// The log of one control plane process.
#[derive(Debug)]
pub(crate) struct EventLog {
    /// Tells this process's tokens from those of others.
    process: String,
    ring: Mutex<Ring>,
    newest: watch::Sender<u64>,
    kept: usize,
}

impl EventLog {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self::keeping(KEPT)
    }

    fn keeping(kept: usize) -> Self {
        Self {
            process: Ulid::generate().to_string(),
            ring: Mutex::new(Ring { newest: 0, events: VecDeque::new() }),
            newest: watch::Sender::new(0),
            kept,
        }
    }

    /// Adds an event.
    pub(crate) fn push(&self, event: Event) {
        let newest = {
            let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
            if ring.events.len() == self.kept {
                ring.events.pop_front();
            }
            ring.events.push_back(event);
            ring.newest += 1;
            ring.newest
        };
        self.newest.send_if_modified(|seen| {
            let newer = *seen < newest;
            *seen = (*seen).max(newest);
            newer
        });
    }

    /// Where the log ends now.
    pub(crate) fn end(&self) -> Position {
        Position(self.ring.lock().unwrap_or_else(PoisonError::into_inner).newest)
    }

    /// The events after `position`, each with where it stands.
    pub(crate) fn after(&self, position: Position) -> Result<Vec<(Position, Event)>, Lost> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = ring.newest - ring.events.len() as u64;
        if position.0 < oldest || position.0 > ring.newest {
            return Err(Lost);
        }
        let skip = usize::try_from(position.0 - oldest).map_err(|_| Lost)?;
        let numbered = (oldest + 1..).map(Position).zip(&ring.events).skip(skip);
        Ok(numbered.map(|(position, event)| (position, event.clone())).collect())
    }

    /// Follows the log's end, to wait for the next event.
    pub(crate) fn follow(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// The token that stands for `position`.
    pub(crate) fn token(&self, position: Position) -> String {
        format!("{}-{}", self.process, position.0)
    }

    /// The position that a token stands for, if it is of this process and
    /// what follows it is still there.
    pub(crate) fn resume(&self, token: &str) -> Result<Position, Lost> {
        let (process, number) = token.rsplit_once('-').ok_or(Lost)?;
        if process != self.process {
            return Err(Lost);
        }
        let position = Position(number.parse().map_err(|_| Lost)?);
        self.after(position).map(|_| position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(name: &str) -> Event {
        Event::Changed { name: name.to_owned(), uid: "u".to_owned() }
    }

    #[test]
    fn a_reader_gets_what_came_after_its_position_in_order() {
        let log = EventLog::keeping(10);
        log.push(changed("a"));
        let position = log.end();
        assert_eq!(log.after(position), Ok(vec![]));
        log.push(changed("b"));
        log.push(changed("c"));
        let events = log.after(position).expect("kept");
        assert_eq!(events, [(Position(2), changed("b")), (Position(3), changed("c"))]);
        assert_eq!(log.end(), Position(3));
    }

    #[test]
    fn a_reader_that_is_too_slow_learns_it() {
        let log = EventLog::keeping(2);
        let position = log.end();
        log.push(changed("a"));
        log.push(changed("b"));
        assert!(log.after(position).is_ok());
        log.push(changed("c"));
        assert_eq!(log.after(position), Err(Lost));
    }

    #[test]
    fn a_token_resumes_in_its_process_only() {
        let log = EventLog::keeping(2);
        log.push(changed("a"));
        let token = log.token(log.end());
        assert_eq!(log.resume(&token), Ok(log.end()));
        assert_eq!(EventLog::keeping(2).resume(&token), Err(Lost));
        for wrong in ["", "x", "-", &format!("{token}9"), &token.replace('-', "")] {
            assert_eq!(log.resume(wrong), Err(Lost), "{wrong}");
        }
        for name in ["b", "c", "d"] {
            log.push(changed(name));
        }
        assert_eq!(log.resume(&token), Err(Lost));
    }

    #[tokio::test]
    async fn an_event_wakes_who_follows() {
        let log = EventLog::keeping(2);
        let mut end = log.follow();
        log.push(changed("a"));
        end.changed().await.expect("woken");
        assert_eq!(*end.borrow(), 1);
    }
}
