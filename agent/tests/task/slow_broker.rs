//! A broker whose answers are held back.

use anyhow::Result;
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};
use kafka2oss_tests::kafka_proxy::KafkaProxy;
use kafka2oss_tests::port;

use crate::world::World;

/// A broker of its own behind a proxy.
pub(crate) struct SlowBroker {
    pub kafka: KafkaServer,
    pub proxy: KafkaProxy,
    address: String,
}

impl SlowBroker {
    /// It holds nothing back yet.
    pub(crate) async fn start() -> Result<Self> {
        let [port] = port::free()?;
        let kafka = KafkaServer::start(KafkaOptions::default().behind(port)).await?;
        let proxy = KafkaProxy::start(port, kafka.second()).await?;
        Ok(Self { kafka, proxy, address: format!("127.0.0.1:{port}") })
    }

    /// A connector whose tasks reach the broker by the proxy; its topic has so many
    /// partitions.
    pub(crate) async fn world(&self, partitions: i32) -> Result<World> {
        let mut world = World::on(self.kafka.access(), partitions, &[]).await?;
        world.instance.bootstrap_servers = vec![self.address.clone()];
        Ok(world)
    }
}
