//! Finds out which partition makes a broker's answer too large, and at which offset.
//!
//! librdkafka has one fetch a broker under way, for many partitions, and tells the size
//! of an answer that it does not take, not whose records are in it. So each partition is
//! fetched alone, by a reader of its own under the same limit.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kafka2oss_domain::error_code::Problem;
use kafka2oss_kafka::{Calls, ErrorMemory, classify, client_config};
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, ClientContext, Message, Offset, Statistics, TopicPartitionList};

use super::fetch_limit::FetchLimit;
use super::{TaskSpec, settings};

/// How long one partition is looked at.
const PATIENCE: Duration = Duration::from_secs(10);

/// From one look at what the reader has been told to the next.
const LOOK: Duration = Duration::from_millis(20);

/// Where a partition cannot be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unfetchable {
    /// From here on there is no record before that.
    pub from: i64,
    /// The batch that is too large holds this offset, or is the next one behind it.
    pub offset: i64,
    /// Bytes of the answer that it makes.
    pub bytes: u64,
}

/// A partition that may be it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Suspect {
    pub(super) partition: i32,
    /// Where its loop is.
    pub(super) position: i64,
    /// Where it has begun to read.
    pub(super) read_from: i64,
}

impl Suspect {
    /// The first offset that its consumer may still have to fetch: the record before the
    /// position is read, too, where the loop has begun with that.
    pub(super) fn from(self) -> i64 {
        if self.read_from + 1 == self.position { self.read_from } else { self.position }
    }
}

/// What was seen of a partition that was fetched alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It can be fetched, or has nothing to be fetched.
    Fetchable,
    /// Not from there on.
    Unfetchable(Unfetchable),
    /// Not enough.
    Unknown,
}

/// Fetches a partition alone.
pub(super) async fn examine(
    spec: &TaskSpec,
    calls: &Arc<Calls>,
    limit: FetchLimit,
    suspect: Suspect,
) -> Result<Verdict, Problem> {
    let config = settings::reader(client_config(&spec.instance).await?, spec, limit);
    let topic = spec.spec.source.topic.clone();
    let look = move || {
        Reader::open(&config, topic, suspect)
            .map_err(|error| classify::problem("cannot look at a partition alone", &error))
            .map(|reader| reader.look())
    };
    calls.run("looking at a partition alone", look).await?
}

/// A consumer of one partition, in no group. All of it blocks, for [`PATIENCE`] at most.
struct Reader {
    suspect: Suspect,
    consumer: BaseConsumer<Seen>,
}

impl Reader {
    fn open(config: &ClientConfig, topic: String, suspect: Suspect) -> Result<Self, KafkaError> {
        let partition = suspect.partition;
        let mut from = TopicPartitionList::with_capacity(1);
        from.add_partition_offset(&topic, partition, Offset::Offset(suspect.from()))?;
        let seen =
            Seen { errors: ErrorMemory::of(config), topic, partition, position: Mutex::default() };
        let consumer: BaseConsumer<Seen> = config.create_with_context(seen)?;
        consumer.assign(&from)?;
        Ok(Self { suspect, consumer })
    }

    fn look(&self) -> Verdict {
        let started = Instant::now();
        let mut was_told = false;
        while started.elapsed() < PATIENCE {
            let said = self.consumer.poll(LOOK);
            let seen = self.consumer.context();
            let answers = seen.errors.oversized_answers();
            match said {
                None => {}
                Some(Ok(record)) if record.offset() < self.suspect.position => {}
                Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => return Verdict::Fetchable,
                // Of an answer that is too large librdkafka says that it is a bad message.
                Some(Err(error)) if answers.told > 0 || is_passing(&error) => {}
                Some(Err(error)) => {
                    tracing::debug!(%error, partition = self.suspect.partition, "not looked at");
                    return Verdict::Unknown;
                }
            }
            if answers.told == 0 {
                continue;
            }
            if !std::mem::replace(&mut was_told, true) {
                // What was told of the position may be from before that.
                seen.take_position();
            } else if let Some(offset) = seen.take_position() {
                let from = self.suspect.from();
                return Verdict::Unfetchable(Unfetchable { from, offset, bytes: answers.bytes });
            }
        }
        Verdict::Unknown
    }
}

fn is_passing(error: &KafkaError) -> bool {
    classify::native_code(error).is_some_and(classify::is_passing)
}

/// What a reader is told.
struct Seen {
    errors: ErrorMemory,
    topic: String,
    partition: i32,
    /// The offset that librdkafka fetches next: behind aborted records and markers,
    /// which it does not tell of.
    position: Mutex<Option<i64>>,
}

impl Seen {
    fn take_position(&self) -> Option<i64> {
        self.position.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientContext for Seen {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, fac: &str, log_message: &str) {
        self.errors.log(level, fac, log_message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.errors.error(error, reason);
    }

    fn generate_oauth_token(&self, place: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.errors.generate_oauth_token(place)
    }

    fn stats(&self, statistics: Statistics) {
        let topic = statistics.topics.get(&self.topic);
        let partition = topic.and_then(|topic| topic.partitions.get(&self.partition));
        let position = partition.map(|partition| partition.next_offset);
        // Below 0 it has none yet.
        *self.position.lock().unwrap_or_else(PoisonError::into_inner) =
            position.filter(|position| *position >= 0);
    }
}

impl ConsumerContext for Seen {}
