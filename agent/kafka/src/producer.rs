//! A producer whose records are acknowledged by all in-sync replicas.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::Instance;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::FutureRecord;

use crate::async_producer::AsyncProducer;
use crate::classify;
use crate::config::client_config;
use crate::error_memory::ErrorMemory;
use crate::native::c_string;

/// How long one record is tried, unless settings say otherwise.
pub(crate) const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);

/// A record that stands in a topic, acknowledged by all in-sync replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Partition of the topic.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
}

/// Writes with `acks=all` and idempotence to topics that exist, and is made
/// anew when it is of no more use.
pub(crate) struct DurableProducer {
    config: ClientConfig,
    memory: ErrorMemory,
    producer: Mutex<Arc<AsyncProducer>>,
}

impl DurableProducer {
    /// A producer for an instance, with its secrets resolved anew and these
    /// settings of librdkafka's besides. Brokers are connected to in the
    /// background.
    ///
    /// # Errors
    /// Secrets that cannot be read, settings that librdkafka does not take.
    pub(crate) async fn connect(
        instance: &Instance,
        settings: &[(&str, &str)],
    ) -> Result<Self, Problem> {
        let mut config = client_config(instance).await?;
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", DELIVERY_TIMEOUT.as_millis().to_string())
            // A topic that is gone is to be reported, and not to be made anew
            // by the broker with settings of its own.
            .set("allow.auto.create.topics", "false")
            .set("topic.metadata.propagation.max.ms", "5000");
        let memory = ErrorMemory::of(&config);
        Self::create(config, memory, settings).await
    }

    /// Another one with the same secrets and memory, and these settings too.
    ///
    /// # Errors
    /// Settings that librdkafka does not take.
    pub(crate) async fn another(&self, settings: &[(&str, &str)]) -> Result<Self, Problem> {
        Self::create(self.config.clone(), self.memory.clone(), settings).await
    }

    async fn create(
        mut config: ClientConfig,
        memory: ErrorMemory,
        settings: &[(&str, &str)],
    ) -> Result<Self, Problem> {
        for (name, value) in settings {
            config.set(*name, *value);
        }
        let producer = Mutex::new(shared(config.clone(), memory.clone()).await?);
        Ok(Self { config, memory, producer })
    }

    /// Why brokers cannot be talked to.
    pub(crate) fn memory(&self) -> &ErrorMemory {
        &self.memory
    }

    /// Writes a record; it stands in the topic when this returns. `patience` is for a
    /// queue that is full. A time-out leaves open whether it stands there.
    pub(crate) async fn send(
        &self,
        record: FutureRecord<'_, [u8], [u8]>,
        patience: Duration,
    ) -> Result<Written, KafkaError> {
        // A zero byte as librdkafka tells it: rdkafka's own error has no code.
        c_string(record.topic).map_err(|failure| KafkaError::MessageProduction(failure.code))?;
        let producer = self.current();
        let outcome = producer.send(record, patience).await;
        if let Err(error) = &outcome {
            self.replace_when_useless(&producer, error).await;
        }
        outcome.map(|delivery| Written { partition: delivery.partition, offset: delivery.offset })
    }

    fn current(&self) -> Arc<AsyncProducer> {
        Arc::clone(&self.producer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// After a fatal error an idempotent producer refuses everything; one that is silent
    /// may be so for ever, and so may one that has not reached the brokers for as long as
    /// it tries a record: where they are at other addresses by now, a new one asks those
    /// that it was given.
    async fn replace_when_useless(&self, failed: &Arc<AsyncProducer>, error: &KafkaError) {
        let is_cut_off = classify::native_code(error).is_some_and(classify::is_passing);
        let cut_off = || is_cut_off.then(|| format!("it does not reach the brokers: {error}"));
        let Some(why) = failed.why_useless().or_else(cut_off) else { return };
        if !Arc::ptr_eq(failed, &self.current()) {
            // Another record has met the same.
            return;
        }
        tracing::warn!("producer is replaced: {why}");
        match shared(self.config.clone(), self.memory.clone()).await {
            Ok(fresh) => {
                let mut current = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
                if Arc::ptr_eq(failed, &current) {
                    *current = fresh;
                }
            }
            Err(problem) => tracing::warn!(%problem, "producer is not replaced"),
        }
    }
}

async fn shared(config: ClientConfig, memory: ErrorMemory) -> Result<Arc<AsyncProducer>, Problem> {
    AsyncProducer::create(config, memory, "cannot make a producer").await.map(Arc::new)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may end at once")]

    use super::*;

    /// Time stands still but for who waits: librdkafka, which tries this record without
    /// an end, is not heard of before the limit.
    #[tokio::test(start_paused = true)]
    async fn one_that_does_not_say_what_became_of_a_record_is_replaced() {
        let mut config = ClientConfig::new();
        config.set("message.timeout.ms", "0");
        let memory = ErrorMemory::default();
        let producer = DurableProducer::create(config, memory, &[]).await.unwrap();
        let silent = producer.current();

        let record = FutureRecord::to("topic").payload(&b"value"[..]);
        let outcome = producer.send(record.key(&b""[..]), DELIVERY_TIMEOUT).await;

        let timed_out = rdkafka::error::RDKafkaErrorCode::MessageTimedOut;
        assert_eq!(outcome, Err(KafkaError::MessageProduction(timed_out)));
        assert!(!Arc::ptr_eq(&silent, &producer.current()));
    }

    #[tokio::test]
    async fn one_that_has_not_reached_a_broker_while_it_tried_a_record_is_replaced() {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", "127.0.0.1:1").set("message.timeout.ms", "50");
        let producer = DurableProducer::create(config, ErrorMemory::default(), &[]).await.unwrap();
        let cut_off = producer.current();

        let record = || FutureRecord::to("topic").payload(&b"value"[..]).key(&b""[..]);
        let (one, another) = tokio::join!(
            producer.send(record(), DELIVERY_TIMEOUT),
            producer.send(record(), DELIVERY_TIMEOUT)
        );

        assert!(one.is_err() && another.is_err());
        assert!(!Arc::ptr_eq(&cut_off, &producer.current()));
    }
}
