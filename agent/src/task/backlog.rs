//! What a connector has before it when a task of it starts.

use std::sync::Arc;
use std::time::Duration;

use kafka2oss_domain::error_code::Problem;
use kafka2oss_kafka::{BrokerAdmin, KafkaAdmin, Shared};
use tokio::time::timeout;

use super::fetch_wait::FetchWait;
use super::{Membership, TaskEnvironment, TaskSpec};

/// What the brokers may take to tell; it only makes reading quicker.
const LIMIT: Duration = Duration::from_secs(2);

/// The wait that suits the first consumer of a task; without an answer of the brokers,
/// that of one that has nothing before it. A consumer that is no static member keeps
/// its wait, and is not always before a backlog.
pub(super) async fn first_wait(spec: &TaskSpec, environment: &TaskEnvironment) -> FetchWait {
    if environment.membership != Membership::Static {
        return FetchWait::Long;
    }
    let admin = environment.clients.admins.of(&spec.instance);
    match timeout(LIMIT, backlog(spec, &admin)).await {
        Ok(Ok(backlog)) => FetchWait::before(backlog),
        Ok(Err(problem)) => {
            tracing::debug!(%problem, "the backlog is not known");
            FetchWait::Long
        }
        Err(_) => FetchWait::Long,
    }
}

/// Records that all partitions have before them, about: markers of transactions count,
/// too.
async fn backlog(spec: &TaskSpec, admin: &Shared<BrokerAdmin>) -> Result<i64, Problem> {
    let (group, topic) = (&spec.spec.resources.task_consumer_group, &spec.spec.source.topic);
    let partitions: Vec<i32> = spec.start_offsets.keys().copied().collect();
    let ask = async |admin: Arc<BrokerAdmin>| {
        let committed = admin.committed(group, topic, &partitions).await?;
        Ok((committed, admin.watermarks(topic, &partitions).await?))
    };
    let (committed, logs) = admin.with(ask).await?;
    let before = |partition: &i32| {
        let log = logs.get(partition)?;
        let from = committed.get(partition).map(|committed| committed.offset);
        let from = from.or_else(|| spec.start_offsets.get(partition).copied())?;
        Some((log.end - from.max(log.beginning)).max(0))
    };
    Ok(partitions.iter().filter_map(before).sum())
}
