//! Brokers that have lost records and given their offsets to others.

use std::ops::Range;

use anyhow::Result;
use kafka2oss_agent::task::{PartitionState, StopMode};
use kafka2oss_domain::ErrorCode;
use kafka2oss_sandbox::oss::{Fault, Occurrence, Operation, RequestMatch};
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};
use kafka2oss_tests::produce::{Produced, numbered};

use crate::checkpoints::nobody_can_tell;
use crate::world::{LIMIT, World};

impl World {
    /// A world on this broker, with ten records in it.
    async fn with_ten(kafka: &KafkaServer) -> Result<(Self, Vec<Produced>)> {
        let world = Self::on(kafka.access(), 1, &[]).await?;
        let produced = world.produce(0..10).await?;
        Ok((world, produced))
    }

    async fn produce(&self, numbers: Range<u64>) -> Result<Vec<Produced>> {
        self.kafka.producer()?.send_all(&self.topic, numbered("v", numbers, 1)).await
    }

    /// The task delivers these records, then leaves the group.
    async fn deliver(&self, produced: &[Produced]) -> Result<()> {
        let task = self.start(0).await?;
        task.delivered(produced).await?;
        task.handle.stop(StopMode::Leave).await;
        Ok(())
    }

    /// The task announces an object of these records, with a checkpoint, and is gone
    /// before it puts that.
    async fn announce(&self, numbers: Range<u64>) -> Result<()> {
        let put = RequestMatch::operation(Operation::PutObject);
        let refuse = Fault::Refuse { status: 503, code: "ServiceUnavailable".into() };
        let refused = self.oss.faults().inject(put, refuse, Occurrence::Always);
        self.produce(numbers).await?;
        let task = self.start(0).await?;
        task.partition("it tries", 0, |seen| seen.state == PartitionState::Retrying).await?;
        drop(task);
        refused.remove();
        Ok(())
    }

    /// The task puts the first object and is gone before it commits that.
    async fn put_only(&self) -> Result<()> {
        let put = RequestMatch::operation(Operation::PutObject);
        let hold = self.oss.faults().hold_after(put);
        let task = self.start(0).await?;
        tokio::time::timeout(LIMIT, hold.held()).await?;
        drop(task);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_in_the_place_of_those_that_were_read_stop_the_partition_at_each_start()
-> Result<()> {
    let mut kafka = KafkaServer::start(KafkaOptions::default()).await?;
    let (committed, of_committed) = World::with_ten(&kafka).await?;
    committed.deliver(&of_committed).await?;
    let (adopted, of_adopted) = World::with_ten(&kafka).await?;
    adopted.put_only().await?;
    let (recovered, of_recovered) = World::with_ten(&kafka).await?;
    recovered.deliver(&of_recovered).await?;
    recovered.announce(10..20).await?;
    recovered.forget_offsets().await?;
    let (short, of_short) = World::with_ten(&kafka).await?;
    short.deliver(&of_short).await?;
    let (intact, mut of_intact) = World::with_ten(&kafka).await?;
    intact.deliver(&of_intact).await?;

    kafka.stop().await?;
    for lost in [&committed, &adopted, &recovered, &short] {
        kafka.lose_log(&lost.topic, 0)?;
    }
    kafka.start_again().await?;
    // Beyond the positions: nothing is out of range.
    for world in [&committed, &adopted, &recovered] {
        world.produce(10..40).await?;
    }
    short.produce(0..8).await?;
    of_intact.extend(intact.produce(10..40).await?);

    for (world, produced) in [
        (&committed, of_committed),
        (&adopted, of_adopted),
        (&recovered, of_recovered),
        (&short, of_short),
    ] {
        for _ in 0..2 {
            let task = world.start_with(0, nobody_can_tell()).await?;
            let problem = task.stopped().await?;
            assert_eq!(problem.code, ErrorCode::KafkaLogTruncated, "{problem}");
            task.handle.stop(StopMode::Leave).await;
        }
        world.arrived(&produced).await?;
    }
    let task = intact.start(0).await?;
    let seen = task.delivered(&of_intact).await?;
    assert_eq!(seen.partitions[&0].state, PartitionState::Running);
    task.handle.stop(StopMode::Leave).await;
    intact.arrived(&of_intact).await?;
    Ok(())
}
