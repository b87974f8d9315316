//! How fast the agent is where the store costs nothing, beside a bare consumer, which
//! runs before and after it and counts with the mean.
//!
//! Both are timed from the assignment of the partitions: the bare consumer to the
//! last record, the agent to the store's answer to the put of the last object, which
//! is closed by its number of records.
//!
//! Broker, store and agent share the machine's cores. What these allow is told beside
//! it: the rate of a program that takes no more CPU time than a bare consumer and a
//! bare client do, with none of the cores ever idle.

use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use kafka2oss_figures::report::{Report, mib};
use kafka2oss_figures::statistics::{median, median_ratio};
use kafka2oss_tests::kafka::KafkaServer;
use kafka2oss_tests::name::unique;

use super::whole_objects;
use crate::connector::{Output, Rotation, spec};
use crate::deployment::Deployment;
use crate::destination::Destination;
use crate::floor;
use crate::floor::null_store::{NullStore, Received};
use crate::measure::{Measured, Meter};
use crate::topics::{Codec, Topic};
use crate::world::{Scale, World};

/// What the agent did.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// From the assignment to the last answer.
    agent: Measured,
    /// From Deploy to the last answer, in seconds.
    since_deploy: f64,
    /// From the assignment to the first answer, in seconds.
    to_first: f64,
    received: Received,
    /// CPU time of the broker and the store meanwhile, in seconds.
    others: f64,
    /// A bare client that puts as much into the same store.
    client: Measured,
}

impl Run {
    /// CPU time of all that has a part in moving the records but the agent, in whose
    /// place are the bare consumer and the bare client, in seconds.
    fn least_cpu(&self, consumer: Measured) -> f64 {
        consumer.cpu_seconds + self.client.cpu_seconds + self.others
    }
}

pub(super) async fn run(world: &mut World, scale: Scale, report: &mut Report) -> Result<()> {
    for (name, value_bytes) in [("1k", 1_000), ("100b", 100)] {
        let topic = world.topic(scale, value_bytes, Codec::None).await?;
        let bootstrap = world.kafka.bootstrap();
        floor::consumer::measure(&bootstrap, &topic).await?;
        let mut rounds = Vec::new();
        for _ in 0..scale.rounds {
            let before = floor::consumer::measure(&bootstrap, &topic).await?;
            let run = copy(&world.kafka, &topic, value_bytes).await?;
            let after = floor::consumer::measure(&bootstrap, &topic).await?;
            rounds.push((before.mean(after), run));
        }
        show(report, name, &topic, &rounds)?;
    }
    Ok(())
}

async fn copy(kafka: &KafkaServer, topic: &Topic, value_bytes: usize) -> Result<Run> {
    let store = NullStore::start().await?;
    let destination = store.bucket(unique("null"));
    let rotation = Rotation {
        max_bytes: 32 << 20,
        max_records: Some(whole_objects(topic, value_bytes)),
        idle: Duration::from_secs(60),
        ..Rotation::default()
    };
    let spec = spec(&topic.name, &destination, Output { rotation, ..Output::default() });

    let mut deployment = Deployment::start_with_assignments(&kafka.bootstrap()).await?;
    let connector = deployment.create(&unique("null"), spec).await?;
    let (meter, deployed) = (Meter::start(deployment.agent_pid())?, SystemTime::now());
    let others = [Meter::start(kafka.process().pid())?, Meter::start(store.pid())?];
    connector.deploy().await?;
    connector.delivers(topic, &mut deployment).await?;
    let measured = meter.read(0.0)?;
    let [broker, store_itself] = others.map(|meter| meter.read(0.0));
    let others = broker?.cpu_seconds + store_itself?.cpu_seconds;

    let received = store.received().await?;
    ensure!(received.records == topic.records, "{received:?} of {topic:?}");
    let (Received { objects, bytes, .. }, Destination { access, bucket, .. }) =
        (received, &destination);
    let parallelism = topic.partitions.unsigned_abs() as usize;
    let client = floor::put::measure(access, bucket, objects, bytes, parallelism).await?;
    let since_1970 = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH);
    let assigned = since_1970(deployment.assigned_at()?)?.as_secs_f64();
    Ok(Run {
        agent: Measured { seconds: received.last_answered - assigned, ..measured },
        since_deploy: received.last_answered - since_1970(deployed)?.as_secs_f64(),
        to_first: received.first_answered - assigned,
        received,
        others,
        client,
    })
}

fn show(report: &mut Report, name: &str, topic: &Topic, rounds: &[(Measured, Run)]) -> Result<()> {
    let records = topic.records;
    let cores = std::thread::available_parallelism()?.get() as f64;
    let per_million = |cpu_seconds: f64| cpu_seconds * 1e6 / records as f64;
    let allowed =
        |consumer: &Measured, run: &Run| cores * records as f64 / run.least_cpu(*consumer);
    let row = |(number, (consumer, run)): (usize, &(Measured, Run))| {
        let Run { agent, since_deploy, to_first, received, others, client } = run;
        vec![
            (number + 1).to_string(),
            format!("{:.0}", consumer.rate(records) / 1e3),
            format!("{:.0}", agent.rate(records) / 1e3),
            format!("{:.2}", agent.rate(records) / consumer.rate(records)),
            format!("{:.2}", consumer.cpu_per_million(records)),
            format!("{:.2}", client.cpu_per_million(records)),
            format!("{:.2}", agent.cpu_per_million(records)),
            format!("{:.2}", per_million(*others)),
            format!("{:.0}", allowed(consumer, run) / 1e3),
            format!("{:.2}", agent.seconds),
            format!("{to_first:.2}"),
            format!("{since_deploy:.2}"),
            format!("{:.0}", mib(agent.peak_rss_bytes)),
            received.objects.to_string(),
            format!("{:.3}", received.puts as f64 / received.objects as f64),
            format!("{:.0}", mib(received.bytes)),
        ]
    };
    report.table(
        format_args!("null store, {name}: {records} records, JSON array, no compression"),
        &[
            "round",
            "bare consumer k/s",
            "agent k/s",
            "ratio",
            "bare consumer CPU s/M",
            "bare client CPU s/M",
            "agent CPU s/M",
            "broker and store CPU s/M",
            "cores allow k/s",
            "from assignment s",
            "of that to the first object",
            "from Deploy s",
            "peak RSS MiB",
            "objects",
            "PUTs an object",
            "MiB",
        ],
        rounds.iter().enumerate().map(row).collect(),
    )?;
    let rates =
        rounds.iter().map(|(consumer, run)| (run.agent.rate(records), consumer.rate(records)));
    let median_rate = median(rates.clone().map(|(agent, _)| agent));
    report.figure(format!("null_store_throughput_ratio_{name}"), median_ratio(rates));
    let most =
        rounds.iter().map(|(consumer, run)| (allowed(consumer, run), consumer.rate(records)));
    report.figure(format!("null_store_allowed_ratio_{name}"), median_ratio(most));
    report.figure(format!("null_store_records_per_second_{name}"), median_rate);
    let cpu = rounds.iter().map(|(_, run)| run.agent.cpu_per_million(records));
    report.figure(format!("null_store_cpu_seconds_per_million_{name}"), median(cpu));
    Ok(())
}
