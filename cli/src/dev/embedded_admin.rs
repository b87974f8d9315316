//! Administration of the embedded Kafka. Its protocol has no requests to make
//! or delete topics, to read settings or to delete groups: topics are made
//! through its handle, and what was asked for is remembered here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_kafka::{
    BrokerAdmin, BrokerSettings, Committed, Creation, KafkaAdmin, TopicDescription, TopicPlan,
    Watermarks,
};
use kafka2oss_sandbox::kafka::{EmbeddedKafka, EmbeddedKafkaError, TopicCreation};
use tracing::info;

/// Settings that a topic has where nobody says otherwise.
const DEFAULT_CLEANUP_POLICY: &str = "delete";

/// What is remembered of the topics.
#[derive(Debug, Default)]
pub(super) struct EmbeddedTopics(Mutex<BTreeMap<String, Remembered>>);

#[derive(Debug, Clone)]
enum Remembered {
    /// Made here, with these settings.
    Made(TopicPlan),
    /// Deleted as far as this administration goes; the cluster still has it.
    Deleted,
}

impl EmbeddedTopics {
    fn get(&self, topic: &str) -> Option<Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(topic).cloned()
    }

    fn set(&self, topic: &str, remembered: Remembered) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(topic.to_owned(), remembered);
    }
}

/// Administration of the embedded Kafka; what its protocol can is left to
/// [`BrokerAdmin`].
pub(super) struct EmbeddedAdmin {
    cluster: Arc<EmbeddedKafka>,
    topics: Arc<EmbeddedTopics>,
    broker: BrokerAdmin,
}

impl EmbeddedAdmin {
    pub(super) fn new(
        cluster: Arc<EmbeddedKafka>,
        topics: Arc<EmbeddedTopics>,
        broker: BrokerAdmin,
    ) -> Self {
        Self { cluster, topics, broker }
    }
}

#[async_trait]
impl KafkaAdmin for EmbeddedAdmin {
    async fn cluster_id(&self) -> Result<Option<String>, Problem> {
        self.broker.cluster_id().await
    }

    async fn broker_settings(&self) -> Result<BrokerSettings, Problem> {
        // Offsets go with the cluster and not before.
        let offsets_retention = Some(Duration::MAX);
        Ok(BrokerSettings { offsets_retention, inter_broker_protocol: None })
    }

    async fn describe_topic(&self, topic: &str) -> Result<Option<TopicDescription>, Problem> {
        let remembered = self.topics.get(topic);
        if matches!(remembered, Some(Remembered::Deleted)) {
            return Ok(None);
        }
        let Some(description) = self.broker.describe_topic(topic).await? else {
            return Ok(None);
        };
        let (cleanup_policy, max_message_bytes) = match remembered {
            Some(Remembered::Made(plan)) => (plan.cleanup_policy, plan.max_message_bytes),
            // A producer has made it.
            _ => (DEFAULT_CLEANUP_POLICY, None),
        };
        Ok(Some(TopicDescription {
            cleanup_policy: Some(cleanup_policy.to_owned()),
            max_message_bytes,
            ..description
        }))
    }

    async fn create_topic(&self, plan: &TopicPlan) -> Result<Creation, Problem> {
        let deleted = matches!(self.topics.get(&plan.name), Some(Remembered::Deleted));
        // The handle answers at once: the cluster's thread is never busy long.
        match self.cluster.create_topic(&plan.name, plan.partitions) {
            Ok(TopicCreation::Existed) if !deleted => Ok(Creation::AlreadyExists),
            Ok(TopicCreation::Created | TopicCreation::Existed) => {
                self.topics.set(&plan.name, Remembered::Made(plan.clone()));
                Ok(Creation::Created)
            }
            Err(EmbeddedKafkaError::TopicExists { .. }) if !deleted => Ok(Creation::AlreadyExists),
            Err(error) => Ok(Creation::Refused(format!("the embedded Kafka: {error}"))),
        }
    }

