//! UpdateConnector: paths, defaults, violations, generations.

use kafka2oss_proto::v1;
use tonic::{Code, Status};

use crate::agent::{Agent, Script};
use crate::server::{Server, credentials, environment, reason, violations};

async fn update(
    server: &mut Server,
    connector: v1::Connector,
    paths: &[&str],
) -> Result<v1::Connector, Status> {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    let request = v1::UpdateConnectorRequest {
        connector: Some(connector),
        update_mask: Some(prost_types::FieldMask { paths }),
        ..Default::default()
    };
    Ok(server.connectors.update_connector(request).await?.into_inner())
}

/// What a request gives: a name and a spec.
fn given(name: &str, spec: v1::ConnectorSpec) -> v1::Connector {
    v1::Connector { name: name.to_owned(), spec: Some(spec), ..v1::Connector::default() }
}

fn output(output: v1::ConnectorOutput) -> v1::ConnectorSpec {
    v1::ConnectorSpec { output: Some(output), ..v1::ConnectorSpec::default() }
}

fn source(connector: &mut v1::Connector) -> &mut v1::KafkaSource {
    connector.spec.get_or_insert_default().source.get_or_insert_default()
}

fn expected(violations: &[(&str, &str)]) -> Vec<(String, String)> {
    violations.iter().map(|(field, code)| ((*field).to_owned(), (*code).to_owned())).collect()
}

#[tokio::test]
async fn output_changes_while_the_connector_runs_and_the_placement_stays() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let running = server.running("sink").await;

    let wanted = v1::ConnectorOutput {
        compression: v1::Compression::Gzip.into(),
        rotation: Some(v1::RotationPolicy { max_records: Some(10), ..Default::default() }),
        ..v1::ConnectorOutput::default()
    };
    let paths = ["spec.output.compression", "spec.output.rotation.max_records"];
    let request = given(&running.name, output(wanted));
    let updated = update(&mut server, request.clone(), &paths).await.expect("updated");

    assert_eq!(updated.generation, running.generation + 1);
    assert_ne!(updated.etag, running.etag);
    let output = updated.effective_spec.expect("a spec").output.expect("an output");
    assert_eq!(output.compression(), v1::Compression::Gzip);
    let rotation = output.rotation.as_ref().expect("a rotation");
    assert_eq!((rotation.max_records, rotation.max_bytes), (Some(10), Some(32 << 20)));
    let list = agent
        .assigned(|list| list.connectors.iter().any(|one| one.generation == updated.generation))
        .await;
    assert_eq!(list.connectors[0].placement_version, 1);
    assert_eq!(list.connectors[0].spec.as_ref().and_then(|spec| spec.output.clone()), Some(output));

    let again = update(&mut server, request, &paths).await.expect("the same again");
    assert_eq!((again.generation, again.etag), (updated.generation, updated.etag));
    server.restart().await;
    let kept = server.get(&running.name).await.expect("kept");
    assert_eq!((kept.generation, kept.spec), (updated.generation, again.spec));
    assert_eq!(kept.effective_spec, again.effective_spec);
}

#[tokio::test]
async fn a_named_field_that_is_not_given_gets_its_default() {
    let mut server = Server::with_instance().await;
    let name = server.create("sink").await.name;
    let changed = v1::ConnectorOutput {
        format: v1::OutputFormat::JsonLines.into(),
        include_headers: true,
        ..v1::ConnectorOutput::default()
    };
    let changed =
        update(&mut server, given(&name, output(changed)), &["spec.output"]).await.expect("ok");
    assert!(changed.spec.clone().and_then(|spec| spec.output).expect("one").include_headers);

    let nothing = v1::Connector { name: name.clone(), ..v1::Connector::default() };
    let cleared = update(&mut server, nothing, &["spec.output.format"]).await.expect("ok");
    let output = cleared.effective_spec.and_then(|spec| spec.output).expect("an output");
    assert_eq!((output.format(), output.include_headers), (v1::OutputFormat::JsonArray, true));
}

#[tokio::test]
async fn another_spread_means_other_tasks() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let name = server.running("sink").await.name;
    for (spread, shares) in [(3, vec![2, 2, 2]), (1, vec![6])] {
        let mut request = given(&name, v1::ConnectorSpec::default());
        source(&mut request).spread = Some(spread);
        let updated = update(&mut server, request, &["spec.source.spread"]).await.expect("ok");
        let list = agent
            .assigned(|list| {
                list.connectors.iter().any(|one| {
                    one.generation == updated.generation
                        && one.tasks.len() == usize::try_from(spread).expect("small")
                })
            })
            .await;
        let threads: Vec<_> = list.connectors[0].tasks.iter().map(|task| task.threads).collect();
        assert_eq!(threads, shares);
        let status = server
            .until(&name, |one| {
                let status = one.status.clone().unwrap_or_default();
                status.tasks_desired == spread && status.tasks_ready == spread
            })
            .await;
        assert_eq!(status.generation, updated.generation);
    }
    for list in agent.lists() {
        for one in list.connectors {
            let spread = one.spec.and_then(|spec| spec.source).and_then(|source| source.spread);
            assert!(one.tasks.iter().all(|task| Some(task.index) < spread));
        }
    }
}

