//! An embedded Kafka for development: librdkafka's mock cluster, a broker of one
//! node on a loopback port that other Kafka clients can reach too.
//!
//! It is there so that `kafka2oss dev` needs nothing installed. Nothing of the
//! product's guarantees is tested on it. What works as on a broker: producing,
//! consumer groups, offsets and their metadata, watermarks, topic ids. What it
//! cannot do, or does otherwise (librdkafka 2.12.1):
//! - Topics are made through [`EmbeddedKafka::create_topic`]; it has no handler for
//!   CreateTopics, DeleteTopics, DescribeConfigs or DeleteGroups. A producer that
//!   names an unknown topic makes it, with 4 partitions.
//! - It names no controller, so that an admin request of librdkafka waits for one
//!   until it times out, unless it is told the broker to ask
//!   (`rd_kafka_AdminOptions_set_broker` with [`BROKER_ID`]). DescribeTopics, for
//!   topic ids, works so.
//! - A rebalance takes the session timeout less 1 s, whether or not all members have
//!   joined before: clients should set [`CLIENT_SETTINGS`]. A group's first
//!   assignment comes after 0.5 s.
//! - It knows group members by member id only: a second member with the same
//!   `group.instance.id` is another member, and fences nobody.
//! - A commit from outside a group that was ever joined is refused.
//! - It keeps about 5 MiB or 100,000 records of a partition, whichever is less;
//!   older ones are gone, whoever has not read them.
//! - No TLS, no SASL; nothing is on disk; the port cannot be chosen.

mod mock_cluster;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use self::mock_cluster::MockCluster;

/// The id of the one broker.
pub const BROKER_ID: i32 = 1;

/// Settings for consumers on the embedded Kafka, under librdkafka's names: with
/// them, a rebalance takes 2 s. With librdkafka's default session timeout it would
/// take 44 s.
pub const CLIENT_SETTINGS: [(&str, &str); 2] =
    [("session.timeout.ms", "3000"), ("heartbeat.interval.ms", "500")];

/// Why the embedded Kafka could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedKafkaError {
    /// librdkafka could not start its mock cluster.
    #[error("cannot start the embedded Kafka: {0}")]
    Start(KafkaError),
    /// The topic's name is not legal: 1-249 of letters, digits, `.`, `_` and `-`,
    /// not `.` or `..`.
    #[error("{name:?} is no legal topic name")]
    InvalidTopicName {
        /// The name.
        name: String,
    },
    /// A topic needs at least one partition, and the mock cluster takes 1,000 at
    /// most here.
    #[error("{partitions} is no number of partitions from 1 to 1000")]
    InvalidPartitions {
        /// The number asked for.
        partitions: u32,
    },
    /// It exists with another number of partitions.
    #[error("topic {name:?} exists with {partitions} partitions")]
    TopicExists {
        /// The name.
        name: String,
        /// How many partitions it has.
        partitions: u32,
    },
    /// The mock cluster refused to make the topic; one that a producer has made is
    /// [`RDKafkaErrorCode::TopicAlreadyExists`].
    #[error("cannot create topic {name:?}: {code}")]
    CreateTopic {
        /// The name.
        name: String,
        /// The mock cluster's answer.
        code: RDKafkaErrorCode,
    },
}

/// Whether a topic was made or was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicCreation {
    /// It was made now.
    Created,
    /// It had been made before, with as many partitions.
    Existed,
}

/// A running embedded Kafka; dropping it stops it.
#[derive(Debug)]
pub struct EmbeddedKafka {
    cluster: MockCluster,
    /// Topics made through this handle, with their number of partitions.
    topics: Mutex<BTreeMap<String, u32>>,
}

impl EmbeddedKafka {
    /// Starts a broker on a free loopback port.
    ///
    /// # Errors
    /// [`EmbeddedKafkaError::Start`].
    pub fn start() -> Result<Self, EmbeddedKafkaError> {
        let cluster = MockCluster::start().map_err(EmbeddedKafkaError::Start)?;
        Ok(Self { cluster, topics: Mutex::default() })
    }

    /// The value for `bootstrap.servers`: one `HOST:PORT`.
    pub fn bootstrap_servers(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// Makes a topic. One that this handle has made before, with as many
    /// partitions, is left as it is.
    ///
    /// # Errors
    /// All but [`EmbeddedKafkaError::Start`].
    pub fn create_topic(
        &self,
        name: &str,
        partitions: u32,
    ) -> Result<TopicCreation, EmbeddedKafkaError> {
        if !is_topic_name(name) {
            return Err(EmbeddedKafkaError::InvalidTopicName { name: name.to_owned() });
        }
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        match topics.get(name) {
            Some(existing) if *existing == partitions => return Ok(TopicCreation::Existed),
            Some(existing) => {
                let (name, partitions) = (name.to_owned(), *existing);
                return Err(EmbeddedKafkaError::TopicExists { name, partitions });
            }
            None => {}
        }
        let count = i32::try_from(partitions).ok().filter(|count| (1..=1000).contains(count));
        let count = count.ok_or(EmbeddedKafkaError::InvalidPartitions { partitions })?;
        self.cluster
            .create_topic(name, count)
            .map_err(|code| EmbeddedKafkaError::CreateTopic { name: name.to_owned(), code })?;
        topics.insert(name.to_owned(), partitions);
        Ok(TopicCreation::Created)
    }

    /// The topics made through this handle, with their number of partitions,
    /// sorted by name. Those that producers have made are not among them.
    pub fn topics(&self) -> Vec<(String, u32)> {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        topics.iter().map(|(name, partitions)| (name.clone(), *partitions)).collect()
    }
}

/// Kafka's rule (org.apache.kafka.common.internals.Topic).
fn is_topic_name(name: &str) -> bool {
    (1..=249).contains(&name.len())
        && name != "."
        && name != ".."
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}
