//! What a task writes to the offset topic and reads from it: the positions of
//! its chains, for the day on which the group's offsets are gone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kafka2oss_chain::{ChainId, Checkpoint, CheckpointKey, Identity, Pin};
use kafka2oss_kafka::{InternalTopics, classify, read_compacted};
use kafka2oss_proto::error_code::Problem;
use tokio::sync::Mutex;
use ulid::Ulid;

use super::TaskSpec;
use super::consumer::identity;
use crate::backoff::Backoff;

/// What reading the whole topic may take.
const READ_LIMIT: Duration = Duration::from_secs(15);

/// Checkpoints of whichever assignments.
pub(super) type Found = BTreeMap<CheckpointKey, Checkpoint>;

/// The offset topic of a task's connector.
pub(super) struct CheckpointTopic {
    spec: Arc<TaskSpec>,
    identity: Identity,
    chain: ChainId,
    writer: Mutex<Option<Arc<InternalTopics>>>,
    /// It was seen to take no checkpoints.
    unusable: AtomicBool,
}

impl CheckpointTopic {
    pub(super) fn new(spec: Arc<TaskSpec>) -> Self {
        let identity = identity(&spec);
        Self {
            chain: identity.chain_id(),
            identity,
            spec,
            writer: Mutex::new(None),
            unusable: AtomicBool::new(false),
        }
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
        let writer = {
            let mut made = self.writer.lock().await;
            match &*made {
                Some(writer) => writer.clone(),
                None => {
                    let connected = InternalTopics::connect(&self.spec.instance).await?;
                    made.insert(Arc::new(connected)).clone()
                }
            }
        };
        let value = value.map(Checkpoint::encode);
        let written = writer.write(self.name(), &key.encode(), value.as_deref()).await;
        if written.is_err() {
            // The next one reads the secrets anew.
            *self.writer.lock().await = None;
        }
        written.map(drop)
    }

    /// Removes the checkpoints of the partition's chain that are below `offset`,
    /// which this assignment has just written: those of earlier owners. A later
    /// owner has none below it, since it took the chain over at `offset` or
    /// above.
    async fn remove_lower(&self, partition: i32, offset: i64) -> Result<(), Problem> {
        for (key, checkpoint) in self.read().await? {
            if key.is_of(partition, &self.chain) && checkpoint.offset < offset {
                self.write(&key, None).await?;
            }
        }
        Ok(())
    }
}

/// One assignment's way to the offset topic.
#[derive(Clone)]
pub(crate) struct Checkpoints {
    topic: Arc<CheckpointTopic>,
    partition: i32,
    key: CheckpointKey,
    tidied: Arc<AtomicBool>,
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
        Self { topic, partition, key, tidied: Arc::default() }
    }

    /// Writes a checkpoint until it is acknowledged.
    ///
    /// # Errors
    /// What keeps the topic from taking checkpoints and does not pass by
    /// itself. While brokers cannot be reached it is tried again.
    pub(crate) async fn write(&self, offset: i64, pin: &Pin) -> Result<(), Problem> {
        let checkpoint = Checkpoint::new(&self.topic.identity, offset, pin);
        let mut backoff = Backoff::of_requests();
        while let Err(problem) = self.topic.write(&self.key, Some(&checkpoint)).await {
            if !classify::is_cut_off(problem.code) {
                self.topic.unusable.store(true, Ordering::Relaxed);
                return Err(problem);
            }
            tracing::debug!(%problem, "checkpoint not written yet");
            tokio::time::sleep(backoff.next_delay()).await;
        }
        if !self.tidied.swap(true, Ordering::Relaxed) {
            let Self { topic, partition, .. } = self.clone();
            tokio::spawn(async move {
                if let Err(problem) = topic.remove_lower(partition, offset).await {
                    tracing::debug!(%problem, partition, "earlier checkpoints stay");
                }
            });
        }
        Ok(())
    }
}
