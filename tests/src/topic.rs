//! Topics and groups as a test sees them: created, described, listed, read off.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use rdkafka::admin::{
    AdminClient, AdminOptions, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use tokio::task::spawn_blocking;

use crate::access_rules::{Operation, Resource, allow};
use crate::kafka::client_config;
use crate::wait::eventually;

const REQUEST_LIMIT: Duration = Duration::from_secs(20);
/// What it may take until all partitions have leaders.
const LEADERS_LIMIT: Duration = Duration::from_secs(60);

/// A client for topics and groups of one broker.
#[derive(Clone)]
pub struct KafkaAdmin {
    client: Arc<AdminClient<DefaultClientContext>>,
    bootstrap: String,
}

/// A consumer group as the broker describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The group id.
    pub name: String,
    /// `Stable`, `Empty`, `PreparingRebalance`, ...
    pub state: String,
    /// The client ids of its members.
    pub members: Vec<String>,
}

impl KafkaAdmin {
    /// A client of the broker at `bootstrap`.
    pub fn new(bootstrap: &str) -> Result<Self> {
        Ok(Self {
            client: Arc::new(client_config(bootstrap).create()?),
            bootstrap: bootstrap.to_owned(),
        })
    }

    /// Creates a topic with one replica and awaits that its partitions have
    /// leaders. `configs`: such as `("cleanup.policy", "compact")`.
    pub async fn create_topic(
        &self,
        topic: &str,
        partitions: i32,
        configs: &[(&str, &str)],
    ) -> Result<()> {
        let mut new_topic = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        for (name, value) in configs {
            new_topic = new_topic.set(name, value);
        }
        let results = self.client.create_topics([&new_topic], &options()).await?;
        single(results)?.map_err(|(topic, code)| anyhow!("cannot create {topic}: {code}"))?;
        let what = format!("topic {topic} has {partitions} partitions with leaders");
        eventually(what, REQUEST_LIMIT, async || {
            Ok((self.partitions(topic).await? == Some(partitions)).then_some(()))
        })
        .await
    }

    /// Gives a topic more partitions: this many in all.
    pub async fn add_partitions(&self, topic: &str, partitions: usize) -> Result<()> {
        let more = NewPartitions::new(topic, partitions);
        let results = self.client.create_partitions([&more], &options()).await?;
        single(results)?
            .map_err(|(topic, code)| anyhow!("cannot give {topic} more partitions: {code}"))?;
        let what = format!("topic {topic} has {partitions} partitions with leaders");
        eventually(what, REQUEST_LIMIT, async || {
            let there = self.partitions(topic).await?.and_then(|there| usize::try_from(there).ok());
            Ok((there == Some(partitions)).then_some(()))
        })
        .await
    }

    /// Deletes a topic and awaits that it is gone.
    pub async fn delete_topic(&self, topic: &str) -> Result<()> {
        let results = self.client.delete_topics(&[topic], &options()).await?;
        single(results)?.map_err(|(topic, code)| anyhow!("cannot delete {topic}: {code}"))?;
        eventually(format!("topic {topic} is gone"), REQUEST_LIMIT, async || {
            Ok(self.partitions(topic).await?.is_none().then_some(()))
        })
        .await
    }

    /// How many partitions with a leader a topic has; `None` when there is no
    /// such topic.
    pub async fn partitions(&self, topic: &str) -> Result<Option<i32>> {
        Ok(self.topics().await?.remove(topic))
    }

    /// All topics, the broker's own too, with their numbers of partitions.
    pub async fn topics(&self) -> Result<BTreeMap<String, i32>> {
        let client = self.client.clone();
        spawn_blocking(move || {
            // Of all topics: asking for one by name would report one that does
            // not exist as an error of the request's.
            let metadata = client.inner().fetch_metadata(None, REQUEST_LIMIT)?;
            let mut topics = BTreeMap::new();
            for topic in metadata.topics() {
                let led = topic.partitions().iter().filter(|p| p.leader() >= 0);
                topics.insert(topic.name().to_owned(), i32::try_from(led.count())?);
            }
            Ok(topics)
        })
        .await?
    }

