mod deliveries;
mod properties;

use super::*;

const MIB: u64 = 1 << 20;

/// A budget with one partition for each connector named.
fn budget(total: u64, connectors: &[&str]) -> (Budget, Vec<(ConnectorId, PartitionId)>) {
    let mut budget = Budget::new(total);
    let partitions = connectors
        .iter()
        .map(|name| {
            let connector = budget.register(name);
            (connector, budget.add_partition(connector))
        })
        .collect();
    (budget, partitions)
}

/// Grows by `step` until refused; returns what is held open then.
fn grow_until_refused(budget: &mut Budget, id: PartitionId, step: u64) -> u64 {
    let mut open = 0;
    while budget.try_grow(id, open + step) {
        open += step;
    }
    open
}

#[test]
fn one_connector_alone_may_use_two_thirds() {
    let (mut budget, partitions) = budget(96 * MIB, &["a"]);
    let held = grow_until_refused(&mut budget, partitions[0].1, MIB);
    assert_eq!(held, 64 * MIB);
}

#[test]
fn a_connector_whose_store_hangs_leaves_others_a_working_share() {
    // Given a connector with so many partitions that their minimums alone
    // would fill the budget, all of whose objects hang.
    let mut budget = Budget::new(96 * MIB);
    let hanging = budget.register("hanging");
    let many: Vec<PartitionId> = (0..3_000).map(|_| budget.add_partition(hanging)).collect();
    for id in &many[..10] {
        grow_until_refused(&mut budget, *id, MIB);
        budget.close(*id);
    }
    for id in &many {
        if !budget.try_grow(*id, 64 << 10) {
            grow_until_refused(&mut budget, *id, 100);
        }
        budget.close(*id);
    }
    // When another one comes.
    let connector = budget.register("working");
    let id = budget.add_partition(connector);
    // Then it can work.
    let held = grow_until_refused(&mut budget, id, MIB);
    assert!(held >= 96 * MIB / 8, "{held}");
}

#[test]
fn a_refused_connector_closes_its_own_largest_objects_and_no_more_than_needed() {
    let mut budget = Budget::new(96 * MIB);
    let [a, b] = ["a", "b"].map(|name| budget.register(name));
    let other = budget.add_partition(b);
    assert!(budget.try_grow(other, 30 * MIB));
    let ids = [5, 20, 10].map(|size| {
        let id = budget.add_partition(a);
        assert!(budget.try_grow(id, size * MIB));
        id
    });
    assert!(!budget.try_grow(ids[0], 25 * MIB));
    assert_eq!(budget.take_calls(), vec![ids[1]]);
    assert!(budget.should_close(ids[1]));
    assert!([ids[0], ids[2], other].iter().all(|id| !budget.should_close(*id)));
    // Once it is in flight nothing else is named for the same need.
    assert_eq!(budget.close(ids[1]), 20 * MIB);
    assert!(!budget.should_close(ids[1]));
    assert_eq!(budget.take_calls(), vec![]);
    // Delivery, not closing, makes room.
    budget.resize_in_flight(a, ids[1], 20 * MIB, 0);
    assert_eq!(budget.take_calls(), vec![ids[0]]);
    assert!(budget.try_grow(ids[0], 25 * MIB));
}

#[test]
fn others_objects_are_closed_where_ones_own_are_not_enough() {
    let (mut budget, partitions) = budget(96 * MIB, &["a", "b"]);
    let [a, b] = [partitions[0].1, partitions[1].1];
    assert!(budget.try_grow(a, MIB));
    assert!(budget.try_grow(b, 60 * MIB));
    assert_eq!(budget.take_calls(), vec![]);
    assert!(!budget.try_grow(a, 40 * MIB));
    assert_eq!(budget.take_calls(), vec![a, b]);
}

#[test]
fn others_objects_stay_open_where_closing_them_would_not_do() {
    let (mut budget, partitions) = budget(96 * MIB, &["a", "b"]);
    let [a, b] = [partitions[0].1, partitions[1].1];
    assert!(budget.try_grow(a, MIB));
    assert!(budget.try_grow(b, 40 * MIB));
    assert!(!budget.try_grow(a, 90 * MIB));
    assert_eq!(budget.take_calls(), vec![a]);
}

#[test]
fn above_three_quarters_the_largest_objects_are_closed_though_nobody_is_refused() {
    let (mut budget, partitions) = budget(96 * MIB, &["a", "b"]);
    let [a, b] = [partitions[0].1, partitions[1].1];
    assert!(budget.try_grow(a, 50 * MIB));
    assert!(budget.try_grow(b, 22 * MIB));
    assert_eq!(budget.take_calls(), vec![]);
    assert!(budget.try_grow(b, 22 * MIB + 1));
    assert_eq!(budget.take_calls(), vec![a]);
}

