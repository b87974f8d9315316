//! A store that stalls while 200 partitions are read: memory stays bounded, the
//! group does not rebalance, another connector of the same agent keeps its pace,
//! and nothing is lost.

use std::collections::BTreeMap;
use std::env;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kafka2oss_sandbox::oss::RequestMatch;
use kafka2oss_tests::bucket::Bucket;
use kafka2oss_tests::generation::generation;
use kafka2oss_tests::name::unique;
use kafka2oss_tests::produce::{Producer, Record};
use kafka2oss_tests::resident::{peak_resident_bytes, resident_bytes};
use kafka2oss_tests::wait::eventually;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::connector::Connector;
use crate::deployment::{LIMIT, Settings};
use crate::spec::Parts;
use crate::verification::assert_clean;
use crate::world::World;

const PARTITIONS: i32 = 200;
const HEALTHY_PARTITIONS: i32 = 6;
const MIB: u64 = 1 << 20;
const BUDGET: u64 = 128 * MIB;
const BESIDE_THE_BUDGET: u64 = 128 * MIB;

/// Each second while the store is stalled.
const RECORDS_A_SECOND: u64 = 2_000;
const HEALTHY_RECORDS_A_ROUND: u64 = 200;
const PACE: Duration = Duration::from_secs(15);
const DRAIN_LIMIT: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_bounded_and_the_other_connector_keeps_its_pace_while_a_store_stalls()
-> Result<()> {
    // given two connectors on one agent, both with all their partitions
    let settings = Settings { memory_budget: Some(BUDGET), ..Settings::default() };
    let world = World::with(PARTITIONS, settings).await?;
    let agent = world.deployment.agents[0].process.pid();
    eprintln!("idle agent: {} MiB", resident_bytes(agent)? / MIB);
    let mut stalled = Flow::start(&world, &world.topic, world.bucket.clone(), PARTITIONS).await?;
    let mut healthy = Flow::beside(&world, HEALTHY_PARTITIONS).await?;
    eprintln!(
        "deployed: {} MiB, peak {}",
        resident_bytes(agent)? / MIB,
        peak_resident_bytes(agent)? / MIB
    );
    for flow in [&mut stalled, &mut healthy] {
        flow.produce(RECORDS_A_SECOND).await?;
        flow.delivered(&world, LIMIT).await?;
    }
    let before = (stalled.membership(&world).await?, healthy.membership(&world).await?);
    let delivered = stalled.committed(&world).await?;
    eprintln!(
        "before: {} MiB, peak {}",
        resident_bytes(agent)? / MIB,
        peak_resident_bytes(agent)? / MIB
    );

    // when every request to the first one's store hangs, while records keep coming
    let hold = world.oss().faults().hold_before(RequestMatch::any().in_bucket(world.bucket.name()));
    stalled.produce(RECORDS_A_SECOND).await?;
    timeout(LIMIT, hold.held()).await.context("an object is on its way")?;
    let until = Instant::now() + stall();
    let (coming, paces) = tokio::join!(stalled.keep_coming(until), healthy.rounds(&world, until));
    coming?;
    let paces = paces?;
    eprintln!("paces: {paces:?}");
    eprintln!(
        "stalled: {} MiB, peak {}, held {}",
        resident_bytes(agent)? / MIB,
        peak_resident_bytes(agent)? / MIB,
        hold.count()
    );

    // then
    assert_eq!(stalled.committed(&world).await?, delivered, "the store was stalled all the time");

    let started = Instant::now();
    if let Ok(text) = std::fs::read_to_string(format!("/proc/{agent}/status")) {
        eprintln!(
            "{}",
            text.lines()
                .filter(|l| l.starts_with("Rss") || l.starts_with("Thr"))
                .collect::<Vec<_>>()
                .join(" ")
        );
    }
    hold.release();
    stalled.delivered(&world, DRAIN_LIMIT).await?;
    eprintln!(
        "drained in {:?}: {} MiB, peak {}",
        started.elapsed(),
        resident_bytes(agent)? / MIB,
        peak_resident_bytes(agent)? / MIB
    );
    healthy.delivered(&world, LIMIT).await?;
    let after = (stalled.membership(&world).await?, healthy.membership(&world).await?);
    assert_eq!(after, before, "no rebalance");
    let started = Instant::now();
    for flow in [&stalled, &healthy] {
        flow.verified(&world).await?;
    }
    eprintln!("verified in {:?}", started.elapsed());
    let peak = peak_resident_bytes(agent)?;
    assert!(peak <= BUDGET + BESIDE_THE_BUDGET, "{} MiB", peak / MIB);
    Ok(())
}

fn stall() -> Duration {
    let seconds = env::var("KAFKA2OSS_TEST_STALL_SECONDS").ok();
    Duration::from_secs(seconds.map_or(60, |text| text.parse().expect("a number of seconds")))
}

/// A topic, its connector and its bucket, and what has been produced.
struct Flow {
    topic: String,
    bucket: Bucket,
    partitions: i32,
    connector: Connector,
    producer: Producer,
    produced: u64,
    ends: BTreeMap<i32, i64>,
}

/// Who has a connector's partitions, and since which rebalance of its group.
#[derive(Debug, PartialEq, Eq)]
struct Membership {
    generation: u32,
    owners: BTreeMap<i32, (String, u32)>,
}

impl Flow {
    async fn beside(world: &World, partitions: i32) -> Result<Self> {
        let (topic, bucket) = (unique("records"), world.store.bucket(&unique("bucket")));
        world.admin()?.create_topic(&topic, partitions, &[]).await?;
        world.store.create_bucket(bucket.name()).await?;
        Self::start(world, &topic, bucket, partitions).await
    }

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
            let partition = i32::try_from(number % self.partitions as u64).expect("small");
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
            self.delivered(world, PACE).await?;
            paces.push(started.elapsed());
        }
        Ok(paces)
    }

    async fn committed(&self, world: &World) -> Result<BTreeMap<i32, i64>> {
        world.admin()?.committed_offsets(&self.connector.group(), &self.topic).await
    }

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

    async fn verified(&self, world: &World) -> Result<()> {
        let report = world
            .verify(&self.connector, &self.topic, &self.bucket, self.ends.clone(), &[])
            .await?;
        assert_clean(&report, self.produced, 0)
    }
}
