//! A whole agent with tasks that do nothing, against a control plane that says
//! what a test tells it to.

mod confirmations;
mod flushes;
mod removals;
mod test_messages;

use std::sync::Mutex;

use async_trait::async_trait;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::names::AgentName;
use kafka2oss_domain::spec::Instance;
use kafka2oss_kafka::KafkaAdmin;
use kafka2oss_memory::MemoryBudget;
use kafka2oss_proto::agent::v1::{connect_request, connect_response};
use kafka2oss_proto::v1::{self, secret::Source};
use kafka2oss_sink::ObjectStore;
use tokio::sync::mpsc;

use super::*;
use crate::report::{LogLine, Severity};
use crate::task::{CommitsSeen, Confirmations, Guidance, Mode, TaskSpec, TaskState};
use crate::testing::{
    ControlPlane, Event, FakeKafka, FakeTasks, Hand, Stream, connector_name, inline, soon, wire,
};

struct Bench {
    agent: Agent,
    hand: Hand,
    events: mpsc::UnboundedReceiver<Event>,
    reporter: Reporter,
    admins: Arc<Admins>,
    /// What tasks would ask with.
    confirmations: Confirmations,
    /// What tasks flush by.
    flushes: Flushes,
}

/// Refuses each connection, when the test lets it, while there is no cluster.
struct Admins {
    connections: Mutex<usize>,
    gate: watch::Sender<bool>,
    kafka: Mutex<Option<Arc<FakeKafka>>>,
}

impl Admins {
    fn new() -> Arc<Self> {
        let (connections, kafka) = (Mutex::default(), Mutex::default());
        Arc::new(Self { connections, gate: watch::Sender::new(true), kafka })
    }
}

#[async_trait]
impl AdminFactory for Admins {
    async fn connect(&self, _: &Instance) -> Result<Arc<dyn KafkaAdmin>, Problem> {
        *self.connections.lock().expect("no test panics here") += 1;
        let _ = self.gate.subscribe().wait_for(|open| *open).await;
        match &*self.kafka.lock().expect("no test panics here") {
            Some(kafka) => Ok(Arc::clone(kafka) as Arc<dyn KafkaAdmin>),
            None => Err(Problem::new(ErrorCode::KafkaUnreachable, "no broker here")),
        }
    }
}

fn options(url: &str) -> Options {
    Options { control_plane: url.to_owned(), data_threads: Some(1), ..Options::new("a") }
}

async fn start(options: Options) -> Bench {
    let (tasks, hand, events) = FakeTasks::new();
    let reporter = Reporter::new(AgentName::from_id("a").expect("a legal id"));
    let admins = Admins::new();
    let (confirmations, desk) = confirmations();
    let flushes = Flushes::default();
    let agent = Agent::start_with(
        options,
        Arc::clone(&admins) as Arc<dyn AdminFactory>,
        reporter.clone(),
        LoadMeter::new(MemoryBudget::new(1 << 20)),
        (tasks, flushes.clone()),
        (confirmations.clone(), desk),
        DataRuntime::start(Some(1)).expect("a thread"),
    )
    .await
    .expect("legal options");
    Bench { agent, hand, events, reporter, admins, confirmations, flushes }
}

impl Bench {
    async fn event(&mut self) -> Event {
        soon("an event", self.events.recv()).await.expect("it runs")
    }

    fn no_event(&mut self) {
        assert!(self.events.try_recv().is_err());
    }
}

fn started(name: &str) -> Event {
    Event::Started(name.to_owned(), Guidance::of_mode(Mode::Run))
}

#[tokio::test]
async fn assignments_become_tasks_and_are_acknowledged_one_by_one() {
    let mut control_plane = ControlPlane::start();
    let mut bench = start(options(&control_plane.url())).await;
    let mut stream = control_plane.welcomed().await;
    assert_eq!((stream.hello.agent_id.as_str(), stream.hello.held.len()), ("a", 0));
    assert_ne!(stream.hello.boot_nonce, 0);

    let mut refused = wire("refused", &[0]);
    refused.run_mode = 0;
    let ack = stream.assign(vec![wire("c", &[1]), refused]).await;
    let [nack] = ack.nacks.as_slice() else { panic!("{ack:?}") };
    assert_eq!(nack.connector, "instances/i/connectors/refused");
    assert_eq!(bench.event().await, started("c/1"));
}

