//! Where partitions' logs begin, as far as the brokers say so in time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka2oss_kafka::{BrokerAdmin, LogPlace, Shared};
use tokio::time::timeout;

/// What the brokers may take to tell: whoever asks can do without. The answer to a
/// commit that comes meanwhile is not to look late (`commits.rs`).
const LIMIT: Duration = Duration::from_millis(500);

/// Where these partitions' logs begin; of none where the brokers do not say so of all.
pub(super) async fn known_beginnings(
    admin: &Shared<BrokerAdmin>,
    topic: &str,
    partitions: &[i32],
) -> BTreeMap<i32, i64> {
    if partitions.is_empty() {
        return BTreeMap::new();
    }
    let ask =
        async |admin: Arc<BrokerAdmin>| admin.offsets(topic, partitions, LogPlace::Beginning).await;
    match timeout(LIMIT, admin.with(ask)).await {
        Ok(Ok(beginnings)) => beginnings,
        Ok(Err(problem)) => {
            tracing::debug!(%problem, "where logs begin is not known");
            BTreeMap::new()
        }
        Err(_) => BTreeMap::new(),
    }
}
