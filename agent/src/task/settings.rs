//! librdkafka's settings for a task's consumer.

use std::time::Duration;

use rdkafka::ClientConfig;

use super::{Membership, TaskSpec};

/// Heartbeats within a session timeout. A member learns of a rebalance by its
/// next heartbeat, and until then commits under a generation that has passed.
const HEARTBEATS_PER_SESSION: u32 = 10;

/// Prefetched records of one partition, in KiB. Split queues count by
/// themselves, so this times the partitions is what a task holds.
const PREFETCH_KIB: &str = "4096";

/// Adds the settings to those of the instance.
pub(super) fn consumer(
    mut config: ClientConfig,
    spec: &TaskSpec,
    membership: Membership,
) -> ClientConfig {
    let Membership { is_static, session_timeout } = membership;
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
        .set("queued.max.messages.kbytes", PREFETCH_KIB)
        .set("fetch.message.max.bytes", "1048576")
        // The default of a second stalls a fast consumer.
        .set("fetch.queue.backoff.ms", "10")
        .set("fetch.wait.max.ms", "500")
        // Partitions that are added are seen within this time.
        .set("topic.metadata.refresh.interval.ms", "30000");
    if is_static {
        config.set("group.instance.id", format!("{}-{}", spec.uid, spec.index));
    }
    config
}

fn milliseconds(duration: Duration) -> String {
    duration.as_millis().to_string()
}
