//! Records that cannot stand in an object, on their way to an error topic.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use kafka2oss_chain::DETACHED_VALUE;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_kafka::{ErrorRecord, ErrorStage, ErrorTopicProducer, SendError, Written, classify};
use kafka2oss_proto::{Count, v1};
use tokio::sync::{Mutex, Semaphore};

use super::aside::Aside;
use super::attempts::{Attempts, Patience};
use super::message::Message;
use super::turn::{Turn, Turns};
use super::values::ValueObjects;
use crate::report::{Reporter, Severity};
use crate::task::{PartitionBoard, TaskSpec, Unfetchable};

/// Bytes of the value that an event shows.
const PREVIEW_BYTES: usize = 64;

/// A task's error topics; their producer is made when the first record needs
/// it.
pub(crate) struct ErrorTopics {
    spec: Arc<TaskSpec>,
    reporter: Reporter,
    producer: Mutex<Option<Arc<ErrorTopicProducer>>>,
}

impl ErrorTopics {
    pub(crate) fn new(spec: Arc<TaskSpec>, reporter: Reporter) -> Self {
        Self { spec, reporter, producer: Mutex::new(None) }
    }

    /// Abnormal data could be decoded and is not taken; a dead letter could
    /// not be.
    fn topic(&self, stage: ErrorStage) -> &str {
        let resources = &self.spec.spec.resources;
        match stage {
            ErrorStage::TaskPut => &resources.abnormal_data_topic.name,
            _ => &resources.dead_letter_queue_topic.name,
        }
    }

    async fn send(&self, record: &ErrorRecord) -> Result<Written, SendError> {
        let producer = {
            let mut made = self.producer.lock().await;
            match &*made {
                Some(producer) => producer.clone(),
                None => {
                    let connected = ErrorTopicProducer::connect(&self.spec.instance)
                        .await
                        .map_err(SendError::Failed)?;
                    made.insert(Arc::new(connected)).clone()
                }
            }
        };
        let outcome = producer.send(record).await;
        if let Err(SendError::Failed(problem)) = &outcome
            && classify::is_refusal(problem.code)
        {
            // The next one reads the secrets anew.
            *self.producer.lock().await = None;
        }
        outcome
    }
}

/// One partition's way to the error topics.
#[derive(Clone)]
pub(crate) struct DeadLetters {
    /// The topics.
    topics: Arc<ErrorTopics>,
    /// The partition.
    partition: i32,
    /// Where values go that an error topic refuses as too large.
    values: ValueObjects,
    /// What is seen of the partition.
    board: Arc<PartitionBoard>,
    /// In which they are told of.
    turns: Turns,
}

impl DeadLetters {
    /// The way of one partition.
    pub(crate) fn new(
        topics: Arc<ErrorTopics>,
        partition: i32,
        values: ValueObjects,
        board: Arc<PartitionBoard>,
    ) -> Self {
        Self { topics, partition, values, board, turns: Turns::default() }
    }

    /// Sends a copy of the record on its way.
    pub(super) fn send(
        &self,
        aside: &mut Aside,
        slots: &Arc<Semaphore>,
        message: &Message<'_>,
        stage: ErrorStage,
        problem: Problem,
    ) {
        let record = self.copy(message, stage, problem);
        let (turn, slots) = (self.turns.next(), Arc::clone(slots));
        aside.send_dead_letter(message.bytes(), self.clone().deliver(record, slots, turn));
    }

    /// Sends what stands for a record that cannot be fetched.
    pub(super) fn send_unfetched(
        &self,
        aside: &mut Aside,
        slots: &Arc<Semaphore>,
        found: Unfetchable,
        problem: Problem,
    ) {
        let empty = self.empty(found.offset, ErrorStage::TaskPut, problem);
        let record = ErrorRecord { unfetched_bytes: Some(found.bytes), ..empty };
        let (turn, slots) = (self.turns.next(), Arc::clone(slots));
        aside.send_dead_letter(0, self.clone().deliver(record, slots, turn));
    }

