//! The agent beside Kafka Connect's own runtime, which writes the same records to a
//! file: a lower bound of what any of its connectors costs.

use anyhow::Result;
use kafka2oss_figures::report::{Report, mib};
use kafka2oss_figures::statistics::{median, median_ratio};

use crate::connect::{self, ConnectRun};
use crate::connector::Output;
use crate::copy::copy;
use crate::measure::Measured;
use crate::topics::Codec;
use crate::world::{Scale, World};

/// Of each, CPU time counts from when it is up: the agent's from Deploy, Connect's
/// from the start of its task.
pub(super) async fn run(world: &mut World, scale: Scale, report: &mut Report) -> Result<()> {
    let topic = world.topic(scale, 1_000, Codec::None).await?;
    let bootstrap = world.kafka.bootstrap();
    let records = topic.records;
    let mut rounds: Vec<(ConnectRun, Measured)> = Vec::new();
    for _ in 0..scale.rounds {
        let theirs = connect::run(&world.kafka, &topic.name, records).await?;
        let destination = world.minio_bucket().await?;
        let ours = copy(&bootstrap, &topic, &destination, Output::default()).await?;
        destination.empty().await?;
        rounds.push((theirs, ours.measured));
    }

    let without_start = |ConnectRun { whole, start_up }: &ConnectRun| Measured {
        seconds: whole.seconds - start_up.seconds,
        cpu_seconds: whole.cpu_seconds - start_up.cpu_seconds,
        peak_rss_bytes: whole.peak_rss_bytes,
    };
    let row = |(number, (theirs, ours)): (usize, &(ConnectRun, Measured))| {
        let running = without_start(theirs);
        vec![
            (number + 1).to_string(),
            format!("{:.2}", running.cpu_per_million(records)),
            format!("{:.2}", theirs.whole.cpu_per_million(records)),
            format!("{:.0}", running.rate(records) / 1e3),
            format!("{:.0}", mib(running.peak_rss_bytes)),
            format!("{:.2}", ours.cpu_per_million(records)),
            format!("{:.0}", ours.rate(records) / 1e3),
            format!("{:.0}", mib(ours.peak_rss_bytes)),
            format!("{:.2}", running.cpu_seconds / ours.cpu_seconds),
        ]
    };
    report.table(
        format_args!("Kafka Connect with FileStreamSink, 1k: {records} records"),
        &[
            "round",
            "Connect CPU s/M",
            "with its start",
            "k/s",
            "peak RSS MiB",
            "agent CPU s/M",
            "k/s",
            "peak RSS MiB",
            "Connect to agent, CPU",
        ],
        rounds.iter().enumerate().map(row).collect(),
    )?;
    let cpu = |(theirs, ours): &(ConnectRun, Measured)| {
        (without_start(theirs).cpu_seconds, ours.cpu_seconds)
    };
    report.figure("cpu_vs_connect_1k", median_ratio(rounds.iter().map(cpu)));
    let theirs = rounds.iter().map(|(theirs, _)| without_start(theirs).cpu_per_million(records));
    report.figure("connect_cpu_seconds_per_million_1k", median(theirs));
    Ok(())
}
