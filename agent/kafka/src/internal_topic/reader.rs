//! Reads a whole internal topic.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::Instance;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Message, Offset, TopicPartitionList};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::latest::{Latest, Unread};
use super::of_internal_topic;
use crate::admin::KafkaAdmin;
use crate::broker_admin::BrokerAdmin;
use crate::classify;
use crate::config::client_config;
use crate::drop_in_background::DropInBackground;
use crate::error_memory::ErrorMemory;
use crate::right::Right;

/// From one look for a record to the next where there was none. Not by librdkafka's own
/// wait, which goes by the time of day.
const PAUSE: Duration = Duration::from_millis(5);
/// What a call of librdkafka's may take beyond the limit.
const MARGIN: Duration = Duration::from_secs(10);
/// Partitions that a message names.
const NAMED: usize = 5;

/// Reads the last value by key of a compacted topic, from its beginning to its
/// end, committed records only; keys whose last record is a tombstone are left
/// out. Ends within `limit`.
///
/// Whatever was acknowledged before the call is there, or what has replaced it
/// since. `group_id` is but a name for the brokers' access rules: the group is
/// not joined, nothing is committed. A key that stands in several partitions,
/// since the topic was given more of them, has the value of the latest
/// timestamp.
///
/// # Errors
/// `KAFKA_RESOURCE_MISSING` when there is no such topic, the brokers' answer,
/// what keeps the reader from them, or what was not read when `limit` was over.
pub async fn read_compacted(
    instance: &Instance,
    group_id: &str,
    topic: &str,
    limit: Duration,
) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Problem> {
    let wanted = Arc::new(());
    let time = Time { started: Instant::now(), limit, wanted: Arc::downgrade(&wanted) };
    let admin = BrokerAdmin::connect(instance).await?;
    let mut config = client_config(instance).await?;
    config
        .set("group.id", group_id)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        // The beginning may move on while it is looked up.
        .set("auto.offset.reset", "earliest")
        .set("queued.max.messages.kbytes", "8192");

    let ends = ends(&admin, topic, &time).await?;
    let name = topic.to_owned();
    let reader =
        blocking(&time, move |time| Reader::open(&config, name, &ends, time)?.read_to(&ends))
            .await?;
    // A record may have been compacted away before it was read, for one beyond
    // the ends as they were then.
    let ends = self::ends(&admin, topic, &time).await?;
    let reader = blocking(&time, move |_| reader.read_to(&ends)).await?;
    Ok(reader.latest.into_values())
}

/// How long reading may take: no longer than anybody waits for it.
#[derive(Debug, Clone)]
struct Time {
    started: Instant,
    limit: Duration,
    /// Gone with whoever waits.
    wanted: Weak<()>,
}

impl Time {
    fn left(&self) -> Duration {
        if self.wanted.strong_count() == 0 {
            return Duration::ZERO;
        }
        self.limit.saturating_sub(self.started.elapsed())
    }
}

/// Where each partition ends.
async fn ends(
    admin: &BrokerAdmin,
    topic: &str,
    time: &Time,
) -> Result<BTreeMap<i32, i64>, Problem> {
    let answer = timeout(time.left(), async {
        let Some(found) = admin.describe_topic(topic).await? else {
            let message = format!("internal topic `{topic}` does not exist");
            return Err(Problem::new(ErrorCode::KafkaResourceMissing, message));
        };
        admin.watermarks(topic, &found.partition_numbers()).await
    })
    .await;
    match answer {
        Ok(answer) => {
            let marks = answer.map_err(of_internal_topic)?;
            Ok(marks.into_iter().map(|(partition, marks)| (partition, marks.end)).collect())
        }
        Err(_) => {
            let what = format!(
                "internal topic `{topic}`: within {:?} the brokers did not tell where it ends",
                time.limit
            );
            Err(late(what, admin.cause()))
        }
    }
}

/// The reader looks at the time itself; librdkafka's calls may not come back.
async fn blocking<T: Send + 'static>(
    time: &Time,
    work: impl FnOnce(Time) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let (left, time) = (time.left(), time.clone());
    let work = spawn_blocking(move || work(time));
    let ended = timeout(left + MARGIN, work).await.map_err(|_| {
        let message = "the Kafka client has not come back from reading an internal topic";
        Problem::new(ErrorCode::KafkaClientStuck, message)
    })?;
    ended.map_err(|error| {
        let message = format!("the reader's thread ended: {error}");
        Problem::new(ErrorCode::KafkaRequestFailed, message)
    })?
}

