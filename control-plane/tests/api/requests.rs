//! Good and bad requests: every violation in one answer, idempotency, names.

use kafka2oss_proto::v1;
use tonic::Code;

use crate::server::{
    INSTANCE, Server, creation, credentials, environment, instance, reason, violations,
};

#[tokio::test]
async fn every_violation_of_a_request_comes_in_one_answer_with_its_path() {
    let mut server = Server::with_instance().await;
    let mut request = creation("Not_Legal");
    request.request_id = "r".repeat(65);
    let connector = request.connector.as_mut().expect("a connector");
    connector.labels = [(String::new(), "empty key".to_owned())].into();
    let spec = connector.spec.as_mut().expect("a spec");
    let source = spec.source.as_mut().expect("a source");
    source.topic = "not/legal".to_owned();
    source.thread_concurrency = Some(7);
    let destination = spec.destination.as_mut().expect("a destination");
    destination.bucket = "bucket_test".to_owned();
    destination.endpoint = "https://s3.oss-cn-beijing.aliyuncs.com".to_owned();
    destination.credentials = Some(credentials(environment("KEY_ID"), None));
    spec.runtime = Some(v1::ConnectorRuntime { vpc_id: "vpc-2".to_owned(), ..Default::default() });

    let status = server.connectors.create_connector(request).await.expect_err("refused");
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, "REQUEST_INVALID")
    );
    let mut found = violations(&status);
    found.sort();
    let expected = [
        ("connector.labels", "SPEC_FIELD_INVALID"),
        ("connector.spec.destination.bucket", "SPEC_BUCKET_NAME_ILLEGAL"),
        ("connector.spec.destination.credentials.access_key.secret", "SPEC_FIELD_REQUIRED"),
        ("connector.spec.destination.endpoint", "SPEC_ENDPOINT_REGION_MISMATCH"),
        ("connector.spec.runtime.vpc_id", "SPEC_VPC_MISMATCH"),
        ("connector.spec.source.thread_concurrency", "SPEC_CONCURRENCY_NOT_ALLOWED"),
        ("connector.spec.source.topic", "SPEC_FIELD_INVALID"),
        ("connector_id", "SPEC_FIELD_INVALID"),
        ("request_id", "SPEC_FIELD_INVALID"),
    ];
    assert_eq!(found, expected.map(|(field, code)| (field.to_owned(), code.to_owned())));
}

#[tokio::test]
async fn a_refusal_arrives_however_long_the_wrong_texts_are() {
    let mut server = Server::with_instance().await;
    let mut request = creation(&"ü".repeat(1 << 20));
    let connector = request.connector.as_mut().expect("a connector");
    let spec = connector.spec.as_mut().expect("a spec");
    spec.source.as_mut().expect("a source").topic = "ö".repeat(1 << 20);
    spec.destination.as_mut().expect("a destination").bucket = "B".repeat(1 << 20);
    let status = server.connectors.create_connector(request).await.expect_err("refused");
    assert_eq!((status.code(), violations(&status).len()), (Code::InvalidArgument, 3), "{status}");
    let status = server.get(&"x".repeat(1 << 20)).await.expect_err("refused");
    assert_eq!(violations(&status)[0].0, "name");
}

#[tokio::test]
async fn an_empty_request_names_what_is_required() {
    let mut server = Server::with_instance().await;
    let request = v1::CreateConnectorRequest::default();
    let status = server.connectors.create_connector(request).await.expect_err("refused");
    let found = violations(&status);
    for field in ["parent", "connector_id", "connector", "connector.spec.source"] {
        assert!(
            found.contains(&(field.to_owned(), "SPEC_FIELD_REQUIRED".to_owned())),
            "{field} is not in {found:?}"
        );
    }
}

#[tokio::test]
async fn unknown_and_duplicate_names_are_answered_at_once() {
    let mut server = Server::with_instance().await;
    let mut elsewhere = creation("sink");
    elsewhere.parent = "instances/unknown".to_owned();
    let status = server.connectors.create_connector(elsewhere).await.expect_err("refused");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));

    let name = server.create("sink").await.name;
    let status = server.connectors.create_connector(creation("sink")).await.expect_err("refused");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::AlreadyExists, "RESOURCE_EXISTS"));

    let status = server.get(&format!("{INSTANCE}/connectors/other")).await.expect_err("refused");
    assert_eq!(status.code(), Code::NotFound);
    let status = server.get("sink").await.expect_err("refused");
    assert_eq!(status.code(), Code::InvalidArgument);

    let request = v1::DeleteInstanceRequest {
        name: INSTANCE.to_owned(),
        etag: String::new(),
        ..Default::default()
    };
    let status = server.instances.delete_instance(request.clone()).await.expect_err("refused");
    assert_eq!(reason(&status), "INSTANCE_HAS_CONNECTORS");
    assert!(status.message().contains(&name));
}

