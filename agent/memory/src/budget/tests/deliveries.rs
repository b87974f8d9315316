//! Partitions that fill and deliver objects over one budget, in any order.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

/// One partition's loop, as the handle's documentation asks it to be: one
/// delivery at a time, a look at both questions after each call.
#[derive(Debug)]
struct Loop {
    connector: ConnectorId,
    id: PartitionId,
    records: VecDeque<u64>,
    open: u64,
    delivering: Option<u64>,
    /// It was refused, and not called since.
    waits: bool,
}

impl Loop {
    fn is_done(&self) -> bool {
        self.records.is_empty() && self.open == 0 && self.delivering.is_none()
    }

    /// Whether it can do anything of its own. Time never closes an object here;
    /// only the end of the records does.
    fn can_act(&self, budget: &Budget) -> bool {
        let can_close = self.open > 0
            && self.delivering.is_none()
            && (self.records.is_empty() || budget.should_close(self.id));
        can_close || !self.records.is_empty() && !self.waits
    }

    fn act(&mut self, budget: &mut Budget) {
        let due = self.records.is_empty() || budget.should_close(self.id);
        if due && self.open > 0 && self.delivering.is_none() {
            self.delivering = Some(budget.close(self.id));
            self.open = 0;
            self.waits = false;
        } else if let Some(record) = self.records.front() {
            let admitted = budget.try_grow(self.id, self.open + record);
            self.waits = !admitted;
            if admitted {
                self.open += record;
                self.records.pop_front();
            }
        }
    }
}

/// Lets the loops run until those that do not hang are done or nobody can do
/// anything more. `order` tells who is next.
fn run(budget: &mut Budget, loops: &mut [Loop], hanging: &[ConnectorId], order: &[usize]) {
    let mut order = order.iter().cycle();
    loop {
        let able: Vec<usize> = (0..loops.len())
            .filter(|at| {
                let partition = &loops[*at];
                let delivers =
                    partition.delivering.is_some() && !hanging.contains(&partition.connector);
                delivers || partition.can_act(budget)
            })
            .collect();
        if able.is_empty() {
            return;
        }
        let turn = *order.next().expect("a cycle of at least one");
        let partition = &mut loops[able[turn % able.len()]];
        let delivers = !hanging.contains(&partition.connector);
        match partition.delivering {
            Some(bytes) if delivers && (turn.is_multiple_of(3) || !partition.can_act(budget)) => {
                budget.resize_in_flight(partition.connector, partition.id, bytes, 0);
                partition.delivering = None;
            }
            _ => partition.act(budget),
        }
        for id in budget.take_calls() {
            if let Some(called) = loops.iter_mut().find(|partition| partition.id == id) {
                called.waits = false;
            }
        }
    }
}

fn records() -> impl Strategy<Value = Vec<u64>> {
    // Some larger than the threshold of an idle budget, some than the budget.
    proptest::collection::vec(
        prop_oneof![8 => 1_u64..200, 3 => 1_u64..2_000, 1 => 5_000_u64..15_000],
        0..30,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn connectors_that_deliver_get_through_beside_those_that_never_do(
        partitions in proptest::collection::vec((0_usize..4, records()), 1..12),
        hanging_ones in 0_usize..4,
        fixed in proptest::collection::vec(0_u64..4_000, 4),
        order in proptest::collection::vec(0_usize..1_000, 1..200),
    ) {
        let mut budget = Budget::new(10_000);
        let connectors = ["a", "b", "c", "d"].map(|name| budget.register(name));
        for (connector, bytes) in connectors.iter().zip(fixed) {
            budget.reserve_fixed(*connector, bytes);
        }
        let hanging = &connectors[..hanging_ones];
        let mut loops: Vec<Loop> = partitions
            .into_iter()
            .map(|(connector, records)| Loop {
                connector: connectors[connector],
                id: budget.add_partition(connectors[connector]),
                records: records.into(),
                open: 0,
                delivering: None,
                waits: false,
            })
            .collect();

        run(&mut budget, &mut loops, hanging, &order);

        for partition in loops.iter().filter(|partition| !hanging.contains(&partition.connector)) {
            prop_assert!(partition.is_done(), "{partition:?}");
        }
    }
}
