//! A registered Kafka instance.

use super::{Pool, SecretSource};

/// A registered Kafka instance.
#[derive(Debug, Clone, PartialEq)]
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
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KafkaSecurity {
    /// Whether connections use TLS.
    pub tls: bool,
    /// CA certificates (PEM) instead of the agent host's; only with `tls`.
    pub ca_certificate: Option<SecretSource>,
    /// What agents show to brokers that ask for it; only with `tls`.
    pub client_certificate: Option<ClientCertificate>,
    /// Who the agents are.
    pub sasl: Option<Sasl>,
}

/// A client's certificate; nothing of it is `Plain`.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientCertificate {
    /// The certificate (PEM), followed by those of intermediate authorities.
    pub certificate: SecretSource,
    /// Its private key (PEM).
    pub private_key: SecretSource,
    /// The private key's password, where it has one.
    pub private_key_password: Option<SecretSource>,
}

/// Who the agents are, by SASL.
#[derive(Debug, Clone, PartialEq)]
pub enum Sasl {
    /// A user with a password.
    Password {
        /// How it is proved.
        mechanism: PasswordMechanism,
        /// User name; never `Plain`.
        username: SecretSource,
        /// Password; never `Plain`.
        password: SecretSource,
    },
    /// A token (JWT) by `OAUTHBEARER`; never `Plain`.
    Token(SecretSource),
}

/// Kafka's `sasl.mechanism`, of those by user and password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordMechanism {
    /// `PLAIN`.
    Plain,
    /// `SCRAM-SHA-256`.
    ScramSha256,
    /// `SCRAM-SHA-512`.
    ScramSha512,
}

impl Instance {
    /// Bootstrap servers that one may have at most.
    pub const MAX_BOOTSTRAP_SERVERS: usize = 32;
}
