//! A connector's life: create, deploy, pause, resume, test message.

use kafka2oss_proto::agent;
use kafka2oss_proto::v1::{self, ConnectorState};
use tonic::Code;

use crate::agent::{Agent, Script, partition, prepared, problem};
use crate::server::{Server, condition, creation, reason, state_of, status_of};

#[tokio::test]
async fn a_connector_runs_once_it_is_deployed_and_an_agent_has_prepared_it() {
    let mut server = Server::with_instance().await;
    let created = server.create("sink").await;
    assert_eq!(state_of(&created), ConnectorState::Created);
    assert_eq!((created.generation, created.desired_state()), (1, v1::DesiredState::Created));
    let spec = created.effective_spec.expect("a spec");
    assert_eq!(spec.source.expect("a source").thread_concurrency, Some(6));
    let endpoint = spec.destination.expect("a destination").endpoint;
    assert_eq!(endpoint, "https://s3.oss-cn-hangzhou-internal.aliyuncs.com");

    let mut agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let first = agent.assigned(|_| true).await;
    assert!(first.connectors.is_empty(), "nothing runs before Deploy");
    assert!(agent.commands().is_empty());

    let deployed = server.deploy(&created.name).await;
    assert_eq!((deployed.generation, state_of(&deployed)), (2, ConnectorState::Deploying));
    assert_ne!(deployed.etag, created.etag);
    let running = server.until_state(&created.name, ConnectorState::Running).await;
    let status = status_of(&running);
    assert_eq!((status.tasks_desired, status.tasks_ready, status.observed_generation), (2, 2, 2));
    assert_eq!(status.delivery_guarantee(), v1::DeliveryGuarantee::ExactlyOnce);
    let epoch = status.epoch.as_ref().expect("an epoch");
    assert_eq!((epoch.number, epoch.start_offsets[&0]), (1, 7));

    let list = agent.assigned(|list| !list.connectors.is_empty()).await;
    let assignment = &list.connectors[0];
    assert_eq!((assignment.generation, assignment.placement_version), (2, 1));
    assert_eq!(assignment.run_mode(), agent::v1::RunMode::Run);
    assert_eq!(assignment.epoch.as_ref(), Some(epoch));
    let shares: Vec<_> = assignment.tasks.iter().map(|task| (task.index, task.threads)).collect();
    assert_eq!(shares, [(0, 3), (1, 3)]);
    let instance = assignment.instance.as_ref().expect("an instance");
    assert_eq!(instance.bootstrap_servers, ["broker:9092"]);
}

#[tokio::test]
async fn without_an_agent_it_says_so_and_starts_when_one_joins() {
    let mut server = Server::with_instance().await;
    let name = server.create("sink").await.name;
    server.deploy(&name).await;
    let waiting = server.until_state(&name, ConnectorState::Deploying).await;
    let placed = condition(&waiting, "Placed");
    assert_eq!(placed.status(), v1::ConditionStatus::False);
    assert_eq!(placed.reason, "AGENT_NONE_IN_POOL");
    assert!(!placed.remedy.is_empty());

    let mut elsewhere = Script::willing("z");
    elsewhere.hello.vswitch_id = "vsw-2".to_owned();
    let elsewhere = Agent::connect(&server.channel, elsewhere).await;
    let _agent = Agent::connect(&server.channel, Script::willing("a")).await;
    server.until_state(&name, ConnectorState::Running).await;
    assert!(elsewhere.commands().is_empty());
}

#[tokio::test]
async fn a_group_that_another_connector_uses_is_left_alone_until_that_one_is_gone() {
    let mut server = Server::with_instance().await;
    let first = server.create("sink").await;
    server.register("alikafka_2").await;
    let mut request = creation("sink");
    request.parent = "instances/alikafka_2".to_owned();
    let second = server.connectors.create_connector(request).await.expect("created").into_inner();
    let mut script = Script::willing("a");
    let owner = first.uid.clone();
    script.prepare = Box::new(move |command| agent::v1::PrepareConnectorResult {
        group_owner_uids: vec![owner.clone()],
        ..prepared(command)
    });
    let _agent = Agent::connect(&server.channel, script).await;

    server.deploy(&second.name).await;
    let refused = server.until_state(&second.name, ConnectorState::Failed).await;
    let condition = condition(&refused, "Prepared");
    assert_eq!(condition.reason, "KAFKA_GROUP_IN_USE");
    assert!(condition.message.contains(&first.name), "{}", condition.message);

    let delete = v1::DeleteConnectorRequest { name: first.name, ..Default::default() };
    server.connectors.delete_connector(delete).await.expect("deleted");
    server.until_state(&second.name, ConnectorState::Running).await;
}

#[tokio::test]
async fn problems_of_preparation_are_shown_and_it_is_repeated_until_they_are_gone() {
    let mut server = Server::with_instance().await;
    let (cure, cured) = tokio::sync::watch::channel(false);
    let mut script = Script::willing("a");
    script.prepare = Box::new(move |command| {
        let mut result = prepared(command);
        // Read again only while it is not fixed.
        if command.epoch.as_ref().is_some_and(|epoch| epoch.fixed_time.is_none()) {
            result.created_topics = vec!["connect-offset-sink".to_owned()];
        } else {
            assert_eq!(result.epoch.as_ref().map(|epoch| epoch.start_offsets[&0]), Some(7));
        }
        if !*cured.borrow() {
            result.problems = vec![problem("STORE_BUCKET_NOT_FOUND")];
        }
        result
    });
    let agent = Agent::connect(&server.channel, script).await;
    let name = server.create("sink").await.name;
    server.deploy(&name).await;
    let failed = server.until_state(&name, ConnectorState::Failed).await;
    let condition = condition(&failed, "Prepared");
    assert_eq!(condition.reason, "STORE_BUCKET_NOT_FOUND");
    assert_eq!(crate::server::condition(&failed, "Placed").status(), v1::ConditionStatus::True);
    assert!(!condition.remedy.is_empty());
    assert!(status_of(&failed).epoch.is_some(), "the start is kept, whatever else is wrong");
    assert!(agent.lists().iter().all(|list| list.connectors.is_empty()));

    cure.send_replace(true);
    server.until_state(&name, ConnectorState::Running).await;
    assert!(agent.commands().len() >= 2);
}

