//! Carries out a plan: each disturbance in its turn, and its end when it is due.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};
use kafka2oss_tests::wait::eventually;
use tokio::time::{Instant, sleep_until};

use crate::connector::Connector;
use crate::flow::{Flow, PARTITIONS};
use crate::journal::Journal;
use crate::plan::{Cycle, Disturbance};
use crate::processes::Processes;
use crate::settings::StoreKind;
use crate::shape::Shape;
use crate::store::Store;
use crate::verdict::Verdict;

/// What any single thing may take on a machine that is busy with others.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);
/// What it may take to deliver all records once nothing is wrong any more.
const DELIVERY: Duration = Duration::from_secs(150);
/// How long former zombies get to do harm when all is delivered: longer than the
/// time in which a put follows its pin.
const HARM: Duration = Duration::from_secs(8);
const TOPIC: &str = "chaos";

/// How a disturbance ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    StartAgent(usize),
    ReplaceAgent(usize),
    Thaw(usize),
    StartControlPlane,
    StartBroker,
    HealStore,
}

/// A topic that is filled all the time, a connector that empties it into a
/// bucket, and what is wrong with them at the moment.
pub(crate) struct Runner<'a> {
    journal: &'a mut Journal,
    random: Rng,
    // Dropped in this order: what asks ends before what answers.
    flow: Flow,
    processes: Processes,
    store: Store,
    kafka: KafkaServer,
    connector: Connector,
    ends: Vec<(Instant, End)>,
    counts: BTreeMap<&'static str, u64>,
}

