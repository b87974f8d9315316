//! What a hundred connectors cost that have nothing to do.

use std::time::{Duration, Instant};

use anyhow::Result;
use kafka2oss_figures::report::{Report, mib};
use kafka2oss_proto::v1::StoreType;
use kafka2oss_tests::name::unique;
use kafka2oss_tests::oss::OssServer;
use kafka2oss_tests::resident::resident_bytes;
use tokio::time::sleep;

use crate::connector::{Output, spec};
use crate::deployment::Deployment;
use crate::destination::Destination;
use crate::measure::{Measured, Meter};
use crate::topics::PARTITIONS;
use crate::world::World;

const CONNECTORS: usize = 100;

/// After the last one runs, for what follows a start.
const SETTLING: Duration = Duration::from_secs(30);

/// What is measured, in parts: they show whether all is at rest.
const WINDOWS: usize = 3;
const WINDOW: Duration = Duration::from_secs(10);

/// All of one empty topic, each with a task, a group, and topics of its own.
pub(super) async fn run(world: &mut World, report: &mut Report) -> Result<()> {
    let topic = unique("idle");
    world.kafka.admin()?.create_topic(&topic, PARTITIONS, &[]).await?;
    let (store, bucket) = (OssServer::start().await?, unique("idle"));
    store.create_bucket(&bucket).await?;
    let destination = Destination { store_type: StoreType::Oss, access: store.access(), bucket };

    let mut deployment = Deployment::start(&world.kafka.bootstrap()).await?;
    let started = Instant::now();
    let mut connectors = Vec::new();
    for number in 0..CONNECTORS {
        let spec = spec(&topic, &destination, Output::default());
        let connector = deployment.create(&unique(&format!("idle-{number}")), spec).await?;
        connector.deploy().await?;
        connectors.push(connector);
    }
    for connector in &connectors {
        connector.runs(&mut deployment).await?;
    }
    let all_run = started.elapsed().as_secs_f64();
    sleep(SETTLING).await;

    let whole = (Meter::start(deployment.agent_pid())?, Instant::now());
    let mut windows = Vec::new();
    for _ in 0..WINDOWS {
        let (meter, began) = (Meter::start(deployment.agent_pid())?, Instant::now());
        sleep(WINDOW).await;
        windows.push(percent(meter.read(began.elapsed().as_secs_f64())?));
    }
    let measured = whole.0.read(whole.1.elapsed().as_secs_f64())?;
    let resident = mib(resident_bytes(deployment.agent_pid())?);
    deployment.check()?;

    let windows: Vec<_> = windows.iter().map(|percent| format!("{percent:.1}")).collect();
    report.table(
        format_args!("{CONNECTORS} idle connectors on one agent"),
        &["until all run s", "CPU % of a core", "by 10 s", "RSS MiB", "peak RSS MiB"],
        vec![vec![
            format!("{all_run:.1}"),
            format!("{:.1}", percent(measured)),
            windows.join(" "),
            format!("{resident:.0}"),
            format!("{:.0}", mib(measured.peak_rss_bytes)),
        ]],
    )?;
    report.figure("idle_100_cpu_percent", Some(percent(measured)));
    report.figure("idle_100_rss_mib", Some(resident));
    Ok(())
}

/// CPU time as a part of one core's.
fn percent(measured: Measured) -> f64 {
    measured.cpu_seconds / measured.seconds * 100.0
}
