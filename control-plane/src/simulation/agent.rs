//! A simulated agent: it does what real ones do on the stream, and crashes, leaves, refuses
//! and takes its time as the seed has it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::FuturesUnordered;
use kafka2oss_proto::agent::v1::command::Command;
use kafka2oss_proto::agent::v1::command_result::Result as Answer;
use kafka2oss_proto::agent::v1::connect_request::Message as Said;
use kafka2oss_proto::agent::v1::connect_response::Message as Told;
use kafka2oss_proto::{agent, v1};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::link::{self, Cable, Link};
use super::world::{HEARTBEAT, World};

/// Partitions of each topic.
const PARTITIONS: u32 = 2;

/// What happens to an agent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    /// Its process ends without a word, and starts again after this time.
    Crash(Duration),
    /// It gives its tasks back, and comes again after this time.
    Leave(Duration),
}

/// What all agents of a world were told.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Which agent has a task in a placement: by uid, placement version and index.
    tasks: Mutex<HashMap<(String, u64, u32), String>>,
    /// Uids of the connectors whose tasks an agent runs.
    running: Mutex<BTreeMap<String, HashSet<String>>>,
}

/// What the world knows of an agent.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) id: String,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) cable: Arc<Cable>,
    pub(super) seen: watch::Receiver<BTreeMap<String, Held>>,
}

/// A connector's tasks on an agent, as it runs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) uid: String,
    pub(super) placement_version: u64,
    pub(super) indexes: Vec<u32>,
}

struct Agent {
    id: String,
    world: Arc<World>,
    ledger: Arc<Ledger>,
    orders: mpsc::Receiver<Order>,
    cable: Arc<Cable>,
    seen: watch::Sender<BTreeMap<String, Held>>,
    boot_nonce: u64,
    /// By connector; on its disk.
    assigned: BTreeMap<String, agent::v1::ConnectorAssignment>,
    /// What it runs no longer, until its tasks have stopped.
    stopping: Vec<(Instant, agent::v1::ConnectorAssignment)>,
    /// The highest generation and placement version of each uid that it was told.
    highest: HashMap<String, (u64, u64)>,
    /// Records written, by connector.
    positions: HashMap<String, i64>,
    sequence: u64,
}

/// How a stream ended.
enum End {
    Broken,
    Superseded,
    Ordered(Order),
}

type Works = FuturesUnordered<BoxFuture<'static, Option<agent::v1::CommandResult>>>;

/// Starts an agent.
pub(super) fn start(world: &Arc<World>, ledger: &Arc<Ledger>, id: &str) -> Handle {
    let (orders, ordered) = mpsc::channel(1);
    let cable = Arc::new(Cable::default());
    let (seen, sees) = watch::channel(BTreeMap::new());
    let agent = Agent {
        id: id.to_owned(),
        world: Arc::clone(world),
        ledger: Arc::clone(ledger),
        orders: ordered,
        cable: Arc::clone(&cable),
        seen,
        boot_nonce: 1,
        assigned: BTreeMap::new(),
        stopping: Vec::new(),
        highest: HashMap::new(),
        positions: HashMap::new(),
        sequence: 0,
    };
    world.spawn(agent.run());
    Handle { id: id.to_owned(), orders, cable, seen: sees }
}

impl Agent {
    async fn run(mut self) {
        loop {
            let hello = self.hello();
            let end = match link::connect(&self.world, hello, &self.cable).await {
                Some(link) => self.talk(link).await,
                None => End::Broken,
            };
            let away = match end {
                End::Broken => self.world.within(100, 3_000),
                End::Superseded => {
                    self.note("superseded");
                    self.boot_nonce += 1;
                    self.world.within(1_000, 5_000)
                }
                End::Ordered(Order::Crash(away)) => {
                    self.note("crashed");
                    self.boot_nonce += 1;
                    self.stopping.clear();
                    self.sequence = 0;
                    away
                }
                End::Ordered(Order::Leave(away)) => {
                    self.note("left");
                    self.boot_nonce += 1;
                    self.stopping.clear();
                    self.assigned.clear();
                    self.sequence = 0;
                    away
                }
            };
            self.show();
            sleep(away).await;
        }
    }

