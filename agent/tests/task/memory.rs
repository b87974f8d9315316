//! Tasks stay within their memory.

use std::time::Duration;

use anyhow::Result;
use kafka2oss_agent::task::{StopMode, TaskState};
use kafka2oss_memory::MemoryBudget;
use kafka2oss_proto::v1;
use kafka2oss_sandbox::oss::{Operation, RequestMatch};
use kafka2oss_tests::produce::Record;
use kafka2oss_tests::wait::eventually;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::world::{LIMIT, World};

const BUDGET: u64 = 64 << 20;
const RECORD: usize = 200 << 10;
const PARTITIONS: i32 = 4;

/// The highest usage, looked at again and again until the first is dropped.
fn highest(memory: MemoryBudget) -> (AbortOnDropHandle<()>, watch::Receiver<u64>) {
    let (sender, most_used) = watch::channel(0);
    let mut pace = tokio::time::interval(Duration::from_millis(2));
    let looks = tokio::spawn(async move {
        loop {
            let used = memory.usage().used();
            sender.send_modify(|most| *most = used.max(*most));
            pace.tick().await;
        }
    });
    (AbortOnDropHandle::new(looks), most_used)
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_hangs_memory_is_bounded_and_the_group_stays_as_it_is() -> Result<()> {
    let mut world = World::new(PARTITIONS).await?;
    world.memory = MemoryBudget::new(BUDGET);
    let records = (0..600).map(|index: usize| {
        let value = format!("{index:06}").repeat(RECORD / 6);
        Record::new(value).partition(index as i32 % PARTITIONS)
    });
    let produced = world.kafka.producer()?.send_all(&world.topic, records).await?;
    let puts = RequestMatch::operation(Operation::PutObject);
    let hold = world.oss.faults().hold_before(puts);
    let task = world.start(0).await?;
    let mut snapshots = task.handle.snapshot();
    let failure = tokio::spawn(async move {
        let failed = snapshots.wait_for(|seen| seen.state == TaskState::Failed).await;
        failed.ok().and_then(|seen| seen.problem.clone())
    });
    task.owns(PARTITIONS as usize).await?;

    let (highest, most_used) = highest(world.memory.clone());

    eventually("partitions wait for memory, and others for the store", LIMIT, async || {
        let usage = world.memory.usage();
        let waiting: usize = usage.connectors.values().map(|of| of.waiting).sum();
        anyhow::ensure!(waiting > 0 && usage.in_flight > 0, "{usage:?}");
        Ok(Some(()))
    })
    .await?;
    let taken = task.now().partitions.values().map(|seen| seen.position).sum::<i64>();
    assert!(taken < produced.len() as i64, "there is room for everything");
    hold.release();
    let seen = task.delivered(&produced).await?;

    // One record a partition may be above, with what its text needs besides.
    let allowed = BUDGET + PARTITIONS as u64 * (RECORD as u64 + (128 << 10));
    assert!(*most_used.borrow() <= allowed, "{} bytes", *most_used.borrow());
    drop(highest);
    assert_eq!(seen.state, TaskState::Running);
    assert_eq!(seen.totals.records, produced.len() as u64);
    world.arrived(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    assert_eq!(failure.await?, None, "the consumer was given up");
    assert_eq!(world.memory.usage().used(), 0, "{:?}", world.memory.usage());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_compressed_while_the_one_before_is_on_its_way() -> Result<()> {
    let mut world = World::new(1).await?;
    world.no_rotation();
    world.rotation().max_records = Some(10);
    world.output().compression = v1::Compression::Zstd.into();
    let records = (0..20).map(|_| Record::new("x".repeat(RECORD)).partition(0));
    let produced = world.kafka.producer()?.send_all(&world.topic, records).await?;
    let hold = world.oss.faults().hold_before(RequestMatch::operation(Operation::PutObject));
    let task = world.start(0).await?;

    task.partition("both objects are full", 0, |seen| seen.position == 20).await?;
    eventually("neither is held as it was written", LIMIT, async || {
        let usage = world.memory.usage();
        anyhow::ensure!(usage.open + usage.in_flight < RECORD as u64, "{usage:?}");
        Ok(Some(()))
    })
    .await?;
    hold.release();
    task.delivered(&produced).await?;

    let links = world.arrived(&produced).await?;
    assert_eq!(links.iter().map(|link| link.extent()).collect::<Vec<_>>(), [(0, 10), (10, 20)]);
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}
