//! librdkafka's settings for a task's consumer.

use std::time::Duration;

use rdkafka::ClientConfig;

use super::fetch_limit::FetchLimit;
use super::fetch_wait::FetchWait;
use super::{Membership, TaskSpec};

/// Connection trouble and a request that librdkafka has sent again both leave
/// traces: the second attempt of a commit starts this long after the first
/// (`retry.backoff.ms`, with up to 20 % off).
pub(super) const RETRY_BACKOFF: Duration = Duration::from_secs(1);

/// Heartbeats within a session timeout. A member learns of a rebalance by its
/// next heartbeat, and until then commits under a generation that has passed.
const HEARTBEATS_PER_SESSION: u32 = 10;

/// Bytes that a fetch brings of one partition, at most, unless one batch has more.
const FETCH: u64 = 512 << 10;

/// librdkafka's own memory of a prefetched record, about, which it does not count.
const RECORD_OVERHEAD: u64 = 512;

/// How long a member may be silent; also the put window.
pub(super) fn session_timeout(spec: &TaskSpec, membership: Membership) -> Duration {
    match membership {
        Membership::Static => spec.spec.runtime.session_timeout,
        Membership::Dynamic { session_timeout } => session_timeout,
    }
}

/// What a consumer fetches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fetching {
    /// Bytes of each partition that are fetched ahead.
    pub(super) ahead: u64,
    /// How long a fetch waits.
    pub(super) wait: FetchWait,
    /// How large an answer may be.
    pub(super) limit: FetchLimit,
}

/// Adds the settings to those of the instance.
pub(super) fn consumer(
    mut config: ClientConfig,
    spec: &TaskSpec,
    membership: Membership,
    fetching: Fetching,
) -> ClientConfig {
    let Fetching { ahead, wait, limit } = fetching;
    let session_timeout = session_timeout(spec, membership);
    config
        .set("group.id", &spec.spec.resources.task_consumer_group)
        .set("group.protocol", "classic")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", milliseconds(session_timeout))
        .set("heartbeat.interval.ms", milliseconds(session_timeout / HEARTBEATS_PER_SESSION))
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // A position that the broker does not have is never guessed.
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_committed")
        .set("check.crcs", "true")
        // The end of a partition is told, so that what is no record, such as a
        // transaction's marker, is no lag.
        .set("enable.partition.eof", "true")
        .set("retry.backoff.ms", milliseconds(RETRY_BACKOFF))
        .set("retry.backoff.max.ms", milliseconds(RETRY_BACKOFF))
        .set("queued.max.messages.kbytes", (ahead / 1024).to_string())
        // Of small records, less is fetched ahead: each costs librdkafka memory.
        .set("queued.min.messages", (ahead / RECORD_OVERHEAD).to_string())
        .set("fetch.message.max.bytes", ahead.min(FETCH).to_string())
        // The default of a second stalls a fast consumer.
        .set("fetch.queue.backoff.ms", "10")
        .set("fetch.wait.max.ms", milliseconds(wait.duration()))
        .set("receive.message.max.bytes", limit.bytes().to_string())
        // Partitions that are added are seen within this time.
        .set("topic.metadata.refresh.interval.ms", "30000");
    if membership == Membership::Static {
        config.set("group.instance.id", format!("{}-{}", spec.uid, spec.index));
    }
    config
}

/// Adds the settings of a reader in no group that is only to see whether a partition can
/// be fetched under this limit.
pub(super) fn reader(mut config: ClientConfig, spec: &TaskSpec, limit: FetchLimit) -> ClientConfig {
    config
        // A name for the brokers' access rules.
        .set("group.id", &spec.spec.resources.task_consumer_group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        // As little as there may be.
        .set("fetch.message.max.bytes", "1024")
        .set("queued.min.messages", "1")
        .set("fetch.wait.max.ms", "10")
        .set("receive.message.max.bytes", limit.bytes().to_string())
        // Tells the offset that is fetched next.
        .set("statistics.interval.ms", "100");
    config
}

fn milliseconds(duration: Duration) -> String {
    duration.as_millis().to_string()
}