    async fn delete_topic(&self, topic: &str) -> Result<(), Problem> {
        info!(topic, "the embedded Kafka cannot delete topics: it goes with this process");
        self.topics.set(topic, Remembered::Deleted);
        Ok(())
    }

    async fn delete_group(&self, group: &str) -> Result<(), Problem> {
        info!(group, "the embedded Kafka cannot delete groups: it goes with this process");
        Ok(())
    }

    async fn watermarks(
        &self,
        topic: &str,
        partitions: &[i32],
    ) -> Result<BTreeMap<i32, Watermarks>, Problem> {
        self.broker.watermarks(topic, partitions).await
    }

    async fn committed(
        &self,
        group: &str,
        topic: &str,
        partitions: &[i32],
    ) -> Result<BTreeMap<i32, Committed>, Problem> {
        self.broker.committed(group, topic, partitions).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::kafka::Kafka;
    use super::*;

    fn plan(name: &str, partitions: u32) -> TopicPlan {
        TopicPlan {
            name: name.to_owned(),
            partitions,
            cleanup_policy: "compact",
            max_message_bytes: Some(1_000),
        }
    }

    #[tokio::test]
    async fn a_topic_is_described_as_it_was_asked_for() {
        let kafka = Kafka::start(None).await.expect("it starts");
        let admin = kafka.admin().await.expect("an administration");
        assert_eq!(admin.describe_topic("t").await, Ok(None));

        assert_eq!(admin.create_topic(&plan("t", 3)).await, Ok(Creation::Created));

        let topic = admin.describe_topic("t").await.expect("an answer").expect("it exists");
        assert_eq!(topic.partitions, 3);
        assert_eq!(topic.cleanup_policy.as_deref(), Some("compact"));
        assert_eq!(topic.max_message_bytes, Some(1_000));
        for partitions in [3, 5] {
            let again = admin.create_topic(&plan("t", partitions)).await;
            assert_eq!(again, Ok(Creation::AlreadyExists));
        }
    }

    #[tokio::test]
    async fn a_deleted_topic_is_gone_until_it_is_made_again() {
        let kafka = Kafka::start(None).await.expect("it starts");
        let admin = kafka.admin().await.expect("an administration");
        admin.create_topic(&plan("t", 3)).await.expect("it is made");

        admin.delete_topic("t").await.expect("it is deleted");
        assert_eq!(admin.describe_topic("t").await, Ok(None));

        assert_eq!(admin.create_topic(&plan("t", 3)).await, Ok(Creation::Created));
        assert!(admin.describe_topic("t").await.expect("an answer").is_some());
    }

    #[tokio::test]
    async fn offsets_come_from_the_cluster() {
        let kafka = Kafka::start(None).await.expect("it starts");
        let admin = kafka.admin().await.expect("an administration");
        admin.create_topic(&plan("t", 2)).await.expect("it is made");

        let watermarks = admin.watermarks("t", &[0, 1]).await.expect("an answer");
        assert_eq!(watermarks.get(&1), Some(&Watermarks { beginning: 0, end: 0 }));
        let committed = admin.committed("g", "t", &[0, 1]).await.expect("an answer");
        assert!(committed.is_empty());
    }

    #[tokio::test]
    async fn a_name_that_is_none_is_refused_in_words() {
        let kafka = Kafka::start(None).await.expect("it starts");
        let admin = kafka.admin().await.expect("an administration");
        let answer = admin.create_topic(&plan("a/b", 1)).await;
        assert!(matches!(answer, Ok(Creation::Refused(words)) if words.contains("a/b")));
    }

    #[tokio::test]
    async fn offsets_are_kept_as_long_as_the_cluster() {
        let kafka = Kafka::start(None).await.expect("it starts");
        let admin = kafka.admin().await.expect("an administration");
        let settings = admin.broker_settings().await.expect("an answer");
        assert_eq!(settings.offsets_retention, Some(Duration::MAX));
    }
}
