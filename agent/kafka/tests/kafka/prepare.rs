//! A connector's Kafka is made ready.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::{ConsumerOffset, ResourceCreation, Source};
use kafka2oss_kafka::partition_list::offset_with_metadata;
use kafka2oss_kafka::{KafkaAdmin, Permission, PrepareInput, PreparedKafka, StartAt, prepare};
use kafka2oss_proto::v1::{Epoch, PlannedResource, ResourceRole, StartOrigin, StorageEngine};
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer, shared_kafka};
use kafka2oss_tests::kafka_proxy::{KafkaProxy, LIST_OFFSETS};
use kafka2oss_tests::name::unique;
use kafka2oss_tests::port;
use kafka2oss_tests::produce::numbered;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use tokio::task::spawn_blocking;

use crate::committed::commit_bytes;
use crate::support::{Allowed, connect};

/// A connector to prepare.
pub(crate) struct Connector {
    name: String,
    source: Source,
    creation: ResourceCreation,
    epoch: Epoch,
    pub(crate) start: StartAt,
}

impl Connector {
    pub(crate) fn new(topic: &str, consumer_offset: ConsumerOffset) -> Self {
        Self {
            name: unique("sink"),
            source: Source {
                topic: topic.into(),
                consumer_offset,
                thread_concurrency: 6,
                spread: 1,
            },
            creation: ResourceCreation::Automatically,
            epoch: Epoch { number: 1, ..Epoch::default() },
            start: StartAt::Configured,
        }
    }

    pub(crate) fn group(&self) -> String {
        format!("connect-{}", self.name)
    }

    fn resources(&self) -> Vec<PlannedResource> {
        use ResourceRole::*;
        let topic =
            |prefix: &str, roles: &[ResourceRole], partitions, policy: &str| PlannedResource {
                roles: roles.iter().map(|role| (*role).into()).collect(),
                name: format!("connect-{prefix}{}", self.name),
                partitions,
                cleanup_policy: policy.into(),
                storage_engine: StorageEngine::Local.into(),
            };
        vec![
            topic("offset-", &[OffsetTopic], 3, "compact"),
            topic("config-", &[ConfigTopic], 1, "compact"),
            topic("error-", &[AbnormalDataTopic, DeadLetterQueueTopic], 6, "delete"),
            topic("", &[TaskConsumerGroup], 0, ""),
        ]
    }

    fn topics(&self) -> Vec<String> {
        ["offset-", "config-", "error-"].map(|p| format!("connect-{p}{}", self.name)).to_vec()
    }

    pub(crate) async fn prepare(&self, bootstrap: &str) -> PreparedKafka {
        self.prepare_with(bootstrap, &Allowed).await
    }

    async fn prepare_with(&self, bootstrap: &str, permission: &dyn Permission) -> PreparedKafka {
        let input = PrepareInput {
            source: &self.source,
            group: &self.group(),
            creation: self.creation,
            epoch: &self.epoch,
            start: &self.start,
            resources: &self.resources(),
            owner: |metadata| {
                str::from_utf8(metadata).ok()?.strip_prefix("k2o1;").map(str::to_owned)
            },
            is_own: &|metadata, topic_id| metadata == own_metadata(topic_id).as_bytes(),
            permission,
        };
        prepare(&connect(bootstrap).await, &input).await
    }
}

/// What the connector commits on the topic with this id.
pub(crate) fn own_metadata(topic_id: &str) -> String {
    format!("k2o1;mine;{topic_id}")
}

pub(crate) fn codes(problems: &[Problem]) -> Vec<ErrorCode> {
    problems.iter().map(|problem| problem.code).collect()
}

pub(crate) fn start(prepared: &PreparedKafka) -> BTreeMap<i32, i64> {
    let epoch = prepared.epoch.as_ref().unwrap();
    epoch.start_offsets.iter().map(|(partition, offset)| (*partition, *offset)).collect()
}

/// A topic with 2 partitions and 3 records in each.
pub(crate) async fn source(kafka: &KafkaServer) -> Result<String> {
    let topic = unique("source");
    kafka.admin()?.create_topic(&topic, 2, &[("max.message.bytes", "3000000")]).await?;
    kafka.producer()?.send_all(&topic, numbered("v", 0..6, 2)).await?;
    Ok(topic)
}

