//! What is measured, scenario by scenario.

mod connect;
mod delay;
mod idle;
mod null_store;
mod one_partition;
mod rss;
mod throughput;

use anyhow::Result;
use clap::{Args, ValueEnum};
use kafka2oss_figures::report::Report;

use crate::authority::TrustedAuthority;
use crate::machine::Setting;
use crate::topics::Topic;
use crate::world::{Scale, World};

/// What is measured of the data plane.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Fewer rounds, smaller topics, fewer configurations
    #[arg(long)]
    quick: bool,

    /// Only this scenario; may be given more than once
    #[arg(long, value_enum)]
    only: Vec<Scenario>,
}

/// A scenario by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Whole path into MinIO beside a bare consumer and a bare client
    Throughput,
    /// Into a store that costs nothing, beside a bare consumer
    NullStore,
    /// Whole path into MinIO beside Kafka Connect, which writes to a file
    Connect,
    /// Memory of one connector, and of twelve, at full speed
    Rss,
    /// Time from a record's timestamp until it is visible, at a steady rate
    Delay,
    /// One partition, to a store that takes 50 ms for each request
    OnePartition,
    /// A hundred connectors that have nothing to do
    Idle,
}

/// Runs the scenarios and prints what came of them, the figures last.
pub(crate) async fn data_plane(options: Options, trusted: TrustedAuthority) -> Result<()> {
    let Options { quick, only } = options;
    let scale = Scale::new(quick);
    let mut report = Report::default();
    report.line(Setting::this())?;
    let mut world = World::start(trusted).await?;
    for scenario in Scenario::value_variants() {
        if !only.is_empty() && !only.contains(scenario) {
            continue;
        }
        match scenario {
            Scenario::Throughput => throughput::run(&mut world, scale, &mut report).await?,
            Scenario::NullStore => null_store::run(&mut world, scale, &mut report).await?,
            Scenario::Connect => connect::run(&mut world, scale, &mut report).await?,
            Scenario::Rss => rss::run(&mut world, scale, &mut report).await?,
            Scenario::Delay => delay::run(&mut world, &mut report).await?,
            Scenario::OnePartition => one_partition::run(&mut world, scale, &mut report).await?,
            Scenario::Idle => idle::run(&mut world, &mut report).await?,
        }
    }
    report.finish()
}

/// Records of which an object of nearly 8 MiB is full, so many that each partition
/// has whole objects of them: the last one is closed by its last record, and not by
/// a time without more.
fn whole_objects(topic: &Topic, value_bytes: usize) -> u64 {
    // Quotes are escaped, and the other fields of a record take this much.
    let record_bytes = value_bytes as u64 * 9 / 8 + 165;
    largest_divisor(topic.end().unsigned_abs(), (8 << 20) / record_bytes)
}

/// The largest divisor of a number that is not above a limit; at least 1.
fn largest_divisor(number: u64, limit: u64) -> u64 {
    (1..=limit).rev().find(|divisor| number.is_multiple_of(*divisor)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::largest_divisor;

    #[test]
    fn whole_objects_have_the_largest_number_of_records_that_fits() {
        for (number, limit, expected) in
            [(168_000, 6_500, 6_000), (48_000, 6_500, 6_000), (7, 6, 1), (6, 6, 6), (6, 0, 1)]
        {
            assert_eq!(largest_divisor(number, limit), expected, "{number} {limit}");
        }
    }
}
