//! ResetOffsets: another epoch of a paused connector.

use std::collections::HashMap;

use kafka2oss_proto::agent;
use kafka2oss_proto::agent::v1::command::Command;
use kafka2oss_proto::v1::offset_reset::To;
use kafka2oss_proto::v1::{self, ConnectorState, PartitionState};
use tonic::{Code, Status};

use crate::agent::{Agent, Script, partition, prepared, problem};
use crate::server::{Server, condition, reason, state_of, status_of, violations};

fn offsets(named: &[(i32, i64)]) -> To {
    To::Offsets(v1::PartitionOffsets { offsets: named.iter().copied().collect() })
}

async fn reset(server: &mut Server, name: &str, to: To) -> Result<v1::Connector, Status> {
    let request = v1::ResetOffsetsRequest {
        name: name.to_owned(),
        reset: Some(v1::OffsetReset { to: Some(to) }),
        etag: String::new(),
        ..Default::default()
    };
    Ok(server.connectors.reset_offsets(request).await?.into_inner())
}

/// Answers the preparation of the first epoch as [`prepared`], of others with
/// a start at 100, and with a problem while `cured` is not set.
fn script(cured: tokio::sync::watch::Receiver<bool>) -> Script {
    let mut script = Script::willing("a");
    script.prepare = Box::new(move |command| {
        let mut result = prepared(command);
        let epoch = result.epoch.get_or_insert_default();
        if epoch.number > 1 {
            epoch.start_offsets = [(0, 100)].into();
            epoch.set_origin(v1::StartOrigin::Unspecified);
            if !*cured.borrow() {
                result.problems = vec![problem("STORE_BUCKET_NOT_FOUND")];
            }
        }
        result
    });
    script
}

async fn paused(server: &mut Server) -> v1::Connector {
    let name = server.running("sink").await.name;
    server.pause(&name).await.expect("accepted");
    server.until_state(&name, ConnectorState::Paused).await
}

/// The starts that preparations of this epoch were told.
fn starts(agent: &Agent, epoch: i64) -> Vec<Option<To>> {
    let commands = agent.commands().into_iter();
    commands
        .filter_map(|command| match command.command {
            Some(Command::PrepareConnector(prepare)) => Some(prepare),
            _ => None,
        })
        .filter(|prepare| prepare.epoch.as_ref().is_some_and(|open| open.number == epoch))
        .map(|prepare| prepare.start.and_then(|start| start.to))
        .collect()
}

fn epoch_of(assignment: &agent::v1::ConnectorAssignment) -> i64 {
    assignment.epoch.as_ref().map_or(0, |epoch| epoch.number)
}

#[tokio::test]
async fn a_reset_opens_an_epoch_whose_start_is_prepared_while_the_tasks_stay_paused() {
    let mut server = Server::with_instance().await;
    let (cure, cured) = tokio::sync::watch::channel(false);
    let mut agent = Agent::connect(&server.channel, script(cured)).await;
    let before = paused(&mut server).await;
    let name = before.name.clone();

    let after = reset(&mut server, &name, To::Earliest(())).await.expect("accepted");
    assert_eq!(after.generation, before.generation + 1);
    assert_ne!(after.etag, before.etag);
    assert_eq!(after.desired_state(), v1::DesiredState::Paused);
    assert_eq!(status_of(&after).epoch, None, "its start is not read yet");

    // Prepared, but for what is wrong: the tasks of the epoch before stay.
    let failing =
        |one: &v1::Connector| condition(one, "Prepared").reason == "STORE_BUCKET_NOT_FOUND";
    let waiting = server.until(&name, failing).await;
    assert_eq!(state_of(&waiting), ConnectorState::Paused);
    assert_eq!(starts(&agent, 2)[0], Some(To::Earliest(())));
    let told = |lists: &[agent::v1::AssignmentList]| {
        let last = lists.last().and_then(|list| list.connectors.first().cloned());
        last.map(|one| (one.generation, epoch_of(&one), one.run_mode()))
    };
    let held = Some((after.generation, 1, agent::v1::RunMode::Pause));
    agent.until_lists(|lists| told(lists) == held).await;
    // Not even a Resume makes them go on.
    let resumed = server.resume(&name).await.expect("accepted");
    let held = Some((resumed.generation, 1, agent::v1::RunMode::Pause));
    agent.until_lists(|lists| told(lists) == held).await;

    cure.send_replace(true);
    let running = server.until_state(&name, ConnectorState::Running).await;
    let epoch = status_of(&running).epoch.clone().expect("an epoch");
    assert_eq!((epoch.number, epoch.start_offsets[&0]), (2, 100));
    let last = agent.lists().pop().expect("a list").connectors.remove(0);
    assert_eq!((last.run_mode(), last.epoch), (agent::v1::RunMode::Run, Some(epoch)));
    let lists = agent.lists();
    let mut since_deploy = lists.iter().skip_while(|list| list.connectors.is_empty());
    assert!(since_deploy.all(|list| !list.connectors.is_empty()), "it was never taken away");
}

