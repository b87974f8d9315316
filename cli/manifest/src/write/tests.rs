use super::*;
use crate::read;
use kafka2oss_proto::v1;
use proptest::prelude::*;
use v1::secret::Source;

fn connector(text: &str, number: i32) -> Resource {
    let secret = |source| Some(v1::Secret { source: Some(source) });
    let key = v1::AccessKey {
        id: secret(Source::Environment(text.to_owned())),
        secret: secret(Source::Withheld(true)),
        session_token: None,
    };
    Resource::from(v1::Connector {
        name: "instances/dev/connectors/orders".to_owned(),
        labels: [(text.to_owned(), text.to_owned()), ("team".to_owned(), "no".to_owned())].into(),
        desired_state: v1::DesiredState::Running.into(),
        spec: Some(v1::ConnectorSpec {
            source: Some(v1::KafkaSource {
                topic: text.to_owned(),
                spread: Some(number),
                ..Default::default()
            }),
            destination: Some(v1::ObjectStoreDestination {
                bucket: text.to_owned(),
                credentials: Some(v1::StoreCredentials {
                    kind: Some(v1::store_credentials::Kind::AccessKey(key)),
                }),
                ..Default::default()
            }),
            output: Some(v1::ConnectorOutput {
                rotation: Some(v1::RotationPolicy {
                    max_age: Some(prost_types::Duration { seconds: 0, nanos: 500_000_000 }),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..v1::Connector::default()
    })
}

fn instance(text: &str) -> Resource {
    Resource::from(v1::Instance {
        name: "instances/dev".to_owned(),
        region_id: text.to_owned(),
        bootstrap_servers: vec![text.to_owned(), "b:9092".to_owned()],
        ..v1::Instance::default()
    })
}

fn again(text: &str) -> Vec<Resource> {
    let manifests = read(text).unwrap_or_else(|problems| panic!("{problems:?}:\n{text}"));
    manifests.into_iter().map(|manifest| manifest.resource).collect()
}

#[test]
fn a_document_has_its_kind_first_and_fields_in_the_order_of_the_api() {
    assert_eq!(
        to_yaml([&instance("cn-hangzhou"), &connector("a", 3)]),
        "\
apiVersion: kafka2oss.v1
kind: Instance
name: instances/dev
regionId: cn-hangzhou
bootstrapServers:
- cn-hangzhou
- b:9092
---
apiVersion: kafka2oss.v1
kind: Connector
name: instances/dev/connectors/orders
labels:
  a: a
  team: \"no\"
spec:
  source:
    topic: a
    spread: 3
  destination:
    bucket: a
    credentials:
      accessKey:
        id:
          environment: a
        secret:
          withheld: true
  output:
    rotation:
      maxAge: 0.500s
desiredState: DESIRED_STATE_RUNNING
"
    );
}

/// Texts that YAML has a meaning for, and any others.
fn text() -> impl Strategy<Value = String> {
    let special = [
        "",
        " ",
        "no",
        "on",
        "~",
        "null",
        "true",
        "010",
        "0x1F",
        "1e3",
        ".inf",
        "-",
        "- a",
        "? a",
        "<<",
        "a: b",
        "a #b",
        "#",
        "&a",
        "*a",
        "!a",
        "%a",
        "@a",
        "`a",
        "|",
        ">",
        "'",
        "\"",
        "{}",
        "[]",
        "a\nb",
        "a\n",
        "\na",
        "a\r\nb",
        "\t",
        "a\u{85}b",
        "\u{feff}",
        "\u{2028}",
        "\u{7f}",
        "\0",
        "---",
        "...",
        "a\n---\nb",
        "2026-01-31",
        "1:30",
        "=",
        "  a",
        "a  ",
        "\\",
        "\u{1F600}",
    ];
    prop_oneof![prop::sample::select(special.to_vec()).prop_map(str::to_owned), any::<String>()]
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(one in text(), other in text(), number in 0..i32::MAX) {
        let resources = vec![instance(&one), connector(&other, number)];
        prop_assert_eq!(again(&to_yaml(&resources)), resources.clone());
        prop_assert_eq!(again(&to_json(&resources)), resources);
    }
}
