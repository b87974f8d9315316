//! What a connector is to be, given whole and again and again: what was asked for is kept
//! apart from defaults, and nothing happens where nothing is another.

use kafka2oss_proto::agent::v1::RunMode;
use kafka2oss_proto::v1::{self, ConnectorState, DesiredState};
use tonic::{Code, Status};

use crate::agent::{Agent, Script};
use crate::server::{Server, creation, credentials, plain, reason, violations};

const NAME: &str = "instances/alikafka_1/connectors/sink";

/// What a file would hold.
fn wanted(desired: DesiredState) -> v1::Connector {
    let spec = creation("sink").connector.and_then(|connector| connector.spec);
    let labels = [("team".to_owned(), "a".to_owned())].into();
    let mut wanted = v1::Connector { name: NAME.into(), spec, labels, ..Default::default() };
    wanted.set_desired_state(desired);
    wanted
}

fn source(connector: &mut v1::Connector) -> &mut v1::KafkaSource {
    connector.spec.get_or_insert_default().source.get_or_insert_default()
}

fn asked(connector: v1::Connector, paths: &[&str]) -> v1::UpdateConnectorRequest {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    v1::UpdateConnectorRequest {
        connector: Some(connector),
        update_mask: Some(prost_types::FieldMask { paths }),
        allow_missing: true,
        validate_only: false,
        ..Default::default()
    }
}

async fn sent(
    server: &mut Server,
    request: v1::UpdateConnectorRequest,
) -> Result<v1::Connector, Status> {
    Ok(Box::pin(server.connectors.update_connector(request)).await?.into_inner())
}

/// Has it be as `connector` says, all of it.
async fn apply(server: &mut Server, connector: v1::Connector) -> Result<v1::Connector, Status> {
    sent(server, asked(connector, &["*"])).await
}

fn version(connector: &v1::Connector) -> (String, i64) {
    (connector.etag.clone(), connector.generation)
}

#[tokio::test]
async fn what_was_applied_is_read_back_as_it_was_and_applying_it_changes_nothing() {
    let mut server = Server::with_instance().await;
    let _agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let wanted = wanted(DesiredState::Running);

    let applied = apply(&mut server, wanted.clone()).await.expect("it is made");
    assert_eq!((&applied.spec, &applied.labels), (&wanted.spec, &wanted.labels));
    let effective = applied.effective_spec.clone().expect("with defaults");
    assert_eq!(effective.source.as_ref().and_then(|source| source.spread), Some(2));
    let running = server.until_state(NAME, ConnectorState::Running).await;
    assert_eq!(running.desired_state(), DesiredState::Running);

    for again in [wanted, running.clone(), applied.clone()] {
        let again = v1::Connector { etag: String::new(), ..again };
        let same = apply(&mut server, again).await.expect("nothing is another");
        assert_eq!(version(&same), version(&applied));
    }
    server.restart().await;
    let read = server.get(NAME).await.expect("it is there");
    assert_eq!((&read.spec, read.effective_spec.as_ref()), (&applied.spec, Some(&effective)));
    let same = apply(&mut server, read).await.expect("nothing is another");
    assert_eq!(version(&same), version(&applied));
}

#[tokio::test]
async fn one_field_is_changed_and_given_up_again_and_no_other_changes() {
    let mut server = Server::with_instance().await;
    let _agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let wanted = wanted(DesiredState::Running);
    let applied = apply(&mut server, wanted.clone()).await.expect("made");
    server.until_state(NAME, ConnectorState::Running).await;

    let mut other = wanted.clone();
    source(&mut other).thread_concurrency = Some(12);
    let plan = v1::UpdateConnectorRequest { validate_only: true, ..asked(other.clone(), &["*"]) };
    let planned = sent(&mut server, plan).await.expect("it may be");
    assert_eq!(version(&server.get(NAME).await.expect("there")), version(&applied));
    let changed = apply(&mut server, other.clone()).await.expect("changed");
    assert_eq!(version(&changed), version(&planned));
    assert_eq!((&changed.spec, &changed.effective_spec), (&other.spec, &planned.effective_spec));
    let mut expected = applied.effective_spec.clone().expect("with defaults");
    expected.source.as_mut().expect("a source").thread_concurrency = Some(12);
    assert_eq!(changed.effective_spec.as_ref(), Some(&expected));

    let back = apply(&mut server, wanted.clone()).await.expect("changed back");
    assert_eq!((&back.spec, &back.effective_spec), (&wanted.spec, &applied.effective_spec));

    // A default that is asked for is asked for, and nothing runs otherwise.
    let mut same = wanted;
    source(&mut same).thread_concurrency = Some(6);
    let explicit = apply(&mut server, same).await.expect("ok");
    assert_ne!(explicit.etag, back.etag);
    assert_eq!(explicit.generation, back.generation);
}