#[tokio::test]
async fn what_is_fixed_after_deploy_is_refused_by_its_path() {
    let mut server = Server::with_instance().await;
    let created = server.create("sink").await;
    let created = v1::Connector { etag: String::new(), ..created };
    let mut before = created.clone();
    source(&mut before).topic = "another-topic".to_owned();
    let changed = update(&mut server, before, &["spec.source.topic"]).await.expect("not deployed");
    server.deploy(&created.name).await;

    let paths = ["spec.destination.bucket", "spec.source.topic", "spec.resources"];
    let status = update(&mut server, created.clone(), &paths).await.expect_err("refused");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(violations(&status), expected(&[("update_mask", "FIELD_NOT_UPDATABLE"); 3]));
    for path in paths {
        assert!(status.message().contains(path), "{}", status.message());
    }

    // A part may be named, as long as what is fixed in it stays.
    let status = update(&mut server, created.clone(), &["spec.source"]).await.expect_err("refused");
    let field = ("connector.spec.source.topic", "FIELD_NOT_UPDATABLE");
    assert_eq!(violations(&status), expected(&[field]));
    let mut same = v1::Connector { etag: String::new(), ..changed };
    source(&mut same).thread_concurrency = Some(12);
    let updated = update(&mut server, same, &["spec.source"]).await.expect("updated");
    let source = updated.spec.and_then(|spec| spec.source).expect("a source");
    assert_eq!(source.thread_concurrency, Some(12));
}

#[tokio::test]
async fn every_violation_of_an_update_comes_in_one_answer() {
    let mut server = Server::with_instance().await;
    let name = server.create("sink").await.name;
    let mut request = given(
        &name,
        output(v1::ConnectorOutput {
            rotation: Some(v1::RotationPolicy { max_bytes: Some(1), ..Default::default() }),
            ..Default::default()
        }),
    );
    source(&mut request).thread_concurrency = Some(7);
    let paths =
        ["spec.output.rotation", "spec.source.thread_concurrency", "spec.destination.bucket"];
    let status = update(&mut server, request, &paths).await.expect_err("refused");
    let mut found = violations(&status);
    found.sort();
    let fields = [
        ("connector.spec.destination.bucket", "SPEC_FIELD_REQUIRED"),
        ("connector.spec.output.rotation.max_bytes", "SPEC_FIELD_INVALID"),
        ("connector.spec.source.thread_concurrency", "SPEC_CONCURRENCY_NOT_ALLOWED"),
    ];
    assert_eq!(found, expected(&fields));

    let status = update(&mut server, v1::Connector::default(), &[]).await.expect_err("refused");
    let fields =
        [("connector.name", "SPEC_FIELD_REQUIRED"), ("update_mask", "SPEC_FIELD_REQUIRED")];
    assert_eq!(violations(&status), expected(&fields));
    let request = v1::Connector {
        name: name.clone(),
        labels: [(String::new(), String::new())].into(),
        ..v1::Connector::default()
    };
    let paths = ["name", "status", "labels", "spec.destination.credentials"];
    let status = update(&mut server, request, &paths).await.expect_err("refused");
    let fields = [
        ("update_mask", "FIELD_NOT_UPDATABLE"),
        ("update_mask", "FIELD_NOT_UPDATABLE"),
        ("connector.labels", "SPEC_FIELD_INVALID"),
        ("connector.spec.destination.credentials", "SPEC_FIELD_REQUIRED"),
    ];
    assert_eq!(violations(&status), expected(&fields));
    assert_eq!(server.get(&name).await.expect("there").generation, 1);
}

#[tokio::test]
async fn credentials_are_replaced_in_any_state_but_deleted() {
    let mut server = Server::with_instance().await;
    let connector = server.create("sink").await;
    let with = |etag: &str| {
        let mut connector = v1::Connector { etag: etag.to_owned(), ..connector.clone() };
        let spec = connector.spec.get_or_insert_default();
        spec.destination.get_or_insert_default().credentials =
            Some(credentials(environment("NEW_ID"), environment("NEW")));
        connector
    };
    let status = update(&mut server, with("old"), &["credentials"]).await.expect_err("refused");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    let path = ["spec.destination.credentials"];
    let updated = update(&mut server, with(&connector.etag), &path).await.expect("updated");
    assert_eq!(updated.generation, 2);
    let again = update(&mut server, with(""), &["credentials"]).await.expect("the same");
    assert_eq!(again.generation, 2);

    server.deploy(&connector.name).await;
    let delete = v1::DeleteConnectorRequest { name: connector.name.clone(), ..Default::default() };
    let _agent = Agent::connect(&server.channel, Script::willing("a")).await;
    server.until_state(&connector.name, v1::ConnectorState::Running).await;
    server.stop().await;
    server.start_again(|_| {}).await;
    // The agent is away, so that the deletion waits for it.
    server.connectors.delete_connector(delete).await.expect("accepted");
    let status = update(&mut server, with(""), &["credentials"]).await.expect_err("refused");
    assert_eq!(reason(&status), "WRONG_STATE");
}

#[tokio::test]
async fn labels_change_without_a_generation() {
    let mut server = Server::with_instance().await;
    let connector = server.create("sink").await;
    let labels: std::collections::BTreeMap<_, _> = [("team".to_owned(), "data".to_owned())].into();
    let request = v1::Connector { labels: labels.clone(), ..connector.clone() };
    let updated = update(&mut server, request, &["labels"]).await.expect("updated");
    assert_eq!((&updated.labels, updated.generation), (&labels, connector.generation));
    assert_eq!(updated.spec, connector.spec);

    // Whoever read it before does not overwrite them unseen.
    let other = [("team".to_owned(), "other".to_owned())].into();
    let stale = v1::Connector { labels: other, ..connector.clone() };
    let status = update(&mut server, stale.clone(), &["labels"]).await.expect_err("refused");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    let same = v1::Connector { labels: labels.clone(), ..updated.clone() };
    let same = update(&mut server, same, &["labels"]).await.expect("nothing changes");
    assert_eq!(same.etag, updated.etag);
    server.restart().await;
    assert_eq!(server.get(&connector.name).await.expect("kept").labels, labels);
}
