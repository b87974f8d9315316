//! librdkafka's mock cluster through its C interface: rdkafka's own wrapper can be
//! neither sent nor shared between threads, and cannot set the delay before a
//! group's first rebalance.

use std::ffi::{CStr, CString};
use std::ptr::NonNull;

use rdkafka::bindings::{
    rd_kafka_mock_cluster_bootstraps, rd_kafka_mock_cluster_destroy, rd_kafka_mock_cluster_new,
    rd_kafka_mock_cluster_t, rd_kafka_mock_group_initial_rebalance_delay_ms,
    rd_kafka_mock_topic_create,
};
use rdkafka::client::{Client, DefaultClientContext};
use rdkafka::config::ClientConfig;
use rdkafka::error::{IsError as _, KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::types::RDKafkaType;

/// How long a new group waits for more members before its first assignment: enough
/// for the tasks of a connector to join together, since a member that comes later
/// costs a rebalance. The mock cluster's default is Kafka's, 3 s.
const INITIAL_REBALANCE_DELAY_MS: i32 = 500;

/// A cluster of one broker; dropping it stops it.
pub(super) struct MockCluster {
    cluster: NonNull<rd_kafka_mock_cluster_t>,
    /// The client instance whose main thread the cluster uses. Must outlive it:
    /// fields are dropped after `Drop::drop` has destroyed the cluster.
    _client: Client<DefaultClientContext>,
}

// SAFETY: the cluster has a thread of its own. `rd_kafka_mock_topic_create` hands it
// an operation through a locked queue and waits for the answer; the bootstrap list
// is written once, before `rd_kafka_mock_cluster_new` returns; destruction needs
// `&mut self` (rdkafka_mock.c of librdkafka 2.12.1).
unsafe impl Send for MockCluster {}
// SAFETY: as above.
unsafe impl Sync for MockCluster {}

impl MockCluster {
    pub(super) fn start() -> KafkaResult<Self> {
        let config = ClientConfig::new();
        let client = Client::new(
            &config,
            config.create_native_config()?,
            RDKafkaType::RD_KAFKA_PRODUCER,
            DefaultClientContext,
        )?;
        // SAFETY: the client's pointer is valid as long as the client, which is kept
        // beside the cluster.
        let cluster = unsafe { rd_kafka_mock_cluster_new(client.native_ptr(), 1) };
        let cluster =
            NonNull::new(cluster).ok_or(KafkaError::MockCluster(RDKafkaErrorCode::Fail))?;
        // SAFETY: the cluster was made above; the function takes its lock.
        unsafe {
            rd_kafka_mock_group_initial_rebalance_delay_ms(
                cluster.as_ptr(),
                INITIAL_REBALANCE_DELAY_MS,
            );
        }
        Ok(Self { cluster, _client: client })
    }

    pub(super) fn bootstrap_servers(&self) -> String {
        // SAFETY: the cluster lives as long as self, and its bootstrap list, a
        // C string, as long as the cluster.
        let servers =
            unsafe { CStr::from_ptr(rd_kafka_mock_cluster_bootstraps(self.cluster.as_ptr())) };
        servers.to_string_lossy().into_owned()
    }

    /// Makes a topic. `name` must be a legal topic name, `partitions` positive.
    pub(super) fn create_topic(&self, name: &str, partitions: i32) -> Result<(), RDKafkaErrorCode> {
        let name = CString::new(name).map_err(|_| RDKafkaErrorCode::InvalidTopic)?;
        // SAFETY: the cluster lives as long as self; the name is copied.
        let result = unsafe {
            rd_kafka_mock_topic_create(self.cluster.as_ptr(), name.as_ptr(), partitions, 1)
        };
        if result.is_error() { Err(result.into()) } else { Ok(()) }
    }
}

impl Drop for MockCluster {
    fn drop(&mut self) {
        // SAFETY: made by `rd_kafka_mock_cluster_new`, and not used after this. The
        // client still lives.
        unsafe { rd_kafka_mock_cluster_destroy(self.cluster.as_ptr()) }
    }
}

impl std::fmt::Debug for MockCluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MockCluster").finish_non_exhaustive()
    }
}
