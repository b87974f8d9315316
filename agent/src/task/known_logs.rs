//! Where partitions' logs begin and end, as far as the brokers say so in time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka2oss_kafka::{BrokerAdmin, KafkaAdmin, Shared, Watermarks};
use tokio::time::timeout;

/// What the brokers may take to tell: whoever asks can do without. The answer to a
/// commit that comes meanwhile is not to look late (`commits.rs`).
const LIMIT: Duration = Duration::from_millis(500);

/// Where these partitions' logs begin and end; of none where the brokers do not say so
/// of all.
pub(super) async fn known_logs(
    admin: &Shared<BrokerAdmin>,
    topic: &str,
    partitions: &[i32],
) -> BTreeMap<i32, Watermarks> {
    if partitions.is_empty() {
        return BTreeMap::new();
    }
    let ask = async |admin: Arc<BrokerAdmin>| admin.watermarks(topic, partitions).await;
    match timeout(LIMIT, admin.with(ask)).await {
        Ok(Ok(logs)) => logs,
        Ok(Err(problem)) => {
            tracing::debug!(%problem, "where logs begin and end is not known");
            BTreeMap::new()
        }
        Err(_) => BTreeMap::new(),
    }
}
