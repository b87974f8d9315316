//! A registered Kafka instance.

use super::{Pool, SecretSource};

/// A registered Kafka instance.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Region, for example `cn-hangzhou`.
    pub region_id: String,
    /// `host:port` of brokers to start from, at least one.
    pub bootstrap_servers: Vec<String>,
    /// How to talk to the brokers.
    pub security: KafkaSecurity,
    /// Default pool of its connectors.
    pub pool: Pool,
    /// No connector can be created on it.
    pub connectors_disabled: bool,
    /// A second instance of the same cluster is allowed.
    pub allow_shared_cluster: bool,
}

/// How to talk to the brokers: Kafka's `security.protocol` is `SASL_SSL` with
/// both `tls` and `sasl`, `PLAINTEXT` with neither.
#[derive(Debug, Clone)]
pub struct KafkaSecurity {
    /// Whether connections use TLS.
    pub tls: bool,
    /// CA certificates (PEM) instead of the agent host's; only with `tls`.
    pub ca_certificate: Option<SecretSource>,
    /// Who the agents are.
    pub sasl: Option<Sasl>,
}

/// User and password for SASL.
#[derive(Debug, Clone)]
pub struct Sasl {
    /// Kafka's `sasl.mechanism`.
    pub mechanism: SaslMechanism,
    /// User name; never `Plain`.
    pub username: SecretSource,
    /// Password; never `Plain`.
    pub password: SecretSource,
}

/// Kafka's `sasl.mechanism`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaslMechanism {
    /// `PLAIN`.
    Plain,
    /// `SCRAM-SHA-256`.
    ScramSha256,
    /// `SCRAM-SHA-512`.
    ScramSha512,
}
