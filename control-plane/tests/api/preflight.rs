//! ValidateConnector: whatever an agent does, each check is told once, and the stream ends.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka2oss_control_plane::Preflight as Mode;
use kafka2oss_proto::agent;
use kafka2oss_proto::agent::v1::command::Command;
use kafka2oss_proto::agent::v1::command_progress::Progress;
use kafka2oss_proto::agent::v1::command_result::Result as Outcome;
use kafka2oss_proto::agent::v1::connect_request::Message as Said;
use kafka2oss_proto::agent::v1::connect_response::Message as Told;
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::validate_connector_response::Event;
use tokio::task::JoinHandle;
use tonic::{Code, Streaming};
use tonic_types::StatusExt;

use crate::agent::{Agent, Script};
use crate::server::{INSTANCE, PATIENCE, Server, creation, reason, spec, violations};

use v1::PreflightStatus::{Fail, Pass, Skipped, Warn};

/// What a preflight told.
#[derive(Debug)]
struct Preflight {
    checks: Vec<v1::PreflightCheck>,
    summary: v1::PreflightSummary,
}

impl Preflight {
    fn of(&self, name: &str) -> &v1::PreflightCheck {
        let mut found = self.checks.iter().filter(|check| check.name == name);
        let one = found.next().unwrap_or_else(|| panic!("{name} in {self:#?}"));
        assert!(found.next().is_none(), "{name} was told twice: {self:#?}");
        one
    }

    fn status(&self, name: &str) -> v1::PreflightStatus {
        self.of(name).status()
    }

    /// The checks of an agent.
    fn of_agent(&self) -> impl Iterator<Item = &v1::PreflightCheck> {
        let is_agents = |name: &str| name.starts_with("kafka.") || name.starts_with("store.");
        self.checks.iter().filter(move |check| is_agents(&check.name))
    }
}

