//! Whom a deletion waits for: agents that may still run tasks of the connector, or of its
//! group, until they have shown that they stopped them. Pure.

use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;

/// An agent that may still run tasks of a deleted connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Its bare ID.
    pub(crate) agent: String,
    /// Whether its stream is open.
    pub(crate) is_connected: bool,
    /// How long ago it was told on its open stream to stop them.
    pub(crate) told: Option<Duration>,
}

impl Holder {
    /// Whether it has had a lease to stop them since it was told: a stop takes 20 s at most.
    fn is_overdue(&self, lease: Duration) -> bool {
        self.told.is_some_and(|told| told >= lease)
    }
}

/// Whether a deletion goes on although these may still run tasks of the connector. That is
/// the user's word alone, by `orphan_resources`, and not before each has had a lease: of one
/// that is not connected the lease itself runs out. Tasks that go on all the same write what
/// is the deleted connector's, into objects of its chains; they stand in the group until they
/// end, and a connector made anew that shares it says so (KAFKA_GROUP_IN_USE).
pub(crate) fn goes_on(holders: &[Holder], orphan_resources: bool, lease: Duration) -> bool {
    holders.iter().all(|holder| orphan_resources && holder.is_overdue(lease))
}

/// Whether this agent is one of them, and has had its time.
pub(crate) fn is_overdue(holders: &[Holder], agent: &str, lease: Duration) -> bool {
    holders.iter().any(|holder| holder.agent == agent && holder.is_overdue(lease))
}

/// What is shown of those that it waits for: not while they are about to stop.
pub(crate) fn problem(holders: &[Holder], lease: Duration) -> Option<Problem> {
    let names = |of: &dyn Fn(&Holder) -> bool| {
        let names = holders.iter().filter(|holder| of(holder));
        names.map(|holder| format!("agents/{}", holder.agent)).collect::<Vec<_>>().join(", ")
    };
    let away = names(&|holder| !holder.is_connected);
    if !away.is_empty() {
        let message = format!(
            "{away} may still run its tasks and is not connected: the deletion goes on when it is, \
             or when its lease is over"
        );
        return Some(Problem::new(ErrorCode::AgentTimeout, message));
    }
    let overdue = names(&|holder| holder.is_overdue(lease));
    (!overdue.is_empty()).then(|| {
        let message = format!(
            "{overdue} is connected and has not shown for a lease that it has stopped its tasks: \
             restart it, or delete again with orphan_resources, which waits no longer"
        );
        Problem::new(ErrorCode::AgentUnresponsive, message)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn holders()(
            holders in prop::collection::vec((0_usize..9, prop::option::of(0_u64..60)), 0..6),
        ) -> Vec<Holder> {
            let named = |(agent, told): (usize, Option<u64>)| holder(&format!("a{agent}"), told);
            holders.into_iter().map(named).collect()
        }
    }

    proptest! {
        /// A deletion either goes on, or waits for somebody; whoever has waited as long as may
        /// be learns for whom. More holders never let it go on, nor does less time.
        #[test]
        fn it_never_waits_for_nobody_and_never_goes_on_by_more_holders_or_less_time(
            holders in holders(), orphans: bool, lease in 1_u64..60,
        ) {
            let lease = Duration::from_secs(lease);
            let goes = goes_on(&holders, orphans, lease);
            if !goes {
                prop_assert!(!holders.is_empty());
                let overdue = holders.iter().any(|one| !one.is_connected || one.is_overdue(lease));
                prop_assert_eq!(problem(&holders, lease).is_some(), overdue);
            }
            if !orphans {
                prop_assert_eq!(goes, holders.is_empty());
            }
            for fewer in 0..holders.len() {
                prop_assert!(goes_on(&holders[..fewer], orphans, lease) || !goes);
            }
            prop_assert!(goes || !goes_on(&holders, orphans, lease + Duration::from_secs(1)));
        }
    }

    const LEASE: Duration = Duration::from_secs(30);

    #[test]
    fn an_agent_is_overdue_a_lease_after_it_was_told() {
        let holders = [holder("a", Some(29)), holder("b", Some(30)), holder("c", None)];
        let overdue = |agent| is_overdue(&holders, agent, LEASE);
        assert_eq!(["a", "b", "c", "d"].map(overdue), [false, true, false, false]);
    }

    fn holder(agent: &str, told: Option<u64>) -> Holder {
        let (agent, is_connected) = (agent.to_owned(), told.is_some());
        Holder { agent, is_connected, told: told.map(Duration::from_secs) }
    }

    #[test]
    fn only_the_users_word_and_a_lease_let_it_go_on_without_an_agents() {
        assert!(goes_on(&[], false, LEASE) && goes_on(&[], true, LEASE));
        for (holders, expected) in [
            (vec![holder("a", Some(29))], false),
            (vec![holder("a", Some(30))], true),
            (vec![holder("a", Some(30)), holder("b", Some(29))], false),
            (vec![holder("a", Some(30)), holder("b", None)], false),
        ] {
            assert_eq!(goes_on(&holders, true, LEASE), expected, "{holders:?}");
            assert!(!goes_on(&holders, false, LEASE), "{holders:?}");
        }
    }

    #[test]
    fn who_is_away_or_late_is_named() {
        let told = |holders: &[Holder]| {
            problem(holders, LEASE).map(|problem| (problem.code, problem.message))
        };
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[holder("a", Some(29))]), None, "it is about to stop");
        let (code, message) = told(&[holder("a", Some(30)), holder("b", Some(1))]).expect("one");
        assert_eq!(code, ErrorCode::AgentUnresponsive);
        assert!(message.contains("agents/a") && !message.contains("agents/b"), "{message}");
        assert!(message.contains("orphan_resources"), "{message}");
        let (code, message) = told(&[holder("a", Some(30)), holder("b", None)]).expect("one");
        assert_eq!(code, ErrorCode::AgentTimeout);
        assert!(message.contains("agents/b") && !message.contains("agents/a"), "{message}");
    }
}
