//! What the agent asks of Kafka's administration.
//!
//! An interface, since the embedded Kafka of `kafka2oss dev` makes topics
//! through its own handle only.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;

use crate::broker_admin::GroupMembers;

/// What the agent asks of Kafka's administration.
#[async_trait]
pub trait KafkaAdmin: Send + Sync {
    /// Kafka's id of the cluster; `None` where it has none.
    async fn cluster_id(&self) -> Result<Option<String>, Problem>;

    /// What the brokers are set to; nothing is known by default.
    async fn broker_settings(&self) -> Result<BrokerSettings, Problem> {
        Ok(BrokerSettings::default())
    }

    /// What a topic is like; `None` when it does not exist. Never creates it.
    async fn describe_topic(&self, topic: &str) -> Result<Option<TopicDescription>, Problem>;

    /// Makes a topic with the broker's default replication.
    ///
    /// # Errors
    /// An error says that the outcome is unknown, for example since the answer
    /// was lost: the topic may exist then, and does not count as ours.
    async fn create_topic(&self, plan: &TopicPlan) -> Result<Creation, Problem>;

    /// Deletes a topic; one that does not exist is fine.
    async fn delete_topic(&self, topic: &str) -> Result<(), Problem>;

    /// Deletes a group and its offsets; one that does not exist is fine.
    ///
    /// # Errors
    /// A group that still has members is a problem to try again after.
    async fn delete_group(&self, group: &str) -> Result<(), Problem>;

    /// Where partitions of a topic begin and end; every one or an error.
    async fn watermarks(
        &self,
        topic: &str,
        partitions: &[i32],
    ) -> Result<BTreeMap<i32, Watermarks>, Problem>;

    /// The offset of the first record of each partition at `timestamp` or later
    /// (milliseconds since 1970; below 0 is 0), the partition's end where there
    /// is none; every one or an error. Refused by default: the embedded Kafka
    /// would answer with the end for any time.
    async fn offsets_for_times(
        &self,
        topic: &str,
        partitions: &[i32],
        timestamp: i64,
    ) -> Result<BTreeMap<i32, i64>, Problem> {
        let message = format!(
            "this Kafka cannot look up time {timestamp} in {} partitions of topic `{topic}`",
            partitions.len()
        );
        Err(Problem::new(ErrorCode::KafkaRequestFailed, message))
    }

    /// What a group has committed; partitions without an offset are left out.
    /// Works without joining the group, also while it has members.
    async fn committed(
        &self,
        group: &str,
        topic: &str,
        partitions: &[i32],
    ) -> Result<BTreeMap<i32, Committed>, Problem>;

    /// What keeps it from the brokers, if something did of late.
    fn connection_problem(&self) -> Option<Problem> {
        None
    }

    /// The brokers of the cluster with the addresses that they advertise; none by default.
    async fn brokers(&self) -> Result<Vec<Broker>, Problem> {
        Ok(Vec::new())
    }

    /// Waits for an answer of this very broker at the address that it advertises.
    async fn reach(&self, broker: &Broker) -> Result<(), Problem> {
        let message = format!("this Kafka cannot ask broker {} alone", broker.id);
        Err(Problem::new(ErrorCode::KafkaRequestFailed, message))
    }

    /// What the brokers allow to be done to a topic that exists; `None` where they do not
    /// tell.
    async fn allowed_on_topic(&self, _topic: &str) -> Result<Option<Operations>, Problem> {
        Ok(None)
    }

    /// Who is in a group, what each has of `topic`, and what the brokers allow to be done
    /// to it; `None` where they do not tell.
    async fn describe_group(
        &self,
        _group: &str,
        _topic: &str,
    ) -> Result<Option<(GroupMembers, Option<Operations>)>, Problem> {
        Ok(None)
    }

    /// What would become of [`create_topic`](Self::create_topic), which is not carried
    /// out; `None` where that cannot be told.
    async fn try_create_topic(&self, _plan: &TopicPlan) -> Result<Option<Creation>, Problem> {
        Ok(None)
    }

    /// The last stable offsets of partitions, behind which open transactions hold records
    /// back; `None` where they cannot be told.
    async fn stable_ends(
        &self,
        _topic: &str,
        _partitions: &[i32],
    ) -> Result<Option<BTreeMap<i32, i64>>, Problem> {
        Ok(None)
    }
}

/// Operations that the brokers allow, in the words of Kafka's access rules: `READ`.
pub type Operations = BTreeSet<String>;

/// A broker, as the brokers name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Its id.
    pub id: i32,
    /// The address that it advertises: `host:port`.
    pub address: String,
}

/// What the brokers of a cluster are set to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BrokerSettings {
    /// The least `offsets.retention.minutes`: how long the offsets of a group
    /// without members are kept. `None` when the brokers do not tell.
    pub offsets_retention: Option<Duration>,
    /// Major and minor number of the least `inter.broker.protocol.version`,
    /// which brokers from 4.0 on do not have.
    pub inter_broker_protocol: Option<(u32, u32)>,
}

/// What a topic is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicDescription {
    /// Kafka's id of it, base64url without padding as Kafka prints it; `None`
    /// where the broker has none (before 2.8).
    pub id: Option<String>,
    /// Number of partitions.
    pub partitions: u32,
    /// Setting `cleanup.policy`; `None` when it cannot be read.
    pub cleanup_policy: Option<String>,
    /// Setting `max.message.bytes`; `None` when it cannot be read.
    pub max_message_bytes: Option<u64>,
}

impl TopicDescription {
    /// The numbers of its partitions.
    pub fn partition_numbers(&self) -> Vec<i32> {
        (0..i32::try_from(self.partitions).unwrap_or(i32::MAX)).collect()
    }
}

/// A topic to make, with the broker's default replication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPlan {
    /// Legal Kafka topic name.
    pub name: String,
    /// Number of partitions, at least 1.
    pub partitions: u32,
    /// Setting `cleanup.policy`: `compact` or `delete`.
    pub cleanup_policy: &'static str,
    /// Setting `max.message.bytes`; the broker's default without it.
    pub max_message_bytes: Option<u64>,
}

/// The broker's own answer to a request to make a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creation {
    /// It was made by this request.
    Created,
    /// It was there: not ours.
    AlreadyExists,
    /// The broker does not make it for us, in its own words: a policy, missing
    /// rights, a setting or number that it does not take.
    Refused(String),
}

/// Where a partition begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// Offset of the first record that is still there.
    pub beginning: i64,
    /// The high watermark: offset after the last record, those of open
    /// transactions included. "Latest" is this offset and not the last stable
    /// one: a record below it was produced before, whenever its transaction
    /// ends; and a partition that holds nothing but an open transaction is not
    /// empty.
    pub end: i64,
}

/// What a group has committed for a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Offset of the next record to read.
    pub offset: i64,
    /// Whatever the committer put there: any bytes.
    pub metadata: Vec<u8>,
}