#[tokio::test]
async fn what_can_be_seen_of_a_task_is_reported_when_it_changes() {
    let mut control_plane = ControlPlane::start();
    let mut bench = start(options(&control_plane.url())).await;
    let mut stream = control_plane.welcomed().await;
    stream.assign(vec![wire("c", &[0])]).await;
    assert_eq!(bench.event().await, started("c/0"));

    bench.hand.show("c/0", |snapshot| snapshot.state = TaskState::Running);
    // The next heartbeat is an hour away.
    let report = stream
        .report("a task that runs", |report| {
            report.connectors.iter().any(|connector| {
                connector.tasks.iter().any(|task| task.state() == v1::TaskState::Running)
            })
        })
        .await;
    assert!(report.sequence > 1, "{report:?}");
    assert_eq!(report.connectors[0].uid, "uid-c");
}

#[tokio::test]
async fn log_lines_reach_the_control_plane() {
    let mut control_plane = ControlPlane::start();
    let bench = start(options(&control_plane.url())).await;
    let line = LogLine {
        severity: Severity::Info,
        connector: connector_name("c"),
        task_index: None,
        partition: None,
        offset: None,
        code: None,
        message: "before the stream".to_owned(),
    };
    bench.reporter.log(line.clone());
    let mut stream = control_plane.welcomed().await;
    let lines = |message| match message {
        connect_request::Message::Logs(batch) => Some(batch.entries[0].message.clone()),
        _ => None,
    };
    assert_eq!(stream.until("a line", lines).await, "before the stream");
    bench.reporter.log(LogLine { message: "on the stream".to_owned(), ..line });
    assert_eq!(stream.until("a line", lines).await, "on the stream");
}

#[tokio::test]
async fn the_control_plane_may_go_and_come_back_without_a_task_noticing() {
    let mut control_plane = ControlPlane::start();
    let mut bench = start(options(&control_plane.url())).await;
    let mut stream = control_plane.welcomed().await;
    stream.assign(vec![wire("c", &[0])]).await;
    assert_eq!(bench.event().await, started("c/0"));

    control_plane.go_away();
    drop(stream);
    control_plane.come_back();
    let mut stream = control_plane.welcomed().await;
    let [held] = stream.hello.held.as_slice() else { panic!("{:?}", stream.hello) };
    assert_eq!((held.uid.as_str(), held.task_indexes.as_slice()), ("uid-c", [0].as_slice()));
    assert_eq!(stream.hello.store_id, "store");

    let ack = stream.assign(vec![wire("c", &[0])]).await;
    assert_eq!(ack.nacks, []);
    bench.no_event();
}

#[tokio::test]
async fn a_superseded_agent_stops_its_tasks_and_ends() {
    let mut control_plane = ControlPlane::start();
    let mut bench = start(options(&control_plane.url())).await;
    let mut stream = control_plane.welcomed().await;
    stream.assign(vec![wire("c", &[0])]).await;
    assert_eq!(bench.event().await, started("c/0"));

    let message = "a newer one".to_owned();
    stream.send(connect_response::Message::Superseded(agent::v1::Superseded { message })).await;
    let stopped = soon("the end", bench.agent.stopped()).await;
    let Stopped::Superseded(superseded) = stopped else { panic!("{stopped:?}") };
    assert_eq!(superseded.message, "a newer one");
    // The newer process has the same group members.
    assert_eq!(bench.event().await, Event::Stopping("c/0".to_owned(), StopMode::KeepMembership));
    assert_eq!(bench.event().await, Event::Stopped("c/0".to_owned()));
}

/// Cannot start a task.
struct Broken;

impl TaskFactory for Broken {
    fn spawn(
        &self,
        _: TaskSpec,
        _: watch::Receiver<ObjectStore>,
        _: Guidance,
    ) -> Box<dyn crate::supervisor::Task> {
        panic!("no task can be made here")
    }
}