#[tokio::test]
async fn partitions_that_are_not_named_go_on_where_they_are() {
    let mut server = Server::with_instance().await;
    let (_cure, cured) = tokio::sync::watch::channel(true);
    let agent = Agent::connect(&server.channel, script(cured)).await;
    let name = paused(&mut server).await.name;
    let partitions = vec![
        partition(0, PartitionState::Paused, 7, None),
        partition(1, PartitionState::Paused, 21, Some(21)),
        partition(2, PartitionState::Stopped, 30, Some(30)),
    ];
    agent.show(partitions).await;
    server.until(&name, |one| status_of(one).partitions_stopped == 1).await;

    reset(&mut server, &name, offsets(&[(2, 0)])).await.expect("accepted");
    let fixed =
        |one: &v1::Connector| status_of(one).epoch.as_ref().is_some_and(|epoch| epoch.number == 2);
    let fixed = server.until(&name, fixed).await;
    assert_eq!(starts(&agent, 2)[0], Some(offsets(&[(0, 7), (1, 21), (2, 0)])));
    // What was seen of the epoch before is nothing of this one.
    assert_eq!(status_of(&fixed).partitions_stopped, 0);
    server.until_state(&name, ConnectorState::Paused).await;
}

#[tokio::test]
async fn a_start_that_was_read_before_anything_ran_is_kept_for_what_is_not_named() {
    let mut server = Server::with_instance().await;
    let mut script = Script::willing("a");
    script.prepare = Box::new(|command| {
        let mut result = prepared(command);
        let epoch = result.epoch.get_or_insert_default();
        if epoch.number == 1 {
            epoch.start_offsets = [(0, 7), (1, 9)].into();
            result.problems = vec![problem("STORE_BUCKET_NOT_FOUND")];
        }
        result
    });
    let agent = Agent::connect(&server.channel, script).await;
    let name = server.create("sink").await.name;
    server.deploy(&name).await;
    server.until_state(&name, ConnectorState::Failed).await;
    server.pause(&name).await.expect("accepted");

    reset(&mut server, &name, offsets(&[(0, 3)])).await.expect("accepted");
    server.resume(&name).await.expect("accepted");
    server.until_state(&name, ConnectorState::Running).await;
    assert_eq!(starts(&agent, 2)[0], Some(offsets(&[(0, 3), (1, 9)])));
}

