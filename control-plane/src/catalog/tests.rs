use std::future::Future;
use std::task::{Context, Waker};

use futures::future::join_all;
use tempfile::TempDir;

use super::*;
use crate::store::OnLoss;

const NAME: &str = "a";

async fn catalog() -> (Arc<Catalog>, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), OnLoss::Refuse).expect("opened");
    (Arc::new(Catalog::load(store).expect("read")), folder)
}

/// The agent as it is in memory, and as it is on disk.
fn capacities(catalog: &Catalog) -> (i32, i32) {
    let seen = catalog.agents().into_iter().find(|(id, _)| id == NAME);
    let stored = catalog.store.get::<Agents>(NAME).expect("read");
    (seen.map_or(0, |(_, record)| record.capacity), stored.map_or(0, |record| record.capacity))
}

/// Reads, decides, and writes, as everything does that changes a record.
async fn raise(catalog: &Catalog) -> Result<(), StoreError> {
    let _lock = catalog.lock(NAME).await;
    let (capacity, _) = capacities(catalog);
    let record = AgentRecord { capacity: capacity + 1, ..AgentRecord::default() };
    catalog.apply(vec![Change::Agent(NAME.to_owned(), Some(Arc::new(record)))]).await
}

/// Polls it so often, or until it ends.
fn drop_after(polls: u32, future: impl Future) {
    let mut future = Box::pin(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..polls {
        if future.as_mut().poll(&mut context).is_ready() {
            return;
        }
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn whenever_a_caller_is_dropped_memory_is_as_the_disk_and_no_change_is_lost() {
    let (catalog, _folder) = catalog().await;
    for round in 0..20 {
        for polls in 0..5 {
            let (before, _) = capacities(&catalog);
            drop_after(polls, raise(&catalog));
            // Whoever has the lock next sees what has been written, whoever wrote it.
            let _lock = catalog.lock(NAME).await;
            let (seen, stored) = capacities(&catalog);
            assert_eq!(seen, stored, "round {round}, {polls} polls");
            assert!(seen <= before + 1, "{seen} after {before}");
            // At the first poll the write is queued.
            assert_eq!(seen, before + i32::from(polls > 0), "round {round}, {polls} polls");
        }
    }
}

#[tokio::test]
async fn of_many_writers_of_whom_some_are_dropped_each_builds_on_the_one_before() {
    let (catalog, _folder) = catalog().await;
    let writers = (0..200).map(|number| {
        let catalog = Arc::clone(&catalog);
        async move {
            if number % 2 == 0 {
                // It is dropped somewhere between its first poll and its end.
                let raised = raise(&catalog);
                tokio::select! {
                    biased;
                    _ = raised => {}
                    () = pause(number) => {}
                }
                0
            } else {
                raise(&catalog).await.expect("applied");
                1
            }
        }
    });
    let whole: i32 = join_all(writers).await.into_iter().sum();
    let _lock = catalog.lock(NAME).await;
    let (seen, stored) = capacities(&catalog);
    assert_eq!(seen, stored);
    assert!((whole..=200).contains(&seen), "{seen} of at least {whole}");
}

async fn pause(number: u32) {
    for _ in 0..number {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_shared_lock_of_a_caller_that_was_dropped_holds_until_its_write_has_ended() {
    let (catalog, _folder) = catalog().await;
    for _ in 0..20 {
        drop_after(1, async {
            let _parent = catalog.lock_shared("parent").await;
            raise(&catalog).await
        });
        let _parent = catalog.lock("parent").await;
        let (seen, stored) = capacities(&catalog);
        assert_eq!(seen, stored);
    }
}

#[tokio::test]
async fn the_oldest_request_ids_go_where_there_are_too_many() {
    let (catalog, _folder) = catalog().await;
    let of = |key: &str, seconds| {
        let create_time = Some(prost_types::Timestamp { seconds, nanos: 0 });
        let record = RequestIdRecord { create_time, ..RequestIdRecord::default() };
        Change::RequestId(key.to_owned(), Some(Arc::new(record)))
    };
    let keys = |changes: &[Change]| -> Vec<String> {
        let key = |change: &Change| match change {
            Change::RequestId(key, None) => key.clone(),
            other => panic!("{other:?}"),
        };
        changes.iter().map(key).collect()
    };
    catalog.apply(vec![of("b", 1), of("a", 2), of("c", 3)]).await.expect("applied");
    assert!(catalog.request_ids_beyond(4).is_empty());
    assert_eq!(keys(&catalog.expired_request_ids()), ["b", "a", "c"]);
    let oldest = catalog.request_ids_beyond(2);
    assert_eq!(keys(&oldest), ["b", "a"]);
    catalog.apply(oldest).await.expect("applied");
    catalog.apply(vec![of("c", 5), of("d", 4)]).await.expect("applied");
    assert_eq!(keys(&catalog.request_ids_beyond(1)), ["d", "c"]);
}
