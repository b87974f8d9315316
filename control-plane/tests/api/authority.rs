//! What an agent says counts only for what it was given.

use kafka2oss_proto::agent::v1::connect_request::Message as Said;
use kafka2oss_proto::{agent, v1};

use crate::agent::{Agent, Script, partition, report_of};
use crate::server::{Server, status_of};

/// An agent of another pool that says it runs the connector.
fn stranger(connector: &v1::Connector) -> Script {
    let mut script = Script::willing("stranger");
    script.hello.vswitch_id = "vsw-2".to_owned();
    script.hello.held = vec![agent::v1::HeldAssignment {
        connector: connector.name.clone(),
        uid: connector.uid.clone(),
        ..agent::v1::HeldAssignment::default()
    }];
    script
}

#[tokio::test]
async fn what_an_agent_says_of_what_it_never_had_is_dropped() {
    let mut server = Server::with_instance().await;
    let mut placed = Agent::connect(&server.channel, Script::willing("placed")).await;
    let connector = server.running("sink").await;
    let list = placed.assigned(|list| !list.connectors.is_empty()).await;
    let mut stranger = Agent::connect(&server.channel, stranger(&connector)).await;
    let lie = agent::v1::ConnectorReport {
        partitions: vec![partition(0, v1::PartitionState::Stopped, 1, Some(1))],
        delivery_guarantee: v1::DeliveryGuarantee::AtLeastOnce.into(),
        delivery_guarantee_reason: "a lie".to_owned(),
        ..report_of(&list.connectors[0])
    };
    stranger.report(lie).await;
    let line = v1::LogEntry {
        connector: connector.name.clone(),
        message: "a lie".to_owned(),
        ..v1::LogEntry::default()
    };
    stranger.say(Said::Logs(agent::v1::LogBatch { entries: vec![line], dropped: 0 })).await;
    // All of it is taken in before the end of the stream.
    stranger.goodbye(agent::v1::GoodbyeReason::Leaving).await;
    stranger.ended().await;

    let after = server.get(&connector.name).await.expect("there");
    assert_eq!(status_of(&after).state(), v1::ConnectorState::Running);
    assert_eq!(status_of(&after).delivery_guarantee(), v1::DeliveryGuarantee::ExactlyOnce);
    let name = connector.name.clone();
    let request = v1::TailLogsRequest { parent: name, no_follow: true, ..Default::default() };
    let mut tail = server.connectors.tail_logs(request).await.expect("a stream").into_inner();
    while let Some(answer) = tail.message().await.expect("no error") {
        assert!(answer.entries.iter().all(|entry| entry.message != "a lie"));
    }
}

#[tokio::test]
async fn who_never_had_a_connector_does_not_hold_up_its_deletion() {
    let mut server = Server::with_instance().await;
    let _placed = Agent::connect(&server.channel, Script::willing("placed")).await;
    let connector = server.running("sink").await;
    let _stranger = Agent::connect(&server.channel, stranger(&connector)).await;
    let request = v1::DeleteConnectorRequest { name: connector.name.clone(), ..Default::default() };
    server.connectors.delete_connector(request).await.expect("deleted");
    server.until_gone(&connector.name).await;
}

#[tokio::test]
async fn who_lost_its_tasks_holds_up_the_deletion_until_it_has_stopped_them() {
    let mut server = Server::with_instance().await;
    let mut slow = Script::willing("a");
    slow.reports = false;
    let a = Agent::connect(&server.channel, slow).await;
    let name = server.create("sink").await.name;
    server.deploy(&name).await;
    let placed_on = |agent: &'static str| {
        move |connector: &v1::Connector| {
            status_of(connector).tasks.iter().any(|task| task.agent == agent)
        }
    };
    server.until(&name, placed_on("agents/a")).await;
    // The second task moves to it: the first stays where it is.
    let mut b = Agent::connect(&server.channel, Script::willing("b")).await;
    server.until(&name, placed_on("agents/b")).await;
    let list = b.assigned(|list| !list.connectors.is_empty()).await;
    let request = v1::DeleteConnectorRequest { name: name.clone(), ..Default::default() };
    server.connectors.delete_connector(request).await.expect("deleted");
    b.assigned(|list| list.connectors.is_empty()).await;
    assert!(server.get(&name).await.is_ok(), "`a` has not shown that it stopped");
    let nothing =
        agent::v1::ConnectorReport { uid: "none".to_owned(), ..report_of(&list.connectors[0]) };
    a.report(nothing).await;
    server.until_gone(&name).await;
}

#[tokio::test]
async fn a_report_that_says_too_much_breaks_nobody_elses_list() {
    let mut server = Server::with_instance().await;
    let mut placed = Agent::connect(&server.channel, Script::willing("placed")).await;
    let other = server.running("other").await;
    let connector = server.running("sink").await;
    let of_both = |list: &agent::v1::AssignmentList| list.connectors.len() == 2;
    let list = placed.assigned(of_both).await;
    let mine = list.connectors.iter().find(|one| one.connector == connector.name);
    let mut report = report_of(mine.expect("assigned"));
    report.group = Some(agent::v1::GroupLook {
        topic_partitions: i32::MAX,
        ..agent::v1::GroupLook::default()
    });
    for task in &mut report.tasks {
        let message = "x".repeat(5 << 20);
        task.problem = Some(agent::v1::Problem { code: "INTERNAL".to_owned(), message });
    }
    report.partitions = vec![partition(i32::MAX, v1::PartitionState::Running, 1, Some(1))];
    placed.report(report).await;
    let shown = server
        .until(&connector.name, |one| {
            status_of(one).tasks.iter().any(|task| !task.error_code.is_empty())
        })
        .await;
    assert!(status_of(&shown).tasks.iter().all(|task| task.error_message.len() < 10_000));
    let request = v1::ListConnectorsRequest {
        parent: "instances/-".to_owned(),
        ..v1::ListConnectorsRequest::default()
    };
    let all = server.connectors.list_connectors(request).await.expect("a page").into_inner();
    let names: Vec<_> = all.connectors.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, [other.name.as_str(), connector.name.as_str()]);
}
