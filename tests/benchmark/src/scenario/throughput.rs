//! The whole path, from a full topic to the last visible object in MinIO, beside
//! what its two ends cost without us: a bare consumer that reads the same topic, and
//! a bare client that puts as many bytes in as many objects. The consumer runs before
//! and after the agent, and counts with the mean.
//!
//! The agent's time from Deploy has the group's join in it, and the second without a
//! record after which the last objects are closed.

use anyhow::Result;
use kafka2oss_figures::report::{Report, mib};
use kafka2oss_figures::statistics::{median, median_ratio};
use kafka2oss_proto::v1::{Compression, OutputFormat};

use crate::connector::Output;
use crate::copy::{Copied, copy};
use crate::destination::Destination;
use crate::floor;
use crate::measure::Measured;
use crate::topics::{Codec, Topic};
use crate::verdict::judge;
use crate::world::{Scale, World};

/// What is copied, and into what.
#[derive(Debug, Clone, Copy)]
struct Configuration {
    name: &'static str,
    value_bytes: usize,
    codec: Codec,
    format: OutputFormat,
    compression: Compression,
    /// Whether the store speaks TLS.
    encrypted: bool,
    /// Whether a quick run has it.
    quick: bool,
}

const ARRAY_OF_1K: Configuration = Configuration {
    name: "1k",
    value_bytes: 1_000,
    codec: Codec::None,
    format: OutputFormat::JsonArray,
    compression: Compression::None,
    encrypted: false,
    quick: true,
};

const CONFIGURATIONS: [Configuration; 9] = [
    ARRAY_OF_1K,
    Configuration { name: "100b", value_bytes: 100, ..ARRAY_OF_1K },
    Configuration { name: "10k", value_bytes: 10_000, quick: false, ..ARRAY_OF_1K },
    Configuration {
        name: "1k_lines",
        format: OutputFormat::JsonLines,
        quick: false,
        ..ARRAY_OF_1K
    },
    Configuration { name: "1k_tls", encrypted: true, ..ARRAY_OF_1K },
    Configuration { name: "1k_gzip", compression: Compression::Gzip, ..ARRAY_OF_1K },
    Configuration { name: "1k_zstd", compression: Compression::Zstd, ..ARRAY_OF_1K },
    Configuration { name: "1k_from_lz4", codec: Codec::Lz4, quick: false, ..ARRAY_OF_1K },
    Configuration { name: "1k_from_zstd", codec: Codec::Zstd, quick: false, ..ARRAY_OF_1K },
];

/// What one round has measured of a configuration.
#[derive(Debug, Clone)]
struct Round {
    consumer: Measured,
    agent: Measured,
    put: Measured,
    objects: u64,
    bytes: u64,
}

impl Round {
    /// CPU time of the agent, and the least that its two ends can take.
    fn cpu(&self) -> (f64, f64) {
        (self.agent.cpu_seconds, self.consumer.cpu_seconds + self.put.cpu_seconds)
    }
}

/// Measures all configurations in turns, so that no configuration has a better time
/// of the day than another.
pub(crate) async fn run(world: &mut World, scale: Scale, report: &mut Report) -> Result<()> {
    let wanted = |of: &&Configuration| of.quick || !scale.quick;
    let mut measured: Vec<(Configuration, Topic, Vec<Round>)> = Vec::new();
    for configuration in CONFIGURATIONS.iter().filter(wanted) {
        let topic = world.topic(scale, configuration.value_bytes, configuration.codec).await?;
        // Warms up the broker, which is just as cold for each.
        floor::consumer::measure(&world.kafka.bootstrap(), &topic).await?;
        measured.push((*configuration, topic, Vec::new()));
    }
    for number in 0..scale.rounds {
        for (configuration, topic, rounds) in &mut measured {
            rounds.push(round(world, topic, *configuration, number == 0).await?);
        }
    }
    for (configuration, topic, rounds) in &measured {
        show(report, *configuration, topic, rounds)?;
    }
    Ok(())
}

