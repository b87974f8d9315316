//! How long after its timestamp a record is visible, at a steady rate.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use kafka2oss_figures::report::Report;
use kafka2oss_figures::statistics::percentile;
use kafka2oss_proto::v1::StoreType;
use kafka2oss_tests::name::unique;
use kafka2oss_tests::oss::OssServer;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use crate::connector::{Output, Rotation, spec};
use crate::deployment::Deployment;
use crate::destination::Destination;
use crate::topics::PARTITIONS;
use crate::values::Values;
use crate::world::World;

const MAX_AGE: Duration = Duration::from_secs(1);

/// Records a second, and how long.
const RATE: u64 = 1_000;
const SECONDS: u64 = 30;

/// Before that: what happens once after a start is shown by itself.
const START_SECONDS: u64 = 5;

const RECORDS: u64 = RATE * (START_SECONDS + SECONDS);

const VALUE_BYTES: usize = 1_000;

/// How often the bucket is listed: by so much a delay may seem longer.
const LOOK: Duration = Duration::from_millis(20);

/// What the last records may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Into the OSS emulator, which is a part of the suite, and is listed without a
/// request.
pub(super) async fn run(world: &mut World, report: &mut Report) -> Result<()> {
    let topic = unique("delay");
    world.kafka.admin()?.create_topic(&topic, PARTITIONS, &[]).await?;
    let (store, bucket) = (OssServer::start().await?, unique("delay"));
    store.create_bucket(&bucket).await?;
    let destination =
        Destination { store_type: StoreType::Oss, access: store.access(), bucket: bucket.clone() };
    let rotation =
        Rotation { max_age: MAX_AGE, idle: Duration::from_secs(60), ..Rotation::default() };
    let spec = spec(&topic, &destination, Output { rotation, ..Output::default() });
    let mut deployment = Deployment::start(&world.kafka.bootstrap()).await?;
    let connector = deployment.create(&unique("delay"), spec).await?;
    connector.deploy().await?;
    connector.runs(&mut deployment).await?;

    let bootstrap = world.kafka.bootstrap();
    let producing = spawn_blocking(move || produce(&bootstrap, &topic));
    let seen = watch(&store, &bucket, &mut deployment).await?;
    let timestamps = producing.await??;

    let first = timestamps.values().min().context("no records")?;
    let steady_from = first + i64::try_from(START_SECONDS * 1_000)?;
    let (mut at_start, mut steady) = (Vec::new(), Vec::new());
    for Seen { partition, extent, at } in &seen {
        for offset in extent.clone() {
            let timestamp = timestamps.get(&(*partition, offset)).context("a record too many")?;
            let excess = (*at - *timestamp) as f64 - MAX_AGE.as_millis() as f64;
            if *timestamp < steady_from { &mut at_start } else { &mut steady }.push(excess);
        }
    }
    let records = (at_start.len() + steady.len()) as u64;
    ensure!(records == RECORDS, "{records} of {RECORDS} records");
    let of = |excess: &[f64], share| percentile(excess.iter().copied(), share);
    let row = |name: &str, excess: &[f64]| {
        let shown = |share| of(excess, share).map_or_else(String::new, |ms| format!("{ms:.0}"));
        let shares = [0.5, 0.9, 0.99, 0.999, 1.0];
        [name.to_owned()].into_iter().chain(shares.map(shown)).collect()
    };
    report.table(
        format_args!(
            "{RATE} records a second of {VALUE_BYTES} B, max_age 1 s, {} objects: ms from \
             max_age after the timestamp until visible",
            seen.len()
        ),
        &["records of", "p50", "p90", "p99", "p99.9", "most"],
        vec![row("the first 5 s", &at_start), row("the 30 s after them", &steady)],
    )?;
    report.figure("delay_p99_over_max_age_ms", of(&steady, 0.99));
    Ok(())
}

/// An object that has become visible.
#[derive(Debug)]
struct Seen {
    partition: i32,
    extent: std::ops::Range<i64>,
    /// Milliseconds since 1970.
    at: i64,
}

/// Looks at the bucket until objects with all records have been seen.
async fn watch(store: &OssServer, bucket: &str, deployment: &mut Deployment) -> Result<Vec<Seen>> {
    let limit = Duration::from_secs(START_SECONDS + SECONDS) + PATIENCE;
    let began = SystemTime::now();
    let mut seen: HashMap<String, Seen> = HashMap::new();
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let objects = store.list(bucket, "").await?;
        let at = milliseconds(SystemTime::now())?;
        for (key, object) in objects {
            if seen.contains_key(&key) {
                continue;
            }
            let number = |name: &str| -> Result<i64> {
                let value = object.user_metadata.get(name);
                Ok(value.with_context(|| format!("{key} has no {name}"))?.parse()?)
            };
            let partition = i32::try_from(number("kafka2oss-partition")?)?;
            let extent = number("kafka2oss-first-offset")?..number("kafka2oss-next-offset")?;
            if !extent.is_empty() {
                seen.insert(key, Seen { partition, extent, at });
            }
        }
        let records: i64 = seen.values().map(|seen| seen.extent.end - seen.extent.start).sum();
        if records.unsigned_abs() >= RECORDS {
            return Ok(seen.into_values().collect());
        }
        deployment.check()?;
        if began.elapsed()? > limit {
            bail!("{records} of {RECORDS} records are visible\n{}", deployment.logs());
        }
    }
}

/// Produces at the rate, and returns the timestamp of each record, in milliseconds
/// since 1970, by partition and offset.
fn produce(bootstrap: &str, topic: &str) -> Result<HashMap<(i32, i64), i64>> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("enable.idempotence", "true")
        .set("linger.ms", "0")
        .create()?;
    let mut values = Values::new(1, VALUE_BYTES);
    let mut timestamps = HashMap::new();
    let started = SystemTime::now();
    for number in 0..RECORDS {
        let due = started + Duration::from_micros(number * 1_000_000 / RATE);
        // Several at a time where the machine is late.
        if let Ok(early) = due.duration_since(SystemTime::now()) {
            std::thread::sleep(early);
        }
        let partition = i32::try_from(number % u64::from(PARTITIONS.unsigned_abs()))?;
        let offset = i64::try_from(number / u64::from(PARTITIONS.unsigned_abs()))?;
        let timestamp = milliseconds(SystemTime::now())?;
        let record = BaseRecord::<(), [u8]>::to(topic)
            .partition(partition)
            .timestamp(timestamp)
            .payload(values.next(number));
        producer.send(record).map_err(|(error, _)| error)?;
        producer.poll(Duration::ZERO);
        timestamps.insert((partition, offset), timestamp);
    }
    producer.flush(PATIENCE)?;
    Ok(timestamps)
}

fn milliseconds(time: SystemTime) -> Result<i64> {
    Ok(i64::try_from(time.duration_since(SystemTime::UNIX_EPOCH)?.as_millis())?)
}
