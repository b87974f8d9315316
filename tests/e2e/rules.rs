//! Each rule about a request to create a connector or an instance, violated
//! once: the code and the path of the field, over the wire.

use anyhow::Result;
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::secret::Source;
use tonic::Code;

use crate::deployment::{Deployment, Settings};
use crate::requests::{Refusal, instance};
use crate::spec::{Parts, access_key, milliseconds, plain, topic};
use crate::world::{INSTANCE, register};

/// What is changed, the reason, and the fields' paths from the spec.
type Rule = (fn(&mut v1::ConnectorSpec), &'static str, &'static [&'static str]);

const INVALID: &str = "SPEC_FIELD_INVALID";
const REQUIRED: &str = "SPEC_FIELD_REQUIRED";
const BUCKET: &str = "SPEC_BUCKET_NAME_ILLEGAL";
const ENDPOINT: &str = "SPEC_ENDPOINT_INVALID";
const KEY: &str = "destination.credentials.access_key";

#[rustfmt::skip]
const RULES: &[Rule] = &[
    (|s| s.task_type = 9, INVALID, &["task_type"]),
    (|s| s.source = None, REQUIRED, &["source"]),
    (|s| s.source().topic.clear(), REQUIRED, &["source.topic"]),
    (|s| s.source().topic = "a b".into(), INVALID, &["source.topic"]),
    (|s| s.source().topic = "a".repeat(250), INVALID, &["source.topic"]),
    (|s| s.source().consumer_offset = 7, INVALID, &["source.consumer_offset"]),
    (|s| s.source().thread_concurrency = Some(7), "SPEC_CONCURRENCY_NOT_ALLOWED", &["source.thread_concurrency"]),
    (|s| s.source().spread = Some(0), INVALID, &["source.spread"]),
    (|s| s.source().spread = Some(7), INVALID, &["source.spread"]),
    (|s| s.destination = None, REQUIRED, &["destination"]),
    (|s| { s.destination().store_type = 9; s.destination().addressing_style = 1; }, INVALID, &["destination.store_type"]),
    (|s| s.destination().bucket.clear(), REQUIRED, &["destination.bucket"]),
    (|s| s.destination().bucket = "bucket_test".into(), BUCKET, &["destination.bucket"]),
    (|s| s.destination().bucket = "ab".into(), BUCKET, &["destination.bucket"]),
    (|s| s.destination().bucket = "Bucket".into(), BUCKET, &["destination.bucket"]),
    (|s| s.destination().bucket = "bucket-".into(), BUCKET, &["destination.bucket"]),
    (|s| s.destination().set_store_type(v1::StoreType::S3), REQUIRED, &["destination.endpoint"]),
    (|s| s.destination().endpoint = "oss-cn-hangzhou.aliyuncs.com".into(), ENDPOINT, &["destination.endpoint"]),
    (|s| s.destination().endpoint = "https://oss-cn-hangzhou.aliyuncs.com".into(), ENDPOINT, &["destination.endpoint"]),
    (|s| s.destination().endpoint = "http://127.0.0.1:9000".into(), ENDPOINT, &["destination.endpoint"]),
    (|s| s.destination().endpoint = "https://s3.oss-cn-beijing.aliyuncs.com".into(), "SPEC_ENDPOINT_REGION_MISMATCH", &["destination.endpoint"]),
    (|s| s.destination().signing_region = "a/b".into(), INVALID, &["destination.signing_region"]),
    (|s| s.destination().set_addressing_style(v1::AddressingStyle::Path), INVALID, &["destination.addressing_style"]),
    (|s| s.destination().credentials = None, REQUIRED, &["destination.credentials"]),
    (|s| key(s).id = None, REQUIRED, &["destination.credentials.access_key.id"]),
    (|s| key(s).secret = Some(plain("")), REQUIRED, &["destination.credentials.access_key.secret.plain"]),
    (|s| key(s).secret = secret(Source::Environment("1A".into())), INVALID, &["destination.credentials.access_key.secret.environment"]),
    (|s| key(s).secret = secret(Source::File("here".into())), INVALID, &["destination.credentials.access_key.secret.file"]),
    (|s| key(s).secret = secret(Source::Withheld(true)), REQUIRED, &["destination.credentials.access_key.secret"]),
    (|s| s.runtime().vpc_id = "vpc-other".into(), "SPEC_VPC_MISMATCH", &["runtime.vpc_id"]),
    (|s| s.runtime().vswitch_id = "a b".into(), INVALID, &["runtime.vswitch_id"]),
    (|s| s.runtime().failure_handling_policy = 9, INVALID, &["runtime.failure_handling_policy"]),
    (|s| s.resources().creation = 9, INVALID, &["resources.creation"]),
    (|s| s.resources().task_consumer_group = "mine".into(), INVALID, &["resources.task_consumer_group"]),
    (|s| s.resources().connector_consumer_group = "a b".into(), INVALID, &["resources.connector_consumer_group"]),
    (|s| s.resources().offset_topic = named("a b"), INVALID, &["resources.offset_topic.name"]),
    (|s| s.resources().offset_topic = with(1), INVALID, &["resources.offset_topic.partitions"]),
    (|s| s.resources().config_topic = with(2), INVALID, &["resources.config_topic.partitions"]),
    (|s| s.resources().status_topic = with(361), INVALID, &["resources.status_topic.partitions"]),
    (|s| s.resources().status_topic = topic("", 6, v1::StorageEngine::Cloud), INVALID, &["resources.status_topic.storage_engine"]),
    (|s| s.resources().abnormal_data_topic = with(0), INVALID, &["resources.abnormal_data_topic.partitions", "resources.dead_letter_queue_topic.partitions"]),
    (|s| s.resources().dead_letter_queue_topic = named("oss-test-input"), INVALID, &["resources.dead_letter_queue_topic.name"]),
    (|s| s.output.get_or_insert_default().format = 9, INVALID, &["output.format"]),
    (|s| s.rotation().max_bytes = Some(1), INVALID, &["output.rotation.max_bytes"]),
    (|s| s.rotation().max_records = Some(0), INVALID, &["output.rotation.max_records"]),
    (|s| s.rotation().max_age = milliseconds(999), INVALID, &["output.rotation.max_age"]),
    (|s| s.rotation().idle = milliseconds(99), INVALID, &["output.rotation.idle"]),
    (|s| prefix(s, "/a"), INVALID, &["output.layout.prefix"]),
    (|s| overflow(s).policy = 9, INVALID, &["output.overflow.policy"]),
    (|s| overflow(s).max_value_bytes = Some(0), INVALID, &["output.overflow.max_value_bytes"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_rule_of_a_connector_is_told_with_its_reason_and_the_path_of_its_field() -> Result<()>
{
    let deployment = Deployment::start(Settings { agents: 0, ..Settings::default() }).await?;
    register(&deployment, INSTANCE, instance()).await?;
    assert_eq!(given(), create(&deployment, given()).await?, "without a change it is legal");

    let mut wrong = Vec::new();
    for (index, (change, reason, fields)) in RULES.iter().enumerate() {
        let mut spec = given();
        change(&mut spec);
        let fields = fields.iter().map(|field| format!("connector.spec.{field}"));
        let expected: Vec<_> = fields.map(|field| (field, (*reason).to_owned())).collect();
        let refusal = match create(&deployment, spec).await {
            Ok(_) => {
                wrong.push(format!("rule {index} is not applied: {expected:?}"));
                continue;
            }
            Err(status) => Refusal::of(&status),
        };
        let told = (refusal.code, &refusal.reason[..], &refusal.violations);
        if told != (Code::InvalidArgument, *reason, &expected) {
            wrong.push(format!("rule {index} {expected:?}: {refusal:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_violations_of_a_request_come_in_one_answer() -> Result<()> {
    let deployment = Deployment::start(Settings { agents: 0, ..Settings::default() }).await?;
    register(&deployment, INSTANCE, instance()).await?;
    // Of the message alone, of the request, of instance and settings.
    let mut spec = given();
    spec.source().topic = "a b".into();
    spec.source().thread_concurrency = Some(7);
    spec.destination().bucket = "bucket_test".into();
    spec.destination().endpoint = "https://s3.oss-cn-beijing.aliyuncs.com".into();
    key(&mut spec).id = None;
    spec.runtime().vpc_id = "vpc-other".into();
    spec.resources().task_consumer_group = "mine".into();
    spec.rotation().max_bytes = Some(1);
    let mut request = v1::CreateConnectorRequest {
        parent: INSTANCE.into(),
        connector_id: "Not_Legal".into(),
        connector: Some(v1::Connector { spec: Some(spec), ..Default::default() }),
        ..Default::default()
    };
    let labels = &mut request.connector.get_or_insert_default().labels;
    labels.insert("k".repeat(64), String::new());

    let status = deployment.connectors().create_connector(request.clone()).await.unwrap_err();
    let refusal = Refusal::of(&status);
    let preview = v1::PreviewConnectorRequest {
        parent: request.parent,
        connector_id: request.connector_id,
        connector: request.connector,
    };
    let of_preview = deployment.connectors().preview_connector(preview).await.unwrap_err();

    assert_eq!((refusal.code, &refusal.reason[..]), (Code::InvalidArgument, "REQUEST_INVALID"));
    let mut found: Vec<_> =
        refusal.violations.iter().map(|(field, reason)| (&field[..], &reason[..])).collect();
    found.sort_unstable();
    let key_id = format!("connector.spec.{KEY}.id");
    assert_eq!(
        found,
        [
            ("connector.labels", INVALID),
            ("connector.spec.destination.bucket", BUCKET),
            (&key_id, REQUIRED),
            ("connector.spec.destination.endpoint", "SPEC_ENDPOINT_REGION_MISMATCH"),
            ("connector.spec.output.rotation.max_bytes", INVALID),
            ("connector.spec.resources.task_consumer_group", INVALID),
            ("connector.spec.runtime.vpc_id", "SPEC_VPC_MISMATCH"),
            ("connector.spec.source.thread_concurrency", "SPEC_CONCURRENCY_NOT_ALLOWED"),
            ("connector.spec.source.topic", INVALID),
            ("connector_id", INVALID),
        ]
    );
    assert_eq!(Refusal::of(&of_preview).violations, refusal.violations);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_violations_of_an_instance_come_in_one_answer() -> Result<()> {
    let deployment = Deployment::start(Settings { agents: 0, ..Settings::default() }).await?;
    let request = v1::CreateInstanceRequest {
        instance_id: "not/legal".into(),
        instance: Some(v1::Instance {
            region_id: "CN".into(),
            bootstrap_servers: vec!["a:1".into(), "b".into()],
            security_protocol: v1::SecurityProtocol::SaslSsl.into(),
            kafka_credentials: Some(v1::KafkaCredentials {
                username: Some(plain("me")),
                password: None,
            }),
            vswitch_id: "a b".into(),
            ..Default::default()
        }),
        validate_only: false,
        ..Default::default()
    };

    let status = deployment.instances().create_instance(request).await.unwrap_err();

    let refusal = Refusal::of(&status);
    assert_eq!((refusal.code, &refusal.reason[..]), (Code::InvalidArgument, "REQUEST_INVALID"));
    let fields: Vec<_> = refusal.violations.iter().map(|(field, _)| &field[..]).collect();
    assert_eq!(
        fields,
        [
            "instance_id",
            "instance.region_id",
            "instance.bootstrap_servers[1]",
            "instance.kafka_credentials.username",
            "instance.kafka_credentials.password",
            "instance.vswitch_id",
        ]
    );
    Ok(())
}

/// A legal spec, as short as it can be, for [`instance`].
pub(crate) fn given() -> v1::ConnectorSpec {
    v1::ConnectorSpec {
        source: Some(v1::KafkaSource { topic: "oss-test-input".into(), ..Default::default() }),
        destination: Some(v1::ObjectStoreDestination {
            bucket: "bucket-test".into(),
            credentials: Some(access_key(plain("an-id"), plain("a-secret"))),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Whether it would be created; returns what was given.
async fn create(
    deployment: &Deployment,
    spec: v1::ConnectorSpec,
) -> Result<v1::ConnectorSpec, tonic::Status> {
    let request = v1::CreateConnectorRequest {
        parent: INSTANCE.into(),
        connector_id: "kafka-oss-sink".into(),
        connector: Some(v1::Connector { spec: Some(spec.clone()), ..Default::default() }),
        validate_only: true,
        request_id: String::new(),
    };
    deployment.connectors().create_connector(request).await.map(|_| spec)
}

fn key(spec: &mut v1::ConnectorSpec) -> &mut v1::AccessKey {
    let credentials = spec.destination().credentials.get_or_insert_default();
    let Some(v1::store_credentials::Kind::AccessKey(key)) = &mut credentials.kind else {
        panic!("an access key is given");
    };
    key
}

fn secret(source: Source) -> Option<v1::Secret> {
    Some(v1::Secret { source: Some(source) })
}

fn named(name: &str) -> Option<v1::ConnectorTopic> {
    Some(v1::ConnectorTopic { name: name.into(), ..Default::default() })
}

fn with(partitions: i32) -> Option<v1::ConnectorTopic> {
    Some(v1::ConnectorTopic { partitions: Some(partitions), ..Default::default() })
}

fn prefix(spec: &mut v1::ConnectorSpec, prefix: &str) {
    let output = spec.output.get_or_insert_default();
    output.layout.get_or_insert_default().prefix = prefix.into();
}

fn overflow(spec: &mut v1::ConnectorSpec) -> &mut v1::OverflowHandling {
    spec.output.get_or_insert_default().overflow.get_or_insert_default()
}