    fn hello(&self) -> agent::v1::Hello {
        let held = |(connector, one): (&String, &agent::v1::ConnectorAssignment)| {
            agent::v1::HeldAssignment {
                connector: connector.clone(),
                uid: one.uid.clone(),
                generation: one.generation,
                placement_version: one.placement_version,
                task_indexes: one.tasks.iter().map(|task| task.index).collect(),
            }
        };
        agent::v1::Hello {
            agent_id: self.id.clone(),
            boot_nonce: self.boot_nonce,
            vpc_id: "vpc-1".to_owned(),
            vswitch_id: "vsw-1".to_owned(),
            capacity: 100,
            protocol_version: 1,
            version: "0.1.0".to_owned(),
            held: self.assigned.iter().map(held).collect(),
            ..agent::v1::Hello::default()
        }
    }

    async fn talk(&mut self, mut link: Link) -> End {
        let mut works = Works::new();
        let mut beat_at = Instant::now() + HEARTBEAT;
        let mut report_at = Instant::now();
        loop {
            let said = tokio::select! {
                biased;
                order = self.orders.recv() => match order {
                    Some(Order::Leave(away)) => {
                        let reason = agent::v1::GoodbyeReason::Leaving.into();
                        let goodbye = Said::Goodbye(agent::v1::Goodbye { reason });
                        // It leaves in any case.
                        let _ = link.say.send(request(goodbye)).await;
                        return End::Ordered(Order::Leave(away));
                    }
                    Some(order) => return End::Ordered(order),
                    None => return End::Broken,
                },
                told = link.told.recv() => match told.map(|told| told.message) {
                    None => return End::Broken,
                    Some(Some(Told::Superseded(_))) => return End::Superseded,
                    Some(Some(Told::Assignments(list))) => {
                        report_at = Instant::now();
                        vec![Said::AssignmentAck(self.take(list).await)]
                    }
                    Some(Some(Told::Command(command))) => {
                        works.push(self.begin(command));
                        Vec::new()
                    }
                    Some(Some(Told::Welcome(_)) | None) => Vec::new(),
                },
                Some(result) = works.next() => {
                    result.map(Said::CommandResult).into_iter().collect()
                }
                () = sleep_until(report_at) => {
                    report_at = self.next_report();
                    vec![Said::StatusReport(self.report())]
                }
                () = sleep_until(beat_at) => {
                    beat_at = Instant::now() + HEARTBEAT;
                    vec![Said::Heartbeat(agent::v1::Heartbeat {})]
                }
            };
            for message in said {
                if link.say.send(request(message)).await.is_err() {
                    return End::Broken;
                }
            }
        }
    }

    /// Takes a list, which was durable before it was sent, and gives no task to two agents.
    async fn take(&mut self, list: agent::v1::AssignmentList) -> agent::v1::AssignmentAck {
        for one in &list.connectors {
            self.check(one);
        }
        sleep(self.world.within(0, 300)).await;
        let mut nacks = Vec::new();
        let mut assigned = BTreeMap::new();
        for one in list.connectors {
            if !self.world.is_calm() && self.world.once_in(40) {
                let message = "not today".to_owned();
                nacks.push(agent::v1::AssignmentNack {
                    connector: one.connector.clone(),
                    placement_version: one.placement_version,
                    generation: one.generation,
                    problem: Some(agent::v1::Problem {
                        code: "AGENT_UNSUPPORTED".to_owned(),
                        message,
                    }),
                });
                if let Some(before) = self.assigned.remove(&one.connector) {
                    assigned.insert(one.connector, before);
                }
                continue;
            }
            assigned.insert(one.connector.clone(), one);
        }
        let before = std::mem::replace(&mut self.assigned, assigned);
        for (connector, one) in before {
            if self.assigned.get(&connector).is_none_or(|now| now.uid != one.uid) {
                let stopped = Instant::now() + self.world.within(0, 4_000);
                self.stopping.push((stopped, one));
            }
        }
        self.show();
        agent::v1::AssignmentAck { version: list.version, nonce: list.nonce, nacks }
    }

