use super::*;

const CONNECTOR: &str = "
apiVersion: kafka2oss.v1
kind: Connector
name: instances/dev/connectors/orders
labels: {team: no, version: 010, empty: ''}
desiredState: RUNNING
spec:
  source:
    topic: 0x1F
    thread_concurrency: 12
    consumerOffset: CONSUMER_OFFSET_EARLIEST
  destination:
    bucket: b
    credentials: {accessKey: {id: {environment: ID}, secret: {file: /run/s}}}
  output:
    includeHeaders: true
    rotation: {maxBytes: \"1048576\", maxAge: 2s, idle: 0.5s}
";

fn one(text: &str) -> v1::Connector {
    let mut manifests = read(text).expect("it is read");
    assert_eq!(manifests.len(), 1);
    let Resource::Connector(connector) = manifests.remove(0).resource else {
        panic!("another kind")
    };
    *connector
}

fn refused(text: &str) -> Vec<String> {
    read(text).expect_err(text).iter().map(ToString::to_string).collect()
}

#[test]
fn each_field_is_what_it_is_in_the_api() {
    let connector = one(CONNECTOR);
    assert_eq!(connector.name, "instances/dev/connectors/orders");
    let labels = [("team", "no"), ("version", "010"), ("empty", "")];
    assert_eq!(
        connector.labels,
        labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    );
    assert_eq!(connector.desired_state(), v1::DesiredState::Running);
    let spec = connector.spec.expect("a spec");
    let source = spec.source.expect("a source");
    assert_eq!((&*source.topic, source.thread_concurrency), ("0x1F", Some(12)));
    assert_eq!(source.consumer_offset(), v1::ConsumerOffset::Earliest);
    let output = spec.output.expect("an output");
    let rotation = output.rotation.expect("a rotation");
    assert_eq!(rotation.max_bytes, Some(1 << 20));
    assert_eq!(rotation.idle.map(|idle| idle.nanos), Some(500_000_000));
}

#[test]
fn json_is_read_as_well_and_a_list_has_several() {
    let text = "[{\"apiVersion\": \"kafka2oss.v1\", \"kind\": \"Instance\", \"name\": \"instances/a\",
        \"bootstrapServers\": [\"x:1\", \"y:2\"], \"connectorsDisabled\": true},
        {\"apiVersion\": \"kafka2oss.v1\", \"kind\": \"Connector\", \"name\": \"instances/a/connectors/b\"}]";
    let manifests = read(text).expect("it is read");
    let places: Vec<_> = manifests.iter().map(|one| (one.document, one.line)).collect();
    assert_eq!(places, [(1, 1), (1, 3)]);
    let Resource::Instance(instance) = &manifests[0].resource else { panic!("another kind") };
    assert_eq!(instance.bootstrap_servers, ["x:1", "y:2"]);
    assert!(instance.connectors_disabled);
}

#[test]
fn what_only_the_service_sets_may_stand_there_and_means_nothing() {
    let more = "uid: U\netag: U-3\ncreateTime: '2026-01-31T23:00:00Z'\nstatus: {of: the future}\n";
    let connector = one(&format!("{CONNECTOR}{more}"));
    assert_eq!((&*connector.uid, &*connector.etag), ("", "U-3"));
    assert_eq!(v1::Connector { etag: String::new(), ..connector }, one(CONNECTOR));
}

#[test]
fn nothing_is_given_where_null_stands() {
    let connector = one("
apiVersion: kafka2oss.v1
kind: Connector
name: instances/dev/connectors/orders
labels:
spec: {source: {topic: ~, spread: null}, output: {}}
");
    let spec = connector.spec.expect("a spec");
    assert_eq!(spec.source, Some(v1::KafkaSource::default()));
    assert_eq!(spec.output, Some(v1::ConnectorOutput::default()));
}

#[test]
fn all_that_is_wrong_is_told_with_its_place() {
    let text = "
apiVersion: kafka2oss.v2
kind: Connector
name: instances/dev/orders
label: {a: b}
labels: {a: ~, b: [c]}
spec:
  source: {topic: [x], topik: y, spread: 010, threadConcurrency: 6, thread_concurrency: 7}
  destination:
    bucket: {}
    storeType: OOS
    credentials: {accessKey: {secret: hunter2, id: {plain: hunter2, file: /x}}}
  output:
    includeHeaders: yes
    rotation: {maxAge: 2, maxBytes: 1e6}
";
    assert_eq!(
        refused(text),
        [
            "document 1, line 2: apiVersion: is not `kafka2oss.v1`",
            "document 1, line 4: name: `instances/dev/orders` is not of the form \
             `instances/{instance_id}/connectors/{connector_id}`: 1 to 48 characters of a-z, 0-9 \
             and `-`, not starting with `-`",
            "document 1, line 5: label: there is no such field; did you mean `labels`?",
            "document 1, line 6: labels.a: is null here; an empty text is \"\"",
            "document 1, line 6: labels.b: is a list, not a single value",
            "document 1, line 8: spec.source.topic: is a list, not a single value",
            "document 1, line 8: spec.source.topik: there is no such field; did you mean `topic`?",
            "document 1, line 8: spec.source.spread: is no whole decimal number",
            "document 1, line 8: spec.source.threadConcurrency: stands twice, first in line 8",
            "document 1, line 10: spec.destination.bucket: is a map, not a single value",
            "document 1, line 11: spec.destination.storeType: is none of STORE_TYPE_OSS, STORE_TYPE_S3",
            "document 1, line 12: spec.destination.credentials.accessKey.secret: is a single value, \
             not a map of fields",
            "document 1, line 12: spec.destination.credentials.accessKey.id.file: only one of this \
             and `plain` can be given",
            "document 1, line 14: spec.output.includeHeaders: is neither true nor false",
            "document 1, line 15: spec.output.rotation.maxAge: is no duration such as 2s, 0.5s or 3600s",
            "document 1, line 15: spec.output.rotation.maxBytes: is no whole decimal number",
        ]
    );
}

#[test]
fn a_document_that_is_no_resource_is_refused() {
    for (text, words) in [
        ("kind: Topic\napiVersion: kafka2oss.v1\nname: x", "line 1: kind: is neither Instance"),
        ("name: instances/a", "apiVersion: is missing"),
        ("---\napiVersion: kafka2oss.v1\nkind: Instance", "line 2: name: is missing"),
        ("apiVersion: kafka2oss.v1\nkind: [a]", "line 2: kind: is not a text"),
        ("just words", "is a single value, not a map with a `kind`"),
        ("[a]", "is a single value, not a map with a `kind`"),
        ("a: b\na: c", "`a` stands twice, first in line 1"),
    ] {
        let told = refused(text).join("\n");
        assert!(told.contains(words), "{told}");
    }
}
