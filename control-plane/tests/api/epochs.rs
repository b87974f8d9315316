//! What is remembered of an epoch: commits that were seen, a guarantee that does
//! not hold; and lists of assignments that agents ask for.

use kafka2oss_domain::feature;
use kafka2oss_proto::agent;
use kafka2oss_proto::agent::v1::connect_request::Message as Said;
use kafka2oss_proto::v1::{self, ConnectorState, DeliveryGuarantee, PartitionState};

use crate::agent::{Agent, Script, partition, report_of};
use crate::server::{Server, status_of};

fn last(lists: &[agent::v1::AssignmentList]) -> Option<&agent::v1::ConnectorAssignment> {
    lists.last()?.connectors.first()
}

fn running(number: i32, committed: Option<i64>) -> v1::PartitionProgress {
    partition(number, PartitionState::Running, 50, committed)
}

#[tokio::test]
async fn partitions_whose_commits_were_seen_are_told_to_every_agent_and_never_forgotten() {
    let mut server = Server::with_instance().await;
    let mut a = Agent::connect(&server.channel, Script::willing("a")).await;
    let mut b = Agent::connect(&server.channel, Script::willing("b")).await;
    let name = server.running("sink").await.name;
    let has = |committed: &'static [i32]| {
        move |lists: &[agent::v1::AssignmentList]| {
            last(lists).is_some_and(|one| one.committed_partitions == committed)
        }
    };
    a.show(vec![running(4, Some(1)), running(2, None)]).await;
    a.until_lists(has(&[4])).await;
    b.show(vec![running(0, Some(50))]).await;
    a.until_lists(has(&[0, 4])).await;
    b.until_lists(has(&[0, 4])).await;
    // Nobody owns them any more.
    a.show(vec![running(2, Some(3))]).await;
    b.show(vec![]).await;
    a.until_lists(has(&[0, 2, 4])).await;

    server.stop().await;
    drop((a, b));
    server.start_again(|_| {}).await;
    let mut a = Agent::connect(&server.channel, Script::willing("a")).await;
    a.assigned(|list| !list.connectors.is_empty()).await;
    assert!(has(&[0, 2, 4])(&a.lists()[..1]), "in the first list");
    assert!(status_of(&server.get(&name).await.expect("there")).epoch.is_some());
}

#[tokio::test]
async fn what_is_reported_of_another_epoch_does_not_count() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, Script::willing("a")).await;
    server.running("sink").await;
    let assignment = last(&agent.lists()).cloned().expect("an assignment");
    for epoch in [0, 2] {
        let report = agent::v1::ConnectorReport {
            epoch,
            partitions: vec![running(1, Some(5))],
            ..report_of(&assignment)
        };
        agent.report(report).await;
    }
    agent.show(vec![running(3, Some(5))]).await;
    agent
        .until_lists(|lists| last(lists).is_some_and(|one| !one.committed_partitions.is_empty()))
        .await;
    assert_eq!(last(&agent.lists()).expect("one").committed_partitions, [3]);
}

#[tokio::test]
async fn a_lowered_guarantee_stays_until_another_epoch_is_prepared() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let name = server.running("sink").await.name;
    let assignment = last(&agent.lists()).cloned().expect("an assignment");
    let why = "the store gave a version id";
    agent
        .report(agent::v1::ConnectorReport {
            delivery_guarantee: DeliveryGuarantee::AtLeastOnce.into(),
            delivery_guarantee_reason: why.to_owned(),
            ..report_of(&assignment)
        })
        .await;
    let lowered = |one: &agent::v1::ConnectorAssignment| {
        one.delivery_guarantee() == DeliveryGuarantee::AtLeastOnce
    };
    agent.until_lists(|lists| last(lists).is_some_and(lowered)).await;
    // Tasks that start anew know nothing of it.
    agent.report(report_of(&assignment)).await;
    server.stop().await;
    drop(agent);
    server.start_again(|_| {}).await;
    let _agent = Agent::connect(&server.channel, Script::willing("a").boot(2)).await;
    let running = server.until_state(&name, ConnectorState::Running).await;
    let status = status_of(&running);
    assert_eq!(status.delivery_guarantee(), DeliveryGuarantee::AtLeastOnce);
    assert_eq!(status.delivery_guarantee_reason, why);

    server.pause(&name).await.expect("accepted");
    server.until_state(&name, ConnectorState::Paused).await;
    let reset = v1::OffsetReset { to: Some(v1::offset_reset::To::Latest(())) };
    let request = v1::ResetOffsetsRequest {
        name: name.clone(),
        reset: Some(reset),
        etag: String::new(),
        ..Default::default()
    };
    server.connectors.reset_offsets(request).await.expect("accepted");
    let decided =
        |one: &v1::Connector| status_of(one).delivery_guarantee() == DeliveryGuarantee::ExactlyOnce;
    server.until(&name, decided).await;
}

#[tokio::test]
async fn what_is_learned_of_the_store_decides_under_which_keys_objects_are_put() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, Script::willing("a")).await;
    server.running("sink").await;
    let assignment = last(&agent.lists()).cloned().expect("an assignment");
    assert!(assignment.store_refuses_existing && assignment.features.is_empty());

    // Lowered for a reason that is Kafka's, the guarantee says nothing of the store.
    let lowered = agent::v1::ConnectorReport {
        delivery_guarantee: DeliveryGuarantee::AtLeastOnce.into(),
        ..report_of(&assignment)
    };
    agent.report(lowered.clone()).await;
    agent
        .until_lists(|lists| {
            last(lists).is_some_and(|one| {
                one.delivery_guarantee() == DeliveryGuarantee::AtLeastOnce
                    && one.store_refuses_existing
            })
        })
        .await;

    agent.report(agent::v1::ConnectorReport { store_overwrites: true, ..lowered }).await;
    agent
        .until_lists(|lists| {
            last(lists).is_some_and(|one| {
                !one.store_refuses_existing && one.features == [feature::OWN_KEYS]
            })
        })
        .await;
}

#[tokio::test]
async fn a_list_that_was_asked_for_comes_anew_and_says_so() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, Script::willing("a")).await;
    server.running("sink").await;
    let before = agent.lists().pop().expect("a list");
    assert_eq!(before.answered_request, 0);
    for number in [1, 2] {
        agent.say(Said::AssignmentRequest(agent::v1::AssignmentRequest { number })).await;
        let answer = agent.assigned(|list| list.answered_request == number).await;
        assert_eq!(answer.connectors, before.connectors);
        assert!(answer.version > before.version);
    }
    let mut again = Agent::connect(&server.channel, Script::willing("a")).await;
    let first = again.assigned(|_| true).await;
    assert_eq!(first.answered_request, 0, "another stream has asked for nothing");
}
