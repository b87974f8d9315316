//! What a task writes to the offset topic and reads from it: the positions of
//! its chains, for the day on which the group's offsets are gone.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kafka2oss_chain::{ChainId, Checkpoint, CheckpointKey, Commit, Identity, Moment};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_kafka::{InternalTopics, Shared, read_compacted};
use ulid::Ulid;

use super::TaskSpec;
use super::consumer::identity;
use crate::clock;
use crate::supervision;

/// What reading the whole topic may take: its last segment is not compacted and
/// can be large.
const READ_LIMIT: Duration = Duration::from_secs(10 * 60);

/// Checkpoints of whichever assignments.
pub(super) type Found = BTreeMap<CheckpointKey, Checkpoint>;

/// The offset topic of a task's connector.
pub(super) struct CheckpointTopic {
    spec: Arc<TaskSpec>,
    identity: Identity,
    chain: ChainId,
    topics: Arc<Shared<InternalTopics>>,
    /// It was seen to take no checkpoints.
    unusable: AtomicBool,
    /// The last checkpoint of each partition by this consumer.
    written: Mutex<BTreeMap<i32, Written>>,
}

/// The last checkpoint of a partition by this consumer.
struct Written {
    key: CheckpointKey,
    checkpoint: Checkpoint,
}

/// What became of one attempt to write a checkpoint.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// It is acknowledged.
    Written,
    /// It was too late, and nothing was sent.
    Late,
    /// It failed, or its outcome is unknown.
    Failed(Problem),
    /// The topic is not there or may not be written to: it takes no checkpoints.
    Refused(Problem),
}

impl CheckpointTopic {
    pub(super) fn new(spec: Arc<TaskSpec>, topics: Arc<Shared<InternalTopics>>) -> Self {
        let identity = identity(&spec);
        Self {
            chain: identity.chain_id(),
            identity,
            spec,
            topics,
            unusable: AtomicBool::new(false),
            written: Mutex::default(),
        }
    }

    /// Begins to connect to it: the first object would wait for that.
    pub(super) fn prepare(&self) {
        let topics = Arc::clone(&self.topics);
        let connect = async move {
            // Whoever writes meets the problem again, and shows it.
            if let Err(problem) = topics.connected().await {
                tracing::debug!(%problem, "internal topics are not connected to yet");
            }
        };
        tokio::spawn(supervision::contained("connecting to internal topics", connect));
    }

    /// Whether it takes checkpoints, as far as this consumer knows.
    pub(super) fn is_usable(&self) -> bool {
        !self.unusable.load(Ordering::Relaxed)
    }

    fn name(&self) -> &str {
        &self.spec.spec.resources.offset_topic.name
    }

    /// Every checkpoint of this chain's, whatever the partition.
    pub(super) async fn read(&self) -> Result<Found, Problem> {
        let TaskSpec { instance, spec, .. } = &*self.spec;
        let group = &spec.resources.connector_consumer_group;
        let records = read_compacted(instance, group, self.name(), READ_LIMIT).await?;
        let decode = |(key, value): (Vec<u8>, Vec<u8>)| {
            let checkpoint = Checkpoint::decode(&value).filter(|own| own.is_of(&self.identity))?;
            Some((CheckpointKey::decode(&key)?, checkpoint))
        };
        Ok(records.into_iter().filter_map(decode).collect())
    }

    /// Sends a checkpoint if it is earlier than `before` once there is a connection;
    /// `None` when it is not.
    async fn write(
        &self,
        key: &CheckpointKey,
        value: &Checkpoint,
        before: Moment,
    ) -> Result<Option<()>, Problem> {
        let (name, key, value) = (self.name(), key.encode(), value.encode());
        let write = |topics: Arc<InternalTopics>| async move {
            if clock::now() >= before {
                return Ok(None);
            }
            topics.write(name, &key, Some(&value), Duration::ZERO).await.map(|_| Some(()))
        };
        self.topics.with(write).await
    }

    async fn remove(&self, key: &CheckpointKey) -> Result<(), Problem> {
        let (name, key) = (self.name(), key.encode());
        let write = |topics: Arc<InternalTopics>| async move {
            topics.write(name, &key, None, InternalTopics::WRITE_LIMIT).await
        };
        self.topics.with(write).await.map(drop)
    }

    /// Removes checkpoints of earlier owners: those of a partition's chain that
    /// count less than the one that this consumer has written. Whoever wrote them
    /// writes none any more that counts, and this consumer's own keys are either its
    /// last one or of no more use.
    pub(super) async fn remove_lower(&self) {
        let own = |partition| {
            let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            written.get(&partition).map(|last| (last.key.clone(), last.checkpoint.clone()))
        };
        let found = match self.read().await {
            Ok(found) => found,
            Err(problem) => {
                tracing::debug!(%problem, "earlier checkpoints stay");
                return;
            }
        };
        for (key, checkpoint) in found {
            let lower = own(key.partition()).is_some_and(|(written, last)| {
                key.is_of(key.partition(), &self.chain)
                    && written != key
                    && checkpoint.owners <= last.owners
                    && checkpoint.rank() < last.rank()
            });
            if !lower {
                continue;
            }
            if let Err(problem) = self.remove(&key).await {
                tracing::debug!(%problem, "earlier checkpoints stay");
                return;
            }
        }
    }
}

/// One assignment's way to the offset topic.
#[derive(Clone)]
pub(crate) struct Checkpoints {
    topic: Arc<CheckpointTopic>,
    partition: i32,
    /// Another one after an attempt of unknown outcome, which may arrive after what is
    /// written later and would take its place.
    key: Arc<Mutex<CheckpointKey>>,
}

impl Checkpoints {
    /// Of a new assignment of the partition.
    pub(super) fn new(topic: Arc<CheckpointTopic>, partition: i32) -> Self {
        let key = Arc::new(Mutex::new(fresh_key(&topic, partition)));
        Self { topic, partition, key }
    }

    /// Sends a checkpoint once, if it is earlier than `before` by then.
    pub(crate) async fn write(&self, commit: &Commit, before: Moment) -> Attempt {
        let checkpoint = Checkpoint::new(&self.topic.identity, commit);
        let key = self.key.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match self.topic.write(&key, &checkpoint, before).await {
            Ok(Some(())) => {
                let mut written = self.topic.written.lock().unwrap_or_else(PoisonError::into_inner);
                written.insert(self.partition, Written { key, checkpoint });
                Attempt::Written
            }
            Ok(None) => Attempt::Late,
            Err(problem) if is_definite(problem.code) => {
                self.topic.unusable.store(true, Ordering::Relaxed);
                Attempt::Refused(problem)
            }
            Err(problem) => {
                let fresh = fresh_key(&self.topic, self.partition);
                *self.key.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
                Attempt::Failed(problem)
            }
        }
    }
}

fn fresh_key(topic: &CheckpointTopic, partition: i32) -> CheckpointKey {
    let TaskSpec { connector, spec, .. } = &*topic.spec;
    let assignment = Ulid::generate().to_string();
    CheckpointKey::new(connector.id(), &spec.source.topic, partition, topic.chain, &assignment)
}

/// Whether the topic takes no checkpoints, whenever it is asked.
fn is_definite(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::KafkaResourceMissing
            | ErrorCode::KafkaTopicNotFound
            | ErrorCode::KafkaTopicAuthorizationFailed
    )
}
