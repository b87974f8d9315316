//! ResumePartition: decisions about partitions that have stopped.

use kafka2oss_proto::agent;
use kafka2oss_proto::v1::{self, ConnectorState, PartitionState, ResumeAction};
use tonic::{Code, Status};

use crate::agent::{Agent, Script, partition};
use crate::server::{Server, reason, status_of, violations};

async fn resume(
    server: &mut Server,
    name: &str,
    action: ResumeAction,
    offset: Option<i64>,
) -> Result<v1::Connector, Status> {
    let request = v1::ResumePartitionRequest {
        name: name.to_owned(),
        partition: Some(3),
        action: action.into(),
        offset,
        ..Default::default()
    };
    Ok(server.connectors.resume_partition(request).await?.into_inner())
}

/// A connector whose partition 3 has stopped at offset 42.
async fn stopped(server: &mut Server) -> (v1::Connector, Agent) {
    stopped_with(server, "RECORD_NOT_UTF8").await
}

async fn stopped_with(server: &mut Server, code: &str) -> (v1::Connector, Agent) {
    let agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let name = server.running("sink").await.name;
    let stopped = v1::PartitionProgress {
        error_code: code.to_owned(),
        ..partition(3, PartitionState::Stopped, 42, Some(42))
    };
    agent.show(vec![stopped]).await;
    let connector = server.until(&name, |one| status_of(one).partitions_stopped == 1).await;
    (connector, agent)
}

/// The decisions of the last list.
fn of_last(lists: &[agent::v1::AssignmentList]) -> Vec<agent::v1::PartitionResume> {
    let last = lists.last().map(|list| list.connectors.clone()).unwrap_or_default();
    last.into_iter().flat_map(|one| one.resumes).collect()
}

fn decisions(agent: &Agent) -> Vec<agent::v1::PartitionResume> {
    of_last(&agent.lists())
}

fn decision(number: u64, skip_offset: Option<i64>) -> agent::v1::PartitionResume {
    agent::v1::PartitionResume { partition: 3, number, skip_offset }
}

/// Waits until the last list has these decisions.
async fn has(agent: &mut Agent, wanted: &[agent::v1::PartitionResume]) {
    agent.until_lists(|lists| of_last(lists) == wanted).await;
}

/// Waits until the last list has no decision.
async fn has_none(agent: &mut Agent) {
    agent.until_lists(|lists| of_last(lists).is_empty()).await;
}

#[tokio::test]
async fn a_skip_is_told_until_a_commit_has_passed_it() {
    let mut server = Server::with_instance().await;
    let (connector, mut agent) = stopped(&mut server).await;
    let name = connector.name;

    let resumed = resume(&mut server, &name, ResumeAction::Skip, Some(42)).await.expect("taken");
    assert_eq!(resumed.generation, connector.generation);
    has(&mut agent, &[decision(1, Some(42))]).await;
    // Repeated while it is pending: the same decision.
    agent.show(vec![partition(3, PartitionState::Running, 43, Some(42))]).await;
    server.until_state(&name, ConnectorState::Running).await;
    resume(&mut server, &name, ResumeAction::Skip, Some(42)).await.expect("repeated");
    assert_eq!(decisions(&agent), [decision(1, Some(42))]);

    // A restart keeps it.
    server.stop().await;
    agent.ended().await;
    server.start_again(|_| {}).await;
    let mut script = Script::willing("a");
    script.partitions = vec![partition(3, PartitionState::Running, 43, Some(42))];
    let mut agent = Agent::connect(&server.channel, script).await;
    has(&mut agent, &[decision(1, Some(42))]).await;

    agent.show(vec![partition(3, PartitionState::Running, 50, Some(43))]).await;
    has_none(&mut agent).await;
    // The number never comes again.
    agent.show(vec![partition(3, PartitionState::Stopped, 60, Some(60))]).await;
    server.until(&name, |one| status_of(one).partitions_stopped == 1).await;
    resume(&mut server, &name, ResumeAction::Skip, Some(60)).await.expect("taken");
    has(&mut agent, &[decision(2, Some(60))]).await;
}

