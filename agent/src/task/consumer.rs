//! The consumer's calls that wait, each on a blocking thread.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;

use kafka2oss_chain::{Commit, CommitMetadata, Committed, Identity, Position, Tally, position};
use kafka2oss_domain::error_code::Problem;
use kafka2oss_kafka::partition_list::committed_raw;
use kafka2oss_kafka::{Calls, classify, client_config, headers};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::Notify;

use super::context::TaskContext;
use super::settings::Fetching;
use super::task_consumer::TaskConsumer;
use super::{Membership, TaskSpec, native, settings};

/// Limit of a request to the broker.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a partition is taken up.
#[derive(Debug, Clone)]
pub(super) enum TakeUp {
    /// From this position on.
    At {
        /// Where the chain stands.
        standing: Commit,
        /// Whether the group holds it.
        committed: bool,
    },
    /// The group holds no offset of the chain; the connector's chains of the partition
    /// before it have come to this.
    Absent(Tally),
    /// Not before the problem is gone.
    Stopped(Problem),
}

impl TakeUp {
    /// Whether the leader epoch of the record before the position is known.
    pub(super) fn follows_a_record(&self) -> bool {
        matches!(self, Self::At { standing, .. } if standing.position.leader_epoch.is_some())
    }
}

/// What any call may take: the longest makes two requests.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(30);

/// Runs a call of the consumer's that may wait for the network, or for librdkafka's own
/// thread.
pub(super) async fn blocking<T: Send + 'static>(
    consumer: &TaskConsumer,
    what: &'static str,
    call: impl FnOnce(&TaskConsumer) -> T + Send + 'static,
) -> Result<T, Problem> {
    let (calls, consumer) = (consumer.calls().clone(), consumer.clone());
    calls.run(what, move || call(&consumer)).await
}

/// Creates the consumer and joins the group; `wake` is notified when the
/// consumer has something to say.
pub(super) async fn join_group(
    spec: &TaskSpec,
    membership: Membership,
    fetching: Fetching,
    wake: Arc<Notify>,
    calls: &Arc<Calls>,
) -> Result<TaskConsumer, Problem> {
    let config =
        settings::consumer(client_config(&spec.instance).await?, spec, membership, fetching);
    let topic = spec.spec.source.topic.clone();
    headers::check_layout()?;
    let of_consumer = calls.clone();
    let join = move || {
        let mut consumer: BaseConsumer<TaskContext> = config
            .create_with_context(TaskContext::of(&config))
            .map_err(|error| classify::problem("cannot create the consumer", &error))?;
        consumer.set_nonempty_callback(move || wake.notify_one());
        consumer
            .subscribe(&[&topic])
            .map_err(|error| classify::problem("cannot subscribe", &error))?;
        Ok(TaskConsumer::new(consumer, of_consumer))
    };
    calls.run("joining the group", join).await?
}

/// Reads what the group holds for these partitions and decides where each is
/// taken up.
pub(super) async fn positions(
    consumer: &TaskConsumer,
    spec: &Arc<TaskSpec>,
    partitions: Vec<i32>,
) -> Result<BTreeMap<i32, TakeUp>, Problem> {
    let spec = spec.clone();
    blocking(consumer, "reading the group's offsets", move |consumer| {
        let topic = &spec.spec.source.topic;
        let errors = &consumer.context().errors;
        let identity = identity(&spec);
        let committed = committed_raw(consumer, &list(topic, &partitions), REQUEST_TIMEOUT)
            .map_err(|error| errors.problem("cannot read the group's offsets", &error))?;
        let mut found = BTreeMap::new();
        for entry in committed {
            let partition = entry.partition;
            let held = entry.offset.map(|offset| Committed { offset, metadata: entry.metadata });
            let take_up = match position(held.as_ref(), &identity, partition) {
                Position::Committed(standing) => TakeUp::At { standing, committed: true },
                Position::Absent(before) => TakeUp::Absent(before),
                Position::Stop(problem) => TakeUp::Stopped(problem),
            };
            found.insert(partition, take_up);
        }
        Ok(found)
    })
    .await?
}

/// Asks where a partition's log begins and ends.
#[derive(Clone)]
pub(crate) struct LogRange {
    consumer: TaskConsumer,
    /// As librdkafka takes it.
    topic: CString,
    partition: i32,
}

impl LogRange {
    /// `None` where the topic's name cannot be one.
    pub(super) fn new(consumer: &TaskConsumer, topic: &str, partition: i32) -> Option<Self> {
        let topic = CString::new(topic).ok()?;
        Some(Self { consumer: consumer.clone(), topic, partition })
    }

    /// The topic.
    pub(crate) fn topic(&self) -> Cow<'_, str> {
        self.topic.to_string_lossy()
    }

    /// Beginning and end of the log.
    pub(crate) async fn ask(self) -> Result<(i64, i64), Problem> {
        log_range(&self.consumer, &self.topic(), self.partition).await
    }

    /// The end of the log as the last fetch showed it.
    pub(crate) fn known_end(&self) -> Option<i64> {
        native::known_end(&self.consumer, &self.topic, self.partition)
    }
}

