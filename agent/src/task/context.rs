//! What librdkafka calls back with, as events for the consumer's actor.
//!
//! Callbacks run inside `poll`, on the actor's own task; they only take notes, until
//! the consumer ends.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use kafka2oss_kafka::ErrorMemory;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientConfig, ClientContext, TopicPartitionList};

/// Something that the group or the broker says.
#[derive(Debug)]
pub(super) enum Event {
    /// The group gives these partitions; it waits for `incremental_assign`.
    Assigned(Vec<i32>),
    /// The group takes these partitions; it waits for `incremental_unassign`.
    Revoked(Vec<i32>),
    /// The answer to a commit.
    Committed {
        /// The partition; a commit is always of one.
        partition: i32,
        /// The offset that was committed.
        offset: i64,
        /// The broker's answer.
        outcome: KafkaResult<()>,
    },
    /// The rebalance failed.
    Failed(KafkaError),
}

/// Context of a task's consumer.
#[derive(Debug, Default)]
pub(crate) struct TaskContext {
    /// Causes of failed connections.
    pub(super) errors: ErrorMemory,
    events: Mutex<VecDeque<Event>>,
    /// Callbacks so far, so that a `poll` that returned nothing but served one
    /// can be told from one that found the queue empty.
    callbacks: AtomicU64,
    /// An assignment of the group waits for `incremental_assign`.
    assignment_due: AtomicBool,
    /// A revocation of the group waits for `incremental_unassign`.
    revocation_due: AtomicBool,
    /// No actor takes events any more: callbacks answer for it.
    ending: AtomicBool,
    /// The one answer that an ending consumer takes was given.
    answered_last: AtomicBool,
}

impl TaskContext {
    /// Of a consumer with these settings.
    pub(super) fn of(config: &ClientConfig) -> Self {
        Self { errors: ErrorMemory::of(config), ..Self::default() }
    }

    /// The oldest event.
    pub(super) fn next_event(&self) -> Option<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Whether the group takes partitions and nobody has heard of it yet.
    pub(super) fn has_revocation(&self) -> bool {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().any(|event| matches!(event, Event::Revoked(_)))
    }

    /// The group's assignment is answered with `incremental_assign`; whether there was
    /// one that waited for it.
    pub(super) fn assigned(&self) -> bool {
        self.assignment_due.swap(false, Ordering::AcqRel)
    }

    /// The group's revocation is answered with `incremental_unassign`; whether there was
    /// one that waited for it.
    pub(super) fn revoked(&self) -> bool {
        self.revocation_due.swap(false, Ordering::AcqRel)
    }

    /// Callbacks so far.
    pub(super) fn callbacks(&self) -> u64 {
        self.callbacks.load(Ordering::Relaxed)
    }

    /// From now on nobody takes events, and librdkafka is ending the consumer: it takes
    /// the first answer to a rebalance for the end of them all.
    pub(super) fn ending(&self) {
        self.ending.store(true, Ordering::Release);
    }

    fn answer_last(&self, consumer: &BaseConsumer<Self>) {
        if self.answered_last.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Err(error) = consumer.unassign() {
            tracing::debug!(%error, "a consumer that ends could not give up its partitions");
        }
    }

    fn push(&self, event: Event) {
        self.callbacks.fetch_add(1, Ordering::Relaxed);
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push_back(event);
    }
}

impl ClientContext for TaskContext {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, fac: &str, log_message: &str) {
        self.callbacks.fetch_add(1, Ordering::Relaxed);
        self.errors.log(level, fac, log_message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.callbacks.fetch_add(1, Ordering::Relaxed);
        self.errors.error(error, reason);
    }

    fn generate_oauth_token(&self, place: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.callbacks.fetch_add(1, Ordering::Relaxed);
        self.errors.generate_oauth_token(place)
    }
}

impl ConsumerContext for TaskContext {
    /// Neither assigns nor unassigns: the actor does, with explicit offsets,
    /// once it has read the positions or the loops have ended.
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        error: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let numbers =
            || partitions.elements().iter().map(|element| element.partition()).collect::<Vec<_>>();
        match error {
            _ if self.ending.load(Ordering::Acquire) => self.answer_last(consumer),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                self.assignment_due.store(true, Ordering::Release);
                self.push(Event::Assigned(numbers()));
            }
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => {
                self.revocation_due.store(true, Ordering::Release);
                self.push(Event::Revoked(numbers()));
            }
            error => self.push(Event::Failed(KafkaError::Rebalance(error.into()))),
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        // Never look at an element's metadata here: rdkafka panics where it is
        // not UTF-8.
        for element in offsets.elements() {
            let outcome = result.clone().and_then(|()| element.error());
            self.push(Event::Committed {
                partition: element.partition(),
                offset: element.offset().to_raw().unwrap_or(-1),
                outcome,
            });
        }
    }
}
