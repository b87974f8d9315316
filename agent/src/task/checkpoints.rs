//! What a task writes to the offset topic and reads from it: the positions of
//! its chains, for the day on which the group's offsets are gone.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kafka2oss_chain::{ChainId, Checkpoint, CheckpointKey, Identity, LogPosition, Pin};
use kafka2oss_kafka::{InternalTopics, Shared, read_compacted};
use kafka2oss_proto::ErrorCode;
use kafka2oss_proto::error_code::Problem;
use ulid::Ulid;

use super::consumer::identity;
use super::{PartitionBoard, TaskSpec};
use crate::backoff::Backoff;

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
    offset: i64,
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
        tokio::spawn(async move {
            // Whoever writes meets the problem again, and shows it.
            if let Err(problem) = topics.connected().await {
                tracing::debug!(%problem, "internal topics are not connected to yet");
            }
        });
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

    async fn write(&self, key: &CheckpointKey, value: Option<&Checkpoint>) -> Result<(), Problem> {
        let value = value.map(Checkpoint::encode);
        let (name, key, value) = (self.name(), key.encode(), value.as_deref());
        let write =
            |topics: Arc<InternalTopics>| async move { topics.write(name, &key, value).await };
        self.topics.with(write).await.map(drop)
    }

    /// Removes checkpoints of earlier owners: those of a partition's chain that
    /// are below the one that this consumer has written. A later owner has none
    /// below it, since it took the chain over there or above.
    pub(super) async fn remove_lower(&self) {
        let own = |partition| {
            let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            written.get(&partition).map(|written| (written.key.clone(), written.offset))
        };
        let found = match self.read().await {
            Ok(found) => found,
            Err(problem) => {
                tracing::debug!(%problem, "earlier checkpoints stay");
                return;
            }
        };
        for (key, checkpoint) in found {
            let lower = own(key.partition()).is_some_and(|(written, offset)| {
                key.is_of(key.partition(), &self.chain)
                    && written != key
                    && checkpoint.offset < offset
            });
            if !lower {
                continue;
            }
            if let Err(problem) = self.write(&key, None).await {
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
    key: CheckpointKey,
}

impl Checkpoints {
    /// Of a new assignment of the partition.
    pub(super) fn new(topic: Arc<CheckpointTopic>, partition: i32) -> Self {
        let TaskSpec { connector, spec, .. } = &*topic.spec;
        let assignment = Ulid::generate().to_string();
        let key = CheckpointKey::new(
            connector.id(),
            &spec.source.topic,
            partition,
            topic.chain,
            &assignment,
        );
        Self { topic, partition, key }
    }

    /// Writes a checkpoint until it is acknowledged.
    ///
    /// # Errors
    /// When the topic is not there or may not be written to: it takes no
    /// checkpoints. What else fails is shown on `board` and tried again.
    pub(crate) async fn write(
        &self,
        position: LogPosition,
        pin: &Pin,
        board: &PartitionBoard,
    ) -> Result<(), Problem> {
        let checkpoint = Checkpoint::new(&self.topic.identity, position, pin);
        let mut backoff = Backoff::of_requests();
        while let Err(problem) = self.topic.write(&self.key, Some(&checkpoint)).await {
            if is_definite(problem.code) {
                self.topic.unusable.store(true, Ordering::Relaxed);
                return Err(problem);
            }
            board.retrying(&problem);
            tokio::time::sleep(backoff.next_delay()).await;
        }
        board.recovered();
        let mut written = self.topic.written.lock().unwrap_or_else(PoisonError::into_inner);
        let written_now = Written { key: self.key.clone(), offset: position.offset };
        written.insert(self.partition, written_now);
        Ok(())
    }
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