#[tokio::test]
async fn folders_of_time_come_and_go_with_what_is_in_them() {
    let mut server = Server::with_instance().await;
    let plain = wanted(DesiredState::Running);
    let first = apply(&mut server, plain.clone()).await.expect("made");

    let mut foldered = plain.clone();
    let spec = foldered.spec.get_or_insert_default();
    let style = v1::TimeBucketStyle::Hive.into();
    let layout = spec.output.get_or_insert_default().layout.get_or_insert_default();
    layout.time_buckets = Some(v1::TimeBuckets { style, ..Default::default() });
    let changed = apply(&mut server, foldered).await.expect("changed");
    let layout = changed.effective_spec.and_then(|spec| spec.output?.layout).expect("one");
    let buckets = layout.time_buckets.expect("some");
    assert_eq!(buckets.length(), v1::TimeBucketLength::Hour);

    let back = apply(&mut server, plain).await.expect("changed back");
    assert_eq!(back.effective_spec, first.effective_spec);
}

#[tokio::test]
async fn without_a_mask_what_is_given_is_set_and_the_rest_stays() {
    let mut server = Server::with_instance().await;
    let created = apply(&mut server, wanted(DesiredState::Created)).await.expect("made");

    let mut some = v1::Connector { name: NAME.into(), ..Default::default() };
    source(&mut some).spread = Some(3);
    let changed = sent(&mut server, asked(some, &[])).await.expect("changed");

    let mut expected = created.clone();
    source(&mut expected).spread = Some(3);
    assert_eq!((&changed.spec, &changed.labels), (&expected.spec, &created.labels));
    let nothing = v1::Connector { name: NAME.into(), ..Default::default() };
    let refused = sent(&mut server, asked(nothing, &[])).await.expect_err("nothing is given");
    assert_eq!(violations(&refused), [("update_mask".into(), "SPEC_FIELD_REQUIRED".into())]);
}

#[tokio::test]
async fn the_same_inline_secrets_change_nothing_and_others_do() {
    let mut server = Server::with_instance().await;
    let with = |secret: &str| {
        let mut wanted = wanted(DesiredState::Running);
        let spec = wanted.spec.get_or_insert_default();
        let destination = spec.destination.get_or_insert_default();
        destination.credentials = Some(credentials(plain("id"), plain(secret)));
        wanted
    };
    let applied = apply(&mut server, with("one")).await.expect("made");
    let read = server.get(NAME).await.expect("there");
    let withheld = v1::Connector { etag: String::new(), ..read };
    for same in [with("one"), withheld.clone()] {
        assert_eq!(version(&apply(&mut server, same).await.expect("ok")), version(&applied));
    }

    let other = apply(&mut server, with("two")).await.expect("changed");
    assert_eq!(other.generation, applied.generation + 1);
    assert_eq!(other.spec, applied.spec, "both are withheld");

    // Lost with the process: they are taken again.
    server.restart().await;
    assert_eq!(version(&apply(&mut server, withheld).await.expect("ok")), version(&other));
    let given = apply(&mut server, with("two")).await.expect("taken");
    assert_eq!(given.generation, other.generation + 1);
    assert_eq!(version(&apply(&mut server, with("two")).await.expect("ok")), version(&given));

    // What is withheld stands for what is there, and for nothing else.
    let mut stranger = with("two");
    let spec = stranger.spec.get_or_insert_default();
    let hidden = || Some(v1::Secret { source: Some(v1::secret::Source::Withheld(true)) });
    let destination = spec.destination.get_or_insert_default();
    destination.credentials = Some(credentials(plain("other"), hidden()));
    let refused = apply(&mut server, stranger).await.expect_err("there is no such secret");
    let field = "connector.spec.destination.credentials.access_key.secret".to_owned();
    assert_eq!(violations(&refused), [(field, "SPEC_FIELD_REQUIRED".into())]);
}

