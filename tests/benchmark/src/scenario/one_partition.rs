//! One partition alone, to a store that takes 50 ms for each request: objects of the
//! default size, and of 8 MiB.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, ensure};
use kafka2oss_proto::v1::StoreType;
use kafka2oss_sandbox::oss::{Fault, Occurrence, RequestMatch};
use kafka2oss_tests::name::unique;
use kafka2oss_tests::oss::OssServer;
use tokio::time::sleep;

use super::largest_divisor;
use crate::connector::{Output, Rotation, spec};
use crate::deployment::Deployment;
use crate::destination::Destination;
use crate::report::Report;
use crate::statistics::median;
use crate::topics::{Codec, Content, Topic};
use crate::world::{Scale, World};

const LATENCY: Duration = Duration::from_millis(50);
const VALUE_BYTES: usize = 1_000;
const RECORDS: u64 = 400_000;

/// Names and records of an object of nearly 32 MiB, the default, and of 8 MiB. Each
/// is closed by its last record.
const OBJECTS: [(&str, u64); 2] = [("32 MiB", 26_000), ("8 MiB", 6_500)];
const LIMIT: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(10);

/// What one run came to.
#[derive(Debug, Clone, Copy)]
struct Run {
    size: &'static str,
    /// From the assignment to the last object, which is closed by its number of
    /// records.
    seconds: f64,
    objects: u64,
    puts: u64,
    bytes: u64,
}

pub(super) async fn run(world: &mut World, scale: Scale, report: &mut Report) -> Result<()> {
    let content =
        Content { value_bytes: VALUE_BYTES, records: RECORDS, codec: Codec::None, partitions: 1 };
    let topic = world.topic_of(content).await?;
    let mut runs = Vec::new();
    for _ in 0..scale.rounds {
        for (size, most) in OBJECTS {
            runs.push(copy(world, &topic, size, largest_divisor(RECORDS, most)).await?);
        }
    }
    let values = (VALUE_BYTES as u64 * RECORDS) as f64 / 1e6;
    let row = |(number, run): (usize, &Run)| {
        vec![
            (number / OBJECTS.len() + 1).to_string(),
            run.size.to_owned(),
            format!("{:.2}", run.seconds),
            format!("{:.1}", values / run.seconds),
            format!("{:.1}", run.bytes as f64 / 1e6 / run.seconds),
            run.objects.to_string(),
            format!("{:.3}", run.puts as f64 / run.objects as f64),
        ]
    };
    report.table(
        format_args!("one partition, {content}, to the OSS emulator, 50 ms a request"),
        &[
            "run",
            "objects of",
            "from assignment s",
            "MB/s of values",
            "of objects",
            "objects",
            "PUTs an object",
        ],
        runs.iter().enumerate().map(row).collect(),
    )?;
    let rates = |size: &'static str| {
        runs.iter().filter(move |run| run.size == size).map(|run| values / run.seconds)
    };
    report.figure("one_partition_mb_per_s", median(rates(OBJECTS[0].0)));
    report.figure("one_partition_mb_per_s_8_mib", median(rates(OBJECTS[1].0)));
    Ok(())
}

async fn copy(world: &World, topic: &Topic, size: &'static str, records: u64) -> Result<Run> {
    let (store, bucket) = (OssServer::start().await?, unique("one"));
    store.create_bucket(&bucket).await?;
    store.faults().inject(RequestMatch::any(), Fault::Latency(LATENCY), Occurrence::Always);
    let destination =
        Destination { store_type: StoreType::Oss, access: store.access(), bucket: bucket.clone() };
    let rotation = Rotation {
        max_bytes: 64 << 20,
        max_records: Some(records),
        idle: Duration::from_secs(60),
        ..Rotation::default()
    };
    let spec = spec(&topic.name, &destination, Output { rotation, ..Output::default() });
    let objects = topic.records / records;

    let mut deployment = Deployment::start_with_assignments(&world.kafka.bootstrap()).await?;
    let connector = deployment.create(&unique("one"), spec).await?;
    connector.deploy().await?;
    // The probe puts no object that stays.
    let began = Instant::now();
    let ended = loop {
        let stands = store.list(&bucket, &topic.name).await?.len() as u64;
        if stands == objects {
            break SystemTime::now();
        }
        deployment.check()?;
        ensure!(began.elapsed() < LIMIT, "{stands} of {objects}\n{}", deployment.logs());
        sleep(LOOK).await;
    };
    connector.delivers(topic, &mut deployment).await?;
    let seconds = ended.duration_since(deployment.assigned_at()?)?.as_secs_f64();
    let objects = store.list(&bucket, &topic.name).await?;
    let puts = store.requests().into_iter().filter(|request| {
        let key = request.key.as_deref().unwrap_or_default();
        request.operation == kafka2oss_sandbox::oss::Operation::PutObject
            && key.starts_with(&topic.name)
    });
    Ok(Run {
        size,
        seconds,
        objects: objects.len() as u64,
        puts: puts.count() as u64,
        bytes: objects.iter().map(|(_, object)| object.size).sum(),
    })
}
