//! UpdateInstance, while connectors run and before.

use kafka2oss_proto::v1;
use kafka2oss_proto::v1::ConnectorState;
use tonic::{Code, Status};

use crate::agent::{Agent, Script};
use crate::server::{INSTANCE, Server, creation, instance, reason, violations};

async fn update(
    server: &mut Server,
    given: v1::Instance,
    paths: &[&str],
) -> Result<v1::Instance, Status> {
    let given = v1::Instance { name: INSTANCE.to_owned(), ..given };
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    let request = v1::UpdateInstanceRequest {
        instance: Some(given),
        update_mask: Some(prost_types::FieldMask { paths }),
        validate_only: false,
        ..Default::default()
    };
    Ok(server.instances.update_instance(request).await?.into_inner())
}

async fn get(server: &mut Server) -> v1::Instance {
    let request = v1::GetInstanceRequest { name: INSTANCE.to_owned() };
    server.instances.get_instance(request).await.expect("there").into_inner()
}

fn on(servers: &[&str]) -> v1::Instance {
    let bootstrap_servers = servers.iter().map(|server| (*server).to_owned()).collect();
    v1::Instance { bootstrap_servers, ..v1::Instance::default() }
}

fn labels(team: &str) -> v1::Instance {
    let labels = [("team".to_owned(), team.to_owned())].into();
    v1::Instance { labels, ..v1::Instance::default() }
}

#[tokio::test]
async fn tasks_get_new_brokers_at_once_and_labels_are_nothing_to_them() {
    let mut server = Server::with_instance().await;
    let mut a = Agent::connect(&server.channel, Script::willing("a")).await;
    let name = server.create("sink").await.name;
    server.deploy(&name).await;
    server.until_state(&name, ConnectorState::Running).await;
    let before = a.lists().pop().expect("a list").connectors;

    update(&mut server, labels("a"), &["labels"]).await.expect("labels");
    update(&mut server, on(&["other:9092"]), &["bootstrap_servers"]).await.expect("brokers");
    let servers = |list: &kafka2oss_proto::agent::v1::AssignmentList| {
        let instance = list.connectors.first().and_then(|one| one.instance.clone());
        instance.unwrap_or_default().bootstrap_servers
    };
    let list = a.assigned(|list| servers(list) == ["other:9092"]).await;
    let mut expected = before.clone();
    expected[0].instance.get_or_insert_default().bootstrap_servers = vec!["other:9092".to_owned()];
    assert_eq!(list.connectors, expected, "nothing else is another");
    let lists = a.lists();
    let others =
        lists.iter().filter(|list| list.connectors != before && servers(list) == ["broker:9092"]);
    assert!(
        others
            .flat_map(|list| &list.connectors)
            .all(|one| one.instance.as_ref().is_some_and(|instance| instance.labels.is_empty()))
    );
    let connector = server.get(&name).await.expect("kept");
    assert_eq!(connector.generation, 2, "the intent of the connector is the same");
}

#[tokio::test]
async fn an_update_is_durable_and_has_an_etag_of_its_own() {
    let mut server = Server::with_instance().await;
    let before = get(&mut server).await;
    let after = update(&mut server, labels("a"), &["labels"]).await.expect("updated");
    assert_ne!(after.etag, before.etag);
    assert_eq!((&after.uid, after.create_time), (&before.uid, before.create_time));
    assert_eq!(after.labels["team"], "a");
    server.restart().await;
    assert_eq!(get(&mut server).await, after);

    // The same again changes nothing.
    assert_eq!(update(&mut server, labels("a"), &["labels"]).await.expect("the same"), after);
    // With an etag it is the instance's.
    let stale = v1::Instance { etag: before.etag, ..labels("b") };
    let refused = update(&mut server, stale, &["labels"]).await.expect_err("stale");
    assert_eq!((refused.code(), reason(&refused)), (Code::Aborted, "ETAG_MISMATCH".to_owned()));
    let current = v1::Instance { etag: after.etag.clone(), ..labels("b") };
    let next = update(&mut server, current, &["labels"]).await.expect("current");
    assert_ne!(next.etag, after.etag);
}