#[tokio::test]
async fn an_agent_whose_supervisor_panics_ends_and_says_why() {
    let mut control_plane = ControlPlane::start();
    let reporter = Reporter::new(AgentName::from_id("a").expect("a legal id"));
    let admins = Admins::new();
    let questions = confirmations();
    let data = DataRuntime::start(Some(1)).expect("a thread");
    let options = options(&control_plane.url());
    let load = LoadMeter::new(MemoryBudget::new(1 << 20));
    let tasks = (Arc::new(Broken) as Arc<dyn TaskFactory>, Flushes::default());
    let agent = Agent::start_with(options, admins, reporter, load, tasks, questions, data);
    let agent = agent.await.expect("legal options");
    let stream = control_plane.welcomed().await;
    let list =
        agent::v1::AssignmentList { connectors: vec![wire("c", &[0])], ..Default::default() };
    stream.send(connect_response::Message::Assignments(list)).await;

    let stopped = soon("the end", agent.stopped()).await;
    let Stopped::Failed(failed) = &stopped else { panic!("{stopped:?}") };
    assert_eq!(failed.code(), ErrorCode::ProcessFailed);
    let words = "the supervisor of the tasks panicked: no task can be made here";
    assert_eq!(failed.to_string(), words);
    drop(stream);
    soon("a stop that needs no supervisor", agent.stop(StopReason::Restarting)).await;
}

#[tokio::test]
async fn an_agent_that_is_not_let_in_tries_again_and_its_tasks_go_on() {
    let mut control_plane = ControlPlane::start();
    let mut bench = start(options(&control_plane.url())).await;
    let mut stream = control_plane.welcomed().await;
    stream.assign(vec![wire("c", &[0])]).await;
    assert_eq!(bench.event().await, started("c/0"));
    drop(stream);

    let stream = control_plane.stream().await;
    let message = "a newer one was heard of".to_owned();
    stream.send(connect_response::Message::Superseded(agent::v1::Superseded { message })).await;
    let stream = control_plane.welcomed().await;
    assert_eq!(stream.hello.held.len(), 1);
    bench.no_event();
}

#[tokio::test]
async fn cached_assignments_run_before_a_control_plane_is_there() {
    let state = tempfile::tempdir().expect("a directory");
    let with_state =
        |url: &str| Options { state_dir: Some(state.path().join("agent")), ..options(url) };
    let mut control_plane = ControlPlane::start();
    let mut bench = start(with_state(&control_plane.url())).await;
    let mut stream = control_plane.welcomed().await;
    stream.assign(vec![wire("c", &[0])]).await;
    assert_eq!(bench.event().await, started("c/0"));
    control_plane.go_away();
    drop((bench, stream));

    let mut bench = start(with_state(&control_plane.url())).await;
    let live = Guidance::of_mode(Mode::Run);
    let cached = Guidance { commits_seen: CommitsSeen::Unknown, ..live.clone() };
    assert_eq!(bench.event().await, Event::Started("c/0".to_owned(), cached));
    control_plane.come_back();
    let mut stream = control_plane.welcomed().await;
    assert_eq!(stream.hello.store_id, "store");
    assert_eq!(stream.hello.held[0].connector, "instances/i/connectors/c");

    stream.assign(vec![wire("c", &[0])]).await;
    assert_eq!(bench.event().await, Event::Guided("c/0".to_owned(), live));
    bench.no_event();
}

#[tokio::test]
async fn an_agent_that_leaves_stops_its_tasks_says_so_and_forgets_them() {
    let state = tempfile::tempdir().expect("a directory");
    let with_state =
        |url: &str| Options { state_dir: Some(state.path().to_owned()), ..options(url) };
    let mut control_plane = ControlPlane::start();
    let mut bench = start(with_state(&control_plane.url())).await;
    let mut stream = control_plane.welcomed().await;
    stream.assign(vec![wire("c", &[0])]).await;
    assert_eq!(bench.event().await, started("c/0"));

    let stop = tokio::spawn(bench.agent.stop(StopReason::Leaving));
    let reason = stream
        .until("a goodbye", |message| match message {
            connect_request::Message::Goodbye(goodbye) => Some(goodbye.reason()),
            _ => None,
        })
        .await;
    assert_eq!(reason, agent::v1::GoodbyeReason::Leaving);
    let events: Vec<_> = std::iter::from_fn(|| bench.events.try_recv().ok()).collect();
    let name = || "c/0".to_owned();
    assert_eq!(events, [Event::Stopping(name(), StopMode::Leave), Event::Stopped(name())]);
    // As the control plane does: its end of the stream is the receipt.
    drop(stream);
    soon("the end", stop).await.expect("it stops");

    let again = start(with_state(&control_plane.url())).await;
    let stream = control_plane.welcomed().await;
    assert_eq!(stream.hello.held, []);
    drop(again);
}

#[tokio::test]
async fn stopping_does_not_need_a_control_plane() {
    let mut control_plane = ControlPlane::start();
    control_plane.go_away();
    let bench = start(options(&control_plane.url())).await;
    soon("the end", bench.agent.stop(StopReason::Restarting)).await;
}

