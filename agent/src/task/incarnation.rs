//! Whether the source topic is still the one that the epoch was opened on.
//!
//! After a topic was deleted and created again its offsets mean other records,
//! and librdkafka reads on at the same offset where there is one. So records
//! join the chain only when the topic was seen to be the epoch's after they
//! had been fetched.

use std::sync::Arc;
use std::time::Instant;

use kafka2oss_kafka::{BrokerAdmin, KafkaAdmin};
use kafka2oss_proto::ErrorCode;
use kafka2oss_proto::error_code::Problem;
use tokio::sync::Mutex;

use super::TaskSpec;

/// Asks the brokers for the topic's id, once for all who want to know at the
/// same time.
pub(crate) struct Incarnation {
    spec: Arc<TaskSpec>,
    asked: Mutex<Asked>,
}

#[derive(Default)]
struct Asked {
    admin: Option<BrokerAdmin>,
    /// When the last request that saw the epoch's topic was begun.
    confirmed: Option<Instant>,
}

impl Incarnation {
    pub(super) fn new(spec: Arc<TaskSpec>) -> Self {
        Self { spec, asked: Mutex::default() }
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
        let mut asked = self.asked.lock().await;
        if asked.confirmed.is_some_and(|confirmed| confirmed >= moment) {
            return Ok(());
        }
        let begun = Instant::now();
        let admin = match asked.admin.take() {
            Some(admin) => admin,
            None => BrokerAdmin::connect(&self.spec.instance).await?,
        };
        // Kept only when it answers: the next one reads the secrets anew.
        let described = admin.describe_topic(&self.spec.spec.source.topic).await?;
        asked.admin = Some(admin);
        self.judge(described.map(|description| description.id))?;
        asked.confirmed = Some(begun);
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
