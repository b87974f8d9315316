//! What is done for each record takes no memory from the allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use kafka2oss_agent::task::StopMode;
use kafka2oss_sandbox::oss::{Fault, Occurrence, Operation, RequestMatch};
use kafka2oss_tests::produce::Record;
use tokio::runtime::Handle;

use crate::world::World;

const RECORDS: u32 = 100_000;

/// Fewer than this many records cost an allocation: with one a record or a tenth
/// of one, the test fails; those of objects, requests and wake-ups remain.
const RECORDS_PER_ALLOCATION: u64 = 20;

/// Only contents of objects are as large, in bytes.
const LARGE: usize = 512 << 10;

/// What the threads of one test take from the allocator.
struct Counters {
    allocations: AtomicU64,
    large: AtomicU64,
}

impl Counters {
    const fn new() -> Self {
        Self { allocations: AtomicU64::new(0), large: AtomicU64::new(0) }
    }
}

thread_local! {
    static COUNTERS: Cell<Option<&'static Counters>> = const { Cell::new(None) };
}

/// The system's allocator; counts what is taken from it on chosen threads.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(bytes: usize) {
    // A thread that ends has none any more.
    if let Some(counters) = COUNTERS.try_with(Cell::get).ok().flatten() {
        counters.allocations.fetch_add(1, Ordering::Relaxed);
        if bytes >= LARGE {
            counters.large.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A runtime with one thread, whose allocations are counted, until this process
/// ends: it cannot be dropped in a test.
fn counted(counters: &'static Counters) -> Result<Handle> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .on_thread_start(|| COUNTERS.set(Some(counters)))
        .build()?;
    Ok(Box::leak(Box::new(runtime)).handle().clone())
}

// SAFETY: everything is the system allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as demanded of the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as demanded of the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
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
    static COUNTERS: Counters = Counters::new();
    let mut world = World::new(1).await?;
    world.data_runtime = Some(counted(&COUNTERS)?);
    let records = (0..RECORDS).map(|number| {
        Record::new(format!("{{\"number\":{number}}}")).key(format!("key {number}")).partition(0)
    });
    let produced = world.kafka.producer()?.send_all(&world.topic, records).await?;

    let task = world.start(0).await?;
    task.delivered(&produced).await?;
    let allocations = COUNTERS.allocations.load(Ordering::Relaxed);

    assert!(allocations > 0, "none were counted");
    assert!(
        allocations * RECORDS_PER_ALLOCATION < u64::from(RECORDS),
        "{allocations} allocations for {RECORDS} records"
    );
    world.judge(&produced).await
}

/// Where records come quicker than objects go, each object is filled into the
/// memory of the one before the last.
#[tokio::test(flavor = "multi_thread")]
async fn objects_that_follow_each_other_share_their_memory() -> Result<()> {
    static COUNTERS: Counters = Counters::new();
    const OBJECTS: u64 = 24;
    const VALUE: usize = 10_000;
    let mut world = World::new(1).await?;
    world.no_rotation();
    world.rotation().max_bytes = Some(1 << 20);
    world.data_runtime = Some(counted(&COUNTERS)?);
    let latency = Fault::Latency(Duration::from_millis(300));
    let puts = RequestMatch::operation(Operation::PutObject);
    let _latency = world.oss.faults().inject(puts, latency, Occurrence::Always);
    let value = "x".repeat(VALUE);
    let records = OBJECTS * (1 << 20) / VALUE as u64;
    let records = (0..records).map(|_| Record::new(value.as_str()).partition(0));
    let produced = world.kafka.producer()?.send_all(&world.topic, records).await?;

    let task = world.start(0).await?;
    let last = produced.iter().map(|record| record.offset).max().unwrap();
    task.partition("all is taken in", 0, |seen| seen.position > last).await?;
    task.handle.stop(StopMode::Leave).await;

    let large = COUNTERS.large.load(Ordering::Relaxed);
    assert!(large > 0, "none were counted");
    assert!(large < OBJECTS, "{large} large allocations for {OBJECTS} objects");
    world.judge(&produced).await
}
