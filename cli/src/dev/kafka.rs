//! The embedded Kafka or a real one.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use async_trait::async_trait;
use kafka2oss_agent::AdminFactory;
use kafka2oss_agent::task::Membership;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::{Instance, KafkaSecurity, Pool};
use kafka2oss_kafka::{BrokerAdmin, Creation, KafkaAdmin, TopicPlan};
use kafka2oss_sandbox::kafka::EmbeddedKafka;
use tokio::task::spawn_blocking;

use super::embedded_admin::{EmbeddedAdmin, EmbeddedTopics};

/// The embedded Kafka or a real one.
pub(super) struct Kafka {
    bootstrap: String,
    embedded: Option<Embedded>,
}

#[derive(Clone)]
struct Embedded {
    cluster: Arc<EmbeddedKafka>,
    topics: Arc<EmbeddedTopics>,
}

impl Kafka {
    /// Starts the embedded one unless a real one is named.
    pub(super) async fn start(real: Option<&str>) -> anyhow::Result<Self> {
        if let Some(bootstrap) = real {
            let kafka = Self { bootstrap: bootstrap.to_owned(), embedded: None };
            let admin = kafka.admin().await?;
            // Else everything would start, and nothing move.
            admin.cluster_id().await.with_context(|| format!("Kafka at {bootstrap}"))?;
            return Ok(kafka);
        }
        // librdkafka starts threads and waits for them.
        let cluster = Arc::new(spawn_blocking(EmbeddedKafka::start).await??);
        let topics = Arc::default();
        Ok(Self {
            bootstrap: cluster.bootstrap_servers(),
            embedded: Some(Embedded { cluster, topics }),
        })
    }

    pub(super) fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    pub(super) fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// How tasks are members of their groups. The embedded Kafka knows members
    /// by member id only, and a rebalance there takes as long as a session
    /// (`kafka2oss_sandbox::kafka::CLIENT_SETTINGS`).
    pub(super) fn membership(&self) -> Membership {
        if self.is_embedded() {
            Membership::Dynamic { session_timeout: Duration::from_secs(3) }
        } else {
            Membership::Static
        }
    }

    /// How the agent administers Kafka.
    pub(super) fn admins(&self) -> Arc<dyn AdminFactory> {
        Arc::new(Admins { bootstrap: self.bootstrap.clone(), embedded: self.embedded.clone() })
    }

    /// A connection for the administration of this Kafka.
    pub(super) async fn admin(&self) -> anyhow::Result<Arc<dyn KafkaAdmin>> {
        let instance = Instance {
            region_id: String::new(),
            bootstrap_servers: self.bootstrap.split(',').map(str::to_owned).collect(),
            security: KafkaSecurity::default(),
            pool: Pool::default(),
            connectors_disabled: false,
            allow_shared_cluster: false,
        };
        Ok(self.admins().connect(&instance).await?)
    }

    /// Makes a topic where it is missing; whether it was made just now.
    pub(super) async fn ensure_topic(&self, name: &str, partitions: u32) -> anyhow::Result<bool> {
        let plan = TopicPlan {
            name: name.to_owned(),
            partitions,
            cleanup_policy: "delete",
            max_message_bytes: None,
        };
        match self.admin().await?.create_topic(&plan).await? {
            Creation::Created => Ok(true),
            Creation::AlreadyExists => Ok(false),
            Creation::Refused(words) => bail!("Kafka refuses to make topic {name}: {words}"),
        }
    }

    pub(super) async fn stop(self) {
        // The agent's last connections may still hold it; destroying the
        // cluster waits for its thread.
        let _ = spawn_blocking(move || drop(self)).await;
    }
}

/// The embedded Kafka through its handle, every other one over its protocol.
struct Admins {
    bootstrap: String,
    embedded: Option<Embedded>,
}

#[async_trait]
impl AdminFactory for Admins {
    async fn connect(&self, instance: &Instance) -> Result<Arc<dyn KafkaAdmin>, Problem> {
        let broker = BrokerAdmin::connect(instance).await?;
        match &self.embedded {
            Some(Embedded { cluster, topics })
                if instance.bootstrap_servers.join(",") == self.bootstrap =>
            {
                Ok(Arc::new(EmbeddedAdmin::new(Arc::clone(cluster), Arc::clone(topics), broker)))
            }
            _ => Ok(Arc::new(broker)),
        }
    }
}
