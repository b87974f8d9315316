//! Whether the source topic is still the one that the epoch was opened on.
//!
//! After a topic was deleted and created again its offsets mean other records,
//! and librdkafka reads on at the same offset where there is one. So records
//! join the chain only when the topic was seen to be the epoch's after they
//! had been fetched.

use std::sync::Arc;
use std::time::Instant;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_kafka::{BrokerAdmin, Shared};
use tokio::sync::Mutex;

use super::TaskSpec;

/// Asks the brokers for the topic's id, once for all who want to know at the
/// same time.
pub(crate) struct Incarnation {
    spec: Arc<TaskSpec>,
    admin: Arc<Shared<BrokerAdmin>>,
    /// When the last request that saw the epoch's topic was begun.
    confirmed: Mutex<Option<Instant>>,
}

impl Incarnation {
    pub(super) fn new(spec: Arc<TaskSpec>, admin: Arc<Shared<BrokerAdmin>>) -> Self {
        Self { spec, admin, confirmed: Mutex::default() }
    }

    /// Succeeds when the topic was the epoch's at `moment` or later. Where
    /// brokers have no topic ids nothing can be told, and this succeeds.
    ///
    /// # Errors
    /// `TOPIC_RECREATED`, `KAFKA_TOPIC_NOT_FOUND`, or what keeps the brokers
    /// from answering.
    pub(crate) async fn confirm(&self, moment: Instant) -> Result<(), Problem> {
        if self.spec.topic_id.is_empty() {
            return Ok(());
        }
        let mut confirmed = self.confirmed.lock().await;
        if confirmed.is_some_and(|confirmed| confirmed >= moment) {
            return Ok(());
        }
        let begun = Instant::now();
        let topic = &self.spec.spec.source.topic;
        let ask = |admin: Arc<BrokerAdmin>| async move { admin.topic_id(topic).await };
        self.judge(self.admin.with(ask).await?)?;
        *confirmed = Some(begun);
        Ok(())
    }

    fn judge(&self, found: Option<Option<String>>) -> Result<(), Problem> {
        let TaskSpec { topic_id, spec, .. } = &*self.spec;
        let topic = &spec.source.topic;
        match found {
            None => {
                let message = format!("topic `{topic}` does not exist");
                Err(Problem::new(ErrorCode::KafkaTopicNotFound, message))
            }
            Some(Some(id)) if id != *topic_id => {
                let message =
                    format!("topic `{topic}` has id {id} now, and had {topic_id} at Deploy");
                Err(Problem::new(ErrorCode::KafkaTopicRecreated, message))
            }
            Some(_) => Ok(()),
        }
    }
}
