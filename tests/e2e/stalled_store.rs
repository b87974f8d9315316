//! A store that stalls while 200 partitions are read: memory stays bounded, the
//! group does not rebalance, another connector of the same agent keeps its pace,
//! and nothing is lost.
//!
//! The store stalls for a minute; `KAFKA2OSS_TEST_STALL_SECONDS` changes that.

use std::collections::BTreeMap;
use std::env;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kafka2oss_sandbox::oss::RequestMatch;
use kafka2oss_tests::bucket::Bucket;
use kafka2oss_tests::generation::generation;
use kafka2oss_tests::name::unique;
use kafka2oss_tests::produce::{Producer, Record};
use kafka2oss_tests::resident::peak_resident_bytes;
use kafka2oss_tests::wait::eventually;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::connector::Connector;
use crate::deployment::{LIMIT, Settings};
use crate::spec::Parts;
use crate::verification::assert_clean;
use crate::world::World;

const MIB: u64 = 1 << 20;

/// The agent's memory budget.
const BUDGET: u64 = 128 * MIB;

/// What the agent may have besides its budget, however large that is: 25 MiB
/// when it has nothing to do and 20 MiB for two connectors with four consumers
/// and 206 partitions, as measured; the rest is what the allocator keeps of
/// memory that was given back, which came to 10 to 45 MiB with budgets of 128 and
/// 256 MiB.
const BESIDE_THE_BUDGET: u64 = 128 * MIB;

const PARTITIONS: i32 = 200;
const HEALTHY_PARTITIONS: i32 = 6;

/// Produced each second while the store stalls: about 5.5 MB, in a minute more
/// than twice the budget.
const RECORDS_A_SECOND: u64 = 1_000;
const HEALTHY_RECORDS_A_ROUND: u64 = 200;

/// What most rounds of the healthy connector take at most: twice the time for
/// which an object is open.
const USUAL_PACE: Duration = Duration::from_secs(4);

/// What none of them may exceed, on a machine that is busy with other tests.
const SLOWEST_PACE: Duration = Duration::from_secs(20);

/// What the backlog of a minute may take.
const BACKLOG_LIMIT: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_bounded_and_another_connector_keeps_its_pace_while_a_store_stalls()
-> Result<()> {
    // given two connectors of one agent, each with all its partitions
    let settings = Settings { memory_budget: Some(BUDGET), ..Settings::default() };
    let mut world = World::with(PARTITIONS, settings).await?;
    let mut stalled = Flow::start(&world, &world.topic, world.bucket.clone(), PARTITIONS).await?;
    let mut healthy = Flow::beside(&world, HEALTHY_PARTITIONS).await?;
    for flow in [&mut stalled, &mut healthy] {
        flow.produce(RECORDS_A_SECOND).await?;
        flow.delivered(&world, LIMIT).await?;
    }
    let membership = [stalled.membership(&world).await?, healthy.membership(&world).await?];
    let committed = stalled.committed(&world).await?;

    // when every request to the first one's bucket hangs while records come
    let hold = world.oss().faults().hold_before(RequestMatch::any().in_bucket(world.bucket.name()));
    stalled.produce(RECORDS_A_SECOND).await?;
    timeout(LIMIT, hold.held()).await.context("an object is on its way")?;
    let until = Instant::now() + stall();
    let (kept_coming, paces) =
        tokio::join!(stalled.keep_coming(until), healthy.rounds(&world, until));
    kept_coming?;

    // then the other one has delivered all the time as ever, and this one nothing
    let mut paces = paces?;
    paces.sort();
    assert!(paces[paces.len() / 2] <= USUAL_PACE, "{paces:?}");
    assert_eq!(stalled.committed(&world).await?, committed, "the store was to stall");

    // and nothing is lost afterwards
    hold.release();
    stalled.delivered(&world, BACKLOG_LIMIT).await?;
    stalled.verified(&world).await?;
    healthy.verified(&world).await?;

    // and there was no rebalance
    let after = [stalled.membership(&world).await?, healthy.membership(&world).await?];
    assert_eq!(after, membership);

    // and at no moment was there more memory than the budget and the constant
    let mut agent = world.deployment.take_agent("agent-0");
    let peak = peak_resident_bytes(agent.process.pid())?;
    assert!(peak <= BUDGET + BESIDE_THE_BUDGET, "{} MiB", peak / MIB);

    // and a rebalance does show in the generation: here its members leave
    agent.process.term()?;
    agent.process.wait_exit(LIMIT).await?;
    let generation = generation(&world.bootstrap, &stalled.connector.group()).await?;
    assert!(generation > Some(membership[0].generation), "{generation:?}");
    Ok(())
}