async fn read(mut stream: Streaming<v1::ValidateConnectorResponse>) -> Preflight {
    let mut checks = Vec::new();
    let mut summary = None;
    let reading = async {
        while let Some(answer) = stream.message().await.expect("no error") {
            assert_eq!(summary, None, "the summary comes last");
            match answer.event.expect("an event") {
                Event::Check(check) => checks.push(check),
                Event::Summary(last) => summary = Some(last),
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("it ends");
    Preflight { checks, summary: summary.expect("a summary") }
}

fn planned() -> v1::ValidateConnectorRequest {
    let v1::CreateConnectorRequest { parent, connector_id, connector, .. } = creation("sink");
    v1::ValidateConnectorRequest { name: String::new(), parent, connector_id, connector }
}

/// An agent that knows preflights, and leaves it to the test to answer them.
fn able(id: &str) -> Script {
    let mut script = Script::willing(id);
    script.hello.features = ["own-keys", "preflight", "flush"].map(str::to_owned).to_vec();
    script
}

/// Validates in the background.
async fn begin(server: &mut Server) -> JoinHandle<Preflight> {
    let stream = server.connectors.validate_connector(planned()).await.expect("a stream");
    tokio::spawn(read(stream.into_inner()))
}

/// The command that an agent was sent.
async fn asked(agent: &mut Agent) -> (String, agent::v1::ValidateConnector) {
    agent
        .told(|told| match told {
            Told::Command(agent::v1::Command {
                id,
                command: Some(Command::ValidateConnector(asked)),
                ..
            }) => Some((id.clone(), asked.clone())),
            _ => None,
        })
        .await
}

fn found(id: &str, name: &str, status: v1::PreflightStatus) -> Said {
    let check = v1::PreflightCheck {
        name: name.to_owned(),
        status: status.into(),
        ..v1::PreflightCheck::default()
    };
    progress(id, check)
}

fn progress(id: &str, check: v1::PreflightCheck) -> Said {
    let progress = Some(Progress::PreflightCheck(check));
    Said::CommandProgress(agent::v1::CommandProgress { id: id.to_owned(), progress })
}

fn done(id: &str, outcome: Outcome) -> Said {
    Said::CommandResult(agent::v1::CommandResult { id: id.to_owned(), result: Some(outcome) })
}

fn nothing_more(id: &str) -> Said {
    done(id, Outcome::ValidateConnector(agent::v1::ValidateConnectorResult::default()))
}

#[tokio::test]
async fn without_an_agent_the_pool_fails_and_what_needs_one_is_skipped() {
    let mut server = Server::with_instance().await;
    let preflight = begin(&mut server).await.await.expect("no panic");
    assert_eq!(preflight.status("instance.enabled"), Pass);
    assert_eq!(preflight.of("pool.agents").code, "AGENT_NONE_IN_POOL");
    assert_eq!(preflight.status("pool.agents"), Fail);
    assert!(!preflight.of("pool.agents").remedy.is_empty());
    for check in preflight.of_agent() {
        assert_eq!((check.status(), &check.code[..]), (Skipped, "AGENT_NONE_IN_POOL"), "{check:?}");
    }
    assert!(preflight.of_agent().count() > 20);
    let summary = &preflight.summary;
    assert_eq!((summary.status(), summary.failed, &summary.agent[..]), (Fail, 1, ""));
    let told = summary.passed + summary.skipped + summary.warned + summary.failed;
    assert_eq!(usize::try_from(told).expect("few"), preflight.checks.len());
}

#[tokio::test]
async fn agents_that_do_not_know_it_are_not_asked_and_that_is_said() {
    let mut server = Server::with_instance().await;
    let agent = Agent::connect(&server.channel, Script::willing("old")).await;
    let preflight = begin(&mut server).await.await.expect("no panic");
    assert_eq!(preflight.status("pool.agents"), Pass);
    assert_eq!(preflight.status("pool.features"), Warn);
    assert!(preflight.of("pool.features").detail.contains("agents/old lacks"));
    for check in preflight.of_agent() {
        assert_eq!((check.status(), &check.code[..]), (Skipped, "AGENT_UNSUPPORTED"), "{check:?}");
    }
    assert_eq!(preflight.summary.status(), Warn);
    assert!(agent.commands().is_empty());
}

#[tokio::test]
async fn an_agents_checks_are_told_as_they_come_in_and_nothing_is_stored() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, able("a")).await;
    agent.freeze();
    let stream = server.connectors.validate_connector(planned()).await.expect("a stream");
    let mut stream = stream.into_inner();
    let (id, command) = asked(&mut agent).await;
    assert_eq!(command.connector, format!("{INSTANCE}/connectors/sink"));
    assert_eq!(command.uid, "");
    assert!(command.resources.iter().any(|one| one.name == "connect-sink"));

    agent.say(found(&id, "kafka.topic", Fail)).await;
    let first_of_agent = async {
        loop {
            let answer = stream.message().await.expect("no error").expect("no end");
            match answer.event.expect("an event") {
                Event::Check(check) if check.name == "kafka.topic" => return check,
                Event::Check(check) => assert!(!check.name.starts_with("kafka."), "{check:?}"),
                Event::Summary(_) => panic!("the agent has not finished"),
            }
        }
    };
    let check = tokio::time::timeout(PATIENCE, first_of_agent).await.expect("it comes at once");
    assert_eq!(check.status(), Fail);

    agent.say(found(&id, "store.put", Pass)).await;
    agent.say(nothing_more(&id)).await;
    let rest = read(stream).await;
    assert_eq!(rest.status("store.put"), Pass);
    assert_eq!(rest.of("kafka.connect").detail, "the agent has told nothing of it");
    assert_eq!(rest.summary.agent, "agents/a");
    assert_eq!((rest.summary.status(), rest.summary.failed), (Fail, 1));
    let status = server.get(&command.connector).await.expect_err("nothing was stored");
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test]
async fn a_connector_that_exists_is_validated_by_its_name_and_told_whose_its_group_is() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, able("a")).await;
    let other = server.running("other").await;
    let created = server.create("sink").await;
    agent.freeze();
    let request = v1::ValidateConnectorRequest { name: created.name.clone(), ..Default::default() };
    let stream = server.connectors.validate_connector(request).await.expect("a stream");
    let preflight = tokio::spawn(read(stream.into_inner()));
    let (id, command) = asked(&mut agent).await;
    assert_eq!((&command.uid, &command.connector), (&created.uid, &created.name));
    let result = agent::v1::ValidateConnectorResult {
        kafka_cluster_id: "cluster-1".to_owned(),
        group_owner_uids: vec![created.uid, other.uid],
    };
    agent.say(done(&id, Outcome::ValidateConnector(result))).await;
    let preflight = preflight.await.expect("no panic");
    assert_eq!(preflight.status("group.unshared"), Fail);
    assert!(preflight.of("group.unshared").detail.contains(&other.name));
    assert_eq!(preflight.status("instance.cluster"), Pass);
}

