//! The cheapest consumer that there is: librdkafka's batches, read and discarded.

use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use clap::Args;
use rdkafka::bindings;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::measure::{Measured, Meter};
use crate::topics::Topic;

/// Messages that one call takes over at most.
const BATCH: usize = 4_096;

/// Without a record for so long, the rest does not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the child is told.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[arg(long)]
    bootstrap: String,
    #[arg(long)]
    topic: String,
    #[arg(long)]
    partitions: i32,
    /// Records in the topic
    #[arg(long)]
    records: u64,
}

/// Has a child read a whole topic. Seconds run from the assignment of the
/// partitions to the last record; CPU time from before the client is made.
pub(crate) async fn measure(bootstrap: &str, topic: &Topic) -> Result<Measured> {
    super::measured(&[
        "bare-consumer",
        "--bootstrap",
        bootstrap,
        "--topic",
        &topic.name,
        "--partitions",
        &topic.partitions.to_string(),
        "--records",
        &topic.records.to_string(),
    ])
    .await
}

/// Reads the topic, in the child.
pub(crate) fn run(options: &Options) -> Result<Measured> {
    let meter = Meter::start(std::process::id())?;
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &options.bootstrap)
        // Of a group that is never joined: assigning needs a name.
        .set("group.id", "bare-consumer")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // As the product has them; what follows from its memory budget is
        // librdkafka's default here, which is more.
        .set("isolation.level", "read_committed")
        .set("check.crcs", "true")
        .set("fetch.queue.backoff.ms", "10")
        .create()?;
    let queue = Queue::of(&consumer)?;
    let mut partitions = TopicPartitionList::new();
    for partition in 0..options.partitions {
        partitions.add_partition_offset(&options.topic, partition, Offset::Beginning)?;
    }

    // So that, as the product at that moment, it knows the brokers already.
    consumer.fetch_metadata(Some(&options.topic), PATIENCE)?;
    let started = Instant::now();
    consumer.assign(&partitions)?;
    let mut records = 0;
    while records < options.records {
        records += queue.discard_batch(options.records - records)?;
    }
    meter.read(started.elapsed().as_secs_f64())
}

/// The consumer's own queue, to which all partitions are forwarded.
struct Queue<'a> {
    queue: NonNull<bindings::rd_kafka_queue_t>,
    _consumer: &'a BaseConsumer,
}

impl<'a> Queue<'a> {
    fn of(consumer: &'a BaseConsumer) -> Result<Self> {
        // SAFETY: the client is live.
        let queue =
            unsafe { bindings::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
        match NonNull::new(queue) {
            Some(queue) => Ok(Self { queue, _consumer: consumer }),
            None => bail!("the consumer has no queue"),
        }
    }

    /// Awaits a batch, discards it, and says how many messages it had. The call
    /// returns when the batch is full, so that the last one must not be larger than
    /// what is `left`.
    fn discard_batch(&self, left: u64) -> Result<u64> {
        let mut batch = [ptr::null_mut(); BATCH];
        let size = usize::try_from(left).map_or(BATCH, |left| left.min(BATCH));
        // SAFETY: the queue is live, and the array has room for as many pointers as
        // the call is told of, or more.
        let taken = unsafe {
            bindings::rd_kafka_consume_batch_queue(
                self.queue.as_ptr(),
                i32::try_from(PATIENCE.as_millis())?,
                batch.as_mut_ptr(),
                size,
            )
        };
        let taken = usize::try_from(taken)?;
        ensure!(taken > 0, "no record came for {PATIENCE:?}");
        let mut failed = None;
        for message in &batch[..taken] {
            // SAFETY: the call has filled so many with messages that are ours, each
            // of which is destroyed once.
            let error = unsafe {
                let error = (**message).err;
                bindings::rd_kafka_message_destroy(*message);
                error
            };
            if error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                failed = Some(RDKafkaErrorCode::from(error));
            }
        }
        match failed {
            Some(error) => bail!("the consumer failed: {error}"),
            None => Ok(taken as u64),
        }
    }
}

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        // SAFETY: the reference that `of` has taken, given back once, before the
        // client ends.
        unsafe { bindings::rd_kafka_queue_destroy(self.queue.as_ptr()) };
    }
}
