//! A producer that costs nothing while it has nothing to do: rdkafka's own ones
//! with futures or a thread poll ten times a second, each for a millisecond in
//! a busy loop, about 1 % of a core.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use kafka2oss_domain::error_code::Problem;
use rdkafka::bindings::rd_kafka_message_status;
use rdkafka::bindings::rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
use rdkafka::client::{Client, ClientContext, OAuthToken};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{
    BaseProducer, BaseRecord, DeliveryResult, FutureRecord, Producer, ProducerContext,
};
use rdkafka::types::RDKafkaErrorCode;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::coop;
use tokio::time::{sleep, timeout};

use crate::calls;
use crate::classify;
use crate::drop_in_background::DropInBackground;
use crate::error_memory::ErrorMemory;
use crate::main_queue::MainQueue;

const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(20);

/// librdkafka's default of `message.timeout.ms`, which it gives a record up after.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// It says so itself within this. Not where the host's clock was set back far, since it
/// waits by that clock (`cnd_timedwait`), or where a thread of its own hangs.
const REPORT_MARGIN: Duration = Duration::from_secs(10);

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// In milliseconds since 1970.
    pub(crate) timestamp: Option<i64>,
}

/// A record that was not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Undelivered {
    /// The brokers' answer or librdkafka's; [`KafkaError::Canceled`] when the
    /// producer's runtime has ended.
    pub(crate) error: KafkaError,
    /// Whether it may stand in the topic all the same: it was sent, and no answer came,
    /// or none that says otherwise.
    pub(crate) may_stand: bool,
}

impl Undelivered {
    /// One that certainly stands nowhere.
    fn unsent(error: KafkaError) -> Self {
        Self { error, may_stand: false }
    }

    /// One of which nobody says what became of it.
    fn unknown(error: KafkaError) -> Self {
        Self { error, may_stand: true }
    }
}

/// A producer whose logs, errors and deliveries are taken by a task of tokio's
/// as they come. Dropped in the background.
pub(crate) struct AsyncProducer {
    served: Arc<DropInBackground<Served>>,
    /// Closed when the task has ended.
    task: watch::Sender<()>,
    /// How long what became of a record is waited for.
    report_limit: Duration,
    /// It did not say in that time what became of a record.
    silent: AtomicBool,
}

struct Served {
    /// Before the producer: its callback is to be gone before the client is.
    queue: MainQueue,
    producer: BaseProducer<Deliveries>,
}

impl AsyncProducer {
    /// Makes a producer; brokers are connected to in the background, and the
    /// task that serves it runs on the current runtime.
    ///
    /// # Errors
    /// Settings that librdkafka does not take, told as `failure`.
    pub(crate) async fn create(
        config: ClientConfig,
        memory: ErrorMemory,
        failure: &str,
    ) -> Result<Self, Problem> {
        let report_limit = message_timeout(&config) + REPORT_MARGIN;
        let wake = Arc::new(Notify::new());
        let (context, woken) = (Deliveries { memory: memory.clone() }, Arc::clone(&wake));
        // It may read CA certificates from files.
        let served = calls::of_clients()
            .run("making a producer", move || Served::create(&config, context, woken))
            .await?
            .map_err(|error| memory.problem(failure, &error))?;
        let served = Arc::new(DropInBackground::new(served));
        let (task, running) = watch::channel(());
        tokio::spawn(serve(Arc::downgrade(&served), wake, running));
        Ok(Self { served, task, report_limit, silent: AtomicBool::new(false) })
    }

    pub(crate) fn client(&self) -> &Client<Deliveries> {
        self.served.producer.client()
    }

    /// Why it is of no more use, if it is not: it has failed for good, or does not say what
    /// became of its records.
    pub(crate) fn why_useless(&self) -> Option<String> {
        match self.client().fatal_error() {
            Some((code, words)) => Some(format!("{code}: {words}")),
            None if self.silent.load(Ordering::Relaxed) => {
                Some("it does not say what became of a record".to_owned())
            }
            None if self.task.is_closed() => Some("nothing serves it any more".to_owned()),
            None => None,
        }
    }

    /// As [`AsyncProducer::deliver`], for whoever writes again in any case.
    ///
    /// # Errors
    /// The brokers' answer or librdkafka's.
    pub(crate) async fn send(
        &self,
        record: FutureRecord<'_, [u8], [u8]>,
        patience: Duration,
    ) -> Result<Delivery, KafkaError> {
        self.deliver(record, patience).await.map_err(|undelivered| undelivered.error)
    }