    fn check(&mut self, one: &agent::v1::ConnectorAssignment) {
        let agent::v1::ConnectorAssignment {
            uid, generation, placement_version, connector, ..
        } = one;
        let told = (*generation, *placement_version);
        let durable = self.world.disk.highest(uid);
        assert!(
            told.0 <= durable.0 && told.1 <= durable.1,
            "{} is told {told:?} of {connector}, and {durable:?} is durable",
            self.id
        );
        let highest = self.highest.entry(uid.clone()).or_default();
        assert!(
            told.0 >= highest.0 && told.1 >= highest.1,
            "{} is told {told:?} of {connector} after {highest:?}",
            self.id
        );
        *highest = told;
        let epoch = one.epoch.as_ref();
        let starts = epoch.is_some_and(|epoch| epoch.fixed_time.is_some());
        assert!(
            starts || one.run_mode() != agent::v1::RunMode::Run,
            "{connector} runs without a start"
        );
        let mut tasks = self.ledger.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        for task in &one.tasks {
            let key = (uid.clone(), *placement_version, task.index);
            let owner = tasks.entry(key).or_insert_with(|| self.id.clone());
            assert_eq!(
                *owner, self.id,
                "task {} of {connector} in placement {placement_version}",
                task.index
            );
        }
    }

    fn begin(
        &self,
        command: agent::v1::Command,
    ) -> BoxFuture<'static, Option<agent::v1::CommandResult>> {
        let (pause, answers, willing) = match self.world.is_calm() {
            true => (self.world.within(20, 200), true, true),
            false => {
                let answers = !self.world.once_in(10);
                (self.world.within(20, 3_000), answers, !self.world.once_in(6))
            }
        };
        let agent::v1::Command { id, command, .. } = command;
        if matches!(command, Some(Command::RemoveResources(_))) {
            self.check_removal(&id);
        }
        async move {
            sleep(pause).await;
            let result = answer(command?, willing);
            answers.then_some(agent::v1::CommandResult { id, result: Some(result) })
        }
        .boxed()
    }

    /// What a connector has is removed once its tasks have stopped, or their agent was gone.
    fn check_removal(&self, command_id: &str) {
        let uid = command_id.split('-').nth(1).unwrap_or_default();
        let running = self.ledger.running.lock().unwrap_or_else(PoisonError::into_inner);
        for (agent, uids) in running.iter() {
            let may_run = uids.contains(uid) && !self.world.disk.was_gone(agent);
            assert!(!may_run, "resources are removed of {uid}, which {agent} runs");
        }
    }

    fn report(&mut self) -> agent::v1::StatusReport {
        let now = Instant::now();
        self.stopping.retain(|(stopped, _)| *stopped > now);
        self.show();
        self.sequence += 1;
        let mut connectors = Vec::new();
        for (_, one) in &self.stopping {
            connectors.push(report_of(one, self.sequence, 0));
        }
        for (connector, one) in &self.assigned {
            // Another one of its name is still there.
            if connectors.iter().any(|report| report.connector == *connector) {
                continue;
            }
            let position = self.positions.entry(one.uid.clone()).or_insert(7);
            *position += 1;
            connectors.push(report_of(one, self.sequence, *position));
        }
        agent::v1::StatusReport {
            sequence: self.sequence,
            connectors,
            ..agent::v1::StatusReport::default()
        }
    }

    /// When it has something to say, which is soon while tasks stop.
    fn next_report(&self) -> Instant {
        let regular = Instant::now() + Duration::from_secs(5);
        self.stopping.iter().map(|(stopped, _)| *stopped).chain([regular]).min().unwrap_or(regular)
    }

    fn show(&self) {
        let held = |(connector, one): (&String, &agent::v1::ConnectorAssignment)| {
            let indexes = one.tasks.iter().map(|task| task.index).collect();
            let (uid, placement_version) = (one.uid.clone(), one.placement_version);
            (connector.clone(), Held { uid, placement_version, indexes })
        };
        self.seen.send_replace(self.assigned.iter().map(held).collect());
        let stopping = self.stopping.iter().map(|(_, one)| one.uid.clone());
        let runs = self.assigned.values().map(|one| one.uid.clone()).chain(stopping).collect();
        let mut running = self.ledger.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.insert(self.id.clone(), runs);
    }

    fn note(&self, what: &str) {
        self.world.note(&self.id, what);
    }
}

