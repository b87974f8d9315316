//! An agent over the real stream, whose answers are scripted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kafka2oss_proto::agent::v1::agent_control_service_client::AgentControlServiceClient;
use kafka2oss_proto::agent::v1::command::Command;
use kafka2oss_proto::agent::v1::command_result::Result as Outcome;
use kafka2oss_proto::agent::v1::connect_request::Message as Said;
use kafka2oss_proto::agent::v1::connect_response::Message as Told;
use kafka2oss_proto::{agent, v1};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use crate::server::PATIENCE;

type Prepare = dyn FnMut(&agent::v1::PrepareConnector) -> agent::v1::PrepareConnectorResult + Send;
type Judge = dyn FnMut(&agent::v1::ConnectorAssignment) -> Option<agent::v1::Problem> + Send;

/// What an agent is and how it answers.
pub(crate) struct Script {
    pub(crate) hello: agent::v1::Hello,
    /// Answers preparations.
    pub(crate) prepare: Box<Prepare>,
    /// Refuses assignments.
    pub(crate) refuse: Box<Judge>,
    /// Problems of the first removals; later ones succeed.
    pub(crate) removal_problems: Vec<agent::v1::Problem>,
    /// Problems of the first test messages, which are not written; later ones are.
    pub(crate) write_problems: Vec<agent::v1::Problem>,
    /// Whether it reports its tasks as they are asked to be.
    pub(crate) reports: bool,
    /// The partitions that it reports of every connector.
    pub(crate) partitions: Vec<v1::PartitionProgress>,
    /// Where it says that partitions end.
    pub(crate) ends: BTreeMap<i32, i64>,
}

impl Script {
    /// An agent of pool `vpc-1`/`vsw-1` that does everything that is asked.
    pub(crate) fn willing(id: &str) -> Self {
        Self {
            hello: agent::v1::Hello {
                agent_id: id.to_owned(),
                boot_nonce: 1,
                vpc_id: "vpc-1".to_owned(),
                vswitch_id: "vsw-1".to_owned(),
                capacity: 100,
                protocol_version: 1,
                version: "0.1.0".to_owned(),
                ..agent::v1::Hello::default()
            },
            prepare: Box::new(prepared),
            refuse: Box::new(|_| None),
            removal_problems: Vec::new(),
            write_problems: Vec::new(),
            reports: true,
            partitions: Vec::new(),
            ends: BTreeMap::new(),
        }
    }

    /// The same, started at another time.
    pub(crate) fn boot(mut self, nonce: u64) -> Self {
        self.hello.boot_nonce = nonce;
        self
    }
}

/// A partition as agents report it.
pub(crate) fn partition(
    number: i32,
    state: v1::PartitionState,
    position: i64,
    committed: Option<i64>,
) -> v1::PartitionProgress {
    v1::PartitionProgress {
        partition: number,
        state: state.into(),
        position: Some(position),
        committed_offset: committed,
        ..v1::PartitionProgress::default()
    }
}

/// Everything is ready; the start is at 7 of partition 0.
pub(crate) fn prepared(command: &agent::v1::PrepareConnector) -> agent::v1::PrepareConnectorResult {
    let mut epoch = command.epoch.clone().unwrap_or_default();
    if epoch.fixed_time.is_none() {
        epoch.topic_id = "topic-id".to_owned();
        epoch.start_offsets = [(0, 7)].into();
        epoch.set_origin(v1::StartOrigin::Latest);
        epoch.fixed_time = Some(std::time::SystemTime::now().into());
    }
    agent::v1::PrepareConnectorResult {
        epoch: Some(epoch),
        delivery_guarantee: v1::DeliveryGuarantee::ExactlyOnce.into(),
        kafka_cluster_id: "cluster-1".to_owned(),
        ..agent::v1::PrepareConnectorResult::default()
    }
}

