//! When a consumer without its group is made anew. Pure: time comes in as values.
//!
//! librdkafka (2.12.1) keeps a group's coordinator by its id: where that broker is back
//! at another address it asks for the coordinator, is told the same id, and goes on at
//! the old address (`rd_kafka_cgrp_coord_update`). So do others of its waits last for
//! ever where a new client has what it needs at once.

use std::time::{Duration, Instant};

/// For how long a consumer may be without its group, besides a session timeout: the
/// group gives a member that is gone as long before it goes on without it. That others
/// deliver what they have open before they give partitions up takes as long, too.
const FIRST: Duration = Duration::from_secs(20);

/// The longest that it comes to for consumers that have all been in vain: where brokers
/// are down, or other members hold the group up, a new one is of no more use.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// How long the consumers of a task may be without their group, one after the other.
#[derive(Debug)]
pub(super) struct Renewals {
    first: Duration,
    patience: Duration,
}

impl Renewals {
    /// Of members with this session timeout.
    pub(super) fn new(session_timeout: Duration) -> Self {
        let first = FIRST + session_timeout;
        Self { first, patience: first }
    }

    /// How long the next consumer may be without its group.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// A consumer was given up for its patience was over.
    pub(super) fn in_vain(&mut self) {
        self.patience = (2 * self.patience).min(LONGEST.max(self.first));
    }

    /// A consumer had joined its group.
    pub(super) fn joined(&mut self) {
        self.patience = self.first;
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
        let mut renewals = Renewals::new(SESSION);
        let patience = |renewals: &mut Renewals| {
            let patience = renewals.patience();
            renewals.in_vain();
            patience.as_secs()
        };
        let all: Vec<_> = (0..7).map(|_| patience(&mut renewals)).collect();
        assert_eq!(all, [30, 60, 120, 240, 300, 300, 300]);
        renewals.joined();
        assert_eq!(patience(&mut renewals), 30);
    }

    #[test]
    fn a_group_of_long_sessions_is_given_as_long() {
        let mut renewals = Renewals::new(Duration::from_secs(600));
        renewals.in_vain();
        assert_eq!(renewals.patience().as_secs(), 620);
    }
}