#[tokio::test]
async fn an_agent_that_never_answers_fails_what_it_was_to_check() {
    let mut server =
        Server::start_with(|options| options.preflight_timeout = Duration::from_millis(200)).await;
    server.register("alikafka_1").await;
    let mut agent = Agent::connect(&server.channel, able("a")).await;
    agent.freeze();
    let preflight = begin(&mut server).await;
    asked(&mut agent).await;
    let preflight = preflight.await.expect("no panic");
    for check in preflight.of_agent() {
        assert_eq!((check.status(), &check.code[..]), (Fail, "AGENT_TIMEOUT"), "{check:?}");
        assert!(check.detail.contains("agents/a"), "{check:?}");
    }
    assert_eq!(preflight.summary.status(), Fail);
}

#[tokio::test]
async fn an_agent_that_goes_away_fails_what_it_has_not_told() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, able("a")).await;
    agent.freeze();
    let preflight = begin(&mut server).await;
    let (id, _) = asked(&mut agent).await;
    agent.say(found(&id, "kafka.topic", Pass)).await;
    agent.vanish().await;
    let preflight = preflight.await.expect("no panic");
    assert_eq!(preflight.status("kafka.topic"), Pass);
    assert_eq!(preflight.of("store.put").code, "AGENT_TIMEOUT");
    assert_eq!(preflight.status("store.put"), Fail);
}

#[tokio::test]
async fn an_agent_that_lies_and_floods_is_told_of_within_bounds() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, able("a")).await;
    agent.freeze();
    let preflight = begin(&mut server).await;
    let (id, _) = asked(&mut agent).await;
    // Of another command, of the control plane's own checks, of none, without a status.
    agent.say(found("another", "kafka.topic", Pass)).await;
    agent.say(found(&id, "pool.agents", Fail)).await;
    agent.say(found(&id, "kafka.moon", Fail)).await;
    agent.say(found(&id, "kafka.topic", v1::PreflightStatus::Unspecified)).await;
    let long = v1::PreflightCheck {
        name: "kafka.topic.read".to_owned(),
        status: Warn.into(),
        code: "KAFKA_TOPIC_AUTHORIZATION_FAILED".to_owned(),
        detail: "x".repeat(1 << 20),
        remedy: "call this number".to_owned(),
        ..v1::PreflightCheck::default()
    };
    agent.say(progress(&id, long)).await;
    for _ in 0..5_000 {
        agent.say(found(&id, "kafka.broker", Pass)).await;
    }
    agent.say(nothing_more(&id)).await;
    agent.say(found(&id, "store.put", Fail)).await;

    let preflight = preflight.await.expect("no panic");
    assert!(preflight.checks.len() < 600, "{}", preflight.checks.len());
    assert_eq!(preflight.status("kafka.connect"), Skipped, "what was not told is told");
    let names: BTreeSet<_> = preflight.checks.iter().map(|one| one.name.as_str()).collect();
    assert!(!names.contains("kafka.moon"));
    assert_eq!(preflight.status("pool.agents"), Pass);
    let read = preflight.of("kafka.topic.read");
    assert!(read.detail.len() < 3_000 && read.remedy != "call this number", "{}", read.remedy);
}

