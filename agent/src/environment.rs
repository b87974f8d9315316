//! What an agent needs of the process that it runs in.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::Instance;
use kafka2oss_kafka::{BrokerAdmin, KafkaAdmin};

use crate::task::Membership;

/// What an agent needs of the process that it runs in; the default is
/// production's.
#[derive(Clone)]
pub struct Environment {
    /// How Kafka is administered.
    pub admins: Arc<dyn AdminFactory>,
    /// How tasks are members of their groups.
    pub membership: Membership,
}

impl Default for Environment {
    fn default() -> Self {
        Self { admins: Arc::new(BrokerAdmins), membership: Membership::Static }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("membership", &self.membership).finish_non_exhaustive()
    }
}

/// Makes connections for the administration of Kafka instances.
#[async_trait]
pub trait AdminFactory: Send + Sync + 'static {
    /// A connection to this instance; one is made for each command.
    ///
    /// # Errors
    /// `SECRET_UNREADABLE` and others that stand before the first request.
    async fn connect(&self, instance: &Instance) -> Result<Arc<dyn KafkaAdmin>, Problem>;
}

/// Administration over Kafka's protocol.
#[derive(Debug, Clone, Copy, Default)]
pub struct BrokerAdmins;

#[async_trait]
impl AdminFactory for BrokerAdmins {
    async fn connect(&self, instance: &Instance) -> Result<Arc<dyn KafkaAdmin>, Problem> {
        Ok(Arc::new(BrokerAdmin::connect(instance).await?))
    }
}
