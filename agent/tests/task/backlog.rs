//! A partition that has much to be read, beside others that have nothing.

use anyhow::Result;
use kafka2oss_agent::task::{Guidance, Mode, StopMode, TaskState};
use kafka2oss_memory::MemoryBudget;
use kafka2oss_tests::produce::Record;

use crate::world::World;

/// Bytes of a value, and how many are far more than librdkafka fetches ahead.
const VALUE_BYTES: usize = 5_000;
const VALUES: usize = 12_000;

/// So much that little is fetched ahead: half a MiB of each partition.
const BUDGET_BYTES: u64 = 48 << 20;

fn values() -> impl Iterator<Item = Record> {
    let padding = "v".repeat(VALUE_BYTES);
    (0..VALUES).map(move |number| Record::new(format!("{number} {padding}")).partition(0))
}

/// librdkafka has one fetch a broker under way. While that waits for the empty
/// partitions, nothing is fetched of the one whose queue was full when it was sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_waits_for_empty_partitions_is_made_anew() -> Result<()> {
    let mut world = World::new(3).await?;
    world.memory = MemoryBudget::new(BUDGET_BYTES);
    let task = world.start_in(0, Mode::Pause).await?;
    task.sees("it is paused", |seen| seen.state == TaskState::Paused).await?;
    let produced = world.kafka.producer()?.send_all(&world.topic, values()).await?;

    task.handle.guide(Guidance::of_mode(Mode::Run));
    task.sees("it runs", |seen| seen.state == TaskState::Running).await?;
    let seen = task.sees("it is made anew", |seen| seen.state == TaskState::Starting).await?;
    assert!(seen.totals.records < VALUES as u64, "it was done before: {:?}", seen.totals);
    task.delivered(&produced).await?;

    world.judge(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_starts_with_a_backlog_reads_it_with_its_first_consumer() -> Result<()> {
    let mut world = World::new(3).await?;
    world.memory = MemoryBudget::new(BUDGET_BYTES);
    let produced = world.kafka.producer()?.send_all(&world.topic, values()).await?;
    let task = world.start(0).await?;
    let mut snapshots = task.handle.snapshot();
    task.sees("it runs", |seen| seen.state == TaskState::Running).await?;

    tokio::select! {
        delivered = task.delivered(&produced) => delivered?,
        again = snapshots.wait_for(|seen| seen.state != TaskState::Running) => {
            anyhow::bail!("another consumer: {:?}", again?.state);
        }
    };
    world.judge(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}
