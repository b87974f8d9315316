//! Clients that have nothing to do cost nothing. A test binary of its own: what
//! is measured is the time of the process.

use std::time::Duration;

use anyhow::Result;
use kafka2oss_domain::spec::{Instance, KafkaSecurity, Pool};
use kafka2oss_kafka::{BrokerAdmin, InternalTopics, KafkaAdmin, TopicPlan};
use kafka2oss_tests::kafka::shared_kafka;
use kafka2oss_tests::name::unique;
use rustix::time::{ClockId, clock_gettime};
use tokio::time::sleep;

const OF_EACH_KIND: usize = 10;
const MEASURED: Duration = Duration::from_secs(2);
/// Far above what librdkafka's own threads take, and far below a thread's that
/// polls.
const LIMIT: Duration = Duration::from_millis(50);

/// Processor time that this process has used.
fn used() -> Result<Duration> {
    Ok(clock_gettime(ClockId::ProcessCPUTime).try_into()?)
}

#[tokio::test]
async fn connected_clients_that_have_nothing_to_do_take_no_processor_time() -> Result<()> {
    let kafka = shared_kafka().await?;
    let instance = Instance {
        region_id: "cn-hangzhou".into(),
        bootstrap_servers: vec![kafka.bootstrap()],
        security: KafkaSecurity::default(),
        pool: Pool::default(),
        connectors_disabled: false,
        allow_shared_cluster: false,
    };
    let name = unique("idle");
    let plan = TopicPlan {
        name: name.clone(),
        partitions: 1,
        cleanup_policy: "compact",
        max_message_bytes: None,
    };
    BrokerAdmin::connect(&instance).await?.create_topic(&plan).await?;
    let mut clients = Vec::new();
    for _ in 0..OF_EACH_KIND {
        let admin = BrokerAdmin::connect(&instance).await?;
        admin.cluster_id().await?;
        let topics = InternalTopics::connect(&instance).await?;
        topics.write(&name, b"key", Some(b"value"), InternalTopics::WRITE_LIMIT).await?;
        clients.push((admin, topics));
    }

    let before = used()?;
    sleep(MEASURED).await;
    let taken = used()? - before;

    assert!(taken < LIMIT, "{} clients took {taken:?} in {MEASURED:?}", 2 * clients.len());
    Ok(())
}
