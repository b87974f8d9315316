//! librdkafka's settings for a task's consumer.

use rdkafka::ClientConfig;

use super::TaskSpec;

/// A member that is not heard of for this long is out of the group; a static
/// member that is back within it keeps its partitions.
const SESSION_TIMEOUT_MS: &str = "10000";

/// Prefetched records of one partition, in KiB. Split queues count by
/// themselves, so this times the partitions is what a task holds.
const PREFETCH_KIB: &str = "4096";

/// Adds the settings to those of the instance.
pub(super) fn consumer(
    mut config: ClientConfig,
    spec: &TaskSpec,
    static_membership: bool,
) -> ClientConfig {
    config
        .set("group.id", &spec.spec.resources.task_consumer_group)
        .set("group.protocol", "classic")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", SESSION_TIMEOUT_MS)
        .set("heartbeat.interval.ms", "3000")
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
    if static_membership {
        config.set("group.instance.id", format!("{}-{}", spec.uid, spec.index));
    }
    config
}