/// A consumer of all partitions, in no group. All of it blocks.
struct Reader {
    topic: String,
    time: Time,
    consumer: DropInBackground<BaseConsumer<ErrorMemory>>,
    memory: ErrorMemory,
    latest: Latest,
}

impl Reader {
    fn open(
        config: &ClientConfig,
        topic: String,
        partitions: &BTreeMap<i32, i64>,
        time: Time,
    ) -> Result<Self, Problem> {
        let memory = ErrorMemory::of(config);
        let failed =
            |error| memory.problem(&format!("cannot read internal topic `{topic}`"), &error);
        let consumer: BaseConsumer<ErrorMemory> =
            config.create_with_context(memory.clone()).map_err(failed)?;
        let mut assignment = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions.keys() {
            assignment
                .add_partition_offset(&topic, *partition, Offset::Beginning)
                .map_err(failed)?;
        }
        consumer.assign(&assignment).map_err(failed)?;
        let consumer = DropInBackground::new(consumer);
        Ok(Self { topic, time, consumer, memory, latest: Latest::default() })
    }

    fn read_to(mut self, ends: &BTreeMap<i32, i64>) -> Result<Self, Problem> {
        while !self.latest.unread(ends).is_empty() {
            self.next(ends)?;
        }
        Ok(self)
    }

    /// Reads on until a partition has come to its end, or for a moment.
    fn next(&mut self, ends: &BTreeMap<i32, i64>) -> Result<(), Problem> {
        loop {
            let left = self.time.left();
            if left.is_zero() {
                let what = not_read(&self.topic, self.time.limit, &self.latest.unread(ends));
                return Err(late(what, self.memory.cause()));
            }
            match self.consumer.poll(Duration::ZERO) {
                None => {
                    thread::sleep(PAUSE);
                    return Ok(());
                }
                Some(Ok(record)) => {
                    let (partition, offset) = (record.partition(), record.offset());
                    self.latest.record(
                        (partition, offset),
                        record.timestamp().to_millis(),
                        record.key(),
                        record.payload(),
                    );
                    if ends.get(&partition).is_some_and(|end| offset >= end - 1) {
                        return Ok(());
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    self.latest.at_end(partition);
                    return Ok(());
                }
                // librdkafka connects again by itself; the memory has the cause.
                Some(Err(error)) if is_passing(&error) => {}
                Some(Err(error)) => {
                    let context = format!("cannot read internal topic `{}`", self.topic);
                    return Err(of_internal_topic(
                        Right::on_topic("READ", &self.topic)
                            .named_in(self.memory.problem(&context, &error)),
                    ));
                }
            }
        }
    }
}

fn is_passing(error: &KafkaError) -> bool {
    classify::native_code(error).is_some_and(classify::is_passing)
}

/// Says what was not read, in bounded words.
fn not_read(topic: &str, limit: Duration, unread: &[Unread]) -> String {
    let named: Vec<_> = unread
        .iter()
        .take(NAMED)
        .map(|Unread { partition, next, end }| format!("{partition} to {next} of {end}"))
        .collect();
    let more = unread.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "internal topic `{topic}` was not read within {limit:?}: partition {}{more}",
        named.join(", ")
    )
}

fn late(what: String, cause: Option<Problem>) -> Problem {
    match cause {
        Some(cause) => Problem::new(cause.code, format!("{what}: {}", cause.message)),
        None => Problem::new(ErrorCode::KafkaRequestFailed, what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_read_is_told_in_bounded_words() {
        let unread: Vec<_> =
            (0..7).map(|partition| Unread { partition, next: 2, end: 9 }).collect();

        assert_eq!(
            not_read("t", Duration::from_secs(3), &unread[..2]),
            "internal topic `t` was not read within 3s: partition 0 to 2 of 9, 1 to 2 of 9"
        );
        assert!(not_read("t", Duration::from_secs(3), &unread).ends_with(" and 2 more"));
    }
}