#[tokio::test]
async fn a_repeated_request_id_is_answered_with_what_the_first_one_made() {
    let mut server = Server::with_instance().await;
    let mut request = creation("sink");
    request.request_id = "r-1".to_owned();
    let first = server.connectors.create_connector(request.clone()).await.expect("created");
    let first = first.into_inner();
    server.restart().await;
    let again = server.connectors.create_connector(request.clone()).await.expect("repeated");
    assert_eq!(again.into_inner().uid, first.uid);

    let mut other = creation("other");
    other.request_id = "r-1".to_owned();
    let status = server.connectors.create_connector(other).await.expect_err("refused");
    assert_eq!(reason(&status), "REQUEST_ID_REUSED");

    let deletion = v1::DeleteConnectorRequest { name: first.name, ..Default::default() };
    server.connectors.delete_connector(deletion).await.expect("deleted");
    let status = server.connectors.create_connector(request).await.expect_err("refused");
    assert_eq!(reason(&status), "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn what_is_only_validated_or_previewed_is_not_created() {
    let mut server = Server::with_instance().await;
    let mut request = creation("sink");
    request.validate_only = true;
    let shown = server.connectors.create_connector(request).await.expect("legal").into_inner();
    assert!(shown.effective_spec.expect("a spec").output.is_some(), "defaults are filled in");

    let v1::CreateConnectorRequest { parent, connector_id, connector, .. } = creation("sink");
    let request = v1::PreviewConnectorRequest { parent, connector_id, connector };
    let preview = server.connectors.preview_connector(request).await.expect("legal").into_inner();
    let names: Vec<_> = preview.resources.iter().map(|one| one.name.as_str()).collect();
    for name in ["connect-sink", "connect-offset-sink", "connect-config-sink", "connect-error-sink"]
    {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    let warned: Vec<_> = preview.warnings.iter().map(|one| one.field.as_str()).collect();
    assert!(warned.contains(&"connector.spec.runtime.vswitch_id"), "{warned:?}");
    let connector = preview.connector.expect("a connector");
    assert_eq!(connector.name, format!("{INSTANCE}/connectors/sink"));

    let status = server.get(&connector.name).await.expect_err("not created");
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test]
async fn an_instance_may_refuse_connectors() {
    let mut server = Server::start().await;
    let request = v1::CreateInstanceRequest {
        instance_id: "alikafka_1".to_owned(),
        instance: Some(v1::Instance { connectors_disabled: true, ..instance() }),
        validate_only: false,
        ..Default::default()
    };
    server.instances.create_instance(request).await.expect("registered");
    let status = server.connectors.create_connector(creation("sink")).await.expect_err("refused");
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::FailedPrecondition, "INSTANCE_CONNECTORS_DISABLED")
    );
}

#[tokio::test]
async fn ids_that_mean_something_else_in_a_path_are_refused() {
    let mut server = Server::with_instance().await;
    for id in ["-", "..", "-a"] {
        let request = v1::CreateInstanceRequest {
            instance_id: id.to_owned(),
            instance: Some(instance()),
            validate_only: false,
            ..Default::default()
        };
        let status = server.instances.create_instance(request).await.expect_err("refused");
        let expected = ("instance_id".to_owned(), "SPEC_FIELD_INVALID".to_owned());
        assert_eq!(violations(&status), [expected], "{id}");
        let request = v1::GetAgentRequest { name: format!("agents/{id}") };
        let status = server.agents.get_agent(request).await.expect_err("refused");
        assert_eq!(status.code(), Code::InvalidArgument, "{id}");
    }
}

#[tokio::test]
async fn instances_are_registered_listed_and_removed() {
    let mut server = Server::with_instance().await;
    let registered = server.register("b-2").await;
    assert_eq!(registered.name, "instances/b-2");
    assert_eq!(registered.security_protocol(), v1::SecurityProtocol::Plaintext);
    let again = v1::CreateInstanceRequest {
        instance_id: "b-2".to_owned(),
        instance: Some(instance()),
        validate_only: false,
        ..Default::default()
    };
    let status = server.instances.create_instance(again).await.expect_err("refused");
    assert_eq!(status.code(), Code::AlreadyExists);
    let illegal = v1::CreateInstanceRequest { instance_id: "b/2".to_owned(), ..Default::default() };
    let status = server.instances.create_instance(illegal).await.expect_err("refused");
    let fields: Vec<_> = violations(&status).into_iter().map(|(field, _)| field).collect();
    for field in ["instance_id", "instance.region_id", "instance.bootstrap_servers"] {
        assert!(fields.iter().any(|found| found == field), "{field} is not in {fields:?}");
    }

    let request =
        v1::ListInstancesRequest { filter: "region_id = cn-hangzhou".into(), ..Default::default() };
    let list = server.instances.list_instances(request).await.expect("a list").into_inner();
    assert_eq!(list.instances.len(), 2);
    let request =
        v1::ListInstancesRequest { filter: "region_id = eu".into(), ..Default::default() };
    let list = server.instances.list_instances(request).await.expect("a list").into_inner();
    assert!(list.instances.is_empty());

    let mut deletion = v1::DeleteInstanceRequest {
        name: registered.name,
        etag: "old".into(),
        ..Default::default()
    };
    let status = server.instances.delete_instance(deletion.clone()).await.expect_err("refused");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    deletion.etag = registered.etag;
    server.instances.delete_instance(deletion).await.expect("removed");
    server.restart().await;
    let request = v1::ListInstancesRequest::default();
    let list = server.instances.list_instances(request).await.expect("a list").into_inner();
    assert_eq!(list.instances.len(), 1);
}

