//! When a task's consumer is made anew, and how seldom. Pure: time comes in as values.
//!
//! A new consumer helps one without its group: librdkafka (2.12.1) keeps a group's coordinator by its id: where that broker is back
//! at another address it asks for the coordinator, is told the same id, and goes on at
//! the old address (`rd_kafka_cgrp_coord_update`). So do others of its waits last for
//! ever where a new client has what it needs at once. So it does where partitions have
//! nobody, or get nothing. Where it did not help, another one is not made at once.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// For how long a consumer may be without its group, besides a session timeout: the
/// group gives a member that is gone as long before it goes on without it. That others
/// deliver what they have open before they give partitions up takes as long, too.
const FIRST: Duration = Duration::from_secs(20);

/// The longest that it comes to for consumers that have all been in vain: where brokers
/// are down, or other members hold the group up, a new one is of no more use.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// Between two times that a remedy is taken.
const BETWEEN: Duration = Duration::from_secs(600);

/// A reason to make a consumer anew that has its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Nobody has some partition: the task leaves the group and joins it again.
    Leave,
    /// It does not get what there is to be read.
    Renew,
}

/// How the consumers of a task follow one another.
#[derive(Debug)]
pub(super) struct Renewals {
    /// How long the first one may be without its group.
    first: Duration,
    tried: Mutex<Tried>,
}

/// What was tried of late.
#[derive(Debug)]
struct Tried {
    /// How long the next consumer may be without its group.
    patience: Duration,
    left: Option<Instant>,
    renewed: Option<Instant>,
}

impl Renewals {
    /// Of members with this session timeout.
    pub(super) fn new(session_timeout: Duration) -> Self {
        let first = FIRST + session_timeout;
        Self { first, tried: Mutex::new(Tried { patience: first, left: None, renewed: None }) }
    }

    fn tried(&self) -> MutexGuard<'_, Tried> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this remedy may be taken at `now`; it is taken with that.
    pub(super) fn take(&self, remedy: Remedy, now: Instant) -> bool {
        let mut tried = self.tried();
        let last = match remedy {
            Remedy::Leave => &mut tried.left,
            Remedy::Renew => &mut tried.renewed,
        };
        let may = last.is_none_or(|last| now >= last + BETWEEN);
        if may {
            *last = Some(now);
        }
        may
    }

    /// How long the next consumer may be without its group.
    pub(super) fn patience(&self) -> Duration {
        self.tried().patience
    }

    /// A consumer was given up for its patience was over.
    pub(super) fn in_vain(&self) {
        let mut tried = self.tried();
        tried.patience = (2 * tried.patience).min(LONGEST.max(self.first));
    }

    /// A consumer had joined its group.
    pub(super) fn joined(&self) {
        self.tried().patience = self.first;
    }
}

/// For how long one consumer has been without its group.
#[derive(Debug)]
pub(super) struct Absence {
    since: Instant,
    patience: Duration,
}

impl Absence {
    /// Begins: the consumer has not joined yet.
    pub(super) fn begin(patience: Duration, now: Instant) -> Self {
        Self { since: now, patience }
    }

    /// How long the absence has lasted, if that is too long; `joined` says whether the
    /// consumer has its group.
    pub(super) fn look(&mut self, joined: bool, now: Instant) -> Option<Duration> {
        if joined {
            self.since = now;
        }
        let absent = now.saturating_duration_since(self.since);
        (absent >= self.patience).then_some(absent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: Duration = Duration::from_secs(10);
    const TICK: Duration = Duration::from_secs(1);

    #[test]
    fn a_consumer_without_its_group_for_too_long_is_made_anew() {
        let now = Instant::now();
        let mut absence = Absence::begin(3 * TICK, now);
        let looks: Vec<_> = [false, false, true, false, false, false, false]
            .into_iter()
            .zip(1..)
            .map(|(joined, tick)| absence.look(joined, now + tick * TICK))
            .collect();
        assert_eq!(looks, [None, None, None, None, None, Some(3 * TICK), Some(4 * TICK)]);
    }

    #[test]
    fn new_ones_that_are_in_vain_are_made_less_and_less_often_until_one_joins() {
        let renewals = Renewals::new(SESSION);
        let patience = || {
            let patience = renewals.patience();
            renewals.in_vain();
            patience.as_secs()
        };
        let all: Vec<_> = (0..7).map(|_| patience()).collect();
        assert_eq!(all, [30, 60, 120, 240, 300, 300, 300]);
        renewals.joined();
        assert_eq!(patience(), 30);
    }

    #[test]
    fn a_remedy_is_taken_once_in_a_while() {
        let (renewals, now) = (Renewals::new(SESSION), Instant::now());
        assert!(renewals.take(Remedy::Renew, now));
        assert!(!renewals.take(Remedy::Renew, now + BETWEEN / 2));
        assert!(renewals.take(Remedy::Leave, now + BETWEEN / 2), "another one");
        assert!(renewals.take(Remedy::Renew, now + BETWEEN));
        assert!(!renewals.take(Remedy::Renew, now + BETWEEN));
    }

    #[test]
    fn a_group_of_long_sessions_is_given_as_long() {
        let renewals = Renewals::new(Duration::from_secs(600));
        renewals.in_vain();
        assert_eq!(renewals.patience().as_secs(), 620);
    }
}