    /// Writes a record; it stands in the topic when this returns. While the
    /// queue is full it is tried for `patience`; what became of it is waited for as long
    /// as librdkafka may take by its settings, and 10 s more.
    ///
    /// # Errors
    /// It was not acknowledged.
    pub(crate) async fn deliver(
        &self,
        record: FutureRecord<'_, [u8], [u8]>,
        patience: Duration,
    ) -> Result<Delivery, Undelivered> {
        let (report, delivery) = oneshot::channel();
        let mut record = BaseRecord {
            topic: record.topic,
            partition: record.partition,
            payload: record.payload,
            key: record.key,
            timestamp: record.timestamp,
            headers: record.headers,
            delivery_opaque: Box::new(report),
        };
        let deadline = Instant::now() + patience;
        while let Err((error, refused)) = self.served.producer.send(record) {
            let full = classify::native_code(&error) == Some(RDKafkaErrorCode::QueueFull);
            if !full || Instant::now() >= deadline {
                return Err(Undelivered::unsent(error));
            }
            record = refused;
            sleep(QUEUE_FULL_PAUSE).await;
        }
        tokio::select! {
            outcome = timeout(self.report_limit, delivery) => {
                let Ok(outcome) = outcome else {
                    self.silent.store(true, Ordering::Relaxed);
                    let code = RDKafkaErrorCode::MessageTimedOut;
                    return Err(Undelivered::unknown(KafkaError::MessageProduction(code)));
                };
                let unknown = || Err(Undelivered::unknown(KafkaError::Canceled));
                outcome.unwrap_or_else(|_| unknown()).map_err(|undelivered| {
                    let error = self.cause_of(undelivered.error);
                    Undelivered { error, ..undelivered }
                })
            }
            () = self.task.closed() => Err(Undelivered::unknown(KafkaError::Canceled)),
        }
    }
}

impl AsyncProducer {
    /// A fatal error purges everything that waits; it is the cause, and not the purge.
    fn cause_of(&self, error: KafkaError) -> KafkaError {
        match (classify::native_code(&error), self.client().fatal_error()) {
            (
                Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight),
                Some((code, _)),
            ) => KafkaError::MessageProduction(code),
            _ => error,
        }
    }
}

/// How long librdkafka tries a record with these settings; 0 is without an end for it.
fn message_timeout(config: &ClientConfig) -> Duration {
    let set = config.get("message.timeout.ms").and_then(|set| set.parse().ok());
    set.filter(|set| *set > 0).map_or(MESSAGE_TIMEOUT, Duration::from_millis)
}

impl Served {
    fn create(
        config: &ClientConfig,
        context: Deliveries,
        wake: Arc<Notify>,
    ) -> Result<Self, KafkaError> {
        let producer: BaseProducer<_> = config.create_with_context(context)?;
        // SAFETY: the client is live, and dropped after the queue.
        let queue = unsafe { MainQueue::watch(producer.client().native_ptr(), wake) }
            .map_err(|failure| KafkaError::Global(failure.code))?;
        Ok(Self { queue, producer })
    }
}

/// Serves a producer until it is dropped.
async fn serve(
    served: Weak<DropInBackground<Served>>,
    wake: Arc<Notify>,
    _running: watch::Receiver<()>,
) {
    // At first without being woken: librdkafka may have had something to say
    // before it knew whom to wake.
    while let Some(served) = served.upgrade() {
        while !served.queue.is_empty() {
            served.producer.poll(Duration::ZERO);
            coop::consume_budget().await;
        }
        drop(served);
        wake.notified().await;
    }
}

/// Hands deliveries to those who wait for them, and the rest to the memory.
pub(crate) struct Deliveries {
    memory: ErrorMemory,
}

impl ClientContext for Deliveries {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, fac: &str, log_message: &str) {
        self.memory.log(level, fac, log_message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.memory.error(error, reason);
    }

    fn generate_oauth_token(&self, place: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.memory.generate_oauth_token(place)
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<oneshot::Sender<Result<Delivery, Undelivered>>>;

    fn delivery(&self, result: &DeliveryResult<'_>, report: Self::DeliveryOpaque) {
        let outcome = match result {
            Ok(message) => Ok(Delivery {
                partition: message.partition(),
                offset: message.offset(),
                timestamp: message.timestamp().to_millis(),
            }),
            Err((error, message)) => {
                // SAFETY: the message is live.
                let status = unsafe { rd_kafka_message_status(message.ptr()) };
                let unsent = status == RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
                Err(Undelivered { error: error.clone(), may_stand: !unsent })
            }
        };
        // Nobody may wait for it any more.
        let _ = report.send(outcome);
    }
}

#[cfg(test)]
mod tests;