#[tokio::test]
async fn an_agent_with_much_under_way_is_asked_for_more_once_callers_have_gone() {
    let mut server = Server::with_instance().await;
    let agent = Agent::connect(&server.channel, able("a")).await;
    agent.freeze();
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(server.connectors.validate_connector(planned()).await.expect("a stream"));
    }
    let all_sent = async {
        while agent.commands().len() < 8 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, all_sent).await.expect("all are asked");
    let preflight = begin(&mut server).await.await.expect("no panic");
    for check in preflight.of_agent() {
        assert_eq!((check.status(), &check.code[..]), (Skipped, "TOO_MANY_REQUESTS"), "{check:?}");
    }

    // The agent never answers: what it has under way ends with those who asked for it.
    drop(held);
    let asked_again = async {
        while agent.commands().len() == 8 {
            drop(server.connectors.validate_connector(planned()).await.expect("a stream"));
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asked_again).await.expect("there is room again");
}

#[tokio::test]
async fn what_breaks_the_rules_of_a_spec_is_refused_as_at_creation() {
    let mut server = Server::with_instance().await;
    let mut request = planned();
    request.connector_id = "Not-Legal".to_owned();
    let broken = v1::KafkaSource { topic: String::new(), ..Default::default() };
    let spec = v1::ConnectorSpec { source: Some(broken), ..spec() };
    request.connector = Some(v1::Connector { spec: Some(spec), ..Default::default() });
    let status = server.connectors.validate_connector(request).await.expect_err("refused");
    assert_eq!(status.code(), Code::InvalidArgument);
    let fields: Vec<_> = violations(&status).into_iter().map(|(field, _)| field).collect();
    assert!(fields.contains(&"connector_id".to_owned()), "{fields:?}");
    assert!(fields.contains(&"connector.spec.source.topic".to_owned()), "{fields:?}");

    let both =
        v1::ValidateConnectorRequest { name: format!("{INSTANCE}/connectors/sink"), ..planned() };
    let status = server.connectors.validate_connector(both).await.expect_err("refused");
    assert_eq!((status.code(), violations(&status).len()), (Code::InvalidArgument, 3));

    let unknown = v1::ValidateConnectorRequest {
        name: format!("{INSTANCE}/connectors/sink"),
        ..Default::default()
    };
    let status = server.connectors.validate_connector(unknown).await.expect_err("refused");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
}

#[tokio::test]
async fn disabled_connectors_and_a_full_pool_fail() {
    let mut server = Server::with_instance().await;
    let mut script = Script::willing("a");
    script.hello.capacity = 1;
    let _agent = Agent::connect(&server.channel, script).await;
    let mut instance = server
        .instances
        .get_instance(v1::GetInstanceRequest { name: INSTANCE.to_owned() })
        .await
        .expect("it is there")
        .into_inner();
    instance.connectors_disabled = true;
    let update = v1::UpdateInstanceRequest {
        instance: Some(instance),
        update_mask: Some(prost_types::FieldMask { paths: vec!["connectors_disabled".to_owned()] }),
        ..Default::default()
    };
    server.instances.update_instance(update).await.expect("updated");
    let mut request = planned();
    let spec = request.connector.as_mut().and_then(|connector| connector.spec.as_mut());
    spec.and_then(|spec| spec.source.as_mut()).expect("a source").spread = Some(2);
    let stream = server.connectors.validate_connector(request).await.expect("a stream");
    let preflight = read(stream.into_inner()).await;
    assert_eq!(preflight.of("instance.enabled").code, "INSTANCE_CONNECTORS_DISABLED");
    assert_eq!(preflight.of("pool.capacity").code, "AGENT_NONE_IN_POOL");
    assert!(preflight.of("pool.capacity").detail.contains("room for 1 tasks more"));
}