/// For how long the store stalls.
fn stall() -> Duration {
    let seconds = env::var("KAFKA2OSS_TEST_STALL_SECONDS").ok();
    let seconds = seconds.map_or(60, |text| text.parse().expect("a number of seconds"));
    Duration::from_secs(seconds)
}

/// A topic, its connector and its bucket, and what has been produced.
struct Flow {
    topic: String,
    bucket: Bucket,
    partitions: i32,
    connector: Connector,
    producer: Producer,
    /// How many records.
    produced: u64,
    /// The offset after the last one of each partition.
    ends: BTreeMap<i32, i64>,
}

/// Who has a connector's partitions, and since which rebalance of its group.
#[derive(Debug, PartialEq, Eq)]
struct Membership {
    generation: u32,
    /// Agent and task of each partition.
    owners: BTreeMap<i32, (String, i32)>,
}

impl Flow {
    /// Of a topic and a bucket of its own.
    async fn beside(world: &World, partitions: i32) -> Result<Self> {
        let (topic, bucket) = (unique("records"), world.store.bucket(&unique("bucket")));
        world.admin()?.create_topic(&topic, partitions, &[]).await?;
        world.store.create_bucket(bucket.name()).await?;
        Self::start(world, &topic, bucket, partitions).await
    }

    /// Creates the connector and waits until its two tasks share the partitions.
    async fn start(world: &World, topic: &str, bucket: Bucket, partitions: i32) -> Result<Self> {
        let connector = world
            .connector_with(|spec| {
                spec.source().topic = topic.into();
                spec.destination().bucket = bucket.name().into();
            })
            .await?;
        connector.run_spread(partitions as usize).await?;
        Ok(Self {
            topic: topic.into(),
            bucket,
            partitions,
            connector,
            producer: Producer::new(&world.bootstrap)?,
            produced: 0,
            ends: BTreeMap::new(),
        })
    }

    /// Produces so many records of 1 to 10 KB, round robin.
    async fn produce(&mut self, count: u64) -> Result<()> {
        let text = "k".repeat(10 << 10);
        let records = (self.produced..self.produced + count).map(|number| {
            let size = 1_000 + number as usize * 7_919 % 9_000;
            let partition =
                i32::try_from(number % self.partitions as u64).expect("a partition's number");
            Record::new(&text.as_bytes()[..size]).key(number.to_string()).partition(partition)
        });
        for record in self.producer.send_all(&self.topic, records).await? {
            let end = self.ends.entry(record.partition).or_default();
            *end = (record.offset + 1).max(*end);
        }
        self.produced += count;
        Ok(())
    }

    /// Produces each second until then.
    async fn keep_coming(&mut self, until: Instant) -> Result<()> {
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while Instant::now() < until {
            seconds.tick().await;
            self.produce(RECORDS_A_SECOND).await?;
        }
        Ok(())
    }

    /// Produces some records and waits until they are delivered, again and again
    /// until then; how long each took.
    async fn rounds(&mut self, world: &World, until: Instant) -> Result<Vec<Duration>> {
        let mut paces = Vec::new();
        while Instant::now() < until {
            let started = Instant::now();
            self.produce(HEALTHY_RECORDS_A_ROUND).await?;
            self.delivered(world, SLOWEST_PACE).await?;
            paces.push(started.elapsed());
        }
        Ok(paces)
    }

    /// What the broker holds as committed.
    async fn committed(&self, world: &World) -> Result<BTreeMap<i32, i64>> {
        world.admin()?.committed_offsets(&self.connector.group(), &self.topic).await
    }

    /// Waits until everything is committed.
    async fn delivered(&self, world: &World, limit: Duration) -> Result<()> {
        eventually(format!("{} records of {}", self.produced, self.topic), limit, async || {
            let committed = self.committed(world).await?;
            ensure!(committed == self.ends, "{committed:?} of {:?}", self.ends);
            Ok(Some(()))
        })
        .await
    }

    async fn membership(&self, world: &World) -> Result<Membership> {
        let generation = generation(&world.bootstrap, &self.connector.group()).await?;
        let progress = self.connector.progress().await?;
        let owners =
            progress.partitions.into_iter().map(|p| (p.partition, (p.agent, p.task_index)));
        Ok(Membership { generation: generation.context("a group")?, owners: owners.collect() })
    }

    /// Fails unless each record stands in the objects once, as it is.
    async fn verified(&self, world: &World) -> Result<()> {
        let report = world
            .verify(&self.connector, &self.topic, &self.bucket, self.ends.clone(), &[])
            .await?;
        assert_clean(&report, self.produced, 0)
    }
}