#[tokio::test]
async fn the_start_is_read_and_missing_topics_are_made_once() -> Result<()> {
    let kafka = shared_kafka().await?;
    let topic = source(kafka).await?;
    let mut connector = Connector::new(&topic, ConsumerOffset::Latest);

    let first = connector.prepare(&kafka.bootstrap()).await;

    assert_eq!((&first.problems, &first.warnings, &first.doubts), (&vec![], &vec![], &vec![]));
    assert_eq!(first.created_topics, connector.topics());
    assert_eq!(first.missing_resources, []);
    assert_eq!(first.cluster_id, Some(kafka.admin()?.cluster_id().await?));
    let epoch = first.epoch.clone().unwrap();
    assert_eq!((epoch.number, epoch.origin()), (1, StartOrigin::Latest));
    assert_eq!(epoch.topic_id.len(), 22);
    assert!(epoch.fixed_time.is_some());
    assert_eq!(start(&first), BTreeMap::from([(0, 3), (1, 3)]));
    let error_topic = &connector.topics()[2];
    assert_eq!(kafka.admin()?.topic_config(error_topic, "max.message.bytes").await?, "3065536");

    kafka.producer()?.send_all(&topic, numbered("w", 0..2, 2)).await?;
    connector.epoch = epoch;
    let second = connector.prepare(&kafka.bootstrap()).await;

    assert_eq!(second.epoch, first.epoch, "a start is fixed once");
    assert!(second.created_topics.is_empty(), "only what this request made is ours");
    assert_eq!(second.problems, []);
    Ok(())
}

/// Allows so many changes.
struct Counted(AtomicUsize);

#[async_trait]
impl Permission for Counted {
    async fn to_change(&self, name: &str) -> Result<(), Problem> {
        let left =
            self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map(drop).map_err(|_| Problem::new(ErrorCode::AgentTimeout, name))
    }
}

#[tokio::test]
async fn no_topic_is_made_once_it_may_not_be_and_what_is_known_is_kept() -> Result<()> {
    let kafka = shared_kafka().await?;
    let connector = Connector::new(&source(kafka).await?, ConsumerOffset::Latest);
    let [first, second, third] = connector.topics().try_into().unwrap();

    let late = connector.prepare_with(&kafka.bootstrap(), &Counted(AtomicUsize::new(1))).await;

    assert_eq!(late.created_topics, [first]);
    let refused = Problem::new(ErrorCode::AgentTimeout, &second);
    assert_eq!((&late.problems, &late.doubts), (&vec![refused], &vec![]));
    assert_eq!(start(&late), BTreeMap::from([(0, 3), (1, 3)]));
    let again = connector.prepare(&kafka.bootstrap()).await;
    assert_eq!(again.created_topics, [second, third]);
    Ok(())
}

#[tokio::test]
async fn earliest_starts_at_the_beginnings() -> Result<()> {
    let kafka = shared_kafka().await?;
    let topic = source(kafka).await?;

    let prepared =
        Connector::new(&topic, ConsumerOffset::Earliest).prepare(&kafka.bootstrap()).await;

    assert_eq!(start(&prepared), BTreeMap::from([(0, 0), (1, 0)]));
    assert_eq!(prepared.epoch.unwrap().origin(), StartOrigin::Earliest);
    Ok(())
}

#[tokio::test]
async fn offsets_of_another_program_are_taken_and_ours_of_before_are_not() -> Result<()> {
    let kafka = shared_kafka().await?;
    let topic = source(kafka).await?;
    let connector = Connector::new(&topic, ConsumerOffset::Earliest);
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .set("group.id", connector.group())
        .create()?;
    let name = topic.clone();
    spawn_blocking(move || -> Result<()> {
        commit_bytes(&consumer, &name, 0, 2, b"\xff")?;
        let ours = offset_with_metadata(&name, 1, 1, "k2o1;deleted")?;
        Ok(consumer.commit(&ours, CommitMode::Sync)?)
    })
    .await??;

    let prepared = connector.prepare(&kafka.bootstrap()).await;

    assert_eq!(start(&prepared), BTreeMap::from([(0, 2), (1, 0)]));
    assert_eq!(prepared.epoch.unwrap().origin(), StartOrigin::Group);
    assert_eq!(prepared.group_owners, ["deleted".to_owned()].into());
    Ok(())
}

