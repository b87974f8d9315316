//! The handles, used by many tasks on several threads.

use std::time::Duration;

use kafka2oss_memory::{ConnectorMemory, InFlight, MemoryBudget, PartitionMemory, Usage};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

const KIB: u64 = 1 << 10;
/// Ends a test that would hang; nothing is synchronized by it.
const HANGS: Duration = Duration::from_secs(60);

/// Fills objects with `records` of `bytes` each, and hands them to deliveries;
/// memory alone closes objects before the end.
async fn fill(memory: PartitionMemory, records: u64, bytes: u64, store: mpsc::Sender<InFlight>) {
    let mut open = 0;
    for _ in 0..records {
        while !memory.try_grow(open + bytes) {
            memory.changed().await;
            if memory.should_close() {
                let _ = store.send(memory.close()).await;
                open = 0;
            }
        }
        open += bytes;
    }
    let _ = store.send(memory.close()).await;
}

/// Partitions of one connector, each of them filled by a task of its own.
fn fill_all(tasks: &mut JoinSet<()>, connector: &ConnectorMemory, store: &mpsc::Sender<InFlight>) {
    for partition in 0..20 {
        tasks.spawn(fill(connector.partition(), 300, KIB + partition, store.clone()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn connectors_that_deliver_end_beside_one_that_hangs_and_give_everything_back() {
    // Given a budget that holds a fraction of what is to be moved.
    let budget = MemoryBudget::new(1024 * KIB);
    let mut delivering = JoinSet::new();
    let mut filling = JoinSet::new();
    for name in ["a", "b"] {
        let (store, mut objects) = mpsc::channel(1_000);
        let connector = budget.connector(name);
        fill_all(&mut filling, &connector, &store);
        delivering.spawn(async move {
            while let Some(mut object) = objects.recv().await {
                object.resize(object.bytes() / 2);
                tokio::task::yield_now().await;
            }
        });
    }
    // And a connector whose objects stay where they are.
    let mut hanging = JoinSet::new();
    let (store, stuck) = mpsc::channel(1_000);
    let connector = budget.connector("hanging");
    fill_all(&mut hanging, &connector, &store);

    // When the others have moved everything.
    timeout(HANGS, async {
        filling.join_all().await;
        delivering.join_all().await;
    })
    .await
    .expect("those that deliver end");

    // Then only what hangs is held, and it is within the budget.
    let usage = budget.usage();
    assert_eq!(usage.connectors.keys().collect::<Vec<_>>(), ["hanging"]);
    assert!((1..=1024 * KIB).contains(&usage.used()), "{usage:?}");

    // When it ends, nothing is.
    hanging.shutdown().await;
    drop((connector, store, stuck));
    assert_eq!(budget.usage(), Usage { total: 1024 * KIB, ..Usage::default() });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn room_that_comes_back_between_the_refusal_and_the_wait_is_not_missed() {
    let budget = MemoryBudget::new(900 * KIB);
    let connector = budget.connector("a");
    let [full, waiting] = [connector.partition(), connector.partition()];
    assert!(full.try_grow(600 * KIB));
    let in_flight = full.close();
    assert!(!waiting.try_grow(100 * KIB));
    // Given that another thread gives it back before anyone waits.
    tokio::task::spawn_blocking(move || drop(in_flight)).await.expect("dropping does not panic");
    // Then the wait returns, even if one that came first was given up.
    drop(waiting.changed());
    timeout(HANGS, waiting.changed()).await.expect("the call is kept");
    assert!(waiting.try_grow(100 * KIB));
}

#[tokio::test]
async fn pressure_wakes_the_partition_whose_object_is_to_be_closed() {
    let budget = MemoryBudget::new(900 * KIB);
    let connector = budget.connector("a");
    let [large, small] = [connector.partition(), connector.partition()];
    assert!(large.try_grow(500 * KIB) && small.try_grow(100 * KIB));
    assert!(!large.should_close());
    assert!(!small.try_grow(101 * KIB));
    timeout(HANGS, large.changed()).await.expect("it is woken");
    assert!(large.should_close() && !small.should_close());
    drop(large.close());
    assert!(!large.should_close());
    timeout(HANGS, small.changed()).await.expect("it is woken");
    assert!(small.try_grow(101 * KIB));
}

#[test]
fn every_handle_gives_back_what_it_stands_for() {
    let budget = MemoryBudget::new(900 * KIB);
    let connector = budget.connector("a");
    let fixed = connector.reserve_fixed(KIB);
    let partition = connector.partition();
    assert!(partition.try_grow(10 * KIB));
    let mut in_flight = partition.close();
    assert!(partition.try_grow(5 * KIB));
    in_flight.resize(4 * KIB);
    let parts = |usage: &Usage| (usage.open, usage.in_flight, usage.fixed, usage.used());
    assert_eq!((fixed.bytes(), in_flight.bytes()), (KIB, 4 * KIB));
    assert_eq!(parts(&budget.usage()), (5 * KIB, 4 * KIB, KIB, 10 * KIB));
    // An object under way outlives its partition, and keeps the connector known.
    drop(partition);
    drop(connector);
    assert_eq!(parts(&budget.usage()), (0, 4 * KIB, KIB, 5 * KIB));
    assert_eq!(budget.usage().connectors["a"].in_flight, 4 * KIB);
    drop(in_flight);
    assert_eq!(parts(&budget.usage()), (0, 0, KIB, KIB));
    drop(fixed);
    assert_eq!(budget.usage(), Usage { total: 900 * KIB, ..Usage::default() });
}

#[test]
fn the_same_name_is_the_same_part_of_the_budget() {
    let budget = MemoryBudget::new(900 * KIB);
    let (first, second) = (budget.connector("a"), budget.connector("a"));
    let partitions = [first.partition(), second.partition()];
    assert!(partitions[0].try_grow(600 * KIB));
    assert!(!partitions[1].try_grow(64 * KIB));
    assert_eq!(budget.usage().connectors["a"].waiting, 1);
    partitions[1].withdraw();
    assert_eq!(budget.usage().connectors["a"].waiting, 0);
    drop(first);
    assert_eq!(budget.usage().connectors["a"].open, 600 * KIB);
}
