//! The way to a broker, whether it runs or not.

use anyhow::Result;

use crate::produce::Producer;
use crate::read::{Consumed, read_topic};
use crate::topic::KafkaAdmin;

/// The way to a broker of the harness: it stays the same over its restarts, but
/// for one at another port.
#[derive(Debug, Clone, Copy)]
pub struct KafkaAccess {
    port: u16,
}

impl KafkaAccess {
    pub(crate) fn at(port: u16) -> Self {
        Self { port }
    }

    /// Its bootstrap servers: one `host:port`.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A client for its topics and groups.
    pub fn admin(&self) -> Result<KafkaAdmin> {
        KafkaAdmin::new(&self.bootstrap())
    }

    /// A producer of it.
    pub fn producer(&self) -> Result<Producer> {
        Producer::new(&self.bootstrap())
    }

    /// All records that stand in one of its topics: [`read_topic`].
    pub async fn read(&self, topic: &str) -> Result<Vec<Consumed>> {
        read_topic(&self.bootstrap(), topic).await
    }
}