pub(crate) fn problem(code: &str) -> agent::v1::Problem {
    agent::v1::Problem { code: code.to_owned(), message: format!("{code} in this test") }
}

/// What was told to an agent so far.
#[derive(Default)]
struct Log {
    told: Vec<Told>,
    ended: bool,
}

/// An agent whose stream is open.
pub(crate) struct Agent {
    say: mpsc::Sender<agent::v1::ConnectRequest>,
    log: Arc<Mutex<Log>>,
    news: watch::Receiver<u64>,
    task: JoinHandle<()>,
    sequence: Arc<Mutex<u64>>,
    partitions: Arc<Mutex<Vec<v1::PartitionProgress>>>,
    frozen: Arc<AtomicBool>,
}

impl Agent {
    /// Opens a stream and says Hello.
    pub(crate) async fn connect(channel: &Channel, script: Script) -> Self {
        let (say, said) = mpsc::channel(64);
        let first = Said::Hello(script.hello.clone());
        say.send(request(first)).await.expect("room");
        let mut client = AgentControlServiceClient::new(channel.clone());
        let stream = client.connect(ReceiverStream::new(said)).await.expect("a stream");
        let log = Arc::new(Mutex::new(Log::default()));
        let (tell, news) = watch::channel(0);
        let sequence = Arc::new(Mutex::new(0));
        let partitions = Arc::new(Mutex::new(script.partitions.clone()));
        let frozen = Arc::new(AtomicBool::new(false));
        let turn = Turn {
            frozen: Arc::clone(&frozen),
            script,
            say: say.clone(),
            log: Arc::clone(&log),
            tell,
            sequence: Arc::clone(&sequence),
            partitions: Arc::clone(&partitions),
            answers: Default::default(),
        };
        let task = tokio::spawn(turn.run(stream.into_inner()));
        Self { say, log, news, task, sequence, partitions, frozen }
    }

