//! Topics, read from some offset on, in no group.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_format::DecodedHeader;
use kafka2oss_kafka::{BrokerAdmin, ErrorMemory, KafkaAdmin, Watermarks, classify, headers};
use rdkafka::bindings as c;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use tokio::runtime::Handle;

use crate::compare::SourceRecord;
use crate::object::Source;
use crate::walk::SourceEvent;

/// Longest wait for a record, after which the time is looked at.
const POLL: Duration = Duration::from_millis(100);
/// Longest time without a sign of the brokers, before the run is given up.
const SILENCE: Duration = Duration::from_secs(90);

/// Adds what all readers have in common to an instance's settings.
pub(crate) fn reader_config(mut config: ClientConfig) -> ClientConfig {
    config
        // A name for the brokers' access rules; the group is not joined.
        .set("group.id", "kafka2oss-verify")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "error")
        .set("check.crcs", "true")
        // How long a broker waits before it tells that there is no more.
        .set("fetch.wait.max.ms", "100")
        // Of prefetched records, in KiB; one larger record is fetched all the same.
        .set("queued.max.messages.kbytes", "8192")
        // Whatever brokers can hold: what agents do not fetch has to be told of, too.
        .set("receive.message.max.bytes", "2147483647");
    config
}

/// Whether the run was given up, so that its threads should end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cancelled(Arc<AtomicBool>);

impl Cancelled {
    /// Gives the run up when the guard is dropped.
    pub(crate) fn on_drop(&self) -> CancelOnDrop {
        CancelOnDrop(self.clone())
    }

    /// # Errors
    /// When the run was given up.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        if self.0.load(Ordering::Relaxed) {
            let message = "the verification was given up";
            return Err(Problem::new(ErrorCode::KafkaRequestFailed, message));
        }
        Ok(())
    }
}

/// See [`Cancelled::on_drop`].
#[derive(Debug)]
pub(crate) struct CancelOnDrop(Cancelled);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Records of one partition, in order. All of it blocks.
pub(crate) struct PartitionReader<'a> {
    pub(crate) runtime: &'a Handle,
    pub(crate) admin: &'a BrokerAdmin,
    pub(crate) config: &'a ClientConfig,
    pub(crate) cancelled: &'a Cancelled,
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    /// What is not read: offsets from there on.
    pub(crate) end: i64,
    /// Made when the first record is asked for.
    pub(crate) consumer: Option<PartitionConsumer>,
}

impl Source for PartitionReader<'_> {
    fn next(&mut self, start: i64) -> Result<SourceEvent, Problem> {
        if start >= self.end {
            return Ok(SourceEvent::End);
        }
        let Self { topic, partition, end, .. } = *self;
        let consumer = match &mut self.consumer {
            Some(consumer) => consumer,
            none => none.insert(PartitionConsumer::open(self.config, topic, partition, start)?),
        };
        match consumer.next(self.cancelled)? {
            Polled::Record(record) if record.offset < end => Ok(SourceEvent::Record(record)),
            Polled::Record(_) | Polled::AtEnd => Ok(SourceEvent::End),
            Polled::OutOfRange(problem) => {
                // Retention has overtaken the reader.
                let asked = [partition];
                let marks = self.runtime.block_on(self.admin.watermarks(topic, &asked))?;
                match marks.get(&partition) {
                    Some(Watermarks { beginning, .. }) if *beginning > start => {
                        self.consumer = None;
                        Ok(SourceEvent::LogStart(*beginning))
                    }
                    _ => Err(problem),
                }
            }
        }
    }
}

/// What a consumer gives.
pub(crate) enum Polled {
    Record(SourceRecord),
    /// There is none, for now.
    AtEnd,
    /// The partition does not have the offset that was asked for.
    OutOfRange(Problem),
}

/// A consumer of one partition.
pub(crate) struct PartitionConsumer {
    consumer: BaseConsumer<ErrorMemory>,
    memory: ErrorMemory,
    context: String,
}

impl PartitionConsumer {
    /// From `start` on; connects in the background.
    ///
    /// # Errors
    /// Settings that librdkafka does not take.
    pub(crate) fn open(
        config: &ClientConfig,
        topic: &str,
        partition: i32,
        start: i64,
    ) -> Result<Self, Problem> {
        headers::check_layout()?;
        let memory = ErrorMemory::of(config);
        let context = format!("cannot read partition {partition} of topic `{topic}`");
        let failed = |error| memory.problem(&context, &error);
        let consumer: BaseConsumer<ErrorMemory> =
            config.create_with_context(memory.clone()).map_err(failed)?;
        let mut assignment = TopicPartitionList::with_capacity(1);
        assignment.add_partition_offset(topic, partition, Offset::Offset(start)).map_err(failed)?;
        consumer.assign(&assignment).map_err(failed)?;
        Ok(Self { consumer, memory, context })
    }

    /// The next record, or what there is instead. Blocks.
    ///
    /// # Errors
    /// When the brokers refuse, or are silent for 90 s.
    pub(crate) fn next(&mut self, cancelled: &Cancelled) -> Result<Polled, Problem> {
        let started = Instant::now();
        loop {
            cancelled.check()?;
            match self.consumer.poll(POLL) {
                Some(Ok(message)) => return Ok(Polled::Record(record(&message))),
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(Polled::AtEnd),
                Some(Err(error)) => {
                    let problem = self.memory.problem(&self.context, &error);
                    match classify::native_code(&error) {
                        Some(native) if classify::is_passing(native) => {}
                        Some(native)
                            if classify::error_code(native) == ErrorCode::KafkaOffsetOutOfRange =>
                        {
                            return Ok(Polled::OutOfRange(problem));
                        }
                        _ => return Err(problem),
                    }
                }
                None => {}
            }
            if started.elapsed() > SILENCE {
                let words = format!("{}: no record within {SILENCE:?}", self.context);
                return Err(match self.memory.cause() {
                    Some(cause) => Problem::new(cause.code, format!("{words}: {}", cause.message)),
                    None => Problem::new(ErrorCode::KafkaRequestFailed, words),
                });
            }
        }
    }
}

fn record(message: &BorrowedMessage<'_>) -> SourceRecord {
    SourceRecord {
        offset: message.offset(),
        timestamp: message.timestamp().to_millis().unwrap_or(-1),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers_of(message),
    }
}

/// A record's headers as bytes: rdkafka's iterator panics on names that are not
/// UTF-8, and anyone may have produced such.
///
/// `None` when they cannot be read: more than 100,000 of one record, or damaged ones.
fn headers_of(message: &BorrowedMessage<'_>) -> Option<Vec<DecodedHeader>> {
    let mut list = std::ptr::null_mut();
    // SAFETY: the message is live; the list belongs to it.
    let code = unsafe { c::rd_kafka_message_headers(message.ptr(), &mut list) };
    match code {
        c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => {}
        c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__NOENT => return Some(Vec::new()),
        _ => return None,
    }
    // SAFETY: the list is the message's, which lives; the consumer was made after the
    // layout was seen to be known.
    let header = |index| unsafe { headers::header(list, index) };
    let decoded = |(name, value): (&[u8], Option<&[u8]>)| DecodedHeader {
        key: name.to_vec(),
        value: value.map(<[u8]>::to_vec),
    };
    Some((0..).map_while(header).map(decoded).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_a_run_that_was_given_up_end() {
        let cancelled = Cancelled::default();
        let guard = cancelled.on_drop();
        assert!(cancelled.check().is_ok());
        drop(guard);
        assert!(cancelled.clone().check().is_err());
    }
}
