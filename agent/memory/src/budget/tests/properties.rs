//! What holds after any sequence of operations.

use proptest::prelude::*;

use super::*;

const TOTAL: u64 = 10_000;

#[derive(Debug, Clone)]
enum Operation {
    Add(usize),
    Grow(usize, u64),
    Close(usize),
    Withdraw(usize),
    Remove(usize),
    Shrink(usize, u64),
    Deliver(usize),
    Reserve(usize, u64),
    Release(usize),
}

fn operation() -> impl Strategy<Value = Operation> {
    let at = || 0_usize..64;
    prop_oneof![
        2 => at().prop_map(Operation::Add),
        12 => (at(), prop_oneof![9 => 0_u64..3_000, 1 => 0_u64..30_000])
            .prop_map(|(at, bytes)| Operation::Grow(at, bytes)),
        4 => at().prop_map(Operation::Close),
        1 => at().prop_map(Operation::Withdraw),
        1 => at().prop_map(Operation::Remove),
        1 => (at(), 0_u64..3_000).prop_map(|(at, bytes)| Operation::Shrink(at, bytes)),
        4 => at().prop_map(Operation::Deliver),
        1 => (at(), 0_u64..4_000).prop_map(|(at, bytes)| Operation::Reserve(at, bytes)),
        1 => at().prop_map(Operation::Release),
    ]
}

/// What the operations came to, counted apart from the budget.
struct Expected {
    connectors: Vec<ConnectorId>,
    open: Vec<(PartitionId, ConnectorId, u64)>,
    in_flight: Vec<(PartitionId, ConnectorId, u64)>,
    fixed: Vec<(ConnectorId, u64)>,
}

/// The element that a number stands for, if there is one.
fn pick<T>(items: &[T], at: usize) -> Option<usize> {
    (!items.is_empty()).then(|| at % items.len())
}

impl Expected {
    fn held(&self, id: ConnectorId) -> u64 {
        let of = |parts: &[(PartitionId, ConnectorId, u64)]| -> u64 {
            parts.iter().filter(|part| part.1 == id).map(|part| part.2).sum()
        };
        of(&self.open) + of(&self.in_flight)
    }

    fn used(&self) -> u64 {
        let held: u64 = self.connectors.iter().map(|id| self.held(*id)).sum();
        held + self.fixed.iter().map(|part| part.1).sum::<u64>()
    }

    /// Carries the operation out on both sides; `Err` when the budget answered
    /// what it may not.
    fn carry_out(&mut self, budget: &mut Budget, operation: &Operation) -> Result<(), String> {
        match *operation {
            Operation::Add(at) => {
                let connector = self.connectors[at % self.connectors.len()];
                self.open.push((budget.add_partition(connector), connector, 0));
            }
            Operation::Grow(at, bytes) => {
                let Some(at) = pick(&self.open, at) else { return Ok(()) };
                let (id, connector, before) = self.open[at];
                let (held, used) = (self.held(connector), self.used());
                let admitted = budget.try_grow(id, bytes);
                if bytes > before && admitted && held > 0 && used - before + bytes > TOTAL {
                    return Err(format!("{bytes} admitted beside {used}"));
                }
                if bytes <= before && !admitted {
                    return Err(format!("{bytes} refused after {before}"));
                }
                if bytes > before && held == 0 && !admitted && budget.usage_waiting(connector) == 1
                {
                    return Err(format!("{bytes} refused though the connector holds nothing"));
                }
                if admitted {
                    self.open[at].2 = bytes;
                }
            }
            Operation::Close(at) => {
                let Some(at) = pick(&self.open, at) else { return Ok(()) };
                let (id, connector, bytes) = self.open[at];
                if budget.close(id) != bytes {
                    return Err("closed with another size".to_owned());
                }
                self.open[at].2 = 0;
                self.in_flight.push((id, connector, bytes));
            }
            Operation::Withdraw(at) => {
                let Some(at) = pick(&self.open, at) else { return Ok(()) };
                budget.withdraw(self.open[at].0);
            }
            Operation::Remove(at) => {
                let Some(at) = pick(&self.open, at) else { return Ok(()) };
                budget.remove_partition(self.open.swap_remove(at).0);
            }
            Operation::Shrink(at, bytes) => {
                let Some(at) = pick(&self.in_flight, at) else { return Ok(()) };
                let (id, connector, before) = self.in_flight[at];
                let after = bytes.min(before);
                budget.resize_in_flight(connector, id, before, after);
                self.in_flight[at].2 = after;
            }
            Operation::Deliver(at) => {
                let Some(at) = pick(&self.in_flight, at) else { return Ok(()) };
                let (id, connector, bytes) = self.in_flight.swap_remove(at);
                budget.resize_in_flight(connector, id, bytes, 0);
            }
            Operation::Reserve(at, bytes) => {
                let connector = self.connectors[at % self.connectors.len()];
                budget.reserve_fixed(connector, bytes);
                self.fixed.push((connector, bytes));
            }
            Operation::Release(at) => {
                let Some(at) = pick(&self.fixed, at) else { return Ok(()) };
                let (connector, bytes) = self.fixed.swap_remove(at);
                budget.release_fixed(connector, bytes);
            }
        }
        Ok(())
    }
}