#[tokio::test]
async fn a_position_that_nobody_reports_must_be_named() {
    let mut server = Server::with_instance().await;
    let (_cure, cured) = tokio::sync::watch::channel(true);
    let mut agent = Agent::connect(&server.channel, script(cured)).await;
    let name = paused(&mut server).await.name;
    agent.show(vec![partition(1, PartitionState::Paused, 21, Some(21))]).await;
    let committed =
        |list: &agent::v1::AssignmentList| list.connectors[0].committed_partitions == [1];
    agent.until_lists(|lists| lists.last().is_some_and(committed)).await;
    // Kafka has lost it.
    agent.show(vec![partition(1, PartitionState::Stopped, 21, None)]).await;
    server.until(&name, |one| status_of(one).partitions_stopped == 1).await;

    let status = reset(&mut server, &name, offsets(&[(0, 5)])).await.expect_err("refused");
    assert_eq!(reason(&status), "WRONG_STATE");
    assert!(status.message().contains("partitions 1 of"), "{}", status.message());
    reset(&mut server, &name, offsets(&[(0, 5), (1, 9)])).await.expect("accepted");
}

#[tokio::test]
async fn a_position_behind_which_an_object_may_stand_must_be_named() {
    let mut server = Server::with_instance().await;
    let (_cure, cured) = tokio::sync::watch::channel(true);
    let agent = Agent::connect(&server.channel, script(cured)).await;
    let name = paused(&mut server).await.name;
    let seen = partition(0, PartitionState::Paused, 9, Some(9));
    let unsettled = v1::PartitionProgress { unsettled: true, ..seen.clone() };
    let other = partition(1, PartitionState::Paused, 21, Some(21));
    agent.show(vec![unsettled, other.clone()]).await;
    let is_unsettled =
        |one: &v1::Connector| status_of(one).partitions.iter().any(|seen| seen.unsettled);
    server.until(&name, is_unsettled).await;

    let status = reset(&mut server, &name, offsets(&[(1, 5)])).await.expect_err("refused");
    assert_eq!(reason(&status), "WRONG_STATE");
    assert!(status.message().contains("partitions 0 of"), "{}", status.message());

    // The store has told.
    agent.show(vec![seen, other]).await;
    server.until(&name, |one| !is_unsettled(one)).await;
    reset(&mut server, &name, offsets(&[(1, 5)])).await.expect("accepted");
    server.until(&name, |one| status_of(one).epoch.as_ref().is_some_and(|of| of.number == 2)).await;
    assert_eq!(starts(&agent, 2)[0], Some(offsets(&[(0, 9), (1, 5)])));
}

#[tokio::test]
async fn a_repeated_reset_is_the_same_one_until_its_start_is_fixed() {
    let mut server = Server::with_instance().await;
    let agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let before = paused(&mut server).await;
    agent.vanish().await;
    let name = before.name.clone();
    let time = |seconds| To::Timestamp(prost_types::Timestamp { seconds, nanos: 5 });
    let request = v1::ResetOffsetsRequest {
        name: name.clone(),
        reset: Some(v1::OffsetReset { to: Some(time(1_000)) }),
        etag: before.etag,
        ..Default::default()
    };
    let first = server.connectors.reset_offsets(request.clone()).await.expect("accepted");
    let again = server.connectors.reset_offsets(request.clone()).await.expect("repeated");
    let first = first.into_inner().generation;
    assert_eq!(again.into_inner().generation, first);
    server.restart().await;
    let again = server.connectors.reset_offsets(request.clone()).await.expect("kept");
    assert_eq!(again.into_inner().generation, first);

    let mut other = request;
    other.reset = Some(v1::OffsetReset { to: Some(To::Latest(())) });
    let status = server.connectors.reset_offsets(other).await.expect_err("an old etag");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    let last = reset(&mut server, &name, To::Latest(())).await.expect("another one");
    assert_eq!(last.generation, first + 1);

    let agent = Agent::connect(&server.channel, Script::willing("a").boot(2)).await;
    let fixed = |one: &v1::Connector| status_of(one).epoch.is_some();
    let fixed = server.until(&name, fixed).await;
    assert_eq!(status_of(&fixed).epoch.as_ref().map(|epoch| epoch.number), Some(3));
    assert_eq!(starts(&agent, 3), [Some(To::Latest(()))]);
}