    /// A copy of the record with what is wrong with it.
    fn copy(&self, message: &Message<'_>, stage: ErrorStage, mut problem: Problem) -> ErrorRecord {
        let headers = message.copy_headers().unwrap_or_else(|unreadable| {
            if problem.code != ErrorCode::RecordHeadersUnreadable {
                let words = &problem.message;
                problem.message = format!("{words}; the copy is without headers: {unreadable}");
            }
            None
        });
        ErrorRecord {
            key: message.key().map(<[u8]>::to_vec),
            value: message.value().map(Bytes::copy_from_slice),
            headers,
            timestamp: Some(message.timestamp().millis).filter(|millis| *millis != -1),
            ..self.empty(message.offset(), stage, problem)
        }
    }

    /// What is wrong with a record, without anything of it.
    fn empty(&self, offset: i64, stage: ErrorStage, problem: Problem) -> ErrorRecord {
        let TaskSpec { connector, spec, index, .. } = &*self.topics.spec;
        ErrorRecord {
            error_topic: self.topics.topic(stage).to_owned(),
            key: None,
            value: None,
            detached_value: None,
            unfetched_bytes: None,
            headers: None,
            timestamp: None,
            source_topic: spec.source.topic.clone(),
            source_partition: self.partition,
            source_offset: offset,
            connector: connector.id().to_owned(),
            task_index: *index,
            stage,
            code: problem.code,
            message: problem.message,
        }
    }

    /// Sends the record, when one of the `slots` is free, until the error topic has
    /// acknowledged it, and tells of it when its turn has come.
    async fn deliver(
        self,
        mut record: ErrorRecord,
        slots: Arc<Semaphore>,
        mut turn: Turn,
    ) -> Result<(), Problem> {
        let slot = slots.acquire_owned().await;
        let mut attempts = Attempts::new(&self.board, Patience(None));
        let written = loop {
            match self.topics.send(&record).await {
                Ok(written) => break written,
                Err(SendError::TooLarge(problem)) if record.detached_value.is_none() => {
                    let Some(value) = &record.value else {
                        attempts.blocked(&problem).await;
                        continue;
                    };
                    let value = value.clone();
                    let offset = record.source_offset;
                    let key = self.values.put(offset, DETACHED_VALUE, value).await?;
                    record.detached_value = Some(key);
                }
                Err(SendError::TooLarge(problem) | SendError::Failed(problem)) => {
                    attempts.blocked(&problem).await;
                }
            }
        };
        attempts.worked();
        // Those before it may wait for one.
        drop(slot);
        turn.comes().await;
        self.board.dead_lettered();
        let problem = Problem::new(record.code, record.message.clone());
        let gone = format!("{} (now in `{}`)", record.message, record.error_topic);
        self.board.log(Severity::Warn, Some(record.source_offset), Some(&problem), gone);
        self.topics.reporter.dead_letter(event(&self.topics.spec, record, written));
        Ok(())
    }
}

fn event(spec: &TaskSpec, record: ErrorRecord, written: Written) -> v1::DeadLetter {
    let timestamp = record.timestamp.map(|milliseconds| prost_types::Timestamp {
        seconds: milliseconds.div_euclid(1_000),
        nanos: (milliseconds.rem_euclid(1_000) * 1_000_000) as i32,
    });
    let value = record.value.as_deref();
    v1::DeadLetter {
        time: Some(SystemTime::now().into()),
        connector: spec.connector.to_string(),
        topic: record.source_topic,
        partition: record.source_partition,
        offset: record.source_offset,
        timestamp,
        error_code: record.code.as_str().to_owned(),
        error_message: record.message,
        error_topic: record.error_topic,
        error_partition: written.partition,
        error_offset: written.offset,
        key_size: record.key.as_ref().map(|key| (key.len() as u64).to_wire()),
        value_size: value.map(|value| (value.len() as u64).to_wire()),
        value_preview: value
            .map_or(&[][..], |value| &value[..value.len().min(PREVIEW_BYTES)])
            .to_vec(),
    }
}