#[test]
fn fixed_parts_beyond_the_budget_leave_each_connector_one_batch_at_a_time() {
    let (mut budget, partitions) = budget(MIB, &["a", "b"]);
    let (connector, id) = partitions[0];
    budget.reserve_fixed(connector, 2 * MIB);
    for (_, id) in &partitions {
        assert!(budget.try_grow(*id, 1_000));
        assert!(!budget.try_grow(*id, 1_001));
        assert!(budget.should_close(*id));
    }
    let bytes = budget.close(id);
    budget.resize_in_flight(connector, id, bytes, 0);
    assert!(budget.try_grow(id, 1_000));
    budget.release_fixed(connector, 2 * MIB);
    assert!(budget.try_grow(id, 2_000));
}

#[test]
fn nobody_of_its_connector_overtakes_a_partition_that_waits_for_its_first_record() {
    let (mut budget, partitions) = budget(96 * MIB, &["a", "b"]);
    let ((a, small), (_, other)) = (partitions[0], partitions[1]);
    let large = budget.add_partition(a);
    assert!(budget.try_grow(small, MIB));
    // Given a record larger than the budget, refused beside what is held.
    assert!(!budget.try_grow(large, 200 * MIB));
    // Then small ones of its connector wait, others do not.
    assert!(!budget.try_grow(small, 2 * MIB));
    assert!(budget.try_grow(other, MIB));
    assert!(budget.should_close(small));
    // When its connector holds nothing more it is called, and it alone.
    let bytes = budget.close(small);
    assert!(!budget.try_grow(small, 1));
    budget.take_calls();
    budget.resize_in_flight(a, small, bytes, 0);
    assert_eq!(budget.take_calls(), vec![large]);
    assert!(budget.try_grow(large, 200 * MIB));
}

#[test]
fn those_who_wait_for_their_first_record_are_called_one_after_the_other() {
    let (mut budget, partitions) = budget(96 * MIB, &["a"]);
    let (a, full) = partitions[0];
    assert!(budget.try_grow(full, 64 * MIB));
    let bytes = budget.close(full);
    let waiting = [budget.add_partition(a), budget.add_partition(a)];
    assert!(waiting.iter().all(|id| !budget.try_grow(*id, MIB)));
    budget.take_calls();
    budget.resize_in_flight(a, full, bytes, 0);
    assert_eq!(budget.take_calls(), vec![waiting[0]]);
    assert!(budget.try_grow(waiting[0], MIB));
    assert_eq!(budget.take_calls(), vec![waiting[1]]);
}

#[test]
fn who_withdraws_closes_or_goes_lets_the_next_one_pass() {
    for way in ["withdraws", "closes", "goes"] {
        let (mut budget, partitions) = budget(96 * MIB, &["a"]);
        let (a, small) = partitions[0];
        let large = budget.add_partition(a);
        assert!(budget.try_grow(small, MIB));
        assert!(!budget.try_grow(large, 200 * MIB));
        assert!(!budget.try_grow(small, 2 * MIB));
        budget.take_calls();
        match way {
            "withdraws" => budget.withdraw(large),
            "closes" => assert_eq!(budget.close(large), 0),
            _ => budget.remove_partition(large),
        }
        assert_eq!(budget.take_calls(), vec![small], "{way}");
        assert!(budget.try_grow(small, 2 * MIB), "{way}");
    }
}

#[test]
fn a_release_calls_only_as_many_as_it_has_room_for_in_the_order_of_their_refusal() {
    // Given ten partitions that wait with an open object for one more MiB.
    let mut budget = Budget::new(96 * MIB);
    let a = budget.register("a");
    let full = budget.add_partition(a);
    let ids: Vec<PartitionId> = (0..10).map(|_| budget.add_partition(a)).collect();
    for id in &ids {
        assert!(budget.try_grow(*id, MIB));
    }
    let bytes = grow_until_refused(&mut budget, full, MIB);
    budget.close(full);
    for id in &ids {
        assert!(!budget.try_grow(*id, 2 * MIB));
    }
    budget.take_calls();
    // When there is room for three.
    budget.resize_in_flight(a, full, bytes, bytes - 3 * MIB);
    // Then three are called, and no one twice.
    assert_eq!(budget.take_calls(), ids[..3]);
    budget.resize_in_flight(a, full, bytes - 3 * MIB, bytes - 4 * MIB);
    assert_eq!(budget.take_calls(), ids[3..4]);
    for id in &ids[..4] {
        assert!(budget.try_grow(*id, 2 * MIB));
    }
    assert_eq!(budget.take_calls(), vec![]);
}

#[test]
fn a_connector_is_the_same_by_name_until_its_last_registration_ends() {
    let mut budget = Budget::new(MIB);
    let a = budget.register("a");
    assert_eq!(budget.register("a"), a);
    assert_ne!(budget.register("b"), a);
    budget.unregister(a);
    assert!(budget.usage().connectors.contains_key("a"));
    budget.unregister(a);
    assert!(!budget.usage().connectors.contains_key("a"));
}
