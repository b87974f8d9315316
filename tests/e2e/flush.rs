//! A flush is a barrier: with objects that stay open for hours, every record that could be
//! read when it began stands in an object when it ends, once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::flush_connector_response::Event;
use kafka2oss_sandbox::oss::{Fault, Occurrence, Operation, RequestMatch};
use kafka2oss_tests::produce::{Produced, Producer, Record, numbered};
use tokio::time::timeout;
use tonic::{Code, Status};

use crate::connector::{Connector, ends, placement};
use crate::deployment::{LIMIT, Settings};
use crate::spec::{Parts, milliseconds};
use crate::world::World;

const HOURS: i64 = 6 * 3_600_000;

/// What a flush told.
#[derive(Debug, Default)]
struct Flush {
    progress: Vec<v1::FlushProgress>,
    objects: Vec<v1::FlushedObjects>,
    summary: Option<v1::FlushSummary>,
}

impl Flush {
    async fn of(connector: &Connector) -> Result<Self, Status> {
        Self::within(connector, LIMIT).await
    }

    async fn within(connector: &Connector, limit: Duration) -> Result<Self, Status> {
        let request = v1::FlushConnectorRequest {
            name: connector.name.clone(),
            timeout: prost_types::Duration::try_from(limit).ok(),
        };
        let mut stream = connector.client().flush_connector(request).await?.into_inner();
        let mut flush = Self::default();
        while let Some(answer) = stream.message().await? {
            match answer.event {
                Some(Event::Progress(progress)) => flush.progress.push(progress),
                Some(Event::Objects(objects)) => flush.objects.extend(objects.partitions),
                Some(Event::Summary(summary)) => flush.summary = Some(summary),
                Some(Event::Heartbeat(())) | None => {}
            }
        }
        Ok(flush)
    }

    /// Fails unless all was reached; the keys of its objects.
    fn keys(&self) -> Result<BTreeSet<String>> {
        let summary = self.summary.as_ref().context("a summary")?;
        ensure!(summary.complete && summary.objects_complete, "{self:#?}");
        let objects = self.objects.iter().flat_map(|of| &of.objects);
        let keys: BTreeSet<_> = objects.map(|object| object.object_key.clone()).collect();
        ensure!(i64::try_from(keys.len())? == summary.objects, "{self:#?}");
        Ok(keys)
    }

    /// The target of a partition.
    fn target(&self, partition: i32) -> Option<i64> {
        let mut told = self.progress.iter().flat_map(|progress| &progress.partitions);
        Some(told.find(|one| one.partition == partition)?.target_offset)
    }
}

/// A connector that closes no object by itself.
async fn patient(world: &World) -> Result<Connector> {
    let change = |spec: &mut v1::ConnectorSpec| {
        spec.rotation().max_age = milliseconds(HOURS);
        spec.rotation().idle = milliseconds(HOURS);
    };
    world.connector_with(change).await
}

