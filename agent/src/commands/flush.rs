//! Reads where partitions end, and has them flushed up to there.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_proto::agent::v1::command_progress::Progress;
use kafka2oss_proto::agent::v1::{
    FlushConnector, FlushConnectorResult, FlushReport, FlushReportPartition, ReadEndOffsets,
    ReadEndOffsetsResult,
};
use kafka2oss_proto::{Count, v1};
use tokio::time::{Instant, sleep, timeout_at};

use super::{Attempt, Means, instance, unsupported};
use crate::task::{FlushNews, NewLink};

/// A flush is followed for so long: one that takes longer comes again before that.
const FOLLOWED_FOR: Duration = Duration::from_secs(10);
/// Between two reports, so that what changes together is told together.
const PACE: Duration = Duration::from_millis(50);

/// Reads the last stable offset of each partition; where the cluster has no transactions,
/// its end.
pub(super) async fn read_ends(
    means: &Means,
    request: ReadEndOffsets,
) -> Result<ReadEndOffsetsResult, Problem> {
    let ReadEndOffsets { connector: _, instance: wire, topic } = request;
    let admin = means.admins.connect(&instance(wire)?).await?;
    let Some(described) = admin.describe_topic(&topic).await? else {
        let message = format!("topic `{topic}` does not exist");
        return Err(Problem::new(ErrorCode::KafkaTopicNotFound, message));
    };
    let partitions = described.partition_numbers();
    let end_offsets = match admin.stable_ends(&topic, &partitions).await? {
        Some(stable) => stable,
        None => {
            let watermarks = admin.watermarks(&topic, &partitions).await?;
            watermarks.into_iter().map(|(partition, marks)| (partition, marks.end)).collect()
        }
    };
    Ok(ReadEndOffsetsResult { end_offsets })
}

/// Flushes partitions, and tells where they are until all are where they should be.
pub(super) async fn run(
    means: &Means,
    request: FlushConnector,
    attempt: &Attempt,
) -> Result<FlushConnectorResult, Problem> {
    let FlushConnector { connector: _, uid, epoch, target_offsets } = request;
    let epoch = u64::try_from(epoch).map_err(|_| unsupported("the epoch is below 0"))?;
    let mut left = target_offsets.clone();
    let flush = means.flushes.begin(&uid, epoch, target_offsets);
    let deadline = Instant::now() + FOLLOWED_FOR;
    while !left.is_empty() {
        let Ok(news) = timeout_at(deadline, flush.news()).await else { break };
        for one in &news {
            forget_reached(&mut left, one);
        }
        let partitions = news.into_iter().map(reported).collect();
        attempt.tell(Progress::Flush(FlushReport { partitions })).await;
        sleep(PACE).await;
    }
    Ok(FlushConnectorResult {})
}

fn forget_reached(left: &mut BTreeMap<i32, i64>, news: &FlushNews) {
    if let (Some(target), Some(standing)) = (left.get(&news.partition), news.standing)
        && standing.complete_to >= *target
    {
        left.remove(&news.partition);
    }
}

fn reported(news: FlushNews) -> FlushReportPartition {
    let FlushNews { partition, standing, objects } = news;
    FlushReportPartition {
        partition,
        committed_offset: standing.map(|standing| standing.committed),
        complete_to: standing.map(|standing| standing.complete_to),
        objects: objects.into_iter().map(object).collect(),
    }
}

fn object(link: NewLink) -> v1::FlushedObject {
    let NewLink { key, extent, records } = link;
    let extent = v1::Extent { first_offset: extent.start, next_offset: extent.end };
    v1::FlushedObject { object_key: key, extent: Some(extent), records: Some(records.to_wire()) }
}