async fn round(
    world: &World,
    topic: &Topic,
    configuration: Configuration,
    is_judged: bool,
) -> Result<Round> {
    let bootstrap = world.kafka.bootstrap();
    let Configuration { format, compression, encrypted, .. } = configuration;
    let output = Output { format, compression, ..Output::default() };

    let before = floor::consumer::measure(&bootstrap, topic).await?;
    let destination =
        if encrypted { world.encrypted_bucket().await? } else { world.minio_bucket().await? };
    let Copied { measured: agent, contents, connector } =
        copy(&bootstrap, topic, &destination, output).await?;
    let consumer = before.mean(floor::consumer::measure(&bootstrap, topic).await?);
    let (objects, bytes) = (contents.objects, contents.bytes);
    if is_judged {
        judge(&bootstrap, topic, &destination, &connector).await?;
    }
    destination.empty().await?;
    let parallelism = topic.partitions.unsigned_abs() as usize;
    let Destination { access, bucket, .. } = &destination;
    let put = floor::put::measure(access, bucket, objects, bytes, parallelism).await?;
    destination.empty().await?;
    Ok(Round { consumer, agent, put, objects, bytes })
}

fn show(
    report: &mut Report,
    configuration: Configuration,
    topic: &Topic,
    rounds: &[Round],
) -> Result<()> {
    let Configuration { name, format, compression, encrypted, .. } = configuration;
    let records = topic.records;
    let row = |(number, round): (usize, &Round)| {
        let Round { consumer, agent, put, objects, bytes } = round;
        let (cpu, least) = round.cpu();
        vec![
            (number + 1).to_string(),
            format!("{:.0}", consumer.rate(records) / 1e3),
            format!("{:.2}", consumer.cpu_per_million(records)),
            format!("{:.2}", put.cpu_per_million(records)),
            format!("{:.2}", put.cpu_seconds * 1e9 / *bytes as f64),
            format!("{:.2}", agent.cpu_per_million(records)),
            format!("{:.2}", cpu / least),
            format!("{:.2}", agent.seconds),
            format!("{:.0}", agent.rate(records) / 1e3),
            format!("{:.0}", mib(agent.peak_rss_bytes)),
            objects.to_string(),
            format!("{:.0}", mib(*bytes)),
        ]
    };
    report.table(
        format_args!(
            "{name}: {records} records into MinIO{}, {}, {}, verified",
            if encrypted { " by TLS" } else { "" },
            format.as_str_name().trim_start_matches("OUTPUT_FORMAT_"),
            compression.as_str_name()
        ),
        &[
            "round",
            "bare consumer k/s",
            "its CPU s/M",
            "bare put CPU s/M",
            "its CPU s/GB",
            "agent CPU s/M",
            "to the limit",
            "Deploy to visible s",
            "k/s",
            "peak RSS MiB",
            "objects",
            "MiB",
        ],
        rounds.iter().enumerate().map(row).collect(),
    )?;
    let agents = || rounds.iter().map(|round| round.agent);
    report.figure(format!("cpu_limit_ratio_{name}"), median_ratio(rounds.iter().map(Round::cpu)));
    let cpu = median(agents().map(|agent| agent.cpu_per_million(records)));
    report.figure(format!("cpu_seconds_per_million_{name}"), cpu);
    let rate = median(agents().map(|agent| agent.rate(records)));
    report.figure(format!("records_per_second_{name}"), rate);
    let floor = rounds.iter().map(|round| round.consumer.cpu_per_million(records));
    report.figure(format!("bare_consumer_cpu_seconds_per_million_{name}"), median(floor));
    let floor = rounds.iter().map(|round| round.put.cpu_per_million(records));
    report.figure(format!("bare_put_cpu_seconds_per_million_{name}"), median(floor));
    let rss = median(agents().map(|agent| mib(agent.peak_rss_bytes)));
    report.figure(format!("rss_mib_{name}"), rss);
    Ok(())
}
