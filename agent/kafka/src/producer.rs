//! A producer whose records are acknowledged by all in-sync replicas.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kafka2oss_proto::ErrorCode;
use kafka2oss_proto::error_code::Problem;
use kafka2oss_proto::spec::Instance;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::classify;
use crate::config::client_config;
use crate::drop_in_background::DropInBackground;
use crate::error_memory::ErrorMemory;
use crate::native::c_string;

/// How long one record is tried.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(20);

/// A record that stands in a topic, acknowledged by all in-sync replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Partition of the topic.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
}

/// Writes with `acks=all` and idempotence to topics that exist, and is made
/// anew after a fatal error.
pub(crate) struct DurableProducer {
    config: ClientConfig,
    memory: ErrorMemory,
    producer: Mutex<SharedProducer>,
}

type SharedProducer = Arc<DropInBackground<FutureProducer<ErrorMemory>>>;

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
        Self::create(config, ErrorMemory::new(), settings).await
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

    /// Writes a record; it stands in the topic when this returns. A time-out
    /// leaves open whether it does.
    pub(crate) async fn send(
        &self,
        record: FutureRecord<'_, [u8], [u8]>,
    ) -> Result<Written, KafkaError> {
        // rdkafka expects that there is no zero byte, and would panic.
        c_string(record.topic).map_err(|failure| KafkaError::MessageProduction(failure.code))?;
        let outcome = self.attempt(record).await;
        if outcome.is_err() {
            self.replace_when_fatal().await;
        }
        outcome
    }

    async fn attempt(
        &self,
        mut record: FutureRecord<'_, [u8], [u8]>,
    ) -> Result<Written, KafkaError> {
        let producer = self.current();
        let deadline = Instant::now() + DELIVERY_TIMEOUT;
        loop {
            // Not `send`, which expects that the producer outlives it.
            match producer.send_result(record) {
                Ok(delivery) => {
                    let delivery = delivery.await.map_err(|_| KafkaError::Canceled)?;
                    let delivery = delivery.map_err(|(error, _)| error)?;
                    let (partition, offset) = (delivery.partition, delivery.offset);
                    return Ok(Written { partition, offset });
                }
                Err((error, refused))
                    if classify::native_code(&error) == Some(RDKafkaErrorCode::QueueFull)
                        && Instant::now() < deadline =>
                {
                    record = refused;
                    sleep(QUEUE_FULL_PAUSE).await;
                }
                Err((error, _)) => return Err(error),
            }
        }
    }

    fn current(&self) -> SharedProducer {
        Arc::clone(&self.producer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// After a fatal error an idempotent producer refuses everything.
    async fn replace_when_fatal(&self) {
        let Some((code, words)) = self.current().client().fatal_error() else { return };
        tracing::warn!(%code, "producer is replaced after a fatal error: {words}");
        match shared(self.config.clone(), self.memory.clone()).await {
            Ok(fresh) => *self.producer.lock().unwrap_or_else(PoisonError::into_inner) = fresh,
            Err(problem) => tracing::warn!(%problem, "producer is not replaced"),
        }
    }
}

async fn shared(config: ClientConfig, memory: ErrorMemory) -> Result<SharedProducer, Problem> {
    let context = memory.clone();
    let producer = spawn_blocking(move || config.create_with_context(context))
        .await
        .map_err(|error| {
            Problem::new(ErrorCode::KafkaRequestFailed, format!("cannot make a producer: {error}"))
        })?
        .map_err(|error| memory.problem("cannot make a producer", &error))?;
    Ok(Arc::new(DropInBackground::new(producer)))
}
