//! What happens in a run, and when: decided by a seed alone.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;

use crate::shape::Shape;

/// Agents of a run.
pub(crate) const AGENTS: usize = 3;
/// Kafka's session timeout of the tasks: the shortest that a spec may have.
pub(crate) const SESSION_TIMEOUT: Duration = Duration::from_secs(6);
/// After this long without an agent, its tasks move.
pub(crate) const LEASE: Duration = Duration::from_secs(4);

/// One cycle: a process is killed, and other things may go wrong besides.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cycle {
    /// What happens, each so long after the cycle's start; in this order.
    pub(crate) disturbances: Vec<(Duration, Disturbance)>,
    /// When the next one starts, whether all of this one is over or not.
    pub(crate) length: Duration,
}

/// Something that goes wrong, or is changed. Of an agent that is not there
/// when its turn comes, the next one takes its part.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Disturbance {
    /// kill -9 of an agent, which is started again.
    KillAgent { agent: usize, away: Duration },
    /// kill -9 of the control plane, which is started again.
    KillControlPlane { away: Duration },
    /// SIGSTOP of an agent, and SIGCONT after the others have taken its tasks.
    FreezeAgent { agent: usize, frozen: Duration },
    /// SIGTERM of an agent, which gives its tasks back; a new one joins.
    AgentLeaves { agent: usize, away: Duration },
    /// The broker is stopped, or killed, and started again.
    BrokerRestarts { killed: bool, away: Duration },
    /// A share of all requests to the store meets a fault.
    StoreFault { fault: StoreFault, percent: u8, lasting: Duration },
    /// The connector's output gets another shape.
    Update(Shape),
}

/// What a request to the store meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreFault {
    /// It waits so long before it is carried out.
    Latency(Duration),
    /// It is answered 503.
    Throttled,
    /// It is carried out, and its answer is lost.
    LostAnswer,
    /// Its connection is reset before it is carried out.
    Reset,
    /// The connection ends in the middle of its body.
    HalfBody,
}

/// The cycles of a run, without an end.
#[derive(Debug)]
pub(crate) struct Plan {
    random: Rng,
}

impl Plan {
    /// The plan of this seed, always the same.
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: Rng::with_seed(seed) }
    }

    fn besides(&mut self) -> Disturbance {
        let random = &mut self.random;
        // Of 100; freezes outlive session and lease, so that zombies come of them.
        match random.u8(0..100) {
            0..30 => {
                let frozen = seconds(random, 7.0..12.0);
                Disturbance::FreezeAgent { agent: random.usize(0..AGENTS), frozen }
            }
            30..45 => {
                let away = seconds(random, 0.0..4.0);
                Disturbance::AgentLeaves { agent: random.usize(0..AGENTS), away }
            }
            45..80 => {
                let fault = match random.u8(0..5) {
                    0 => StoreFault::Latency(seconds(random, 0.1..2.0)),
                    1 => StoreFault::Throttled,
                    2 => StoreFault::LostAnswer,
                    3 => StoreFault::Reset,
                    _ => StoreFault::HalfBody,
                };
                let lasting = seconds(random, 1.0..6.0);
                Disturbance::StoreFault { fault, percent: random.u8(20..=100), lasting }
            }
            80..88 => {
                let away = seconds(random, 0.0..2.0);
                Disturbance::BrokerRestarts { killed: random.u8(0..3) == 0, away }
            }
            _ => Disturbance::Update(Shape::random(random)),
        }
    }
}

impl Iterator for Plan {
    type Item = Cycle;

    fn next(&mut self) -> Option<Cycle> {
        let length = seconds(&mut self.random, 2.0..6.0);
        let kill = match self.random.u8(0..5) {
            0 => Disturbance::KillControlPlane { away: seconds(&mut self.random, 0.0..5.0) },
            _ => {
                let agent = self.random.usize(0..AGENTS);
                // Rarely for so long that its tasks move.
                let away = match self.random.u8(0..6) {
                    0 => seconds(&mut self.random, 5.0..9.0),
                    _ => seconds(&mut self.random, 0.0..3.0),
                };
                Disturbance::KillAgent { agent, away }
            }
        };
        let mut all = vec![kill];
        for _ in 0..self.random.u8(0..=2) {
            all.push(self.besides());
        }
        let mut disturbances: Vec<_> = all
            .into_iter()
            .map(|disturbance| (seconds(&mut self.random, 0.0..length.as_secs_f64()), disturbance))
            .collect();
        disturbances.sort_by_key(|(after, _)| *after);
        Some(Cycle { disturbances, length })
    }
}

