//! Memory at full speed: one connector of six partitions, and twelve of them on one
//! agent, with the default budget and with a small one, objects of 8 MiB, into MinIO.

use anyhow::Result;
use kafka2oss_figures::report::{Report, mib};
use kafka2oss_figures::statistics::median;
use kafka2oss_tests::name::unique;
use kafka2oss_tests::resident::peak_resident_bytes;

use crate::connector::{Output, spec};
use crate::copy::{Contents, copy};
use crate::deployment::Deployment;
use crate::topics::{Codec, Content, PARTITIONS, Topic};
use crate::world::{Scale, World};

const CONNECTORS: usize = 12;

/// The small budget, in bytes.
const SMALL_BUDGET: u64 = 320 << 20;

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
        empty_partitions: 0,
    };
    let topic = world.topic_of(content).await?;
    let bootstrap = world.kafka.bootstrap();
    let small =
        twelve(world, &topic, Deployment::start_with_budget(&bootstrap, SMALL_BUDGET).await?);
    let small = small.await?;
    let default = twelve(world, &topic, Deployment::start(&bootstrap).await?).await?;

    let one = |peak: &f64| vec!["1 connector".into(), format!("{peak:.0}"), String::new()];
    let mut rows: Vec<_> = peaks.iter().map(one).collect();
    for (budget, run) in [("320 MiB", small), ("the default", default)] {
        let name = format!("12 connectors, budget: {budget}");
        rows.push(vec![name, format!("{:.0}", run.peak_mib), format!("{:.1}", run.object_mib)]);
    }
    let columns = ["run", "peak RSS MiB", "MiB an object"];
    report.table("memory of the agent, values of 1 KB", &columns, rows)?;
    report.figure("rss_mib_6_partitions", median(peaks));
    report.figure("rss_mib_12_connectors", Some(small.peak_mib));
    report.figure("rss_mib_12_connectors_default_budget", Some(default.peak_mib));
    Ok(())
}

/// What twelve connectors on one agent came to.
#[derive(Debug, Clone, Copy)]
struct Twelve {
    /// Peak of the agent's memory.
    peak_mib: f64,
    /// Mean size of the objects.
    object_mib: f64,
}

/// Has twelve connectors copy the topic at the same time.
async fn twelve(world: &World, topic: &Topic, mut deployment: Deployment) -> Result<Twelve> {
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
    let peak_mib = mib(peak_resident_bytes(deployment.agent_pid())?);
    drop(deployment);
    let (mut objects, mut bytes) = (0, 0);
    for (_, destination) in &connectors {
        let contents = Contents::of(&destination.bucket()).await?;
        objects += contents.objects;
        bytes += contents.bytes;
        destination.empty().await?;
    }
    Ok(Twelve { peak_mib, object_mib: mib(bytes) / objects as f64 })
}
