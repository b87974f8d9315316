//! What the tests here share.

use async_trait::async_trait;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::{Instance, KafkaSecurity, Pool};
use kafka2oss_kafka::{
    BrokerAdmin, Delivered, NotDelivered, Permission, TestMessage, TestMessageWriter, TopicPlan,
};

/// Allows everything.
pub(crate) struct Allowed;

#[async_trait]
impl Permission for Allowed {
    async fn to_change(&self, _: &str) -> Result<(), Problem> {
        Ok(())
    }
}

/// An instance without security.
pub(crate) fn instance(bootstrap: &str) -> Instance {
    Instance {
        region_id: "cn-hangzhou".into(),
        bootstrap_servers: vec![bootstrap.into()],
        security: KafkaSecurity::default(),
        pool: Pool::default(),
        connectors_disabled: false,
        allow_shared_cluster: false,
    }
}

pub(crate) async fn connect(bootstrap: &str) -> BrokerAdmin {
    BrokerAdmin::connect(&instance(bootstrap)).await.unwrap()
}

pub(crate) fn topic_plan(name: &str, partitions: u32) -> TopicPlan {
    TopicPlan { name: name.into(), partitions, cleanup_policy: "delete", max_message_bytes: None }
}

/// Writes a test message as an agent does.
pub(crate) async fn write_test_message(
    instance: &Instance,
    topic: &str,
    message: &TestMessage,
) -> Result<Delivered, NotDelivered> {
    let writer = TestMessageWriter::connect(instance).await;
    let writer = writer.map_err(|problem| NotDelivered { problem, may_stand: false })?;
    writer.write(topic, message).await
}
