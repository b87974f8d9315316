//! Connectors and instances as clients give them.

use bolero::TypeGenerator;
use bolero::generator::produce;
use kafka2oss_chain::{AttemptId, ChainId, DETACHED_VALUE, KeyLayout, ObjectKey};
use kafka2oss_domain::spec::{ConnectorSpec, Instance, warnings};
use kafka2oss_fuzz::{Near, Text};
use kafka2oss_proto::spec::{check_request, defaults, has_plain, planned_resources, redact};
use kafka2oss_proto::v1::{self, secret::Source, store_credentials::Kind};
use prost::Message;

use crate::wire::Fields;

const WORDS: [&str; 24] = [
    "bucket-test",
    "https://",
    "http://",
    "s3.oss-cn-hangzhou-internal.aliyuncs.com",
    ".aliyuncs.com",
    "oss-",
    "s3.",
    "cn-hangzhou",
    "connect-error-",
    "localhost",
    "127.0.0.1",
    "[::1]",
    ":9092",
    "/",
    "..",
    ".",
    "@",
    "?",
    "UTC",
    "Asia/Shanghai",
    "a",
    "-",
    "é",
    "\0",
];

fn environment(name: &str) -> v1::Secret {
    v1::Secret { source: Some(Source::Environment(name.to_owned())) }
}