#[tokio::test]
async fn the_desired_state_is_reached_from_each_one_or_refused() {
    let mut server = Server::with_instance().await;
    let mut agent = Agent::connect(&server.channel, Script::willing("a")).await;

    let paused = apply(&mut server, wanted(DesiredState::Paused)).await.expect("made");
    assert_eq!((paused.generation, paused.desired_state()), (1, DesiredState::Paused));
    let list = agent.assigned(|list| !list.connectors.is_empty()).await;
    assert_eq!(list.connectors[0].run_mode(), RunMode::Pause);
    server.until_state(NAME, ConnectorState::Paused).await;

    let resumed = apply(&mut server, wanted(DesiredState::Running)).await.expect("resumed");
    assert_eq!(resumed.generation, paused.generation + 1);
    server.until_state(NAME, ConnectorState::Running).await;
    let kept = apply(&mut server, wanted(DesiredState::Unspecified)).await.expect("kept");
    assert_eq!(version(&kept), version(&resumed));

    let back = apply(&mut server, wanted(DesiredState::Created)).await.expect_err("refused");
    assert_eq!((back.code(), &*reason(&back)), (Code::FailedPrecondition, "WRONG_STATE"));
    let deleted = apply(&mut server, wanted(DesiredState::Deleted)).await.expect_err("refused");
    let field = "connector.desired_state".to_owned();
    assert_eq!(violations(&deleted), [(field, "SPEC_FIELD_INVALID".into())]);
}

#[tokio::test]
async fn a_missing_connector_is_made_where_that_is_allowed_and_nothing_else_is_asked() {
    let mut server = Server::with_instance().await;
    let request = asked(wanted(DesiredState::Created), &["*"]);

    let only_change = v1::UpdateConnectorRequest { allow_missing: false, ..request.clone() };
    let refused = sent(&mut server, only_change).await.expect_err("it is missing");
    assert_eq!(refused.code(), Code::NotFound);
    let mut of_another = request.clone();
    of_another.connector.as_mut().expect("one").etag = "U-1".to_owned();
    let refused = sent(&mut server, of_another).await.expect_err("there is none of that etag");
    assert_eq!((refused.code(), &*reason(&refused)), (Code::Aborted, "ETAG_MISMATCH"));

    let only_look = v1::UpdateConnectorRequest { validate_only: true, ..request.clone() };
    sent(&mut server, only_look).await.expect("it could be made");
    assert_eq!(server.get(NAME).await.expect_err("not made").code(), Code::NotFound);
    let made = sent(&mut server, request).await.expect("made");
    assert_eq!((made.generation, made.desired_state()), (1, DesiredState::Created));
}

#[tokio::test]
async fn what_is_only_validated_changes_nothing_and_another_etag_is_refused() {
    let mut server = Server::with_instance().await;
    let _agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let name = apply(&mut server, wanted(DesiredState::Created)).await.expect("made").name;

    let deploy = |etag: &str, validate_only| v1::DeployConnectorRequest {
        name: name.clone(),
        etag: etag.to_owned(),
        validate_only,
        ..Default::default()
    };
    let before = server.get(&name).await.expect("there");
    let looked = server.connectors.deploy_connector(deploy("", true)).await.expect("it may");
    assert_eq!(looked.into_inner().desired_state(), DesiredState::Running);
    assert_eq!(version(&server.get(&name).await.expect("there")), version(&before));
    let wrong = server.connectors.deploy_connector(deploy("U-9", false)).await.expect_err("not so");
    assert_eq!((wrong.code(), &*reason(&wrong)), (Code::Aborted, "ETAG_MISMATCH"));
    for _ in 0..2 {
        let deployed = server.connectors.deploy_connector(deploy(&before.etag, false)).await;
        let deployed = deployed.expect("it, and its repetition").into_inner();
        assert_eq!(deployed.generation, before.generation + 1);
    }

    let running = server.until_state(&name, ConnectorState::Running).await;
    let pause =
        v1::PauseConnectorRequest { name: name.clone(), validate_only: true, ..Default::default() };
    server.connectors.pause_connector(pause).await.expect("it may");
    let delete = v1::DeleteConnectorRequest {
        name: name.clone(),
        validate_only: true,
        ..Default::default()
    };
    let looked = server.connectors.delete_connector(delete).await.expect("it may").into_inner();
    assert_eq!(looked.desired_state(), DesiredState::Deleted);
    let after = server.get(&name).await.expect("there");
    assert_eq!(
        (version(&after), after.desired_state()),
        (version(&running), DesiredState::Running)
    );
}