impl Budget {
    fn usage_waiting(&self, id: ConnectorId) -> usize {
        self.connector(id).line.len()
    }

    /// The invariants of the accounts; `Err` tells which is broken.
    fn check(&self, expected: &Expected) -> Result<(), String> {
        let sum = |parts: &[(PartitionId, ConnectorId, u64)], id| -> u64 {
            parts.iter().filter(|part| part.1 == id).map(|part| part.2).sum()
        };
        for id in &expected.connectors {
            let connector = self.connector(*id);
            let closing = self.partitions.values();
            let closing = closing.filter(|partition| partition.connector == *id);
            let closing = closing.filter(|partition| partition.closing).map(|p| p.open).sum();
            let fixed = expected.fixed.iter().filter(|part| part.0 == *id).map(|part| part.1).sum();
            let held = Held {
                open: sum(&expected.open, *id),
                in_flight: sum(&expected.in_flight, *id),
                fixed,
                closing,
            };
            if connector.held != held {
                return Err(format!("{:?} is accounted as {:?}", held, connector.held));
            }
        }
        if self.held.used() != expected.used() {
            return Err("the connectors' sums are not the whole".to_owned());
        }
        if self.partitions.values().any(|partition| partition.closing && partition.open == 0) {
            return Err("an object is named that is not open".to_owned());
        }
        self.check_lines(expected)
    }

    /// Nobody waits without something being on its way to end it.
    fn check_lines(&self, expected: &Expected) -> Result<(), String> {
        let lines = || expected.connectors.iter().map(|id| (id, &self.connector(*id).line));
        let someone_is_called = lines().any(|(_, line)| line.anyone_called());
        for (id, line) in lines() {
            line.check()?;
            let Some((partition, growth)) = line.head_not_called() else { continue };
            if someone_is_called {
                // Looks again, and that has the next one called.
                continue;
            }
            if self.standing(self.partition(partition)).admits(growth) {
                return Err(format!("{partition:?} waits though there is room"));
            }
            if self.connector(*id).held.under_way() == 0 {
                return Err(format!("{partition:?} waits and nothing is under way"));
            }
        }
        Ok(())
    }
}

impl Line {
    fn anyone_called(&self) -> bool {
        self.waiting.values().any(|waiting| waiting.called)
    }

    fn head_not_called(&self) -> Option<(PartitionId, u64)> {
        let head = self.waiting.values().next()?;
        (!head.called).then_some((head.partition, head.growth))
    }

    fn check(&self) -> Result<(), String> {
        let wanted: u64 = self.waiting.values().map(|waiting| waiting.growth).sum();
        (wanted == self.wanted()).then_some(()).ok_or_else(|| "wanted is another sum".to_owned())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn after_any_operations_the_accounts_are_right_and_nobody_waits_for_nothing(
        operations in proptest::collection::vec(operation(), 0..150),
    ) {
        let mut budget = Budget::new(TOTAL);
        let connectors = ["a", "b", "c"].map(|name| budget.register(name)).to_vec();
        let mut expected =
            Expected { connectors, open: vec![], in_flight: vec![], fixed: vec![] };
        for operation in &operations {
            let carried_out = expected.carry_out(&mut budget, operation);
            prop_assert_eq!(carried_out.and_then(|()| budget.check(&expected)), Ok(()));
        }
        // When all is given back nothing is used.
        for (id, _, _) in std::mem::take(&mut expected.open) {
            budget.remove_partition(id);
        }
        for (id, connector, bytes) in std::mem::take(&mut expected.in_flight) {
            budget.resize_in_flight(connector, id, bytes, 0);
        }
        for (connector, bytes) in std::mem::take(&mut expected.fixed) {
            budget.release_fixed(connector, bytes);
        }
        prop_assert_eq!(budget.check(&expected), Ok(()));
        prop_assert_eq!(budget.usage().used(), 0);
        for connector in &expected.connectors {
            budget.unregister(*connector);
        }
        prop_assert_eq!(budget.usage(), Usage { total: TOTAL, ..Usage::default() });
    }

    #[test]
    fn the_budget_is_exceeded_by_one_record_a_connector_at_most(
        operations in proptest::collection::vec(operation(), 0..150),
    ) {
        let mut budget = Budget::new(TOTAL);
        let connectors = ["a", "b", "c"].map(|name| budget.register(name)).to_vec();
        let mut expected =
            Expected { connectors, open: vec![], in_flight: vec![], fixed: vec![] };
        // What each connector took while it held nothing, until it does again.
        let mut exceptions = BTreeMap::new();
        for operation in operations {
            if matches!(operation, Operation::Reserve(..)) {
                continue;
            }
            let before: Vec<u64> = expected.connectors.iter().map(|id| expected.held(*id)).collect();
            expected.carry_out(&mut budget, &operation).map_err(TestCaseError::fail)?;
            for (id, before) in expected.connectors.iter().zip(before) {
                match (before, expected.held(*id)) {
                    (_, 0) => { exceptions.remove(id); }
                    (0, taken) => { exceptions.insert(*id, taken); }
                    _ => {}
                }
            }
            let excess = budget.usage().used().saturating_sub(TOTAL);
            prop_assert!(excess <= exceptions.values().sum());
        }
    }
}
