//! The control handle by which tests put faults in a request's way.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::fault::{Fault, Occurrence, RequestMatch};
use super::hold::{Gate, Hold};
use super::operation::Operation;

/// The control handle of an emulator's faults; clones control the same ones.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    next_id: u64,
    random: Random,
}

#[derive(Debug)]
struct Rule {
    id: u64,
    on: RequestMatch,
    action: Action,
    occurrence: Occurrence,
    hits: Arc<AtomicU64>,
}

#[derive(Debug, Clone)]
enum Action {
    Fault(Fault),
    HoldBefore(Arc<Gate>),
    HoldAfter(Arc<Gate>),
}

impl Faults {
    /// Lets `fault` happen to requests that match. Rules are asked in the order in
    /// which they were made; latencies add up, and the first other fault wins.
    pub fn inject(&self, on: RequestMatch, fault: Fault, occurrence: Occurrence) -> InjectedFault {
        let (id, hits) = self.add(on, Action::Fault(fault), occurrence);
        InjectedFault { faults: self.clone(), id, hits }
    }

    /// Holds requests that match before they are carried out.
    pub fn hold_before(&self, on: RequestMatch) -> Hold {
        let (hold, gate) = Hold::new();
        self.add(on, Action::HoldBefore(gate), Occurrence::Always);
        hold
    }

    /// Holds the next request that matches before it is carried out, and no other.
    pub fn hold_next_before(&self, on: RequestMatch) -> Hold {
        let (hold, gate) = Hold::new();
        self.add(on, Action::HoldBefore(gate), Occurrence::Times(1));
        hold
    }

    /// Holds requests that match after they are carried out and before they are
    /// answered.
    pub fn hold_after(&self, on: RequestMatch) -> Hold {
        let (hold, gate) = Hold::new();
        self.add(on, Action::HoldAfter(gate), Occurrence::Always);
        hold
    }

    /// Holds every PutObject after it is carried out: the object stands, and the
    /// client does not know.
    pub fn hold_after_put(&self) -> Hold {
        self.hold_after(RequestMatch::operation(Operation::PutObject))
    }

    /// Removes all faults. Holds stay: release or drop them.
    pub fn clear(&self) {
        self.lock().rules.retain(|rule| !matches!(rule.action, Action::Fault(_)));
    }

    /// Seeds the generator behind [`Occurrence::Probability`]; the same seed and
    /// the same order of requests give the same faults.
    pub fn seed(&self, seed: u64) {
        self.lock().random = Random(seed);
    }

    fn add(
        &self,
        on: RequestMatch,
        action: Action,
        occurrence: Occurrence,
    ) -> (u64, Arc<AtomicU64>) {
        let hits = Arc::new(AtomicU64::new(0));
        let mut state = self.lock();
        let id = state.next_id;
        state.next_id += 1;
        state.rules.push(Rule { id, on, action, occurrence, hits: Arc::clone(&hits) });
        (id, hits)
    }

