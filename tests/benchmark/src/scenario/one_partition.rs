//! One partition, to a store that takes 50 ms for each request: with objects of the
//! default size, of 8 MiB, and beside partitions that have nothing.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use kafka2oss_figures::report::Report;
use kafka2oss_figures::statistics::median;
use kafka2oss_proto::v1::StoreType;
use kafka2oss_sandbox::oss::{Fault, Occurrence, Operation, RequestMatch};
use kafka2oss_tests::name::unique;
use kafka2oss_tests::oss::OssServer;

use super::largest_divisor;
use crate::connector::{Output, Rotation, spec};
use crate::deployment::Deployment;
use crate::destination::Destination;
use crate::topics::{Codec, Content, Topic};
use crate::world::{Scale, World};

const LATENCY: Duration = Duration::from_millis(50);
const VALUE_BYTES: usize = 1_000;

/// What is copied, and how.
#[derive(Debug, Clone, Copy)]
struct Case {
    name: &'static str,
    /// The end of its figure's name.
    suffix: &'static str,
    records: u64,
    empty_partitions: i32,
    /// Records of an object at most: it is closed by its last one.
    object_records: u64,
}

const CASES: [Case; 3] = [
    Case {
        name: "alone, 32 MiB",
        suffix: "",
        records: 400_000,
        empty_partitions: 0,
        object_records: 26_000,
    },
    Case {
        name: "alone, 8 MiB",
        suffix: "_8_mib",
        records: 400_000,
        empty_partitions: 0,
        object_records: 6_500,
    },
    Case {
        name: "beside 5 without records, 32 MiB",
        suffix: "_beside_empty_ones",
        records: 1_200_000,
        empty_partitions: 5,
        object_records: 26_000,
    },
];

/// What one run came to.
#[derive(Debug, Clone, Copy)]
struct Run {
    case: Case,
    /// From the assignment to the last object.
    seconds: f64,
    objects: u64,
    puts: u64,
    bytes: u64,
}

impl Run {
    /// MB of values a second.
    fn rate(&self) -> f64 {
        (VALUE_BYTES as u64 * self.case.records) as f64 / 1e6 / self.seconds
    }
}

pub(super) async fn run(world: &mut World, scale: Scale, report: &mut Report) -> Result<()> {
    let mut runs = Vec::new();
    for _ in 0..scale.rounds {
        for case in CASES {
            let Case { records, empty_partitions, .. } = case;
            let (value_bytes, codec, partitions) = (VALUE_BYTES, Codec::None, 1);
            let content = Content { value_bytes, records, codec, partitions, empty_partitions };
            let topic = world.topic_of(content).await?;
            runs.push(copy(world, &topic, case).await?);
        }
    }
    let row = |(number, run): (usize, &Run)| {
        vec![
            (number / CASES.len() + 1).to_string(),
            run.case.name.to_owned(),
            format!("{:.2}", run.seconds),
            format!("{:.1}", run.rate()),
            format!("{:.1}", run.bytes as f64 / 1e6 / run.seconds),
            run.objects.to_string(),
            format!("{:.3}", run.puts as f64 / run.objects as f64),
        ]
    };
    report.table(
        format_args!("one partition, values of {VALUE_BYTES} B, OSS emulator, 50 ms a request"),
        &[
            "run",
            "partition, objects",
            "from assignment s",
            "MB/s of values",
            "of objects",
            "objects",
            "PUTs an object",
        ],
        runs.iter().enumerate().map(row).collect(),
    )?;
    for Case { suffix, .. } in CASES {
        let of_case = runs.iter().filter(|run| run.case.suffix == suffix);
        report.figure(format!("one_partition_mb_per_s{suffix}"), median(of_case.map(Run::rate)));
    }
    Ok(())
}

async fn copy(world: &World, topic: &Topic, case: Case) -> Result<Run> {
    let (store, bucket) = (OssServer::start().await?, unique("one"));
    store.create_bucket(&bucket).await?;
    store.faults().inject(RequestMatch::any(), Fault::Latency(LATENCY), Occurrence::Always);
    let destination =
        Destination { store_type: StoreType::Oss, access: store.access(), bucket: bucket.clone() };
    let rotation = Rotation {
        max_bytes: 64 << 20,
        max_records: Some(largest_divisor(case.records, case.object_records)),
        ..Rotation::default()
    };
    let spec = spec(&topic.name, &destination, Output { rotation, ..Output::default() });

    let mut deployment = Deployment::start_with_assignments(&world.kafka.bootstrap()).await?;
    let connector = deployment.create(&unique("one"), spec).await?;
    connector.deploy().await?;
    connector.delivers(topic, &mut deployment).await?;

    // The probe puts no object that stays.
    let objects = store.list(&bucket, &topic.name).await?;
    let last = objects.iter().map(|(_, object)| object.last_modified).max();
    let ended = SystemTime::UNIX_EPOCH + Duration::from_millis(last.context("no object")?);
    let puts = store.requests().into_iter().filter(|request| {
        let key = request.key.as_deref().unwrap_or_default();
        request.operation == Operation::PutObject && key.starts_with(&topic.name)
    });
    Ok(Run {
        case,
        seconds: ended.duration_since(deployment.assigned_at()?)?.as_secs_f64(),
        objects: objects.len() as u64,
        puts: puts.count() as u64,
        bytes: objects.iter().map(|(_, object)| object.size).sum(),
    })
}
