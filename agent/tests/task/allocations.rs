//! What is done for each record takes no memory from the allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use kafka2oss_tests::produce::Record;

use crate::world::World;

const RECORDS: u32 = 100_000;

/// Fewer than this many records cost an allocation: with one a record or a tenth
/// of one, the test fails; those of objects, requests and wake-ups remain.
const RECORDS_PER_ALLOCATION: u64 = 20;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static COUNTS: Cell<bool> = const { Cell::new(false) };
}

/// The system's allocator; counts what is taken from it on chosen threads.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    // A thread that ends has none any more.
    if COUNTS.try_with(Cell::get).unwrap_or(false) {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: everything is the system allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as demanded of the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as demanded of the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as demanded of the caller.
        unsafe { System.realloc(start, layout, size) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: as demanded of the caller.
        unsafe { System.dealloc(start, layout) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_on_its_way_into_an_object_costs_no_allocation() -> Result<()> {
    let mut world = World::new(1).await?;
    let data = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .on_thread_start(|| COUNTS.set(true))
        .build()?;
    world.data_runtime = Some(data.handle().clone());
    let records = (0..RECORDS).map(|number| {
        Record::new(format!("{{\"number\":{number}}}")).key(format!("key {number}")).partition(0)
    });
    let produced = world.kafka.producer()?.send_all(&world.topic, records).await?;

    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let task = world.start(0).await?;
    task.delivered(&produced).await?;
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;

    assert!(allocations > 0, "none were counted");
    assert!(
        allocations * RECORDS_PER_ALLOCATION < u64::from(RECORDS),
        "{allocations} allocations for {RECORDS} records"
    );
    world.judge(&produced).await?;
    data.shutdown_background();
    Ok(())
}
