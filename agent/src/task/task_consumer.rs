//! A task's consumer and its end.
//!
//! librdkafka (2.12.1) ends a consumer only when the application has answered its last
//! rebalance. What it is told once it has ended is dropped without a reply
//! (`rd_kafka_cgrp_op_serve`), and whoever waits for that waits for ever: an answer may
//! go to it only where it waits for one.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use kafka2oss_kafka::Calls;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::message::BorrowedMessage;

use super::context::TaskContext;

/// A task's consumer, shared by all who use it. It ends with the last of them, on the
/// thread that drops it, which waits for that.
#[derive(Clone)]
pub(crate) struct TaskConsumer(Arc<Inner>);

impl TaskConsumer {
    pub(super) fn new(consumer: BaseConsumer<TaskContext>, calls: Arc<Calls>) -> Self {
        Self(Arc::new(Inner { consumer: Arc::new(consumer), calls }))
    }

    /// Of its task, those that wait.
    pub(super) fn calls(&self) -> &Arc<Calls> {
        &self.0.calls
    }

    /// What rdkafka splits queues off. Whoever keeps it keeps this handle for longer.
    pub(crate) fn base(&self) -> &Arc<BaseConsumer<TaskContext>> {
        &self.0.consumer
    }
}

impl Deref for TaskConsumer {
    type Target = BaseConsumer<TaskContext>;

    fn deref(&self) -> &Self::Target {
        self.base()
    }
}

/// What the consumer has to say now: `None` is nothing, and `Some(None)` something that
/// its context was told.
pub(super) fn poll(
    consumer: &BaseConsumer<TaskContext>,
) -> Option<Option<KafkaResult<BorrowedMessage<'_>>>> {
    let before = consumer.context().callbacks();
    match consumer.poll(Duration::ZERO) {
        None if consumer.context().callbacks() == before => None,
        said => Some(said),
    }
}

/// When this is dropped, nobody takes the consumer's events any more.
struct Inner {
    consumer: Arc<BaseConsumer<TaskContext>>,
    calls: Arc<Calls>,
}

impl Inner {
    /// Lets the group say what it has to say.
    fn hear(&self) {
        while poll(&self.consumer).is_some() {}
    }

    /// Answers what the group waits for: nothing is taken, and all given up.
    fn answer(&self) -> bool {
        let context = self.consumer.context();
        let (assignment, revocation) = (context.assigned(), context.revoked());
        let given_up = || self.consumer.incremental_unassign(&self.consumer.assignment()?);
        let answers = [
            assignment.then(|| self.consumer.incremental_assign(&TopicPartitionList::new())),
            revocation.then(given_up),
        ];
        for error in answers.into_iter().flatten().filter_map(KafkaResult::err) {
            tracing::debug!(%error, "a consumer that ends could not answer its group");
        }
        assignment || revocation
    }
}

impl Drop for Inner {
    /// Everything that the group has said by now is heard and answered first, the
    /// answered included: librdkafka is not ending yet, and takes one answer too many.
    /// What it says from then on the context answers, while rdkafka ends the consumer.
    fn drop(&mut self) {
        self.hear();
        while self.answer() {
            self.hear();
        }
        self.consumer.context().ending();
    }
}

#[cfg(test)]
mod tests;
