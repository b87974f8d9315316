//! What an instance may have at most, and what users say of what they have.

use kafka2oss_proto::v1;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::server::{INSTANCE, Server, creation, reason, violations};

async fn limit(
    server: &mut Server,
    max_connectors: Option<i32>,
    max_tasks: Option<i32>,
) -> Result<v1::Instance, Status> {
    let name = INSTANCE.to_owned();
    let instance = v1::Instance { name, max_connectors, max_tasks, ..v1::Instance::default() };
    let paths = vec!["max_connectors".to_owned(), "max_tasks".to_owned()];
    let request = v1::UpdateInstanceRequest {
        instance: Some(instance),
        update_mask: Some(prost_types::FieldMask { paths }),
        ..Default::default()
    };
    Ok(server.instances.update_instance(request).await?.into_inner())
}

async fn create(server: &mut Server, id: &str, spread: i32) -> Result<v1::Connector, Status> {
    let mut request = creation(id);
    let spec = request.connector.get_or_insert_default().spec.get_or_insert_default();
    spec.source.get_or_insert_default().spread = Some(spread);
    Ok(server.connectors.create_connector(request).await?.into_inner())
}

async fn respread(server: &mut Server, name: &str, spread: i32) -> Result<v1::Connector, Status> {
    let source = v1::KafkaSource { spread: Some(spread), ..Default::default() };
    let spec = v1::ConnectorSpec { source: Some(source), ..Default::default() };
    let name = name.to_owned();
    let connector = v1::Connector { name, spec: Some(spec), ..Default::default() };
    let request = v1::UpdateConnectorRequest { connector: Some(connector), ..Default::default() };
    Ok(server.connectors.update_connector(request).await?.into_inner())
}

fn refused(status: &Status) {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert_eq!(reason(status), "QUOTA_EXCEEDED");
    let details = status.get_error_details();
    assert!(details.retry_info().is_none(), "time does not help");
    let quota = details.quota_failure().expect("which quota");
    assert_eq!(quota.violations[0].subject, INSTANCE);
}

#[tokio::test]
async fn an_instance_has_no_more_connectors_than_it_may() {
    let mut server = Server::with_instance().await;
    limit(&mut server, Some(2), None).await.expect("a quota");
    for id in ["a", "b"] {
        create(&mut server, id, 1).await.expect("there is room");
    }
    refused(&create(&mut server, "c", 1).await.expect_err("one too many"));
    let example = create(&mut server, "c", 1).await.expect_err("one too many");
    assert!(example.message().contains("may have 2 connectors: it has 2"), "{example}");

    server.restart().await;
    refused(&create(&mut server, "c", 1).await.expect_err("it is durable"));
    // A lower one stops none of those that are there.
    limit(&mut server, Some(0), None).await.expect("a quota");
    respread(&mut server, "instances/alikafka_1/connectors/a", 2).await.expect("no connector more");
    limit(&mut server, None, None).await.expect("no quota");
    create(&mut server, "c", 1).await.expect("there is room");
}

#[tokio::test]
async fn whoever_comes_at_once_shares_what_there_is() {
    let mut server = Server::with_instance().await;
    limit(&mut server, Some(3), None).await.expect("a quota");
    let all = (0..20).map(|number| {
        let mut connectors = server.connectors.clone();
        async move { connectors.create_connector(creation(&format!("c{number}"))).await }
    });
    let made = futures::future::join_all(all).await;
    let (made, refusals): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refusals.len()), (3, 17));
    refusals.iter().filter_map(|one| one.as_ref().err()).for_each(refused);
}

#[tokio::test]
async fn an_instance_has_no_more_tasks_than_it_may() {
    let mut server = Server::with_instance().await;
    limit(&mut server, None, Some(5)).await.expect("a quota");
    let first = create(&mut server, "a", 2).await.expect("there is room");
    create(&mut server, "b", 2).await.expect("there is room");
    refused(&create(&mut server, "c", 2).await.expect_err("one too many"));
    refused(&respread(&mut server, &first.name, 4).await.expect_err("one too many"));
    respread(&mut server, &first.name, 3).await.expect("there is room");
    refused(&create(&mut server, "c", 1).await.expect_err("one too many"));
    respread(&mut server, &first.name, 1).await.expect("less is always taken");
    create(&mut server, "c", 2).await.expect("there is room");
}

#[tokio::test]
async fn a_quota_below_zero_is_refused_with_its_field() {
    let mut server = Server::with_instance().await;
    let status = limit(&mut server, Some(-1), Some(-2)).await.expect_err("refused");
    let fields = violations(&status).into_iter().map(|(field, _)| field);
    assert_eq!(fields.collect::<Vec<_>>(), ["instance.max_connectors", "instance.max_tasks"]);
}

#[tokio::test]
async fn a_description_is_kept_and_is_no_new_generation() {
    let mut server = Server::with_instance().await;
    let mut request = creation("sink");
    request.connector.get_or_insert_default().description = "for billing".to_owned();
    let made = server.connectors.create_connector(request).await.expect("made").into_inner();
    assert_eq!(made.description, "for billing");

    let describe = |text: &str| v1::UpdateConnectorRequest {
        connector: Some(v1::Connector {
            name: made.name.clone(),
            description: text.to_owned(),
            ..Default::default()
        }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["description".to_owned()] }),
        ..Default::default()
    };
    let told = server.connectors.update_connector(describe("for audits")).await;
    let told = told.expect("told").into_inner();
    assert_eq!((told.description.as_str(), told.generation), ("for audits", made.generation));
    assert_ne!(told.etag, made.etag);
    let same = server.connectors.update_connector(describe("for audits")).await;
    assert_eq!(same.expect("told").into_inner().etag, told.etag);
    server.restart().await;
    assert_eq!(server.get(&made.name).await.expect("kept").description, "for audits");

    let status = server.connectors.update_connector(describe(&"x".repeat(1_025))).await;
    let told = violations(&status.expect_err("too long"));
    assert_eq!(told, [("connector.description".to_owned(), "SPEC_FIELD_INVALID".to_owned())]);
}