#[tokio::test]
async fn a_command_that_is_sent_again_runs_once() {
    let mut control_plane = ControlPlane::start();
    let bench = start(options(&control_plane.url())).await;
    let mut stream = control_plane.welcomed().await;
    let command = |id: &str| {
        let removal =
            agent::v1::RemoveResources { instance: wire("c", &[]).instance, ..Default::default() };
        connect_response::Message::Command(agent::v1::Command {
            id: id.to_owned(),
            timeout: None,
            command: Some(agent::v1::command::Command::RemoveResources(removal)),
        })
    };
    let result = |message| match message {
        connect_request::Message::CommandResult(result) => Some(result),
        _ => None,
    };

    bench.admins.gate.send_replace(false);
    stream.send(command("a")).await;
    stream.send(command("a")).await;
    // Answered at once, after those before it have been taken in.
    stream.send(connect_response::Message::Command(agent::v1::Command::default())).await;
    let unknown = stream.until("a result", result).await;
    assert_eq!(unknown.id, "");
    bench.admins.gate.send_replace(true);
    let first = stream.until("a result", result).await;
    let Some(agent::v1::command_result::Result::Problem(problem)) = &first.result else {
        panic!("{first:?}");
    };
    assert_eq!((first.id.as_str(), problem.code.as_str()), ("a", "KAFKA_UNREACHABLE"));

    stream.send(command("a")).await;
    assert_eq!(stream.until("the same result", result).await, first);
    assert_eq!(*bench.admins.connections.lock().expect("no test panics here"), 1);
    stream.send(command("b")).await;
    assert_eq!(stream.until("another result", result).await.id, "b");
    assert_eq!(*bench.admins.connections.lock().expect("no test panics here"), 2);
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_answered() {
    let mut control_plane = ControlPlane::start();
    let bench = start(options(&control_plane.url())).await;
    let mut stream = control_plane.welcomed().await;
    bench.admins.gate.send_replace(false);
    let removal =
        agent::v1::RemoveResources { instance: wire("c", &[]).instance, ..Default::default() };
    stream
        .send(connect_response::Message::Command(agent::v1::Command {
            id: "a".to_owned(),
            timeout: Some(prost_types::Duration { seconds: 0, nanos: 1_000_000 }),
            command: Some(agent::v1::command::Command::RemoveResources(removal)),
        }))
        .await;
    let code = stream
        .until("a result", |message| match message {
            connect_request::Message::CommandResult(agent::v1::CommandResult {
                result: Some(agent::v1::command_result::Result::Problem(problem)),
                ..
            }) => Some(problem.code),
            _ => None,
        })
        .await;
    assert_eq!(code, "AGENT_TIMEOUT");
}

#[tokio::test]
async fn credentials_that_came_with_preparing_are_there_for_the_first_assignment() {
    let mut control_plane = ControlPlane::start();
    let mut bench = start(options(&control_plane.url())).await;
    let mut stream = control_plane.welcomed().await;
    let mut plain = wire("c", &[0]);
    inline(&mut plain, &Source::Plain("secret".to_owned()));
    let agent::v1::ConnectorAssignment { connector, uid, spec, instance, .. } = plain;
    // Without an epoch it ends before anything is asked of Kafka or the store.
    let prepare =
        agent::v1::PrepareConnector { connector, uid, spec, instance, ..Default::default() };
    stream
        .send(connect_response::Message::Command(agent::v1::Command {
            id: "a".to_owned(),
            timeout: None,
            command: Some(agent::v1::command::Command::PrepareConnector(prepare)),
        }))
        .await;
    stream
        .until("a result", |message| match message {
            connect_request::Message::CommandResult(result) => Some(result),
            _ => None,
        })
        .await;

    // As a control plane says it that was restarted in between.
    let mut withheld = wire("c", &[0]);
    inline(&mut withheld, &Source::Withheld(true));
    assert_eq!(stream.assign(vec![withheld]).await.nacks, []);
    assert_eq!(bench.event().await, started("c/0"));
}

#[tokio::test]
async fn options_that_no_agent_can_run_with_are_told() {
    for options in [
        Options { agent_id: "a/b".to_owned(), ..options("http://127.0.0.1:1") },
        Options { control_plane: "nowhere at all".to_owned(), ..options("") },
    ] {
        assert!(Agent::start(options, Environment::default()).await.is_err());
    }
}