impl<'a> Runner<'a> {
    /// Starts all of it and waits until the connector runs.
    pub(crate) async fn start(
        journal: &'a mut Journal,
        kind: StoreKind,
        seed: u64,
    ) -> Result<Runner<'a>> {
        let mut random = Rng::with_seed(seed);
        let options = KafkaOptions::default()
            // A broker that was killed is let in again soon.
            .with("broker.session.timeout.ms", "3000")
            .with("broker.heartbeat.interval.ms", "500");
        let kafka = KafkaServer::start(options).await?;
        kafka.admin()?.create_topic(TOPIC, PARTITIONS, &[]).await?;
        let store = Store::start(kind, seed).await?;
        let processes = Processes::start(journal).await?;
        let connector = Connector::deploy(
            processes.channel(),
            &kafka.bootstrap(),
            TOPIC,
            store.destination(),
            Shape::random(&mut random),
            kind.guarantee(),
        )
        .await?;
        let flow = Flow::start(kafka.producer()?, TOPIC);
        journal.note(format_args!("{} runs", connector.id))?;
        Ok(Self {
            journal,
            random,
            flow,
            processes,
            store,
            kafka,
            connector,
            ends: Vec::new(),
            counts: BTreeMap::new(),
        })
    }

    /// How often each kind of disturbance was carried out.
    pub(crate) fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// One cycle. What it has begun may still last when this returns.
    pub(crate) async fn cycle(&mut self, number: u64, cycle: &Cycle) -> Result<()> {
        self.journal.note(format_args!("cycle {number}: {cycle}"))?;
        let start = Instant::now();
        for (after, disturbance) in &cycle.disturbances {
            self.pass_until(start + *after).await?;
            if self.begin(disturbance).await? {
                *self.counts.entry(disturbance.kind()).or_default() += 1;
            }
        }
        self.pass_until(start + cycle.length).await?;
        self.processes.check()?;
        self.flow.check().await
    }

    /// Ends all disturbances and waits until everything that is in the topic at
    /// this moment stands in the store.
    pub(crate) async fn settle(&mut self) -> Result<()> {
        self.heal().await?;
        let since = Instant::now();
        let ends = self.kafka.admin()?.end_offsets(TOPIC).await?;
        self.delivered(&ends).await?;
        self.journal.note(format_args!("settled after {:?}", since.elapsed()))
    }

    /// Ends all disturbances and producing, waits until all is delivered, and
    /// judges it.
    pub(crate) async fn finish(mut self) -> Result<Verdict> {
        self.heal().await?;
        let acknowledged = self.flow.stop().await?;
        let ends = self.kafka.admin()?.end_offsets(TOPIC).await?;
        let ended = ends.iter().map(|(partition, end)| (*partition, end.unsigned_abs()));
        ensure!(acknowledged == ended.collect(), "{acknowledged:?} acknowledged, {ends:?} there");
        self.delivered(&ends).await?;
        self.connector.runs().await?;
        self.journal.note("all is delivered")?;
        sleep_until(Instant::now() + HARM).await;
        self.processes.check()?;
        self.journal.check_panics()?;
        let store = self.store.for_verification();
        let bootstrap = self.kafka.bootstrap();
        Verdict::reach(&bootstrap, TOPIC, store, &self.connector, ends).await
    }

    /// Lets time pass up to `moment`; what is due meanwhile ends.
    async fn pass_until(&mut self, moment: Instant) -> Result<()> {
        while let Some(end) = self.next_end(Some(moment)) {
            self.end(end).await?;
        }
        sleep_until(moment).await;
        Ok(())
    }

    /// Ends all that lasts, each when it is due, and waits until all agents are
    /// connected.
    async fn heal(&mut self) -> Result<()> {
        while let Some(end) = self.next_end(None) {
            self.end(end).await?;
        }
        self.processes.are_connected().await
    }

    /// Takes what ends next, up to `limit`.
    fn next_end(&mut self, limit: Option<Instant>) -> Option<(Instant, End)> {
        let all = self.ends.iter().enumerate();
        let (index, (due, _)) = all.min_by_key(|(_, (due, _))| *due)?;
        limit.is_none_or(|limit| *due <= limit).then(|| self.ends.swap_remove(index))
    }

    async fn end(&mut self, (due, end): (Instant, End)) -> Result<()> {
        sleep_until(due).await;
        match end {
            End::StartAgent(agent) => self.processes.start_again(agent, self.journal)?,
            End::ReplaceAgent(agent) => self.processes.replace(agent, self.journal).await?,
            End::Thaw(agent) => self.processes.thaw(agent)?,
            End::StartControlPlane => self.processes.start_control_plane(self.journal)?,
            End::StartBroker => self.kafka.start_again().await?,
            End::HealStore => self.store.heal(),
        }
        match end {
            End::StartAgent(agent) | End::ReplaceAgent(agent) | End::Thaw(agent) => {
                let id = self.processes.id(agent);
                self.journal.note(format_args!("  {end:?}: {id}"))
            }
            _ => self.journal.note(format_args!("  {end:?}")),
        }
    }

    /// Begins a disturbance; false: there was nothing to disturb.
    async fn begin(&mut self, disturbance: &Disturbance) -> Result<bool> {
        match *disturbance {
            Disturbance::KillAgent { agent, away } => {
                let agent = self.victim(agent, disturbance).await?;
                self.processes.kill(agent)?;
                self.ends_after(away, End::StartAgent(agent));
            }
            Disturbance::FreezeAgent { agent, frozen } => {
                if !self.processes.several_run() {
                    return Ok(false);
                }
                let agent = self.victim(agent, disturbance).await?;
                self.processes.freeze(agent)?;
                self.ends_after(frozen, End::Thaw(agent));
            }
            Disturbance::AgentLeaves { agent, away } => {
                let agent = self.victim(agent, disturbance).await?;
                self.processes.term(agent)?;
                self.ends_after(away, End::ReplaceAgent(agent));
            }
            Disturbance::KillControlPlane { away } => {
                self.control_plane_is_back().await?;
                self.journal.note(format_args!("  {disturbance}"))?;
                self.processes.kill_control_plane()?;
                self.ends_after(away, End::StartControlPlane);
            }
            Disturbance::BrokerRestarts { killed, away } => {
                if self.ends.iter().any(|(_, end)| *end == End::StartBroker) {
                    return Ok(false);
                }
                self.journal.note(format_args!("  {disturbance}"))?;
                if killed {
                    self.kafka.kill9()?;
                } else {
                    self.kafka.stop().await?;
                }
                self.ends_after(away, End::StartBroker);
            }
            Disturbance::StoreFault { fault, percent, lasting } => {
                self.journal.note(format_args!("  {disturbance}"))?;
                self.store.disturb(fault, percent, self.random.u64(..));
                // In place of the one before, if that still lasts.
                self.ends.retain(|(_, end)| *end != End::HealStore);
                self.ends_after(lasting, End::HealStore);
            }
            Disturbance::Update(shape) => {
                self.control_plane_is_back().await?;
                self.journal.note(format_args!("  {disturbance}"))?;
                self.connector.update(shape).await?;
            }
        }
        Ok(true)
    }

    /// Waits until there is a control plane.
    async fn control_plane_is_back(&mut self) -> Result<()> {
        while !self.processes.has_control_plane() {
            let next = self.next_end(None).context("a control plane that is away comes back")?;
            self.end(next).await?;
        }
        Ok(())
    }

    fn ends_after(&mut self, lasting: Duration, end: End) {
        self.ends.push((Instant::now() + lasting, end));
    }

    /// The agent to be disturbed: one that runs. Where none does, waits until
    /// one does.
    async fn victim(&mut self, wanted: usize, disturbance: &Disturbance) -> Result<usize> {
        loop {
            if let Some(agent) = self.processes.running(wanted) {
                let id = self.processes.id(agent);
                self.journal.note(format_args!("  {disturbance}: {id}"))?;
                return Ok(agent);
            }
            let next = self.next_end(None).context("an agent that does not run comes back")?;
            self.end(next).await?;
        }
    }

    /// Waits until all offsets up to `ends` are committed.
    async fn delivered(&self, ends: &BTreeMap<i32, i64>) -> Result<()> {
        let (admin, group) = (self.kafka.admin()?, self.connector.group());
        let delivered = eventually(format!("committed {ends:?}"), DELIVERY, async || {
            let committed = admin.committed_offsets(&group, TOPIC).await?;
            let there = ends.iter().all(|(partition, end)| {
                *end == 0 || committed.get(partition).is_some_and(|committed| committed >= end)
            });
            ensure!(there, "{committed:?}");
            Ok(Some(()))
        })
        .await;
        match delivered {
            Ok(()) => Ok(()),
            Err(error) => Err(error.context(self.connector.describe().await)),
        }
    }
}