/// Beginning and end of a partition's log.
pub(super) async fn log_range(
    consumer: &TaskConsumer,
    topic: &str,
    partition: i32,
) -> Result<(i64, i64), Problem> {
    let topic = topic.to_owned();
    let ask = move |consumer: &_| watermarks(consumer, &topic, partition);
    blocking(consumer, "reading where a log begins and ends", ask).await?
}

/// Whether the group gives back what a commit carries besides its offset.
pub(super) async fn keeps_metadata(
    consumer: &TaskConsumer,
    topic: &str,
    partition: i32,
) -> Result<bool, Problem> {
    let partitions = list(topic, &[partition]);
    blocking(consumer, "reading what a commit carries", move |consumer| {
        let committed = committed_raw(consumer, &partitions, REQUEST_TIMEOUT)
            .map_err(|error| classify::problem("cannot read the group's offsets", &error))?;
        Ok(committed.iter().all(|entry| CommitMetadata::decode(&entry.metadata).is_some()))
    })
    .await?
}

fn watermarks(consumer: &TaskConsumer, topic: &str, partition: i32) -> Result<(i64, i64), Problem> {
    consumer.fetch_watermarks(topic, partition, REQUEST_TIMEOUT).map_err(|error| {
        let what = format!("cannot read where partition {partition} begins and ends");
        consumer.context().errors.problem(&what, &error)
    })
}

/// Takes up partitions at these offsets, never at a logical one such as the log's
/// end: librdkafka asks the broker where that is, and when the answer comes after
/// the partition has been given up and taken up again, it asks once more and goes
/// on at what it is told then, over all records between (2.12.1,
/// `rd_kafka_toppar_handle_Offset`). Their queues are split off and have their
/// callbacks before.
pub(super) async fn assign(
    consumer: &TaskConsumer,
    topic: &str,
    offsets: &BTreeMap<i32, i64>,
) -> Result<(), Problem> {
    let mut partitions = TopicPartitionList::with_capacity(offsets.len());
    for (partition, offset) in offsets {
        partitions
            .add_partition_offset(topic, *partition, Offset::Offset(*offset))
            .map_err(|error| classify::problem("cannot assign", &error))?;
    }
    let take_up = move |consumer: &TaskConsumer| consumer.incremental_assign(&partitions);
    blocking(consumer, "taking up partitions", take_up)
        .await?
        .map_err(|error| classify::problem("cannot take up partitions", &error))
}

/// Gives partitions up: what is prefetched of them is dropped. Those that were
/// never assigned are given up by being told.
pub(super) async fn unassign(
    consumer: &TaskConsumer,
    topic: &str,
    partitions: &[i32],
) -> Result<(), Problem> {
    let partitions = list(topic, partitions);
    let give_up = move |consumer: &_| incremental_unassign(consumer, &partitions);
    blocking(consumer, "giving up partitions", give_up)
        .await?
        .map_err(|error| classify::problem("cannot give up partitions", &error))
}

/// Gives up those of the partitions that are assigned: librdkafka refuses a list
/// with others whole. Even with none of them it answers a revocation.
fn incremental_unassign(
    consumer: &TaskConsumer,
    partitions: &TopicPartitionList,
) -> KafkaResult<()> {
    let assigned = consumer.assignment()?;
    let mut given_up = TopicPartitionList::new();
    for element in partitions.elements() {
        if assigned.find_partition(element.topic(), element.partition()).is_some() {
            given_up.add_partition(element.topic(), element.partition());
        }
    }
    consumer.incremental_unassign(&given_up)
}

/// Ends the consumer. Every loop has ended before; a request that still waits for its
/// answer keeps the consumer until then, and ends it.
pub(super) async fn close(consumer: TaskConsumer) {
    let calls = consumer.calls().clone();
    // Also where too many calls have not come back: nobody is to wait for one.
    let closed = calls.run_in_any_case("ending a consumer", move || drop(consumer));
    if let Err(problem) = closed.await {
        tracing::warn!(%problem, "a consumer has not ended; it is left alone");
    }
}

/// Leaves the group, for a consumer that is not to come back.
pub(super) async fn leave(consumer: &TaskConsumer) -> Result<(), Problem> {
    blocking(consumer, "leaving the group", |consumer| consumer.unsubscribe()).await
}

/// Whether the consumer has a name in its group, and has not begun to leave it.
pub(super) async fn is_member(consumer: &TaskConsumer) -> Result<bool, Problem> {
    blocking(consumer, "asking for the member's name", native::is_member).await
}

/// Whether an error of the main queue means that only a new consumer helps.
pub(super) fn is_fatal(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageConsumptionFatal(_))
}

/// Whose chain the task carries on.
pub(super) fn identity(spec: &TaskSpec) -> Identity {
    Identity { uid: spec.uid.clone(), topic_id: spec.topic_id.clone(), epoch: spec.epoch }
}

fn list(topic: &str, partitions: &[i32]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(topic, *partition);
    }
    list
}