    /// A topic's setting as in force, such as `cleanup.policy` or
    /// `max.message.bytes`.
    pub async fn topic_config(&self, topic: &str, name: &str) -> Result<String> {
        let resource = ResourceSpecifier::Topic(topic);
        let results = self.client.describe_configs([&resource], &options()).await?;
        let config = single(results)?.map_err(|code| anyhow!("cannot describe {topic}: {code}"))?;
        config
            .get(name)
            .and_then(|entry| entry.value.clone())
            .with_context(|| format!("topic {topic} has no setting {name}"))
    }

    /// All groups.
    pub async fn groups(&self) -> Result<Vec<Group>> {
        let client = self.client.clone();
        spawn_blocking(move || {
            let list = client.inner().fetch_group_list(None, REQUEST_LIMIT)?;
            let groups = list.groups().iter().map(|group| Group {
                name: group.name().to_owned(),
                state: group.state().to_owned(),
                members: group
                    .members()
                    .iter()
                    .map(|member| member.client_id().to_owned())
                    .collect(),
            });
            Ok(groups.collect())
        })
        .await?
    }

    /// A group, if it exists.
    pub async fn group(&self, name: &str) -> Result<Option<Group>> {
        let groups = self.groups().await?;
        Ok(groups.into_iter().find(|group| group.name == name))
    }

    /// Allows a user of SASL something, on a broker with access rules.
    pub async fn allow(&self, user: &str, operation: Operation, on: Resource) -> Result<()> {
        let (client, user) = (self.client.clone(), user.to_owned());
        spawn_blocking(move || allow(&client, &user, operation, &on)).await?
    }

    /// The cluster's id.
    pub async fn cluster_id(&self) -> Result<String> {
        let client = self.client.clone();
        spawn_blocking(move || client.inner().fetch_cluster_id(REQUEST_LIMIT))
            .await?
            .context("the broker tells no cluster id")
    }

    /// Each partition's end offset: one past its last record. Waits for leaders: a broker
    /// that has just started becomes that of one partition after the other.
    pub async fn end_offsets(&self, topic: &str) -> Result<BTreeMap<i32, i64>> {
        eventually(format!("the ends of all partitions of {topic}"), LEADERS_LIMIT, async || {
            let (client, topic) = (self.client.clone(), topic.to_owned());
            let ends = spawn_blocking(move || {
                let partitions = partitions_of(&client, &topic)?;
                let end = |partition| -> Result<(i32, i64)> {
                    let inner = client.inner();
                    let (_, end) = inner.fetch_watermarks(&topic, partition, REQUEST_LIMIT)?;
                    Ok((partition, end))
                };
                partitions.into_iter().map(end).collect::<Result<_>>()
            });
            ends.await?.map(Some)
        })
        .await
    }

    /// The offsets that a group has committed; partitions without one are
    /// absent. Does not join the group.
    pub async fn committed_offsets(&self, group: &str, topic: &str) -> Result<BTreeMap<i32, i64>> {
        let mut config = client_config(&self.bootstrap);
        config.set("group.id", group);
        let (client, topic) = (self.client.clone(), topic.to_owned());
        spawn_blocking(move || {
            let consumer: BaseConsumer = config.create()?;
            let mut asked = TopicPartitionList::new();
            for partition in partitions_of(&client, &topic)? {
                asked.add_partition(&topic, partition);
            }
            let answer = consumer.committed_offsets(asked, REQUEST_LIMIT)?;
            let mut committed = BTreeMap::new();
            // The elements' metadata is left alone: reading one that is not
            // UTF-8 panics in the wrapper.
            for element in answer.elements() {
                element.error()?;
                if let Offset::Offset(offset) = element.offset() {
                    committed.insert(element.partition(), offset);
                }
            }
            Ok(committed)
        })
        .await?
    }
}

/// All partitions of a topic, whether they have leaders or not.
fn partitions_of(client: &AdminClient<DefaultClientContext>, topic: &str) -> Result<Vec<i32>> {
    let metadata = client.inner().fetch_metadata(None, REQUEST_LIMIT)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    let found = found.with_context(|| format!("there is no topic {topic}"))?;
    Ok(found.partitions().iter().map(|partition| partition.id()).collect())
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(REQUEST_LIMIT)).request_timeout(Some(REQUEST_LIMIT))
}

fn single<T>(mut results: Vec<T>) -> Result<T> {
    ensure!(results.len() == 1, "one result was asked for, not {}", results.len());
    results.pop().context("there is one")
}