async fn keys(world: &World) -> Result<BTreeSet<String>> {
    Ok(world.bucket.keys(&world.topic).await?.into_iter().collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_was_produced_stands_in_the_objects_that_a_flush_names_once() -> Result<()> {
    let world = World::new(4).await?;
    let connector = patient(&world).await?;
    connector.run_spread(4).await?;
    let mut produced = world.produce(numbered("first ", 0..4_000, 4)).await?;

    let first = Flush::of(&connector).await?;
    let named = first.keys()?;
    ensure!(named == keys(&world).await? && named.len() >= 4, "{named:?}");
    world.judge(&produced).await?;
    world.committed(&connector, &produced).await?;
    for (partition, end) in ends(&produced) {
        ensure!(first.target(partition) == Some(end), "{first:#?}");
    }

    // A second one has nothing to do, and a third one what has come since.
    ensure!(Flush::of(&connector).await?.keys()?.is_empty());
    produced.extend(world.produce(numbered("third ", 0..40, 4)).await?);
    let third = Flush::of(&connector).await?.keys()?;
    let all: BTreeSet<_> = named.union(&third).cloned().collect();
    ensure!(named.is_disjoint(&third) && all == keys(&world).await?, "{third:?}");
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn flushes_that_come_together_share_the_objects() -> Result<()> {
    let world = World::new(2).await?;
    let connector = patient(&world).await?;
    connector.run_spread(2).await?;
    let produced = world.produce(numbered("r ", 0..200, 2)).await?;
    let flush = || {
        let connector = connector.clone();
        tokio::spawn(async move { Flush::of(&connector).await })
    };
    for flush in [flush(), flush(), flush(), flush()] {
        flush.await??.keys()?;
    }
    // The records of each partition may come in two halves.
    ensure!(keys(&world).await?.len() <= 4, "{:?}", keys(&world).await?);
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_open_transaction_holds_back_is_not_waited_for() -> Result<()> {
    let world = World::new(1).await?;
    let connector = patient(&world).await?;
    connector.run().await?;
    let before = world.produce(numbered("before ", 0..10, 1)).await?;
    let transaction = Producer::transactional(&world.bootstrap).await?;
    transaction.begin()?;
    let mut later = vec![transaction.send(&world.topic, Record::new("in it").partition(0)).await?];
    later.extend(world.produce(numbered("behind ", 0..10, 1)).await?);

    let held = Flush::of(&connector).await?;
    held.keys()?;
    ensure!(held.target(0) == Some(10), "up to where it begins: {held:#?}");
    world.judge(&before).await?;

    // The last offset is the marker of the transaction's end.
    transaction.commit().await?;
    let rest = Flush::of(&connector).await?;
    rest.keys()?;
    ensure!(rest.target(0) == Some(22), "{rest:#?}");
    let all: Vec<_> = before.into_iter().chain(later).collect();
    world.judge(&all).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_ends_although_more_and_more_is_produced() -> Result<()> {
    let world = World::new(2).await?;
    let connector = patient(&world).await?;
    connector.run_spread(2).await?;
    let before = world.produce(numbered("before ", 0..1_000, 2)).await?;
    let is_over = Arc::new(AtomicBool::new(false));
    let (bootstrap, topic) = (world.bootstrap.clone(), world.topic.clone());
    let producing = tokio::spawn({
        let is_over = Arc::clone(&is_over);
        async move {
            let producer = Producer::new(&bootstrap)?;
            let mut produced: Vec<Produced> = Vec::new();
            for round in 0.. {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                let some = numbered("meanwhile ", round * 100..(round + 1) * 100, 2);
                produced.extend(producer.send_all(&topic, some).await?);
            }
            anyhow::Ok(produced)
        }
    });
    let flush = timeout(LIMIT, Flush::of(&connector)).await??;
    is_over.store(true, Ordering::Relaxed);
    let mut produced = producing.await??;
    flush.keys()?;
    world.committed(&connector, &before).await?;
    produced.extend(before);
    Flush::of(&connector).await?.keys()?;
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_is_carried_on_where_the_partitions_of_a_killed_agent_go() -> Result<()> {
    let settings = Settings { agents: 2, lease: "2s", ..Settings::default() };
    let mut world = World::with(2, settings).await?;
    let connector = patient(&world).await?;
    let running = connector.run_spread(2).await?;
    let produced = world.produce(numbered("r ", 0..1_000, 2)).await?;
    // Nothing is put before one of the two is killed.
    let puts = RequestMatch::operation(Operation::PutObject).with_key_containing(&world.topic);
    let hold = world.oss().faults().hold_after(puts);
    let flushing = tokio::spawn({
        let connector = connector.clone();
        async move { Flush::of(&connector).await }
    });
    timeout(LIMIT, hold.held()).await.context("an object is put")?;
    let [owner, ..] = &placement(&running)[..] else { panic!("two tasks: {running:?}") };
    world.deployment.take_agent(owner).process.kill9()?;
    hold.release();

    let flush = flushing.await??;
    let summary = flush.summary.as_ref().context("a summary")?;
    ensure!(summary.complete, "{flush:#?}");
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_connector_is_not_flushed_and_one_that_cannot_write_says_why() -> Result<()> {
    let world = World::new(1).await?;
    let connector = patient(&world).await?;
    connector.run().await?;
    let produced = world.produce(numbered("r ", 0..10, 1)).await?;
    let slow = Fault::Latency(Duration::from_secs(8));
    world.oss().faults().inject(RequestMatch::any(), slow, Occurrence::Always);
    let late = Flush::within(&connector, Duration::from_secs(2)).await;
    let late = late.err().context("nothing is put")?;
    ensure!(late.code() == Code::DeadlineExceeded, "{late:?}");
    ensure!(late.message().contains("partition 0"), "{late:?}");
    world.oss().faults().clear();
    connector.pause().await?;
    connector.is(v1::ConnectorState::Paused).await?;
    let refused = Flush::of(&connector).await.err().context("it is paused")?;
    ensure!(refused.code() == Code::FailedPrecondition, "{refused:?}");
    connector.resume().await?;
    connector.is(v1::ConnectorState::Running).await?;
    Flush::of(&connector).await?.keys()?;
    world.judge(&produced).await
}