#[tokio::test]
async fn what_would_be_is_shown_and_nothing_is_changed() {
    let mut server = Server::with_instance().await;
    let before = get(&mut server).await;
    let request = v1::UpdateInstanceRequest {
        instance: Some(v1::Instance { name: INSTANCE.to_owned(), ..on(&["b:9092"]) }),
        update_mask: None,
        validate_only: true,
        ..Default::default()
    };
    let shown = server.instances.update_instance(request).await.expect("legal").into_inner();
    assert_eq!(shown.bootstrap_servers, ["b:9092"]);
    assert_eq!(get(&mut server).await, before);
}

#[tokio::test]
async fn what_connectors_depend_on_changes_only_without_them() {
    let mut server = Server::with_instance().await;
    let moved = v1::Instance {
        region_id: "cn-beijing".to_owned(),
        vpc_id: "vpc-2".to_owned(),
        vswitch_id: "vsw-2".to_owned(),
        ..instance()
    };
    let name = server.create("sink").await.name;
    let fields = ["region_id", "vpc_id", "vswitch_id"];
    let refused = update(&mut server, moved.clone(), &fields).await.expect_err("has connectors");
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::InvalidArgument, "FIELD_NOT_UPDATABLE".to_owned())
    );
    let code = "FIELD_NOT_UPDATABLE".to_owned();
    assert_eq!(
        violations(&refused),
        [("instance.region_id".to_owned(), code.clone()), ("instance.vpc_id".to_owned(), code)]
    );
    let allowed = update(&mut server, moved.clone(), &["vswitch_id"]).await.expect("a default");
    assert_eq!(allowed.vswitch_id, "vsw-2");

    let request = v1::DeleteConnectorRequest { name, ..Default::default() };
    server.connectors.delete_connector(request).await.expect("deleted");
    let updated = update(&mut server, moved, &["*"]).await.expect("no connectors");
    assert_eq!((updated.region_id.as_str(), updated.vpc_id.as_str()), ("cn-beijing", "vpc-2"));
    let created = server.create("next").await;
    let runtime = created.effective_spec.and_then(|spec| spec.runtime).unwrap_or_default();
    assert_eq!((runtime.vpc_id.as_str(), runtime.vswitch_id.as_str()), ("vpc-2", "vsw-2"));
}

#[tokio::test]
async fn connectors_are_disabled_and_allowed_again() {
    let mut server = Server::with_instance().await;
    let disabled = v1::Instance { connectors_disabled: true, ..v1::Instance::default() };
    update(&mut server, disabled, &["connectors_disabled"]).await.expect("disabled");
    let refused = server.connectors.create_connector(creation("sink")).await.expect_err("disabled");
    assert_eq!(reason(&refused), "INSTANCE_CONNECTORS_DISABLED");
    let allowed = v1::Instance::default();
    update(&mut server, allowed, &["connectors_disabled"]).await.expect("allowed");
    server.create("sink").await;
}