#[tokio::test]
async fn connectors_are_listed_by_instance_and_state() {
    let mut server = Server::with_instance().await;
    for id in ["a", "b", "c"] {
        server.create(id).await;
    }
    server.deploy(&format!("{INSTANCE}/connectors/b")).await;
    let list = |parent: &str, filter: &str| v1::ListConnectorsRequest {
        parent: parent.to_owned(),
        filter: filter.to_owned(),
        ..Default::default()
    };
    let mut names = async |request| {
        let list = server.connectors.list_connectors(request).await?.into_inner();
        let ids = list.connectors.into_iter().map(|one| one.name.replace(INSTANCE, ""));
        Ok::<Vec<String>, tonic::Status>(ids.collect())
    };
    assert_eq!(names(list("instances/-", "")).await.expect("a list").len(), 3);
    let found = names(list(INSTANCE, "state = CREATED")).await.expect("a list");
    assert_eq!(found, ["/connectors/a", "/connectors/c"]);
    let status = names(list("instances/none", "")).await.expect_err("refused");
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test]
async fn pages_of_a_state_follow_one_another_without_gap_or_overlap() {
    let mut server = Server::with_instance().await;
    server.register("alikafka_0").await;
    server.register("alikafka_10").await;
    for instance in ["alikafka_0", "alikafka_10"] {
        let mut elsewhere = creation("x");
        elsewhere.parent = format!("instances/{instance}");
        server.connectors.create_connector(elsewhere).await.expect("created");
    }
    let ids: Vec<_> = (0..50).map(|number| format!("c{number:02}")).collect();
    for id in &ids {
        server.create(id).await;
    }
    // Every third one is in another state.
    for id in ids.iter().step_by(3) {
        server.deploy(&format!("{INSTANCE}/connectors/{id}")).await;
    }
    let expected = |state: &str, keep: &dyn Fn(usize) -> bool| {
        let kept = ids.iter().enumerate().filter(|(number, _)| keep(*number));
        let names = kept.map(|(_, id)| format!("{INSTANCE}/connectors/{id}"));
        (state.to_owned(), names.collect::<Vec<_>>())
    };
    for (state, expected) in [
        expected("CREATED", &|number| !number.is_multiple_of(3)),
        expected("DEPLOYING", &|number| number.is_multiple_of(3)),
        expected("PAUSED", &|_| false),
    ] {
        for page_size in [1, 7, 50] {
            let mut request = v1::ListConnectorsRequest {
                parent: INSTANCE.to_owned(),
                page_size,
                filter: format!("state = {state}"),
                ..Default::default()
            };
            let mut seen = Vec::new();
            loop {
                let answer = server.connectors.list_connectors(request.clone()).await;
                let page = answer.expect("a page").into_inner();
                seen.extend(page.connectors.into_iter().map(|one| one.name));
                if page.next_page_token.is_empty() {
                    break;
                }
                request.page_token = page.next_page_token;
            }
            assert_eq!(seen, expected, "{state} in pages of {page_size}");
        }
    }
}

#[tokio::test]
async fn of_many_requests_for_one_name_exactly_one_wins() {
    let server = Server::with_instance().await;
    let creations = (0..60).map(|number| {
        let mut client = server.connectors.clone();
        let request = creation(if number % 2 == 0 { "same" } else { "also" });
        tokio::spawn(async move { client.create_connector(request).await })
    });
    let mut won = Vec::new();
    for answer in creations.collect::<Vec<_>>() {
        match answer.await.expect("no panic") {
            Ok(connector) => won.push(connector.into_inner().name),
            Err(status) => assert_eq!(status.code(), Code::AlreadyExists),
        }
    }
    won.sort();
    assert_eq!(won, ["also", "same"].map(|id| format!("{INSTANCE}/connectors/{id}")));
}

#[tokio::test]
async fn a_request_that_its_client_gave_up_leaves_nothing_half_done() {
    let mut server = Server::with_instance().await;
    for number in 0..30 {
        let mut client = server.connectors.clone();
        let request = creation(&format!("c-{number}"));
        let task = tokio::spawn(async move { client.create_connector(request).await });
        tokio::task::yield_now().await;
        task.abort();
    }
    // What is shown now is what is on disk.
    let list = v1::ListConnectorsRequest { parent: INSTANCE.into(), ..Default::default() };
    server.create("last").await;
    let before = server.connectors.list_connectors(list.clone()).await.expect("a list");
    server.restart().await;
    let after = server.connectors.list_connectors(list).await.expect("a list").into_inner();
    let uids = |list: &v1::ListConnectorsResponse| -> Vec<String> {
        list.connectors.iter().map(|one| one.uid.clone()).collect()
    };
    for uid in uids(before.get_ref()) {
        assert!(uids(&after).contains(&uid));
    }
}