#[tokio::test]
async fn a_retry_is_told_until_the_partition_moves() {
    let mut server = Server::with_instance().await;
    let (connector, mut agent) = stopped(&mut server).await;
    let name = connector.name;
    resume(&mut server, &name, ResumeAction::Retry, None).await.expect("taken");
    has(&mut agent, &[decision(1, None)]).await;
    // It may have stopped again meanwhile: another try.
    resume(&mut server, &name, ResumeAction::Retry, None).await.expect("repeated");
    has(&mut agent, &[decision(2, None)]).await;
    // Another decision takes its place.
    resume(&mut server, &name, ResumeAction::Skip, Some(42)).await.expect("taken");
    has(&mut agent, &[decision(3, Some(42))]).await;
    resume(&mut server, &name, ResumeAction::Retry, None).await.expect("taken");
    has(&mut agent, &[decision(4, None)]).await;

    agent.show(vec![partition(3, PartitionState::Running, 43, Some(42))]).await;
    has_none(&mut agent).await;
}

#[tokio::test]
async fn where_no_record_is_in_the_way_none_is_left_out() {
    let mut server = Server::with_instance().await;
    let (connector, mut agent) = stopped_with(&mut server, "KAFKA_LOG_TRUNCATED").await;
    let name = connector.name;

    let refused = resume(&mut server, &name, ResumeAction::Skip, Some(42)).await;
    let status = refused.expect_err("refused");
    assert_eq!(reason(&status), "WRONG_STATE");
    assert!(status.message().contains("KAFKA_LOG_TRUNCATED"), "{}", status.message());
    resume(&mut server, &name, ResumeAction::Retry, None).await.expect("taken");
    has(&mut agent, &[decision(1, None)]).await;
}

#[tokio::test]
async fn only_what_has_stopped_there_is_resumed() {
    let mut server = Server::with_instance().await;
    let (connector, agent) = stopped(&mut server).await;
    let name = connector.name;
    let refusal = |status: Status| {
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::FailedPrecondition, "WRONG_STATE")
        );
        status.message().to_owned()
    };
    let elsewhere = resume(&mut server, &name, ResumeAction::Skip, Some(41)).await;
    let message = refusal(elsewhere.expect_err("refused"));
    assert!(message.contains("42") && message.contains("41"), "{message}");

    let request = v1::ResumePartitionRequest {
        name: name.clone(),
        partition: Some(9),
        action: ResumeAction::Retry.into(),
        offset: None,
        ..Default::default()
    };
    let unknown = server.connectors.resume_partition(request).await;
    assert!(refusal(unknown.expect_err("refused")).contains("partition 9"));

    agent.show(vec![partition(3, PartitionState::Running, 42, Some(42))]).await;
    server.until_state(&name, ConnectorState::Running).await;
    let runs = resume(&mut server, &name, ResumeAction::Retry, None).await;
    assert!(refusal(runs.expect_err("refused")).contains("RUNNING"));

    server.pause(&name).await.expect("accepted");
    let paused = resume(&mut server, &name, ResumeAction::Retry, None).await;
    assert!(refusal(paused.expect_err("refused")).contains("PAUSED"));
    assert!(decisions(&agent).is_empty());
}

#[tokio::test]
async fn every_violation_of_a_decision_comes_in_one_answer() {
    let mut server = Server::with_instance().await;
    let name = server.create("sink").await.name;
    let request = |partition, action, offset| v1::ResumePartitionRequest {
        name: name.clone(),
        partition,
        action,
        offset,
        ..Default::default()
    };
    let (retry, skip) = (i32::from(ResumeAction::Retry), i32::from(ResumeAction::Skip));
    let (required, invalid) = ("SPEC_FIELD_REQUIRED", "SPEC_FIELD_INVALID");
    for (request, expected) in [
        (
            v1::ResumePartitionRequest::default(),
            vec![("name", required), ("partition", required), ("action", required)],
        ),
        (request(Some(-1), 9, None), vec![("partition", invalid), ("action", invalid)]),
        (request(Some(0), skip, None), vec![("offset", required)]),
        (request(Some(0), skip, Some(-1)), vec![("offset", invalid)]),
        (request(Some(0), retry, Some(1)), vec![("offset", invalid)]),
    ] {
        let status = server.connectors.resume_partition(request).await.expect_err("refused");
        let expected: Vec<_> =
            expected.into_iter().map(|(field, code)| (field.to_owned(), code.to_owned())).collect();
        assert_eq!((status.code(), violations(&status)), (Code::InvalidArgument, expected));
    }
}
