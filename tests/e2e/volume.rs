//! Many records, while more are coming.

use anyhow::{Context, Result};
use kafka2oss_proto::v1;
use kafka2oss_tests::produce::{Producer, numbered};
use kafka2oss_tests::wait::eventually;

use crate::deployment::{LIMIT, Settings};
use crate::spec::Parts;
use crate::world::World;

const PARTITIONS: i32 = 12;
const RECORDS: u64 = 200_000;
const AT_ITS_START: u64 = 60_000;

#[tokio::test(flavor = "multi_thread")]
async fn every_record_of_twelve_partitions_stands_in_the_objects_once_and_the_lag_returns_to_0()
-> Result<()> {
    let settings = Settings { agents: 2, ..Settings::default() };
    let world = World::with(PARTITIONS, settings).await?;
    let connector = world
        .connector_with(|spec| {
            spec.source().thread_concurrency = Some(12);
            spec.rotation().max_records = Some(5_000);
        })
        .await?;

    // Some come while it starts, most while both tasks run.
    let producer = Producer::new(&world.bootstrap)?;
    let first = producer.send_all(&world.topic, numbered("r", 0..AT_ITS_START, PARTITIONS));
    let (first, running) = tokio::join!(first, connector.run_spread(12));
    let (mut produced, running) = (first?, running?);
    let rest = numbered("r", AT_ITS_START..RECORDS, PARTITIONS);
    produced.extend(producer.send_all(&world.topic, rest).await?);

    connector.delivered(&produced).await?;
    world.judge(&produced).await?;
    assert_eq!(produced.len() as u64, RECORDS);
    let progress = eventually("the lag is 0", LIMIT, async || {
        let progress = connector.progress().await?;
        let ended = progress.partitions.iter().filter(|p| p.lag == Some(0)).count();
        anyhow::ensure!(progress.total_lag == 0 && ended == 12, "{progress:?}");
        Ok(Some(progress))
    })
    .await?;
    let ends = world.admin()?.end_offsets(&world.topic).await?;
    for (number, partition) in progress.partitions.iter().enumerate() {
        let end = Some(ends[&partition.partition]);
        assert_eq!(usize::try_from(partition.partition)?, number, "in the order of partitions");
        assert_eq!((partition.end_offset, partition.committed_offset), (end, end));
        assert_eq!(partition.position, end);
        assert_eq!(partition.state(), v1::PartitionState::Running);
        assert!(!partition.last_object.is_empty() && partition.last_consumed_time.is_some());
    }
    // Both agents take part, with the same number of partitions.
    for agent in ["agents/agent-0", "agents/agent-1"] {
        let owned = progress.partitions.iter().filter(|partition| partition.agent == agent);
        assert_eq!(owned.count(), 6, "{agent}: {progress:?}");
    }
    let status = connector.get().await?.status.context("a status")?;
    let totals = status.totals.context("totals")?;
    assert_eq!(totals.records, RECORDS.cast_signed());
    assert_eq!(totals.objects, world.bucket.keys(&world.topic).await?.len() as i64);
    let guarantee = running.status.context("a status")?.delivery_guarantee();
    assert_eq!(guarantee, v1::DeliveryGuarantee::ExactlyOnce);
    Ok(())
}