fn seconds(random: &mut Rng, range: std::ops::Range<f64>) -> Duration {
    let milliseconds = (range.start * 1_000.0) as u64..(range.end * 1_000.0) as u64;
    Duration::from_millis(random.u64(milliseconds))
}

impl Disturbance {
    /// Its kind, to be counted by.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::KillAgent { .. } => "agent killed",
            Self::KillControlPlane { .. } => "control plane killed",
            Self::FreezeAgent { .. } => "agent frozen",
            Self::AgentLeaves { .. } => "agent left, another joined",
            Self::BrokerRestarts { killed: false, .. } => "broker restarted",
            Self::BrokerRestarts { killed: true, .. } => "broker killed",
            Self::StoreFault { fault, .. } => match fault {
                StoreFault::Latency(_) => "store: latency",
                StoreFault::Throttled => "store: 503",
                StoreFault::LostAnswer => "store: lost answers",
                StoreFault::Reset => "store: connections reset",
                StoreFault::HalfBody => "store: bodies cut",
            },
            Self::Update(_) => "output changed",
        }
    }
}

impl fmt::Display for Disturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillAgent { agent, away } => write!(f, "kill -9 agent {agent} for {away:?}"),
            Self::KillControlPlane { away } => write!(f, "kill -9 control plane for {away:?}"),
            Self::FreezeAgent { agent, frozen } => write!(f, "freeze agent {agent} for {frozen:?}"),
            Self::AgentLeaves { agent, away } => {
                write!(f, "agent {agent} leaves, another joins after {away:?}")
            }
            Self::BrokerRestarts { killed, away } => {
                let how = if *killed { "kill -9" } else { "stop" };
                write!(f, "{how} broker for {away:?}")
            }
            Self::StoreFault { fault, percent, lasting } => {
                write!(f, "store: {fault:?} for {percent} % of requests for {lasting:?}")
            }
            Self::Update(shape) => write!(f, "output becomes {shape}"),
        }
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.length)?;
        for (after, disturbance) in &self.disturbances {
            write!(f, "; at {after:?} {disturbance}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Disturbance, LEASE, Plan, SESSION_TIMEOUT};

    #[test]
    fn a_seed_gives_one_plan_and_another_seed_another() {
        let plan = |seed| Plan::new(seed).take(50).collect::<Vec<_>>();
        assert_eq!(plan(7), plan(7));
        assert_ne!(plan(7), plan(8));
    }

    #[test]
    fn every_cycle_kills_and_every_kind_of_disturbance_occurs() {
        let mut kinds = BTreeSet::new();
        for cycle in Plan::new(1).take(200) {
            let kills = cycle.disturbances.iter().filter(|(_, disturbance)| {
                use Disturbance::{KillAgent, KillControlPlane};
                matches!(disturbance, KillAgent { .. } | KillControlPlane { .. })
            });
            assert_eq!(kills.count(), 1, "{cycle}");
            assert!(cycle.disturbances.iter().all(|(after, _)| *after < cycle.length), "{cycle}");
            kinds.extend(cycle.disturbances.iter().map(|(_, disturbance)| disturbance.kind()));
        }
        assert_eq!(kinds.len(), 12, "{kinds:?}");
    }

    #[test]
    fn a_frozen_agent_outlives_its_session_and_its_lease() {
        for (_, disturbance) in Plan::new(2).take(200).flat_map(|cycle| cycle.disturbances) {
            if let Disturbance::FreezeAgent { frozen, .. } = disturbance {
                assert!(frozen > SESSION_TIMEOUT && frozen > LEASE, "{disturbance}");
            }
        }
    }
}