#[tokio::test]
async fn offsets_are_reset_only_of_what_has_come_to_rest() {
    let mut server = Server::with_instance().await;
    let name = server.create("sink").await.name;
    let refused = async |server: &mut Server| {
        let status = reset(server, &name, To::Latest(())).await.expect_err("refused");
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::FailedPrecondition, "WRONG_STATE")
        );
    };
    refused(&mut server).await;
    server.deploy(&name).await;
    refused(&mut server).await;
    // Paused before any task was placed: there is nothing to wait for.
    server.pause(&name).await.expect("accepted");
    reset(&mut server, &name, offsets(&[(0, 3)])).await.expect("accepted");

    let mut script = Script::willing("a");
    script.reports = false;
    let mut agent = Agent::connect(&server.channel, script).await;
    let list = agent.assigned(|list| !list.connectors.is_empty()).await;
    assert_eq!(epoch_of(&list.connectors[0]), 2);
    assert_eq!(starts(&agent, 2)[0], Some(offsets(&[(0, 3)])));
    // Its tasks have not said that they rest.
    refused(&mut server).await;
}

#[tokio::test]
async fn every_violation_of_a_reset_comes_in_one_answer() {
    let mut server = Server::with_instance().await;
    let name = server.create("sink").await.name;
    let timestamp = |seconds, nanos| To::Timestamp(prost_types::Timestamp { seconds, nanos });
    let (required, invalid) = ("SPEC_FIELD_REQUIRED", "SPEC_FIELD_INVALID");
    let status = server
        .connectors
        .reset_offsets(v1::ResetOffsetsRequest::default())
        .await
        .expect_err("refused");
    let fields = |status: &Status| -> HashMap<String, String> {
        assert_eq!(status.code(), Code::InvalidArgument);
        violations(status).into_iter().collect()
    };
    let expected = |all: &[(&str, &str)]| -> HashMap<String, String> {
        all.iter().map(|(field, code)| ((*field).to_owned(), (*code).to_owned())).collect()
    };
    assert_eq!(fields(&status), expected(&[("name", required), ("reset", required)]));
    for (to, wrong) in [
        (timestamp(-1, 0), vec![("reset.timestamp", invalid)]),
        (timestamp(i64::MAX, 0), vec![("reset.timestamp", invalid)]),
        (timestamp(1, -1), vec![("reset.timestamp", invalid)]),
        (timestamp(1, 1_000_000_000), vec![("reset.timestamp", invalid)]),
        (offsets(&[]), vec![("reset.offsets.offsets", required)]),
        (
            offsets(&[(-1, 5), (0, 0), (2, -7)]),
            vec![("reset.offsets.offsets[-1]", invalid), ("reset.offsets.offsets[2]", invalid)],
        ),
    ] {
        let status = reset(&mut server, &name, to).await.expect_err("refused");
        assert_eq!(fields(&status), expected(&wrong));
    }
}

#[tokio::test]
async fn a_repeated_reset_has_an_etag_that_is_right_or_none() {
    let mut server = Server::with_instance().await;
    let (_cure, cured) = tokio::sync::watch::channel(false);
    let agent = Agent::connect(&server.channel, script(cured)).await;
    let before = paused(&mut server).await;
    // The start stays open: nobody reads it.
    agent.vanish().await;
    let with = |etag: &str| v1::ResetOffsetsRequest {
        name: before.name.clone(),
        reset: Some(v1::OffsetReset { to: Some(To::Earliest(())) }),
        etag: etag.to_owned(),
        ..Default::default()
    };
    let after = server.connectors.reset_offsets(with(&before.etag)).await.expect("accepted");
    let after = after.into_inner();
    for etag in [&before.etag, &after.etag, ""] {
        let again = server.connectors.reset_offsets(with(etag)).await.expect("repeated");
        assert_eq!(again.into_inner().generation, after.generation);
    }
    let status = server.connectors.reset_offsets(with("old")).await.expect_err("refused");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
}
