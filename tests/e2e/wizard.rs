//! The console wizard's procedure, from first to last, with its own names.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use kafka2oss_proto::v1;
use kafka2oss_tests::kafka::shared_kafka;
use kafka2oss_tests::name::unique;
use kafka2oss_tests::produce::{Produced, numbered};
use kafka2oss_tests::topic::KafkaAdmin;
use kafka2oss_tests::wait::eventually;
use tokio::sync::{Mutex, oneshot};

use crate::connector::Connector;
use crate::deployment::{Deployment, LIMIT, Settings};
use crate::spec::{access_key, milliseconds, topic};
use crate::world::{INSTANCE, Store, World, register};

const CONNECTOR: &str = "kafka-oss-sink";
const TOPIC: &str = "oss-test-input";
const GROUP: &str = "connect-kafka-oss-sink";
const PARTITIONS: i32 = 3;

/// Name, partitions and cleanup policy.
type Topics = &'static [(&'static str, i32, &'static str)];
const INTERNAL_AND_ONE_ERROR_TOPIC: Topics = &[
    ("connect-offset-kafka-oss-sink", 12, "compact"),
    ("connect-config-kafka-oss-sink", 1, "compact"),
    ("connect-status-kafka-oss-sink", 6, "compact"),
    ("connect-error-kafka-oss-sink", 6, "delete"),
];
const INTERNAL_AND_TWO_ERROR_TOPICS: Topics = &[
    ("connect-offset-kafka-oss-sink", 24, "compact"),
    ("connect-config-kafka-oss-sink", 1, "compact"),
    ("connect-status-kafka-oss-sink", 6, "compact"),
    ("connect-error-kafka-oss-sink", 6, "delete"),
    ("connect-error-dlq-kafka-oss-sink", 3, "delete"),
];