/// Deploys a connector that exists.
fn deployment(name: &str, mode: v1::PreflightMode) -> v1::DeployConnectorRequest {
    let mut request = v1::DeployConnectorRequest { name: name.to_owned(), ..Default::default() };
    request.set_preflight(mode);
    request
}

#[tokio::test]
async fn a_strict_preflight_refuses_a_deployment_by_the_names_of_the_checks_that_failed() {
    let mut server = Server::start_with(|options| options.preflight = Mode::Strict).await;
    server.register("alikafka_1").await;
    let created = server.create("sink").await;
    // Without a word in the request the operator's setting holds.
    let unspecified = deployment(&created.name, v1::PreflightMode::Unspecified);
    let status = server.connectors.deploy_connector(unspecified).await.expect_err("refused");
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::FailedPrecondition, "PREFLIGHT_FAILED")
    );
    assert!(status.message().contains("pool.agents (vpc-1/vsw-1): no agent"), "{status}");
    let details = status.get_error_details();
    let failed = &details.precondition_failure().expect("preconditions").violations;
    assert_eq!(failed[0].r#type, "pool.agents");
    let shown = server.get(&created.name).await.expect("it is there");
    assert_eq!(shown.desired_state(), v1::DesiredState::Created);

    let off = deployment(&created.name, v1::PreflightMode::Off);
    let deployed = server.connectors.deploy_connector(off).await.expect("deployed").into_inner();
    assert_eq!(deployed.desired_state(), v1::DesiredState::Running);
    // What runs is not checked again.
    let again = deployment(&created.name, v1::PreflightMode::Strict);
    server.connectors.deploy_connector(again).await.expect("already");
}

#[tokio::test]
async fn what_a_strict_preflight_has_checked_is_what_is_deployed() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, able("a")).await;
    agent.freeze();
    let created = server.create("sink").await;
    let mut client = server.connectors.clone();
    let strict = deployment(&created.name, v1::PreflightMode::Strict);
    let first = tokio::spawn({
        let strict = strict.clone();
        async move { client.deploy_connector(strict).await }
    });
    let (id, _) = asked(&mut agent).await;
    // It is changed meanwhile.
    let labels = [("team".to_owned(), "b".to_owned())].into();
    let update = v1::UpdateConnectorRequest {
        connector: Some(v1::Connector { name: created.name.clone(), labels, ..Default::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["labels".to_owned()] }),
        ..Default::default()
    };
    server.connectors.update_connector(update).await.expect("updated");
    agent.say(nothing_more(&id)).await;
    let status = first.await.expect("no panic").expect_err("refused");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
}

#[tokio::test]
async fn a_preflight_that_warns_is_told_in_the_log_and_holds_nothing_up() {
    let mut server = Server::with_instance().await;
    let created = server.create("sink").await;
    let warn = deployment(&created.name, v1::PreflightMode::Warn);
    let deployed = server.connectors.deploy_connector(warn).await.expect("deployed").into_inner();
    assert_eq!(deployed.desired_state(), v1::DesiredState::Running);
    let request = v1::TailLogsRequest { parent: created.name, ..Default::default() };
    let mut lines = server.connectors.tail_logs(request).await.expect("a stream").into_inner();
    let told = async {
        loop {
            let part = lines.message().await.expect("no error").expect("no end");
            let mut entries = part.entries.into_iter();
            if let Some(entry) =
                entries.find(|one| one.message.starts_with("preflight: pool.agents"))
            {
                return entry;
            }
        }
    };
    let entry = tokio::time::timeout(PATIENCE, told).await.expect("it is told");
    assert_eq!(entry.error_code, "AGENT_NONE_IN_POOL");
    assert_eq!(entry.severity(), v1::LogSeverity::Error);
}