    /// What shall happen to a request; counts it against the rules.
    pub(crate) fn plan(
        &self,
        operation: Operation,
        bucket: Option<&str>,
        key: Option<&str>,
    ) -> Plan {
        let mut plan = Plan::default();
        let mut state = self.lock();
        let State { rules, random, .. } = &mut *state;
        rules.retain(|rule| !rule.is_over());
        for rule in rules.iter_mut().filter(|rule| rule.on.matches(operation, bucket, key)) {
            let is_final =
                matches!(&rule.action, Action::Fault(fault) if !matches!(fault, Fault::Latency(_)));
            if (is_final && plan.fault.is_some()) || !rule.occurs(random) {
                continue;
            }
            rule.hits.fetch_add(1, Ordering::Relaxed);
            match rule.action.clone() {
                Action::Fault(Fault::Latency(latency)) => plan.latency += latency,
                Action::Fault(fault) => plan.fault = Some(fault),
                Action::HoldBefore(gate) => plan.hold_before.push(gate),
                Action::HoldAfter(gate) => plan.hold_after.push(gate),
            }
        }
        plan
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rule {
    fn is_over(&self) -> bool {
        match &self.action {
            Action::HoldBefore(gate) | Action::HoldAfter(gate) => gate.is_open(),
            Action::Fault(_) => self.occurrence == Occurrence::Times(0),
        }
    }

    fn occurs(&mut self, random: &mut Random) -> bool {
        match &mut self.occurrence {
            Occurrence::Always => true,
            Occurrence::Times(0) => false,
            Occurrence::Times(left) => {
                *left -= 1;
                true
            }
            Occurrence::Probability(probability) => random.next() < *probability,
        }
    }
}

/// What happens to one request: it waits, is held, meets the fault (or is carried
/// out), is held again.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) latency: Duration,
    pub(crate) hold_before: Vec<Arc<Gate>>,
    /// Never [`Fault::Latency`].
    pub(crate) fault: Option<Fault>,
    pub(crate) hold_after: Vec<Arc<Gate>>,
}

/// A fault that was injected; dropping this leaves it in place.
#[derive(Debug, Clone)]
pub struct InjectedFault {
    faults: Faults,
    id: u64,
    hits: Arc<AtomicU64>,
}

impl InjectedFault {
    /// To how many requests it has happened.
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    /// Takes it away.
    pub fn remove(self) {
        self.faults.lock().rules.retain(|rule| rule.id != self.id);
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): small, and good enough for faults.
#[derive(Debug, Default)]
struct Random(u64);

impl Random {
    /// A number from 0 (inclusive) to 1 (exclusive).
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        // 53 bits are what an f64 holds exactly.
        (z >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(faults: &Faults, key: &str) -> Plan {
        faults.plan(Operation::PutObject, Some("b-1"), Some(key))
    }

    #[test]
    fn a_fault_happens_to_matching_requests_as_often_as_asked() {
        let faults = Faults::default();
        let on = RequestMatch::operation(Operation::PutObject)
            .in_bucket("b-1")
            .with_key_containing("part-");
        let fault = faults.inject(on, Fault::LostAnswer, Occurrence::Times(2));

        assert_eq!(plan(&faults, "other").fault, None);
        assert!(faults.plan(Operation::GetObject, Some("b-1"), Some("part-1")).fault.is_none());
        assert!(faults.plan(Operation::PutObject, Some("b-2"), Some("part-1")).fault.is_none());
        assert_eq!(plan(&faults, "part-1").fault, Some(Fault::LostAnswer));
        assert_eq!(plan(&faults, "part-2").fault, Some(Fault::LostAnswer));
        assert_eq!(plan(&faults, "part-3").fault, None);
        assert_eq!(fault.hits(), 2);
    }

    #[test]
    fn latencies_add_up_and_the_first_other_fault_wins_without_using_up_the_second() {
        let faults = Faults::default();
        let second = Duration::from_secs(1);
        faults.inject(RequestMatch::any(), Fault::Latency(second), Occurrence::Always);
        faults.inject(RequestMatch::any(), Fault::ConnectionReset, Occurrence::Times(1));
        faults.inject(RequestMatch::any(), Fault::LostAnswer, Occurrence::Times(1));
        faults.inject(RequestMatch::any(), Fault::Latency(second), Occurrence::Always);

        let first = plan(&faults, "k");
        assert_eq!((first.latency, first.fault), (2 * second, Some(Fault::ConnectionReset)));
        assert_eq!(plan(&faults, "k").fault, Some(Fault::LostAnswer));
        assert_eq!(plan(&faults, "k").fault, None);
    }

    #[test]
    fn probabilities_are_kept_roughly_and_repeat_with_the_seed() {
        let draw = |seed| {
            let faults = Faults::default();
            faults.seed(seed);
            faults.inject(RequestMatch::any(), Fault::LostAnswer, Occurrence::Probability(0.25));
            (0..1000).map(|_| plan(&faults, "k").fault.is_some()).collect::<Vec<_>>()
        };
        let hits = draw(7).into_iter().filter(|hit| *hit).count();
        assert!((200..300).contains(&hits), "{hits}");
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn a_removed_fault_and_a_released_hold_are_gone() {
        let faults = Faults::default();
        faults.inject(RequestMatch::any(), Fault::LostAnswer, Occurrence::Always).remove();
        let hold = faults.hold_after_put();
        assert_eq!(plan(&faults, "k").hold_after.len(), 1);
        hold.release();
        let plan = plan(&faults, "k");
        assert!(plan.fault.is_none() && plan.hold_after.is_empty());
    }
}