/// The names are the wizard's own, so that only one connector at a time can
/// have them on the shared broker.
static NAMES: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn the_wizard_with_latest_on_oss() -> Result<()> {
    let _names = NAMES.lock().await;
    let wizard = Wizard::open(Store::oss().await?, INTERNAL_AND_ONE_ERROR_TOPIC).await?;
    Box::pin(wizard.walk(v1::ConsumerOffset::Latest)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wizard_with_earliest_on_oss_and_a_topic_for_each_kind_of_error() -> Result<()> {
    let _names = NAMES.lock().await;
    let wizard = Wizard::open(Store::oss().await?, INTERNAL_AND_TWO_ERROR_TOPICS).await?;
    Box::pin(wizard.walk(v1::ConsumerOffset::Earliest)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wizard_with_latest_on_s3_and_a_topic_for_each_kind_of_error() -> Result<()> {
    let _names = NAMES.lock().await;
    let wizard = Wizard::open(Store::minio().await?, INTERNAL_AND_TWO_ERROR_TOPICS).await?;
    Box::pin(wizard.walk(v1::ConsumerOffset::Latest)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wizard_with_earliest_on_s3() -> Result<()> {
    let _names = NAMES.lock().await;
    let wizard = Wizard::open(Store::minio().await?, INTERNAL_AND_ONE_ERROR_TOPIC).await?;
    Box::pin(wizard.walk(v1::ConsumerOffset::Earliest)).await
}

/// The user of the wizard.
struct Wizard {
    world: World,
    admin: KafkaAdmin,
    topics: Topics,
}

impl Wizard {
    /// A broker with the source topic, an empty bucket, and a deployment with
    /// agents in the instance's vSwitch that has seen nothing yet.
    async fn open(store: Store, topics: Topics) -> Result<Self> {
        let kafka = shared_kafka().await?;
        let admin = kafka.admin()?;
        admin.create_topic(TOPIC, PARTITIONS, &[]).await?;
        let bucket = unique("bucket");
        store.create_bucket(&bucket).await?;
        let settings = Settings {
            agents: 2,
            vpc_id: "vpc-bp1e2e",
            vswitch_id: "vsw-bp1e2e",
            ..Settings::default()
        };
        let world = World {
            bootstrap: kafka.bootstrap(),
            bucket: store.bucket(&bucket),
            store,
            topic: TOPIC.into(),
            deployment: Deployment::start(settings).await?,
        };
        Ok(Self { world, admin, topics })
    }

    async fn walk(self, consumer_offset: v1::ConsumerOffset) -> Result<()> {
        let before = self.world.produce(numbered("before ", 0..30, PARTITIONS)).await?;
        self.register_instance().await?;
        let spec = self.spec(consumer_offset);
        self.preview(&spec).await?;

        let connector = self.world.create(CONNECTOR, spec).await?;
        self.nothing_runs(&connector).await?;

        let (running, after) = self.deploy_while_producing(&connector).await?;
        self.resources_exist().await?;
        let expected = self.expected(&running, consumer_offset, before, after)?;
        connector.delivered(&expected).await?;
        self.world.judge(&expected).await?;

        self.send_test_message(&connector).await?;

        connector.delete().await?;
        self.nothing_is_left().await
    }

    async fn register_instance(&self) -> Result<()> {
        let instance = v1::Instance {
            region_id: "cn-hangzhou".into(),
            bootstrap_servers: vec![self.world.bootstrap.clone()],
            security_protocol: v1::SecurityProtocol::Plaintext.into(),
            vpc_id: "vpc-bp1e2e".into(),
            vswitch_id: "vsw-bp1e2e".into(),
            labels: [("team".into(), "data".into())].into(),
            ..Default::default()
        };
        register(&self.world.deployment, INSTANCE, instance).await.map(drop)
    }

    /// Every parameter of the wizard, and ours.
    fn spec(&self, consumer_offset: v1::ConsumerOffset) -> v1::ConnectorSpec {
        use v1::StorageEngine::{Cloud, Local};

        let error = |index: usize| {
            let (name, partitions, _) = self.topics[index.min(self.topics.len() - 1)];
            topic(name, partitions, Cloud)
        };
        let internal = |index: usize| {
            let (name, partitions, _) = self.topics[index];
            topic(name, partitions, Local)
        };
        v1::ConnectorSpec {
            task_type: v1::TaskType::Kafka2oss.into(),
            source: Some(v1::KafkaSource {
                topic: TOPIC.into(),
                consumer_offset: consumer_offset.into(),
                thread_concurrency: Some(6),
                spread: Some(2),
            }),
            destination: Some(self.world.store.destination(self.world.bucket.name())),
            runtime: Some(v1::ConnectorRuntime {
                session_timeout: Some(prost_types::Duration { seconds: 10, nanos: 0 }),
                store_retry_time: Some(prost_types::Duration { seconds: 600, nanos: 0 }),
                vpc_id: "vpc-bp1e2e".into(),
                vswitch_id: "vsw-bp1e2e".into(),
                failure_handling_policy: v1::FailureHandlingPolicy::Log.into(),
            }),
            resources: Some(v1::ConnectorResources {
                creation: v1::ResourceCreation::Automatically.into(),
                task_consumer_group: GROUP.into(),
                connector_consumer_group: "connect-cluster-kafka-oss-sink".into(),
                offset_topic: internal(0),
                config_topic: internal(1),
                status_topic: internal(2),
                abnormal_data_topic: error(3),
                dead_letter_queue_topic: error(4),
            }),
            output: Some(v1::ConnectorOutput {
                compression: v1::Compression::None.into(),
                key_encoding: v1::TextEncoding::Utf8.into(),
                value_encoding: v1::TextEncoding::Utf8.into(),
                include_headers: false,
                format: v1::OutputFormat::JsonArray.into(),
                rotation: Some(v1::RotationPolicy {
                    max_bytes: Some(1 << 20),
                    max_records: Some(1_000),
                    max_age: milliseconds(2_000),
                    idle: milliseconds(200),
                }),
                layout: Some(v1::ObjectLayout::default()),
                overflow: Some(v1::OverflowHandling {
                    max_record_bytes: None,
                    policy: v1::OverflowPolicy::Spill.into(),
                    max_value_bytes: Some(6 << 20),
                }),
            }),
        }
    }

    async fn preview(&self, spec: &v1::ConnectorSpec) -> Result<()> {
        // What is given stands as given.
        let shown = self.previewed(spec.clone()).await?;
        let mut expected = spec.clone();
        hide_secrets(&mut expected);
        let connector = shown.connector.context("a connector")?;
        assert_eq!(connector.spec.as_ref(), Some(&expected));
        let mut effective = *connector.effective_spec.context("a spec with its defaults")?;
        let addressing = effective.destination.as_mut().context("a destination")?;
        // The one field that is not given here.
        assert_ne!(std::mem::take(&mut addressing.addressing_style), 0);
        assert_eq!(effective, expected);
        let topics: Vec<_> = shown
            .resources
            .iter()
            .filter(|resource| resource.partitions > 0)
            .map(|r| (&r.name[..], r.partitions, &r.cleanup_policy[..]))
            .collect();
        assert_eq!(topics, self.topics);
        let groups = shown.resources.iter().filter(|resource| resource.partitions == 0);
        let groups: Vec<_> = groups.map(|group| &group.name[..]).collect();
        assert_eq!(groups, [GROUP, "connect-cluster-kafka-oss-sink"]);

        // Of the required fields alone, the rest is filled in.
        let least = v1::ConnectorSpec {
            source: Some(v1::KafkaSource { topic: TOPIC.into(), ..Default::default() }),
            destination: spec.destination.clone(),
            ..Default::default()
        };
        let shown = self.previewed(least).await?;
        let filled = shown.connector.context("a connector")?.effective_spec.context("a spec")?;
        let source = filled.source.context("a source")?;
        assert_eq!(source.consumer_offset(), v1::ConsumerOffset::Latest);
        assert_eq!((source.thread_concurrency, source.spread), (Some(6), Some(2)));
        let runtime = filled.runtime.context("a runtime")?;
        assert_eq!((&runtime.vpc_id[..], &runtime.vswitch_id[..]), ("vpc-bp1e2e", "vsw-bp1e2e"));
        assert_eq!(runtime.failure_handling_policy(), v1::FailureHandlingPolicy::Log);
        let resources = filled.resources.context("resources")?;
        assert_eq!(resources.creation(), v1::ResourceCreation::Automatically);
        let names: BTreeSet<_> =
            shown.resources.iter().map(|resource| resource.name.as_str()).collect();
        let defaults = INTERNAL_AND_ONE_ERROR_TOPIC.iter().map(|(name, ..)| *name);
        let defaults: BTreeSet<_> =
            defaults.chain([GROUP, "connect-cluster-kafka-oss-sink"]).collect();
        assert_eq!(names, defaults);
        Ok(())
    }

    async fn previewed(&self, spec: v1::ConnectorSpec) -> Result<v1::PreviewConnectorResponse> {
        let request = v1::PreviewConnectorRequest {
            parent: INSTANCE.into(),
            connector_id: CONNECTOR.into(),
            connector: Some(v1::Connector { spec: Some(spec), ..Default::default() }),
        };
        Ok(self.world.deployment.connectors().preview_connector(request).await?.into_inner())
    }

    async fn nothing_runs(&self, connector: &Connector) -> Result<()> {
        let created = connector.is(v1::ConnectorState::Created).await?;
        assert_eq!(created.desired_state(), v1::DesiredState::Created);
        assert_eq!(self.topics_and_group().await?, Vec::<String>::new());
        assert_eq!(self.world.bucket.keys("").await?, Vec::<String>::new());
        Ok(())
    }

    /// Deploys while records are produced without a pause, and returns the
    /// connector as it is RUNNING and what was produced since Deploy.
    async fn deploy_while_producing(
        &self,
        connector: &Connector,
    ) -> Result<(v1::Connector, Vec<Produced>)> {
        let (stop, mut stopped) = oneshot::channel::<()>();
        let produce = async {
            let mut produced = Vec::new();
            while stopped.try_recv().is_err() {
                produced.extend(self.world.produce(numbered("after ", 0..30, PARTITIONS)).await?);
            }
            // And some more, of which it is sure that they come while it runs.
            produced.extend(self.world.produce(numbered("running ", 0..30, PARTITIONS)).await?);
            Ok::<_, anyhow::Error>(produced)
        };
        let deploy = async {
            let running = connector.run().await;
            let _ = stop.send(());
            running
        };
        let (running, produced) = tokio::join!(deploy, produce);
        Ok((running?, produced?))
    }

    async fn resources_exist(&self) -> Result<()> {
        for (name, partitions, cleanup_policy) in self.topics {
            assert_eq!(self.admin.partitions(name).await?, Some(*partitions), "{name}");
            let policy = self.admin.topic_config(name, "cleanup.policy").await?;
            assert_eq!(policy, *cleanup_policy, "{name}");
        }
        let group = self.admin.group(GROUP).await?.context("the task group appears")?;
        assert_eq!(group.members.len(), 2, "one member a task: {group:?}");
        Ok(())
    }

    /// The records that have to be in the bucket: those from the epoch's start.
    fn expected(
        &self,
        running: &v1::Connector,
        consumer_offset: v1::ConsumerOffset,
        before: Vec<Produced>,
        after: Vec<Produced>,
    ) -> Result<Vec<Produced>> {
        let status = running.status.as_ref().context("a status")?;
        assert_eq!(status.delivery_guarantee(), v1::DeliveryGuarantee::ExactlyOnce);
        let epoch = status.epoch.as_ref().context("RUNNING is shown after the start is fixed")?;
        let start = |record: &Produced| epoch.start_offsets[&record.partition];
        match consumer_offset {
            v1::ConsumerOffset::Earliest => {
                assert!(epoch.start_offsets.values().all(|offset| *offset == 0), "{epoch:?}");
            }
            _ => {
                // "Latest" is the moment when an agent reads the ends: not
                // before Deploy, and not after it is RUNNING.
                ensure!(before.iter().all(|r| r.offset < start(r)), "starts too early: {epoch:?}");
                let running = after.iter().filter(|r| is_named(r, "running "));
                ensure!(running.clone().count() == 30, "30 come while it runs");
                for record in running {
                    ensure!(record.offset >= start(record), "starts too late: {epoch:?}");
                }
            }
        }
        let all = before.into_iter().chain(after);
        Ok(all.filter(|record| record.offset >= start(record)).collect())
    }

    async fn send_test_message(&self, connector: &Connector) -> Result<()> {
        let text = |text: &str| v1::TestMessagePayload {
            content: Some(v1::test_message_payload::Content::Text(text.into())),
        };
        let request = v1::SendTestMessageRequest {
            name: connector.name.clone(),
            partition: Some(0),
            key: Some(text("1")),
            value: Some(text("1")),
            request_id: unique("test"),
            wait: true,
        };

        let sent = connector.client().send_test_message(request.clone()).await?.into_inner();
        let again = connector.client().send_test_message(request).await?.into_inner();

        assert_eq!(sent, again, "the same request ID writes one record");
        let object = self.world.bucket.get(&sent.object_key).await?;
        let timestamp = sent.timestamp.context("a timestamp")?;
        let timestamp = timestamp.seconds * 1_000 + i64::from(timestamp.nanos) / 1_000_000;
        let offset = sent.offset;
        assert_eq!(
            String::from_utf8(object.bytes)?,
            format!(
                r#"[{{"key":"1","offset":{offset},"overflowFlag":false,"partition":0,"timestamp":{timestamp},"topic":"oss-test-input","value":"1","valueSize":1}}]"#
            )
        );
        let key = &object.key;
        let chain = key
            .strip_prefix(&format!("oss-test-input/0/oss-test-input+0+{offset:020}-"))
            .and_then(|rest| rest.strip_suffix(".json"))
            .with_context(|| format!("{key} is not of the documented form"))?;
        assert_eq!(chain.len(), 8, "{key}");
        let records = self.world.read(TOPIC).await?;
        assert_eq!(records.iter().filter(|r| r.value.as_deref() == Some(b"1")).count(), 1);
        Ok(())
    }

    async fn nothing_is_left(&self) -> Result<()> {
        eventually("no topic and no group of the connector is there", LIMIT, async || {
            let left = self.topics_and_group().await?;
            ensure!(left.is_empty(), "{left:?}");
            Ok(Some(()))
        })
        .await
    }

    /// Those of the connector that there are.
    async fn topics_and_group(&self) -> Result<Vec<String>> {
        let topics = self.admin.topics().await?;
        let ours = self.topics.iter().map(|(name, ..)| (*name).to_owned());
        let mut there: Vec<_> = ours.filter(|name| topics.contains_key(name)).collect();
        there.extend(self.admin.group(GROUP).await?.map(|group| group.name));
        Ok(there)
    }
}

impl Drop for Wizard {
    /// The next one starts anew: with a topic of the same name and another id.
    fn drop(&mut self) {
        let admin = self.admin.clone();
        let delete = async move { admin.delete_topic(TOPIC).await };
        let deleted =
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(delete));
        if let Err(error) = deleted {
            eprintln!("the source topic stays: {error:#}");
        }
    }
}

fn is_named(record: &Produced, prefix: &str) -> bool {
    record.value.as_ref().is_some_and(|value| value.starts_with(prefix.as_bytes()))
}

/// As answers show a spec.
fn hide_secrets(spec: &mut v1::ConnectorSpec) {
    let withheld = || v1::Secret { source: Some(v1::secret::Source::Withheld(true)) };
    if let Some(destination) = &mut spec.destination {
        destination.credentials = Some(access_key(withheld(), withheld()));
    }
}