/// A legal spec with every default, and time buckets.
pub(crate) fn connector_spec() -> v1::ConnectorSpec {
    let key = v1::AccessKey {
        id: Some(environment("ID")),
        secret: Some(environment("SECRET")),
        session_token: None,
    };
    let credentials = v1::StoreCredentials { kind: Some(Kind::AccessKey(key)) };
    let mut spec = v1::ConnectorSpec {
        source: Some(v1::KafkaSource { topic: "t".into(), ..Default::default() }),
        destination: Some(v1::ObjectStoreDestination {
            bucket: "bucket-test".into(),
            credentials: Some(credentials),
            ..Default::default()
        }),
        output: Some(v1::ConnectorOutput {
            layout: Some(v1::ObjectLayout {
                prefix: "p/".into(),
                time_buckets: Some(v1::TimeBuckets {
                    style: v1::TimeBucketStyle::Hive.into(),
                    ..Default::default()
                }),
                hash_prefix: true,
            }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let context = defaults::Context {
        connector_id: "c",
        region_id: "cn-hangzhou",
        vpc_id: "vpc-1",
        vswitch_id: "vsw-1",
    };
    defaults::fill(&mut spec, context);
    spec
}

/// A legal instance with all kinds of security.
pub(crate) fn instance() -> v1::Instance {
    v1::Instance {
        region_id: "cn-hangzhou".into(),
        bootstrap_servers: vec!["broker-1:9092".into(), "[fe80::1]:9092".into()],
        security_protocol: v1::SecurityProtocol::SaslSsl.into(),
        kafka_credentials: Some(v1::KafkaCredentials {
            username: Some(environment("KAFKA_USER")),
            password: Some(environment("KAFKA_PASSWORD")),
        }),
        ca_certificate: Some(v1::Secret { source: Some(Source::File("/etc/ca.pem".into())) }),
        client_certificate: Some(v1::ClientCertificate {
            certificate: Some(v1::Secret { source: Some(Source::File("/run/c.pem".into())) }),
            private_key: Some(v1::Secret { source: Some(Source::File("/run/k.pem".into())) }),
            private_key_password: None,
        }),
        labels: [("team".into(), "data".into())].into(),
        ..Default::default()
    }
}

/// What comes instead of a legal message.
#[derive(Debug, TypeGenerator)]
enum Given {
    /// Other texts in some of its fields.
    Texts(#[generator(produce::<Vec<(u8, Text)>>().with().len(0_usize..=3))] Vec<(u8, Text)>),
    Near(Near),
    Fields(Fields),
}

impl Given {
    /// `fields` are those of the message that hold text.
    fn of<M: Message + Default>(
        &self,
        mut right: M,
        fields: impl Fn(&mut M) -> Vec<&mut String>,
    ) -> Option<M> {
        match self {
            Self::Texts(texts) => {
                let mut fields = fields(&mut right);
                for (number, text) in texts {
                    let place = usize::from(*number) % fields.len();
                    *fields[place] = text.of(&WORDS);
                }
                Some(right)
            }
            Self::Near(near) => M::decode(&*near.to(right.encode_to_vec(), &WORDS)).ok(),
            Self::Fields(message) => M::decode(&*message.encode()).ok(),
        }
    }
}

fn connector_texts(spec: &mut v1::ConnectorSpec) -> Vec<&mut String> {
    let source = spec.source.as_mut().unwrap();
    let destination = spec.destination.as_mut().unwrap();
    let resources = spec.resources.as_mut().unwrap();
    let layout = spec.output.as_mut().unwrap().layout.as_mut().unwrap();
    vec![
        &mut source.topic,
        &mut destination.bucket,
        &mut destination.endpoint,
        &mut destination.signing_region,
        &mut resources.task_consumer_group,
        &mut resources.abnormal_data_topic.as_mut().unwrap().name,
        &mut layout.prefix,
        &mut layout.time_buckets.as_mut().unwrap().time_zone,
    ]
}

#[derive(Debug, TypeGenerator)]
struct GivenConnector {
    spec: Given,
    /// Of the connector and of its instance.
    id: Text,
    region_id: Text,
}

#[test]
fn a_spec_is_refused_or_whole_and_keeps_what_it_says() {
    bolero::check!().with_type().for_each(|given: &GivenConnector| {
        let Some(mut wire) = given.spec.of(connector_spec(), connector_texts) else { return };
        let (connector_id, region_id) = (given.id.of(&WORDS), given.region_id.of(&WORDS));
        let context = defaults::Context {
            connector_id: &connector_id,
            region_id: &region_id,
            vpc_id: "vpc-1",
            vswitch_id: "",
        };
        defaults::fill(&mut wire, context);
        let filled = wire.clone();
        defaults::fill(&mut wire, context);
        assert_eq!(wire, filled);
        let of_request = check_request(&wire, &connector_id);
        assert_eq!(of_request.to_string().is_empty(), of_request.is_empty());

        match ConnectorSpec::try_from(wire) {
            Err(violations) => assert!(!violations.is_empty()),
            Ok(spec) => keeps_what_it_says(&spec, &connector_id),
        }
        let mut redacted = filled;
        redact(&mut redacted);
        assert!(!has_plain(&redacted));
    });
}

fn keeps_what_it_says(spec: &ConnectorSpec, connector_id: &str) {
    let wire = v1::ConnectorSpec::from(spec);
    let again = ConnectorSpec::try_from(wire.clone()).unwrap();
    assert_eq!(v1::ConnectorSpec::from(&again), wire);
    assert!(!planned_resources(spec).is_empty());
    for warning in warnings(spec, connector_id) {
        assert!(!warning.field.is_empty() && !warning.message.is_empty());
    }
    // What a spec takes, every store does, wherever the topic goes.
    let chain = ChainId::parse("abcd2345").unwrap();
    let layout = KeyLayout::new(&spec.output.layout, &spec.source.topic, i32::MAX, chain);
    let link = layout.link(i64::MAX, 1_603_781_578_478, "jsonl.zst", Some(AttemptId::of(1)));
    for key in [link.key(), &layout.value(i64::MAX, DETACHED_VALUE)] {
        assert!(key.len() <= 1_023 && !key.starts_with('/'), "{key}");
        assert!(ObjectKey::parse(key).is_some_and(|read| read.topic == spec.source.topic));
    }
}

fn instance_texts(instance: &mut v1::Instance) -> Vec<&mut String> {
    let v1::Instance { region_id, bootstrap_servers, vpc_id, vswitch_id, labels, .. } = instance;
    let servers = bootstrap_servers.iter_mut();
    servers.chain([region_id, vpc_id, vswitch_id]).chain(labels.values_mut()).collect()
}

#[test]
fn an_instance_is_refused_or_whole_and_keeps_what_it_says() {
    bolero::check!().with_type().for_each(|given: &Given| {
        let Some(mut wire) = given.of(instance(), instance_texts) else { return };
        defaults::fill_instance(&mut wire);
        let mut filled = wire.clone();
        defaults::fill_instance(&mut filled);
        assert_eq!(filled, wire);

        match Instance::try_from(wire) {
            Err(violations) => assert!(!violations.is_empty()),
            Ok(instance) => {
                let wire = v1::Instance::from(&instance);
                let again = Instance::try_from(wire.clone()).unwrap();
                assert_eq!(v1::Instance::from(&again), wire);
            }
        }
        redact(&mut filled);
        assert!(!has_plain(&filled));
    });
}
