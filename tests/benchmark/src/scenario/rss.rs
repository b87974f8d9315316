//! Memory at full speed: one connector of six partitions, and twelve of them on one
//! agent, objects of 8 MiB, into MinIO.

use anyhow::Result;
use kafka2oss_tests::name::unique;
use kafka2oss_tests::resident::peak_resident_bytes;

use crate::connector::{Output, spec};
use crate::copy::copy;
use crate::deployment::Deployment;
use crate::report::{Report, mib};
use crate::statistics::median;
use crate::topics::{Codec, Content, PARTITIONS, Topic};
use crate::world::{Scale, World};

const CONNECTORS: usize = 12;

/// Enough for several objects of each partition, and not more than the disk takes
/// twelve times.
const RECORDS_OF_EACH_OF_TWELVE: u64 = 300_000;

pub(super) async fn run(world: &mut World, scale: Scale, report: &mut Report) -> Result<()> {
    let bootstrap = world.kafka.bootstrap();
    let topic = world.topic(scale, 1_000, Codec::None).await?;
    let mut peaks = Vec::new();
    for _ in 0..scale.rounds {
        let destination = world.minio_bucket().await?;
        let copied = copy(&bootstrap, &topic, &destination, Output::default()).await?;
        destination.empty().await?;
        peaks.push(mib(copied.measured.peak_rss_bytes));
    }

    let content = Content {
        value_bytes: 1_000,
        records: RECORDS_OF_EACH_OF_TWELVE,
        codec: Codec::None,
        partitions: PARTITIONS,
    };
    let topic = world.topic_of(content).await?;
    let of_twelve = mib(twelve(world, &topic).await?);

    let row = |name: &str, peak: f64| vec![name.to_owned(), format!("{peak:.0}")];
    let mut rows: Vec<_> = peaks.iter().map(|peak| row("1 connector", *peak)).collect();
    rows.push(row("12 connectors", of_twelve));
    report.table("memory of the agent, values of 1 KB", &["run", "peak RSS MiB"], rows)?;
    report.figure("rss_mib_6_partitions", median(peaks));
    report.figure("rss_mib_12_connectors", Some(of_twelve));
    Ok(())
}

/// The agent's peak while twelve connectors copy the topic at the same time.
async fn twelve(world: &World, topic: &Topic) -> Result<u64> {
    let mut deployment = Deployment::start(&world.kafka.bootstrap()).await?;
    let mut connectors = Vec::new();
    for _ in 0..CONNECTORS {
        let destination = world.minio_bucket().await?;
        let spec = spec(&topic.name, &destination, Output::default());
        let connector = deployment.create(&unique("twelve"), spec).await?;
        connectors.push((connector, destination));
    }
    for (connector, _) in &connectors {
        connector.deploy().await?;
    }
    for (connector, _) in &connectors {
        connector.delivers(topic, &mut deployment).await?;
    }
    let peak = peak_resident_bytes(deployment.agent_pid())?;
    drop(deployment);
    for (_, destination) in &connectors {
        destination.empty().await?;
    }
    Ok(peak)
}