fn answer(command: Command, willing: bool) -> Answer {
    let problems = match willing {
        true => Vec::new(),
        false => vec![agent::v1::Problem {
            code: "KAFKA_UNREACHABLE".to_owned(),
            message: "not today".to_owned(),
        }],
    };
    match command {
        Command::PrepareConnector(asked) => {
            let mut epoch = asked.epoch.unwrap_or_default();
            if epoch.fixed_time.is_none() {
                epoch.topic_id = "topic-id".to_owned();
                epoch.start_offsets = [(0, 7), (1, 7)].into();
                epoch.set_origin(v1::StartOrigin::Latest);
                epoch.fixed_time = Some(crate::clock::now());
            }
            Answer::PrepareConnector(agent::v1::PrepareConnectorResult {
                epoch: Some(epoch),
                problems,
                delivery_guarantee: v1::DeliveryGuarantee::ExactlyOnce.into(),
                kafka_cluster_id: "cluster-1".to_owned(),
                ..agent::v1::PrepareConnectorResult::default()
            })
        }
        Command::RemoveResources(_) => Answer::RemoveResources(agent::v1::RemoveResourcesResult {
            problems,
            ..agent::v1::RemoveResourcesResult::default()
        }),
        Command::WriteTestMessage(_) => {
            Answer::WriteTestMessage(agent::v1::WriteTestMessageResult::default())
        }
    }
}

fn report_of(
    one: &agent::v1::ConnectorAssignment,
    pulse: u64,
    position: i64,
) -> agent::v1::ConnectorReport {
    let state = match one.run_mode() {
        agent::v1::RunMode::Pause => v1::TaskState::Paused,
        _ => v1::TaskState::Running,
    };
    let task = |task: &agent::v1::TaskAssignment| agent::v1::TaskReport {
        index: task.index,
        state: state.into(),
        problem: None,
        pulse,
    };
    // The tasks share the partitions of the topic.
    let spread = one.spec.as_ref().and_then(|spec| spec.source.as_ref());
    let spread = spread.and_then(|source| source.spread).unwrap_or(1).max(1);
    let partition = |partition: u32| {
        let index = partition % spread;
        one.tasks.iter().any(|task| task.index == index).then(|| v1::PartitionProgress {
            partition: i32::try_from(partition).unwrap_or_default(),
            task_index: index,
            state: v1::PartitionState::Running.into(),
            position: Some(position),
            committed_offset: Some(position),
            ..v1::PartitionProgress::default()
        })
    };
    let runs = one.run_mode() == agent::v1::RunMode::Run && position > 0;
    agent::v1::ConnectorReport {
        connector: one.connector.clone(),
        uid: one.uid.clone(),
        generation: one.generation,
        placement_version: one.placement_version,
        epoch: one.epoch.as_ref().map_or(0, |epoch| epoch.number),
        tasks: one.tasks.iter().map(task).collect(),
        partitions: (0..PARTITIONS).filter(|_| runs).filter_map(partition).collect(),
        ..agent::v1::ConnectorReport::default()
    }
}

fn request(message: Said) -> agent::v1::ConnectRequest {
    agent::v1::ConnectRequest { message: Some(message) }
}