    /// Waits until something that was told is what `find` looks for.
    pub(crate) async fn told<T>(&mut self, find: impl Fn(&Told) -> Option<T>) -> T {
        let waiting = async {
            loop {
                self.news.borrow_and_update();
                if let Some(found) = self.log().told.iter().find_map(&find) {
                    return found;
                }
                self.news.changed().await.expect("the stream ended before it came");
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("told in time")
    }

    /// Waits until an assignment is as `wanted` says.
    pub(crate) async fn assigned(
        &mut self,
        wanted: impl Fn(&agent::v1::AssignmentList) -> bool,
    ) -> agent::v1::AssignmentList {
        self.told(|told| match told {
            Told::Assignments(list) if wanted(list) => Some(list.clone()),
            _ => None,
        })
        .await
    }

    /// Waits until the lists so far are as `wanted` says.
    pub(crate) async fn until_lists(
        &mut self,
        wanted: impl Fn(&[agent::v1::AssignmentList]) -> bool,
    ) {
        let waiting = async {
            loop {
                self.news.borrow_and_update();
                if wanted(&self.lists()) {
                    return;
                }
                self.news.changed().await.expect("the stream ended before they came");
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("told in time");
    }

    /// Every list of assignments so far.
    pub(crate) fn lists(&self) -> Vec<agent::v1::AssignmentList> {
        let lists = |told: &Told| match told {
            Told::Assignments(list) => Some(list.clone()),
            _ => None,
        };
        self.log().told.iter().filter_map(lists).collect()
    }

    /// Every command so far.
    pub(crate) fn commands(&self) -> Vec<agent::v1::Command> {
        let commands = |told: &Told| match told {
            Told::Command(command) => Some(command.clone()),
            _ => None,
        };
        self.log().told.iter().filter_map(commands).collect()
    }

    /// Waits until it was told something more.
    pub(crate) async fn heard(&mut self) {
        self.news.changed().await.expect("the stream ended before it came");
    }

    /// Waits until the control plane has ended the stream.
    pub(crate) async fn ended(&mut self) {
        let waiting = async {
            while !self.log().ended {
                if self.news.changed().await.is_err() {
                    break;
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("ended in time");
    }

    pub(crate) async fn say(&self, message: Said) {
        self.say.send(request(message)).await.expect("the stream is open");
    }

    /// Reports one connector.
    pub(crate) async fn report(&self, connector: agent::v1::ConnectorReport) {
        let sequence = next(&self.sequence);
        let connectors = vec![connector];
        let report = agent::v1::StatusReport { sequence, connectors, ..Default::default() };
        self.say(Said::StatusReport(report)).await;
    }

    /// Reports these partitions, of what it was assigned last, from now on.
    pub(crate) async fn show(&self, partitions: Vec<v1::PartitionProgress>) {
        self.partitions.lock().expect("no panic").clone_from(&partitions);
        let list = self.lists().pop().expect("a list");
        let of = |one: &agent::v1::ConnectorAssignment| agent::v1::ConnectorReport {
            partitions: partitions.clone(),
            ..report_of(one)
        };
        let connectors = list.connectors.iter().map(of).collect();
        let sequence = next(&self.sequence);
        let report = agent::v1::StatusReport { sequence, connectors, ..Default::default() };
        self.say(Said::StatusReport(report)).await;
    }

    /// Takes note of what it is told from now on, and does nothing about it.
    pub(crate) fn freeze(&self) {
        self.frozen.store(true, Ordering::Relaxed);
    }

    /// Says again and again that it is there.
    pub(crate) fn beat(&self) -> JoinHandle<()> {
        let say = self.say.clone();
        tokio::spawn(async move {
            while say.send(request(Said::Heartbeat(agent::v1::Heartbeat {}))).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
    }

    pub(crate) async fn goodbye(&self, reason: agent::v1::GoodbyeReason) {
        self.say(Said::Goodbye(agent::v1::Goodbye { reason: reason.into() })).await;
    }

    /// Its host loses power, as far as the control plane can tell.
    pub(crate) async fn vanish(self) {
        self.task.abort();
        // Cancelled, as asked.
        let _ = self.task.await;
    }

    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().expect("no panic")
    }
}

/// What an agent that does as asked reports of an assignment.
pub(crate) fn report_of(assignment: &agent::v1::ConnectorAssignment) -> agent::v1::ConnectorReport {
    let state = match assignment.run_mode() {
        agent::v1::RunMode::Pause => v1::TaskState::Paused,
        _ => v1::TaskState::Running,
    };
    let task = |task: &agent::v1::TaskAssignment| agent::v1::TaskReport {
        index: task.index,
        state: state.into(),
        pulse: 1,
        ..agent::v1::TaskReport::default()
    };
    agent::v1::ConnectorReport {
        connector: assignment.connector.clone(),
        uid: assignment.uid.clone(),
        generation: assignment.generation,
        placement_version: assignment.placement_version,
        epoch: assignment.epoch.as_ref().map_or(0, |epoch| epoch.number),
        tasks: assignment.tasks.iter().map(task).collect(),
        ..agent::v1::ConnectorReport::default()
    }
}

struct Turn {
    frozen: Arc<AtomicBool>,
    script: Script,
    say: mpsc::Sender<agent::v1::ConnectRequest>,
    log: Arc<Mutex<Log>>,
    tell: watch::Sender<u64>,
    sequence: Arc<Mutex<u64>>,
    partitions: Arc<Mutex<Vec<v1::PartitionProgress>>>,
    /// Answers to commands, by id: a command is carried out once.
    answers: std::collections::HashMap<String, Outcome>,
}

impl Turn {
    async fn run(mut self, mut stream: tonic::Streaming<agent::v1::ConnectResponse>) {
        while let Ok(Some(response)) = stream.message().await {
            let Some(told) = response.message else { continue };
            self.log.lock().expect("no panic").told.push(told.clone());
            self.tell.send_modify(|count| *count += 1);
            if self.frozen.load(Ordering::Relaxed) {
                continue;
            }
            match told {
                Told::Assignments(list) => self.take(list).await,
                Told::Command(command) => self.carry_out(command).await,
                Told::Welcome(_) | Told::Superseded(_) => {}
            }
        }
        self.log.lock().expect("no panic").ended = true;
        self.tell.send_modify(|count| *count += 1);
    }

    async fn take(&mut self, list: agent::v1::AssignmentList) {
        let mut nacks = Vec::new();
        let mut reports = Vec::new();
        for assignment in &list.connectors {
            match (self.script.refuse)(assignment) {
                Some(problem) => nacks.push(agent::v1::AssignmentNack {
                    connector: assignment.connector.clone(),
                    placement_version: assignment.placement_version,
                    generation: assignment.generation,
                    problem: Some(problem),
                }),
                None => reports.push(agent::v1::ConnectorReport {
                    partitions: self.partitions.lock().expect("no panic").clone(),
                    ..report_of(assignment)
                }),
            }
        }
        let ack = agent::v1::AssignmentAck { version: list.version, nonce: list.nonce, nacks };
        self.say(Said::AssignmentAck(ack)).await;
        if self.script.reports {
            let sequence = next(&self.sequence);
            let report =
                agent::v1::StatusReport { sequence, connectors: reports, ..Default::default() };
            self.say(Said::StatusReport(report)).await;
        }
    }

    async fn carry_out(&mut self, command: agent::v1::Command) {
        let agent::v1::Command { id, command, .. } = command;
        let written = self.answers.len();
        let outcome = match self.answers.get(&id) {
            Some(answer) => answer.clone(),
            None => match command.expect("a command") {
                Command::PrepareConnector(prepare) => {
                    Outcome::PrepareConnector((self.script.prepare)(&prepare))
                }
                Command::WriteTestMessage(write) => match self.script.write_problems.pop() {
                    Some(problem) => Outcome::Problem(problem),
                    None if write.again => Outcome::Problem(problem("TEST_MESSAGE_UNCERTAIN")),
                    None => Outcome::WriteTestMessage(agent::v1::WriteTestMessageResult {
                        partition: write.partition.unwrap_or_default(),
                        offset: 7 + i64::try_from(written).expect("small"),
                        timestamp: Some(std::time::SystemTime::now().into()),
                    }),
                },
                Command::ValidateConnector(_) => {
                    Outcome::ValidateConnector(agent::v1::ValidateConnectorResult::default())
                }
                Command::ReadEndOffsets(_) => {
                    let end_offsets = self.script.ends.clone();
                    Outcome::ReadEndOffsets(agent::v1::ReadEndOffsetsResult { end_offsets })
                }
                // The test tells of it, and may end it.
                Command::FlushConnector(_) => return,
                Command::RemoveResources(_) => {
                    let problems = match self.script.removal_problems.pop() {
                        Some(problem) => vec![problem],
                        None => Vec::new(),
                    };
                    Outcome::RemoveResources(agent::v1::RemoveResourcesResult {
                        problems,
                        ..Default::default()
                    })
                }
            },
        };
        // Commands other than test messages have an id of each try.
        if id.starts_with("test-") && !matches!(outcome, Outcome::Problem(_)) {
            self.answers.insert(id.clone(), outcome.clone());
        }
        self.say(Said::CommandResult(agent::v1::CommandResult { id, result: Some(outcome) })).await;
    }

    async fn say(&mut self, message: Said) {
        // When the stream has ended, the loop ends next.
        let _ = self.say.send(request(message)).await;
    }
}

fn next(sequence: &Mutex<u64>) -> u64 {
    let mut sequence = sequence.lock().expect("no panic");
    *sequence += 1;
    *sequence
}

fn request(message: Said) -> agent::v1::ConnectRequest {
    agent::v1::ConnectRequest { message: Some(message) }
}
