//! A connector whose spec changes while records come.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::Result;
use kafka2oss_agent::task::StopMode;
use kafka2oss_proto::v1;
use kafka2oss_sandbox::oss::{Fault, Faults, Occurrence, Operation, RequestMatch};
use kafka2oss_tests::produce::{Produced, numbered};
use kafka2oss_tests::wait::eventually;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::world::{LIMIT, World, ends};

/// The spec of round `round`.
fn change(world: &mut World, round: u64) {
    let pick = |of: &[i32], every: u64| of[(round / every) as usize % of.len()];
    let output = world.output();
    output.format = pick(&[1, 2], 1);
    output.compression = pick(&[1, 2, 3], 1);
    output.value_encoding = pick(&[1, 3], 2);
    let layout = output.layout.get_or_insert_default();
    layout.prefix = format!("round-{round}/");
    layout.hash_prefix = round % 3 == 1;
    let buckets = v1::TimeBuckets {
        style: v1::TimeBucketStyle::Plain.into(),
        length: v1::TimeBucketLength::Minute.into(),
        time_zone: "Europe/Berlin".into(),
    };
    layout.time_buckets = round.is_multiple_of(2).then_some(buckets);
    world.rotation().max_age = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    world.rotation().max_records = [Some(13), None, Some(200)][round as usize % 3];
}

/// Records that come until they are asked for.
struct Load {
    stop: oneshot::Sender<()>,
    produced: JoinHandle<Result<Vec<Produced>>>,
}

impl Load {
    fn start(world: &World, partitions: i32) -> Result<Self> {
        let (producer, topic) = (world.kafka.producer()?, world.topic.clone());
        let (stop, mut stopped) = oneshot::channel::<()>();
        let produced = tokio::spawn(async move {
            let mut produced = Vec::new();
            let mut pace = tokio::time::interval(Duration::from_millis(10));
            while stopped.try_recv().is_err() {
                let records = numbered("v", 0..30, partitions);
                produced.extend(producer.send_all(&topic, records).await?);
                pace.tick().await;
            }
            Ok(produced)
        });
        Ok(Self { stop, produced })
    }

    async fn stop(self) -> Result<Vec<Produced>> {
        let _ = self.stop.send(());
        self.produced.await?
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_changes_while_records_come_each_arrives_once() -> Result<()> {
    let mut world = World::new(3).await?;
    let load = Load::start(&world, 3)?;

    for round in 0..6 {
        change(&mut world, round);
        let task = world.start(0).await?;
        task.sees("it delivers", |seen| seen.totals.objects >= 6).await?;
        match round % 3 {
            // Killed.
            2 => drop(task),
            _ => task.handle.stop(StopMode::KeepMembership).await,
        }
    }
    let produced = load.stop().await?;
    let task = world.start(0).await?;
    task.delivered(&produced).await?;

    world.arrived(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

/// A store that fails now and then, in each of its ways.
fn trouble(faults: &Faults) {
    let on = RequestMatch::operation;
    let refuse = || Fault::Refuse { status: 503, code: "ServiceUnavailable".into() };
    let slow = Fault::Latency(Duration::from_millis(400));
    for (operation, fault, probability) in [
        (Operation::PutObject, slow, 0.3),
        (Operation::PutObject, Fault::LostAnswer, 0.2),
        (Operation::PutObject, Fault::ConnectionReset, 0.1),
        (Operation::PutObject, refuse(), 0.1),
        (Operation::HeadObject, refuse(), 0.2),
    ] {
        faults.inject(on(operation), fault, Occurrence::Probability(probability));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_of_different_specs_share_partitions_over_a_store_that_fails() -> Result<()> {
    let mut world = World::new(4).await?;
    change(&mut world, 0);
    trouble(&world.oss.faults());
    let load = Load::start(&world, 4)?;
    let mut tasks = VecDeque::from([(0, world.start(0).await?), (1, world.start(1).await?)]);

    for round in 1..9 {
        let (index, task) = tasks.pop_front().unwrap();
        task.sees("it delivers", |seen| seen.totals.objects >= 2).await?;
        change(&mut world, round);
        match round % 4 {
            1 => task.handle.stop(StopMode::KeepMembership).await,
            2 => task.handle.stop(StopMode::Leave).await,
            // Killed.
            _ => drop(task),
        }
        tasks.push_back((index, world.start(index).await?));
    }
    let produced = load.stop().await?;
    world.oss.faults().clear();

    let ends = ends(&produced);
    let admin = world.kafka.admin()?;
    eventually(format!("committed up to {ends:?}"), LIMIT, async || {
        let committed = admin.committed_offsets(&world.group(), &world.topic).await?;
        anyhow::ensure!(committed == ends, "{committed:?}");
        Ok(Some(()))
    })
    .await?;
    world.arrived(&produced).await?;
    for (_, task) in tasks {
        task.handle.stop(StopMode::Leave).await;
    }
    Ok(())
}