#[tokio::test]
async fn under_manual_creation_every_missing_topic_is_listed_and_none_is_made() -> Result<()> {
    let kafka = shared_kafka().await?;
    let topic = source(kafka).await?;
    let mut connector = Connector::new(&topic, ConsumerOffset::Latest);
    connector.creation = ResourceCreation::Manually;
    kafka.admin()?.create_topic(&connector.topics()[1], 2, &[]).await?;

    let prepared = connector.prepare(&kafka.bootstrap()).await;

    let resources = connector.resources();
    assert_eq!(prepared.missing_resources, [resources[0].clone(), resources[2].clone()]);
    assert_eq!(
        codes(&prepared.problems),
        [
            ErrorCode::KafkaResourceMissing,
            ErrorCode::KafkaTopicMisconfigured,
            ErrorCode::KafkaResourceMissing,
        ]
    );
    assert_eq!(codes(&prepared.warnings), [ErrorCode::KafkaInternalTopicUnusable]);
    assert_eq!(codes(&prepared.doubts), [ErrorCode::KafkaInternalTopicUnusable]);
    assert!(prepared.doubts[0].message.contains("no usable offset topic"));
    assert!(prepared.epoch.is_some(), "the start is read all the same");
    assert!(prepared.created_topics.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_missing_source_topic_is_a_problem_and_nothing_is_made_for_it() -> Result<()> {
    let kafka = shared_kafka().await?;
    let connector = Connector::new(&unique("absent"), ConsumerOffset::Latest);

    let prepared = connector.prepare(&kafka.bootstrap()).await;

    assert_eq!(codes(&prepared.problems), [ErrorCode::KafkaTopicNotFound]);
    assert!(prepared.epoch.is_none());
    assert!(prepared.created_topics.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_source_that_was_made_anew_since_the_start_is_a_problem() -> Result<()> {
    let kafka = shared_kafka().await?;
    let topic = source(kafka).await?;
    let mut connector = Connector::new(&topic, ConsumerOffset::Latest);
    connector.epoch = connector.prepare(&kafka.bootstrap()).await.epoch.unwrap();
    kafka.admin()?.delete_topic(&topic).await?;
    kafka.admin()?.create_topic(&topic, 2, &[]).await?;

    let prepared = connector.prepare(&kafka.bootstrap()).await;

    assert_eq!(codes(&prepared.problems), [ErrorCode::KafkaTopicRecreated]);
    Ok(())
}

#[tokio::test]
async fn a_broker_that_refuses_creation_makes_every_topic_a_missing_resource() -> Result<()> {
    // The default replication cannot be had on one broker.
    let options = KafkaOptions::default().with("default.replication.factor", "3");
    let kafka = KafkaServer::start(options).await?;
    let topic = source(&kafka).await?;
    let connector = Connector::new(&topic, ConsumerOffset::Latest);

    let prepared = connector.prepare(&kafka.bootstrap()).await;

    assert_eq!(prepared.missing_resources, connector.resources()[..3]);
    assert_eq!(codes(&prepared.problems), [ErrorCode::KafkaResourceMissing; 3]);
    assert!(prepared.problems[0].message.contains("replica"), "{}", prepared.problems[0]);
    assert!(prepared.created_topics.is_empty());
    assert!(prepared.epoch.is_some());
    let admin = connect(&kafka.bootstrap()).await;
    assert_eq!(admin.describe_topic(&connector.topics()[0]).await?, None);
    Ok(())
}

#[tokio::test]
async fn what_keeps_a_connector_from_exactly_once_is_a_doubt_with_its_reason() -> Result<()> {
    let options = KafkaOptions::default().with("offsets.retention.minutes", "20");
    let kafka = KafkaServer::start(options).await?;
    let topic = source(&kafka).await?;
    let mut connector = Connector::new(&topic, ConsumerOffset::Latest);
    connector.creation = ResourceCreation::Manually;
    let [offset, config, error] = connector.topics().try_into().unwrap();
    let admin = kafka.admin()?;
    admin.create_topic(&offset, 3, &[("cleanup.policy", "delete")]).await?;
    admin.create_topic(&config, 1, &[("cleanup.policy", "compact")]).await?;
    admin.create_topic(&error, 6, &[("max.message.bytes", "3000000")]).await?;

    let prepared = connector.prepare(&kafka.bootstrap()).await;

    assert_eq!(prepared.problems, []);
    let [retention, offset_topic] = prepared.doubts.as_slice() else { panic!("{prepared:?}") };
    assert_eq!(retention.code, ErrorCode::KafkaOffsetsRetentionShort);
    assert!(retention.message.contains("for 20 minutes"), "{retention}");
    assert_eq!(offset_topic.code, ErrorCode::KafkaInternalTopicUnusable);
    assert!(offset_topic.message.contains("cleanup.policy=delete"), "{offset_topic}");
    let [limit] = prepared.warnings.as_slice() else { panic!("{prepared:?}") };
    assert_eq!(limit.code, ErrorCode::KafkaTopicMisconfigured);
    assert!(limit.message.contains("max.message.bytes=3000000"), "{limit}");
    assert!(limit.message.contains("3065536"), "{limit}");
    Ok(())
}

/// As of a broker that goes away after it has taken a request.
#[tokio::test]
async fn one_request_that_is_not_answered_in_time_fails_no_preparation() -> Result<()> {
    let [port] = port::free()?;
    let kafka = KafkaServer::start(KafkaOptions::default().behind(port)).await?;
    let proxy = KafkaProxy::start(port, kafka.second()).await?;
    let topic = source(&kafka).await?;
    let was_held = Arc::new(AtomicBool::new(false));
    let held = was_held.clone();
    // Longer than a request is waited for.
    proxy.hold(move |request| {
        let is_first =
            request.api_key() == Some(LIST_OFFSETS) && !held.swap(true, Ordering::Relaxed);
        is_first.then_some(Duration::from_secs(12))
    });

    let connector = Connector::new(&topic, ConsumerOffset::Earliest);
    let prepared = connector.prepare(&format!("127.0.0.1:{port}")).await;

    assert!(was_held.load(Ordering::Relaxed));
    assert_eq!(prepared.problems, []);
    assert_eq!(start(&prepared), BTreeMap::from([(0, 0), (1, 0)]));
    Ok(())
}