#[tokio::test]
async fn requests_that_break_rules_are_refused_with_every_violation() {
    let mut server = Server::with_instance().await;
    let code = |refused: &Status| (refused.code(), reason(refused));
    let invalid = |reason: &str| (Code::InvalidArgument, reason.to_owned());
    for path in ["name", "uid", "etag", "create_time", "kafka_cluster_id", "nothing", "labels.team"]
    {
        let refused = update(&mut server, labels("a"), &[path]).await.expect_err("refused");
        assert_eq!(code(&refused), invalid("FIELD_NOT_UPDATABLE"), "{path}");
        assert_eq!(violations(&refused)[0].0, "update_mask");
    }
    let refused = update(&mut server, v1::Instance::default(), &[]).await.expect_err("no change");
    assert_eq!(code(&refused), invalid("SPEC_FIELD_REQUIRED"));
    let wrong = v1::Instance {
        security_protocol: v1::SecurityProtocol::SaslSsl.into(),
        ..on(&["no port"])
    };
    let refused = update(&mut server, wrong, &[]).await.expect_err("wrong");
    let fields: Vec<_> = violations(&refused).into_iter().map(|(field, _)| field).collect();
    assert!(fields.contains(&"instance.bootstrap_servers[0]".to_owned()), "{fields:?}");
    assert!(
        fields.iter().any(|field| field.starts_with("instance.kafka_credentials")),
        "{fields:?}"
    );

    let none = v1::UpdateInstanceRequest::default();
    let refused = server.instances.update_instance(none).await.expect_err("empty");
    assert!(violations(&refused).iter().any(|(field, _)| field == "instance"));
    let nobody = v1::Instance { name: "instances/nobody".to_owned(), ..labels("a") };
    let request = v1::UpdateInstanceRequest { instance: Some(nobody), ..Default::default() };
    let refused = server.instances.update_instance(request).await.expect_err("unknown");
    assert_eq!(code(&refused), (Code::NotFound, "RESOURCE_NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn an_instance_that_is_missing_is_registered_where_that_is_allowed() {
    let mut server = Server::with_instance().await;
    let name = "instances/lake".to_owned();
    let request = |given: v1::Instance| v1::UpdateInstanceRequest {
        instance: Some(v1::Instance { name: "instances/lake".to_owned(), ..given }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["description".to_owned()] }),
        allow_missing: true,
        request_id: "r-1".to_owned(),
        ..Default::default()
    };
    let get = v1::GetInstanceRequest { name: name.clone() };

    // Nothing is made of what is wrong, has an etag, or is only to be checked.
    let refused = server.instances.update_instance(request(labels("a"))).await.expect_err("wrong");
    let fields: Vec<_> = violations(&refused).into_iter().map(|(field, _)| field).collect();
    assert!(fields.contains(&"instance.bootstrap_servers".to_owned()), "{fields:?}");
    let given = instance();
    let stale = v1::Instance { etag: "e".to_owned(), ..given.clone() };
    let refused = server.instances.update_instance(request(stale)).await.expect_err("an etag");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    let check = v1::UpdateInstanceRequest { validate_only: true, ..request(given.clone()) };
    let shown = server.instances.update_instance(check).await.expect("legal").into_inner();
    assert_eq!(shown.bootstrap_servers, given.bootstrap_servers);
    let missing = server.instances.get_instance(get.clone()).await.expect_err("not made");
    assert_eq!(missing.code(), Code::NotFound);

    // All that is given counts, whatever the mask names.
    let made = server.instances.update_instance(request(given.clone())).await.expect("made");
    let made = made.into_inner();
    assert_eq!((&made.name, &made.labels), (&name, &given.labels));
    assert_eq!(server.instances.get_instance(get.clone()).await.expect("there").into_inner(), made);

    // Once under its ID, and an update from then on.
    let again = server.instances.update_instance(request(given.clone())).await.expect("repeated");
    assert_eq!(again.into_inner(), made);
    let described = v1::UpdateInstanceRequest {
        request_id: String::new(),
        ..request(v1::Instance { description: "for the lake".to_owned(), ..given })
    };
    let updated = server.instances.update_instance(described).await.expect("updated").into_inner();
    assert_eq!((updated.uid, updated.description.as_str()), (made.uid, "for the lake"));
    let delete = v1::DeleteInstanceRequest { name, ..Default::default() };
    server.instances.delete_instance(delete).await.expect("deleted");
    let gone = server.instances.update_instance(request(instance())).await.expect_err("not anew");
    assert_eq!(gone.code(), Code::AlreadyExists);
    let missing = server.instances.get_instance(get).await.expect_err("not made anew");
    assert_eq!(missing.code(), Code::NotFound);
}