#[tokio::test]
async fn pause_and_resume_change_the_generation_and_not_the_placement() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let name = server.create("sink").await.name;
    server.deploy(&name).await;
    server.until_state(&name, ConnectorState::Running).await;

    let pausing = server.pause(&name).await.expect("accepted");
    assert_eq!(state_of(&pausing), ConnectorState::Pausing);
    assert_eq!(server.pause(&name).await.expect("repeated").generation, pausing.generation);
    let paused = server.until_state(&name, ConnectorState::Paused).await;
    assert_eq!((paused.generation, status_of(&paused).tasks_ready), (3, 2));
    let list = agent
        .assigned(|list| {
            list.connectors.iter().any(|one| one.run_mode() == agent::v1::RunMode::Pause)
        })
        .await;
    assert_eq!((list.connectors[0].generation, list.connectors[0].placement_version), (3, 1));

    server.resume(&name).await.expect("accepted");
    let running = server.until_state(&name, ConnectorState::Running).await;
    assert_eq!(running.generation, 4);
    let list = agent.assigned(|list| list.connectors.iter().any(|one| one.generation == 4)).await;
    assert_eq!(list.connectors[0].placement_version, 1);
}

#[tokio::test]
async fn an_action_in_a_wrong_state_is_refused_with_the_states_that_allow_it() {
    let mut server = Server::with_instance().await;
    let name = server.create("sink").await.name;
    for refused in [server.pause(&name).await, server.resume(&name).await] {
        let status = refused.expect_err("refused");
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::FailedPrecondition, "WRONG_STATE")
        );
        assert!(status.message().contains("RUNNING"), "{}", status.message());
    }
    let request = v1::SendTestMessageRequest { name: name.clone(), ..Default::default() };
    let status = server.connectors.send_test_message(request.clone()).await.expect_err("refused");
    assert_eq!(reason(&status), "WRONG_STATE");
    server.deploy(&name).await;
    let status = server.connectors.send_test_message(request).await.expect_err("refused");
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::FailedPrecondition, "START_NOT_FIXED")
    );
}

#[tokio::test]
async fn a_test_message_is_written_once_and_can_be_waited_for() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let name = server.create("sink").await.name;
    server.deploy(&name).await;
    server.until_state(&name, ConnectorState::Running).await;

    let text = |text: &str| {
        let content = v1::test_message_payload::Content::Text(text.to_owned());
        Some(v1::TestMessagePayload { content: Some(content) })
    };
    let request = v1::SendTestMessageRequest {
        name: name.clone(),
        partition: Some(0),
        key: text("1"),
        value: text("1"),
        request_id: "r-1".to_owned(),
        wait: false,
    };
    let first = server.connectors.send_test_message(request.clone()).await.expect("written");
    let again = server.connectors.send_test_message(request.clone()).await.expect("written");
    assert_eq!(first.get_ref(), again.get_ref());

    let waiting = tokio::spawn({
        let mut client = server.connectors.clone();
        let request =
            v1::SendTestMessageRequest { request_id: "r-2".to_owned(), wait: true, ..request };
        async move { client.send_test_message(request).await }
    });
    agent.assigned(|list| !list.connectors.is_empty()).await;
    // Another object has come after the one that holds it.
    let visible = |offset, key: &str| v1::VisibleTestMessage { offset, object_key: key.to_owned() };
    let partition = v1::PartitionProgress {
        last_object: "oss-test-input/0/later".to_owned(),
        last_extent: Some(v1::Extent { first_offset: 50, next_offset: 100 }),
        test_messages: vec![visible(8, "oss-test-input/0/object")],
        lag: Some(3),
        ..partition(0, v1::PartitionState::Running, 100, Some(100))
    };
    agent.show(vec![partition]).await;
    let seen = waiting.await.expect("no panic").expect("visible").into_inner();
    assert_eq!(seen.object_key, "oss-test-input/0/object");

    let request = v1::GetConnectorProgressRequest { name };
    let progress = server.connectors.get_connector_progress(request).await.expect("an answer");
    let progress = progress.into_inner();
    assert_eq!((progress.total_lag, progress.partitions.len()), (3, 1));
    assert_eq!(progress.partitions[0].agent, "agents/a");
}

#[tokio::test]
async fn a_refused_assignment_is_shown_and_sent_again() {
    let mut server = Server::with_instance().await;
    let mut refusals = 1;
    let mut script = Script::willing("a");
    script.refuse = Box::new(move |_| {
        refusals -= 1;
        (refusals >= 0).then(|| problem("SECRET_UNREADABLE"))
    });
    let _agent = Agent::connect(&server.channel, script).await;
    let name = server.create("sink").await.name;
    server.deploy(&name).await;
    let failed = server.until_state(&name, ConnectorState::Failed).await;
    assert_eq!(condition(&failed, "Ready").reason, "SECRET_UNREADABLE");
    server.until_state(&name, ConnectorState::Running).await;
}
