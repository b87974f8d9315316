//! Leases: how long an agent keeps its tasks without being heard of.
//!
//! An agent that is silent for longer than the lease loses its tasks, whether
//! its stream is open (a half-open connection) or closed (a crash, a network
//! that is cut). One that is heard of, by anything on its stream, keeps them.
//! Silence counts from the control plane's own start at the earliest: nobody
//! is blamed for what a process that did not run could not hear.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// When each agent was last heard of.
#[derive(Debug, Clone)]
pub(crate) struct Leases {
    lease: Duration,
    /// Silence before this does not count.
    listening_since: Instant,
    /// Agent id -> last heard; `None` for one that is known from the store
    /// and has not been heard of by this process.
    agents: BTreeMap<String, Option<Instant>>,
}

impl Leases {
    /// An empty table of a control plane that starts at `now`.
    pub(crate) fn new(lease: Duration, now: Instant) -> Self {
        Self { lease, listening_since: now, agents: BTreeMap::new() }
    }

    /// Adds an agent that is known from the store; its lease counts from the
    /// control plane's start.
    pub(crate) fn known(&mut self, agent: &str) {
        self.agents.entry(agent.to_owned()).or_default();
    }

    /// The agent said something.
    pub(crate) fn heard(&mut self, agent: &str, now: Instant) {
        let last = self.agents.entry(agent.to_owned()).or_default();
        // Callers on several threads may come out of order.
        *last = Some(last.map_or(now, |last| last.max(now)));
    }

    /// The agent has no lease any more: it said Goodbye (leaving), or its
    /// tasks were taken away after its lease ran out.
    pub(crate) fn remove(&mut self, agent: &str) {
        self.agents.remove(agent);
    }

    /// The control plane itself did not run for a while (a stopped process, a
    /// machine that slept): silence until `now` does not count.
    pub(crate) fn count_anew(&mut self, now: Instant) {
        self.listening_since = self.listening_since.max(now);
    }

    /// Agents whose lease has run out at `now`, in the order of their ids.
    pub(crate) fn expired(&self, now: Instant) -> Vec<&str> {
        self.agents
            .iter()
            .filter(|(_, last)| now >= self.counts_from(**last) + self.lease)
            .map(|(agent, _)| agent.as_str())
            .collect()
    }

    /// Whether the agent was heard of by this process within its lease.
    pub(crate) fn is_heard(&self, agent: &str, now: Instant) -> bool {
        let last = self.agents.get(agent).copied().flatten();
        last.is_some_and(|last| now < self.counts_from(Some(last)) + self.lease)
    }

    /// When the next lease runs out, if nothing is heard until then.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.agents.values().map(|last| self.counts_from(*last) + self.lease).min()
    }

    fn counts_from(&self, last: Option<Instant>) -> Instant {
        last.map_or(self.listening_since, |last| last.max(self.listening_since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LEASE: Duration = Duration::from_secs(30);

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn an_agent_that_is_heard_of_never_expires() {
        let start = Instant::now();
        let mut leases = Leases::new(LEASE, start);
        for tick in 0..100 {
            let now = start + seconds(10 * tick);
            leases.heard("a", now);
            assert!(leases.expired(now + seconds(29)).is_empty());
        }
    }

    #[test]
    fn a_silent_agent_expires_after_its_lease_and_not_before() {
        let start = Instant::now();
        let mut leases = Leases::new(LEASE, start);
        leases.heard("a", start + seconds(5));
        leases.heard("b", start + seconds(6));
        assert_eq!(leases.next_expiry(), Some(start + seconds(35)));
        assert!(leases.expired(start + seconds(34)).is_empty());
        assert_eq!(leases.expired(start + seconds(35)), ["a"]);
        assert_eq!(leases.expired(start + seconds(36)), ["a", "b"]);
    }

    #[test]
    fn an_agent_known_from_the_store_has_its_lease_from_the_start_of_the_control_plane() {
        let start = Instant::now();
        let mut leases = Leases::new(LEASE, start);
        leases.known("a");
        assert!(leases.expired(start + seconds(29)).is_empty());
        assert_eq!(leases.expired(start + seconds(30)), ["a"]);
        // Knowing it again does not make it younger.
        leases.heard("a", start + seconds(20));
        leases.known("a");
        assert_eq!(leases.next_expiry(), Some(start + seconds(50)));
    }

    #[test]
    fn only_what_this_process_has_heard_counts_as_heard() {
        let start = Instant::now();
        let mut leases = Leases::new(LEASE, start);
        leases.known("a");
        assert!(!leases.is_heard("a", start) && !leases.is_heard("b", start));
        leases.heard("a", start + seconds(5));
        assert!(leases.is_heard("a", start + seconds(34)));
        assert!(!leases.is_heard("a", start + seconds(35)));
        leases.remove("a");
        assert!(!leases.is_heard("a", start + seconds(5)));
    }

    #[test]
    fn an_agent_that_left_has_no_lease() {
        let start = Instant::now();
        let mut leases = Leases::new(LEASE, start);
        leases.heard("a", start);
        leases.remove("a");
        assert!(leases.expired(start + seconds(60)).is_empty());
        assert_eq!(leases.next_expiry(), None);
    }

    #[test]
    fn silence_while_the_control_plane_did_not_run_does_not_count() {
        let start = Instant::now();
        let mut leases = Leases::new(LEASE, start);
        leases.heard("a", start);
        leases.count_anew(start + seconds(300));
        assert!(leases.expired(start + seconds(329)).is_empty());
        assert_eq!(leases.expired(start + seconds(330)), ["a"]);
    }

    proptest! {
        #[test]
        fn an_agent_is_expired_exactly_when_its_silence_is_the_lease(
            heard in proptest::collection::vec(0..100_u64, 0..8),
            now in 0..200_u64,
        ) {
            let start = Instant::now();
            let mut leases = Leases::new(LEASE, start);
            leases.known("a");
            for second in &heard {
                leases.heard("a", start + seconds(*second));
            }
            let last = heard.iter().max().copied().unwrap_or(0);
            let expired = now >= last + 30;
            prop_assert_eq!(!leases.expired(start + seconds(now)).is_empty(), expired);
        }
    }
}
